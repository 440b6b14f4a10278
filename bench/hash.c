/* phash-bench hash: PDQ from memory, all engines side by side in one run.
 *
 * Each round times every engine over the same picture, once warmed up, so that what disturbs the
 * machine disturbs them alike. Shown are medians over the rounds of one pinned thread's processor
 * time. A ratio is the median of the rounds' own ratios to `reference`, the engine of that round: a
 * clock that wanders from round to round cancels out. Every answer is compared with the reference's.
 * Photos, from their files in memory, follow: hash_photo.c; and DCT hashes: hash_dct.c. A folder,
 * when one is asked for, by the command: hash_folder.c.
 */
#include "bench.h"
#include "config.h"
#include "environment.h"
#include "hash_engine.h"
#include "hash_folder.h"
#if BENCH_HAS_DCT
#include "hash_dct.h"
#endif
#if BENCH_HAS_JPEG
#include "hash_photo.h"
#endif
#include "progress.h"
#include "stats.h"
#include "timing.h"

#include <phash/cpu.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES_MAX = 8 };

/* A time is the mean of as many calls as fill this, seconds; slow engines are called once. */
static const double slot = 0.01;

static const struct {
    uint32_t width, height;
} sizes[] = {{512, 512}, {500, 500}, {3456, 2304}};

/* The engines that this machine can run, the reference first. */
static size_t usable(const struct hash_engine *out[ENGINES_MAX])
{
    size_t n = 0;
    out[n++] = &hash_engine_reference;
    for (const struct hash_engine *e = hash_engines_libphash; e->name && n < ENGINES_MAX; e++) {
        uint32_t sets;
        if (phash_cpu_parse(e->mask, &sets) == PHASH_OK && (sets & phash_cpu_detected()) == sets)
            out[n++] = e;
    }
    return n;
}

static void use(const struct hash_engine *e)
{
    uint32_t sets = PHASH_CPU_ALL;
    if (e->mask && phash_cpu_parse(e->mask, &sets) != PHASH_OK)
        exit(bench_fail("'%s' is no mask", e->mask));
    phash_cpu_mask(sets);
}

/* A picture with structure and noise; the values matter little for time, none for exactness. */
static uint8_t *picture(uint32_t width, uint32_t height, uint32_t channels)
{
    uint8_t *pixels = malloc((size_t)width * height * channels);
    if (!pixels)
        exit(bench_fail("no memory"));
    uint32_t state = 1;
    size_t i = 0;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++) {
                state = state * 1664525u + 1013904223u;
                pixels[i++] = (uint8_t)((state >> 26) +
                                        (x * 8 / width * 53 + y * 8 / height * 29) % 128 + c * 20);
            }
    return pixels;
}

static bool same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    return !memcmp(&a->hash, &b->hash, sizeof a->hash) && a->quality == b->quality &&
           a->has_dihedral == b->has_dihedral &&
           (!a->has_dihedral || !memcmp(a->dihedral, b->dihedral, sizeof a->dihedral));
}

static phash_pdq_result hash_once(const struct hash_engine *e, void *state,
                                  const struct hash_case *c)
{
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    e->hash(state, c, &result);
    return result;
}

/* Seconds a picture, after some that are not counted: a processor that comes from narrower instructions
 * takes part of a millisecond to settle at the clock of wider ones. */
static double time_engine(const struct hash_engine *e, void *state, const struct hash_case *c,
                          unsigned calls)
{
    for (unsigned i = 0; i < calls / 8 + 1; i++)
        hash_once(e, state, c);
    const double start = timing_thread();
    for (unsigned i = 0; i < calls; i++)
        hash_once(e, state, c);
    return (timing_thread() - start) / calls;
}

static unsigned calls_in_slot(const struct hash_engine *e, void *state, const struct hash_case *c)
{
    const double once = time_engine(e, state, c, 1);
    return once >= slot ? 1 : (unsigned)(slot / once) + 1;
}

static json_t *figures(const struct hash_engine *e, const struct hash_case *c, double *times,
                       double *ratios, unsigned rounds)
{
    const double ratio = stats_median(ratios, rounds), median = stats_median(times, rounds);
    const double pixels = (double)c->width * c->height;
    printf("  %-18s %12.2f us %9.3f ns/px %8.2fx reference, +-%.0f %%\n", e->name, median * 1e6,
           median * 1e9 / pixels, ratio, 50 * timing_spread(ratios, rounds));
    fflush(stdout);
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "name", e->name, "median_us",
                     median * 1e6, "min_us", times[0] * 1e6, "ns_per_pixel", median * 1e9 / pixels,
                     "times_reference", ratio, "times_reference_low", ratios[rounds / 4],
                     "times_reference_high", ratios[rounds * 3 / 4]);
}

static json_t *run_case(const struct hash_case *c, unsigned rounds)
{
    const struct hash_engine *engine[ENGINES_MAX];
    void *state[ENGINES_MAX];
    double *times[ENGINES_MAX], *ratios[ENGINES_MAX];
    unsigned calls[ENGINES_MAX];
    const size_t n = usable(engine);
    phash_pdq_result want = PHASH_PDQ_RESULT_INIT;
    for (size_t e = 0; e < n; e++) {
        use(engine[e]);
        state[e] = engine[e]->open(c);
        times[e] = malloc(rounds * sizeof *times[e]);
        ratios[e] = malloc(rounds * sizeof *ratios[e]);
        if (!state[e] || !times[e] || !ratios[e])
            exit(bench_fail("no memory"));
        const phash_pdq_result got = hash_once(engine[e], state[e], c);
        if (e == 0)
            want = got;
        else if (!same(&got, &want))
            exit(bench_fail("%s and %s differ at %ux%u", engine[e]->name, engine[0]->name, c->width,
                            c->height));
        calls[e] = calls_in_slot(engine[e], state[e], c);
    }
    printf("%ux%u %s%s\n", c->width, c->height, c->channels == 1 ? "grey" : "RGB",
           c->dihedral ? ", eight hashes" : "");
    progress_start("measuring", rounds);
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t e = 0; e < n; e++) {
            use(engine[e]);
            times[e][round] = time_engine(engine[e], state[e], c, calls[e]);
            ratios[e][round] = times[0][round] / times[e][round];
        }
        progress_add();
    }
    progress_end();
    json_t *list = json_array();
    for (size_t e = 0; e < n; e++) {
        json_array_append_new(list, figures(engine[e], c, times[e], ratios[e], rounds));
        engine[e]->close(state[e]);
        free(times[e]);
        free(ratios[e]);
    }
    return json_pack("{s:i, s:i, s:i, s:b, s:i, s:o}", "width", (int)c->width, "height",
                     (int)c->height, "channels", (int)c->channels, "dihedral", c->dihedral,
                     "rounds", (int)rounds, "engines", list);
}

static json_t *run_cases(unsigned rounds)
{
    json_t *cases = json_array();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (uint32_t channels = 3; channels; channels = channels == 3 ? 1 : 0)
            for (int dihedral = 0; dihedral < 2; dihedral++) {
                struct hash_case c = {sizes[i].width, sizes[i].height, channels, dihedral,
                                      picture(sizes[i].width, sizes[i].height, channels)};
                const bool large = (size_t)c.width * c.height > 1000000;
                json_array_append_new(cases, run_case(&c, large ? (rounds + 9) / 10 : rounds));
                free((void *)(uintptr_t)c.pixels);
            }
    return cases;
}

struct arguments {
    unsigned rounds, megapixels;
    bool pictures, photos, dct, whole_folder;
    const char *folder, *program, *output;
};

/* "2,48": bits as hash_photos wants them. */
static unsigned parse_megapixels(const char *text)
{
    static const char *const names[] = {"2", "8", "48"};
    unsigned chosen = 0;
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strlen(names[i]) == length && !strncmp(at, names[i], length))
                bit = 1u << i;
        if (!bit)
            exit(bench_fail("--megapixels takes numbers of 2,8,48, not '%s'", text));
        chosen |= bit;
        at += length;
        if (!*at)
            return chosen;
    }
}

static void parse_part(struct arguments *a, const char *text)
{
    a->pictures = !strcmp(text, "pictures");
    a->photos = !strcmp(text, "photos");
    a->dct = !strcmp(text, "dct");
    a->whole_folder = !strcmp(text, "folder");
    if (!a->pictures && !a->photos && !a->dct && !a->whole_folder)
        exit(bench_fail("--part takes pictures, photos, dct or folder, not '%s'", text));
}

static int help(void)
{
    puts("Usage: phash-bench hash [OPTION]...\n"
         "Hashes from memory, in one run.\n"
         "  pictures: pixels to PDQ, the plain reference and libphash under each mask\n"
         "  photos:   files to PDQ, and what libjpeg-turbo's and libpng's decoders take alone\n"
         "  dct:      pixels to DCT hashes, and imagehash's steps in Python, where it has Pillow\n"
         "            and SciPy\n"
         "  folder:   only when asked for: `phash hash -r`, and what of it is decode and hash\n\n"
         "  -r, --rounds N         rounds for small pictures; a part of it for large (31)\n"
         "      --part P           pictures, photos, dct or folder alone (all but folder)\n"
         "      --megapixels LIST  of photos: any of 2,8,48 (all)\n"
         "      --photos FOLDER    lay photos out of the pictures there (made up ones); what the\n"
         "                         part `folder` hashes\n"
         "      --phash PROGRAM    the command to measure (phash)\n"
         "  -o, --output FILE      write the results there as JSON");
    return BENCH_DONE;
}

/* False after --help or a message; *status says which. */
static bool parse(int argc, char **argv, struct arguments *a, int *status)
{
    enum { PART = 256, MEGAPIXELS, PHOTOS, PROGRAM };
    static const struct option options[] = {
        {"rounds", required_argument, NULL, 'r'},
        {"part", required_argument, NULL, PART},
        {"megapixels", required_argument, NULL, MEGAPIXELS},
        {"photos", required_argument, NULL, PHOTOS},
        {"phash", required_argument, NULL, PROGRAM},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *status = BENCH_FAILED;
    for (int o; (o = getopt_long(argc, argv, "r:o:h", options, NULL)) != -1;)
        switch (o) {
        case 'r':
            a->rounds = (unsigned)bench_number("--rounds", optarg, 1, 100000);
            break;
        case PART:
            parse_part(a, optarg);
            break;
        case MEGAPIXELS:
            a->megapixels = parse_megapixels(optarg);
            break;
        case PHOTOS:
            a->folder = optarg;
            break;
        case PROGRAM:
            a->program = optarg;
            break;
        case 'o':
            a->output = optarg;
            break;
        case 'h':
            *status = help();
            return false;
        default:
            return false;
        }
    if (optind < argc)
        bench_fail("hash takes no '%s'", argv[optind]);
    else if (a->whole_folder && !a->folder)
        bench_fail("--part folder wants --photos FOLDER");
    return optind == argc && (!a->whole_folder || a->folder);
}

/* NULL after a message. */
static json_t *photo_cases(const struct arguments *a)
{
    if (!a->photos)
        return json_array();
#if BENCH_HAS_JPEG
    struct photo_tiles *tiles = photo_tiles_new(a->folder);
    json_t *cases = tiles ? hash_photos(tiles, a->megapixels, a->rounds) : NULL;
    photo_tiles_free(tiles);
    return cases;
#else
    puts("This build has no photos: libjpeg was not found.");
    return json_array();
#endif
}

static json_t *dct_cases(const struct arguments *a)
{
#if BENCH_HAS_DCT
    if (a->dct) {
        enum { WIDTH = 640, HEIGHT = 480 };
        uint8_t *pixels = picture(WIDTH, HEIGHT, 3);
        json_t *cases = hash_dct(pixels, WIDTH, HEIGHT, a->rounds);
        free(pixels);
        return cases;
    }
#else
    if (a->dct)
        puts("This build has no DCT hashes: FFTW was not found.");
#endif
    return json_array();
}

/* Not on one core: the command starts as many workers as it wants. */
static int run_folder(int argc, char **argv, const struct arguments *a)
{
    json_t *folder = hash_folder(a->folder, a->program, (a->rounds + 9) / 10);
    json_t *result = json_pack("{s:s, s:o, s:o*}", "kind", "hash", "environment",
                               environment_json(argc, argv), "folder", folder);
    const int failed = !folder || (a->output && (!result || environment_write(result, a->output)));
    json_decref(result);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.rounds = 31,
                          .megapixels = 7,
                          .pictures = true,
                          .photos = true,
                          .dct = true,
                          .program = "phash"};
    int status;
    if (!parse(argc, argv, &a, &status))
        return status;
    if (a.whole_folder)
        return run_folder(argc, argv, &a);
    cpu_set_t before;
    timing_pin(&before);
    json_t *photos = photo_cases(&a); /* first, for its folder may be wrong */
    json_t *cases = photos && a.pictures ? run_cases(a.rounds) : json_array();
    json_t *dct = photos ? dct_cases(&a) : json_array();
    timing_unpin(&before);
    phash_cpu_mask(PHASH_CPU_ALL);
    json_t *result =
        json_pack("{s:s, s:o, s:o, s:o, s:o*}", "kind", "hash", "environment",
                  environment_json(argc, argv), "cases", cases, "dct", dct, "photos", photos);
    const int failed = !photos || (a.output && (!result || environment_write(result, a.output)));
    json_decref(result);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

const struct bench_command bench_hash = {
    "hash", "hashes from memory: speed beside the reference and peers", run};
