#include "dataset.h"
#include "bench.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Loaders of rasters; what libvips reads besides are drawings, matrices and text. */
static int is_picture(const char *path)
{
    static const char *const kinds[] = {"Jpeg", "Png",   "Webp", "Heif", "Tiff",
                                        "Jxl",  "Nsgif", "Jp2k", "Ppm"};
    const char *loader = vips_foreign_find_load(path);
    for (size_t i = 0; loader && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strstr(loader, kinds[i]))
            return 1;
    vips_error_clear();
    return 0;
}

static int digest_file(const char *path, uint64_t out[2])
{
    static char buffer[1 << 16];
    FILE *file = fopen(path, "rb");
    XXH3_state_t *state = XXH3_createState();
    int failed = !file || !state || XXH3_128bits_reset(state) == XXH_ERROR;
    for (size_t n; !failed && (n = fread(buffer, 1, sizeof buffer, file)) > 0;)
        failed = XXH3_128bits_update(state, buffer, n) == XXH_ERROR;
    failed |= file && ferror(file);
    if (!failed) {
        const XXH128_hash_t hash = XXH3_128bits_digest(state);
        out[0] = hash.high64;
        out[1] = hash.low64;
    }
    if (file)
        fclose(file);
    XXH3_freeState(state);
    return failed;
}

static int by_content(const void *a, const void *b)
{
    const struct picture *x = a, *y = b;
    for (int i = 0; i < 2; i++)
        if (x->content[i] != y->content[i])
            return x->content[i] < y->content[i] ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct picture *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* What a sample is drawn by: as good as random, and the same for the same files. */
static uint64_t lot(const struct picture *p, uint64_t seed)
{
    return XXH3_64bits_withSeed(p->content, sizeof p->content, seed);
}

static int add(struct dataset *set, const char *path, size_t skip)
{
    struct picture *grown = realloc(set->items, (set->count + 1) * sizeof *grown);
    if (!grown)
        return 1;
    set->items = grown;
    struct picture *p = &grown[set->count];
    p->path = strdup(path);
    if (!p->path)
        return 1;
    p->name = p->path + skip;
    set->count++;
    return digest_file(path, p->content);
}

static int collect(struct dataset *set, const char *folder)
{
    char *roots[] = {(char *)folder, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return bench_fail("%s: %s", folder, strerror(errno));
    size_t skip = strlen(folder);
    int failed = 0;
    for (FTSENT *entry; !failed && (entry = fts_read(tree));) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
            failed = bench_fail("%s: %s", entry->fts_path, strerror(entry->fts_errno));
        else if (entry->fts_info == FTS_F && entry->fts_statp->st_size > 0 &&
                 is_picture(entry->fts_path)) {
            const char *below = entry->fts_path + skip;
            if (add(set, entry->fts_path, skip + strspn(below, "/")))
                failed = bench_fail("%s: cannot read", entry->fts_path);
        }
    }
    fts_close(tree);
    return failed;
}

/* Files that are equal byte by byte count once. The array is sorted by content. */
static void drop_copies(struct dataset *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct picture *p = &set->items[i];
        if (kept && !memcmp(p->content, set->items[kept - 1].content, sizeof p->content)) {
            free(p->path);
            set->copies++;
        } else {
            set->items[kept++] = *p;
        }
    }
    set->count = kept;
}

/* Keeps the `limit` pictures of the smallest lots: a selection by repeated minimum would do, but a
 * sort is shorter. qsort has no argument for the seed, so the lots stand in an array. */
static int keep_sample(struct dataset *set, size_t limit, uint64_t seed)
{
    struct draw {
        uint64_t lot;
        size_t index;
    } *draws = malloc(set->count * sizeof *draws);
    struct picture *kept = malloc(limit * sizeof *kept);
    if (!draws || !kept) {
        free(draws);
        free(kept);
        return bench_fail("no memory");
    }
    for (size_t i = 0; i < set->count; i++)
        draws[i] = (struct draw){lot(&set->items[i], seed), i};
    for (size_t i = 0; i < set->count; i++) {
        size_t least = i;
        for (size_t j = i + 1; i < limit && j < set->count; j++)
            least = draws[j].lot < draws[least].lot ? j : least;
        const struct draw drawn = draws[least];
        draws[least] = draws[i];
        if (i < limit)
            kept[i] = set->items[drawn.index];
        else
            free(set->items[drawn.index].path);
    }
    free(draws);
    free(set->items);
    set->items = kept;
    set->count = limit;
    qsort(set->items, set->count, sizeof *set->items, by_content);
    return 0;
}

int dataset_open(struct dataset *set, const char *folder, size_t limit, uint64_t seed)
{
    *set = (struct dataset){0};
    int failed = collect(set, folder);
    if (!failed && !set->count)
        failed = bench_fail("%s: no pictures", folder);
    if (failed) {
        dataset_free(set);
        return failed;
    }
    qsort(set->items, set->count, sizeof *set->items, by_content);
    drop_copies(set);
    if (limit && limit < set->count && keep_sample(set, limit, seed)) {
        dataset_free(set);
        return BENCH_FAILED;
    }
    /* Big endian, so that the digest is the same on every machine. */
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < set->count; i++) {
        const XXH128_hash_t value = {set->items[i].content[1], set->items[i].content[0]};
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, value);
        XXH3_128bits_update(state, &canonical, sizeof canonical);
    }
    const XXH128_hash_t all = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(set->digest, sizeof set->digest, "%016llx%016llx", (unsigned long long)all.high64,
             (unsigned long long)all.low64);
    qsort(set->items, set->count, sizeof *set->items, by_name);
    return 0;
}

void dataset_free(struct dataset *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->items[i].path);
    free(set->items);
    *set = (struct dataset){0};
}

VipsImage *picture_load(const struct picture *picture, int side)
{
    VipsObject *scope = VIPS_OBJECT(vips_image_new());
    VipsImage **step = (VipsImage **)vips_object_local_array(scope, 5);
    VipsImage *out = NULL;
    bool sound = !vips_thumbnail(picture->path, &step[0], side, "height", side, "size",
                                 VIPS_SIZE_DOWN, NULL);
    if (sound && vips_image_hasalpha(step[0])) {
        VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
        sound = !vips_flatten(step[0], &step[1], "background", white, NULL);
        vips_area_unref(VIPS_AREA(white));
    } else if (sound) {
        sound = !vips_copy(step[0], &step[1], NULL);
    }
    sound = sound && !vips_colourspace(step[1], &step[2], VIPS_INTERPRETATION_sRGB, NULL) &&
            !vips_cast(step[2], &step[3], VIPS_FORMAT_UCHAR, NULL) &&
            !vips_extract_band(step[3], &step[4], 0, "n", 3, NULL);
    if (sound)
        out = vips_image_copy_memory(step[4]);
    g_object_unref(scope);
    if (!out)
        vips_error_clear();
    return out;
}
