#include "study.h"
#include "bench.h"
#include "groups.h"
#include "parallel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool study_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && !strncmp(at, name, length))
            return true;
    return !list;
}

bool study_hash(const struct hasher *hasher, VipsImage *image, const void *jpeg, size_t jpeg_bytes,
                struct print *out)
{
    const struct raster raster = {(const uint8_t *)vips_image_get_data(image),
                                  (uint32_t)image->Xsize, (uint32_t)image->Ysize, jpeg, jpeg_bytes};
    *out = (struct print){.quality = PRINT_NONE};
    return raster.rows && hasher->hash(&raster, out);
}

void *study_jpeg(const struct study *s, VipsImage *image, size_t *bytes)
{
    void *jpeg = NULL;
    for (size_t h = 0; h < s->hasher_count; h++)
        if (s->hashers[h]->needs_jpeg && vips_jpegsave_buffer(image, &jpeg, bytes, "Q", 95, NULL))
            return NULL;
        else if (jpeg)
            break;
    return jpeg;
}

static void hash_picture(size_t i, void *arg)
{
    struct study *s = arg;
    VipsImage *image = picture_load(&s->set.items[i], s->options.side);
    s->reference[i] = PRINT_NONE;
    if (!image)
        return;
    size_t jpeg_bytes = 0;
    void *jpeg = study_jpeg(s, image, &jpeg_bytes);
    bool all = true;
    for (size_t h = 0; h < s->hasher_count; h++) {
        const size_t at = h * s->set.count + i;
        s->hashed[at] = study_hash(s->hashers[h], image, jpeg, jpeg_bytes, &s->prints[at]);
        all &= s->hashed[at];
        if (!strcmp(s->hashers[h]->name, "pdq"))
            s->reference[i] = s->prints[at].quality;
    }
    if (i < STUDY_COPIES) {
        VipsImage *lazy = NULL;
        if (!vips_thumbnail_image(image, &lazy, STUDY_COPY_SIDE, "height", STUDY_COPY_SIDE, NULL)) {
            s->small_copy[i] = vips_image_copy_memory(lazy);
            g_object_unref(lazy);
        }
    }
    const int longest = image->Xsize > image->Ysize ? image->Xsize : image->Ysize;
    s->small[i] = longest < s->options.side_min && longest < s->options.side;
    s->counted[i] = all && !s->small[i] && s->reference[i] >= s->options.quality;
    g_free(jpeg);
    g_object_unref(image);
}

/* Pairs that stand in the file. Names are compared as the bench prints them. */
struct pairs {
    uint32_t (*items)[2];
    size_t count;
};

static bool find_name(const struct study *s, const char *name, uint32_t *out)
{
    for (size_t i = 0; i < s->set.count; i++)
        if (!strcmp(s->set.items[i].name, name)) {
            *out = (uint32_t)i;
            return true;
        }
    return false;
}

static int read_pairs(const struct study *s, struct pairs *pairs)
{
    char *line = NULL;
    size_t room = 0;
    int failed = 0;
    FILE *file = s->options.distinct ? fopen(s->options.distinct, "r") : NULL;
    if (s->options.distinct && !file)
        return bench_fail("%s: %s", s->options.distinct, strerror(errno));
    while (!failed && file && getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        uint32_t a, b;
        if (!*line || *line == '#')
            continue;
        if (!tab) {
            failed = bench_fail("%s: two names with a tab between them, not '%s'",
                                s->options.distinct, line);
            break;
        }
        *tab = 0;
        /* A sample may lack some of them. */
        if (!find_name(s, line, &a) || !find_name(s, tab + 1, &b))
            continue;
        uint32_t(*grown)[2] = realloc(pairs->items, (pairs->count + 1) * sizeof *grown);
        if (!grown) {
            failed = bench_fail("no memory");
            break;
        }
        pairs->items = grown;
        grown[pairs->count][0] = a < b ? a : b;
        grown[pairs->count++][1] = a < b ? b : a;
    }
    free(line);
    if (file)
        fclose(file);
    return failed;
}

static bool kept_apart(const struct pairs *pairs, size_t a, size_t b)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (pairs->items[i][0] == a && pairs->items[i][1] == b)
            return true;
    return false;
}

/* Joins versions of one picture, by the smallest PDQ distance of any orientation. Featureless
 * pictures stay out: a dozen gradients are near each other and are not versions of one picture. */
static int find_groups(struct study *s)
{
    struct pairs apart = {0};
    const int failed = read_pairs(s, &apart);
    size_t dihedral = s->hasher_count;
    for (size_t h = 0; h < s->hasher_count; h++)
        if (!strcmp(s->hashers[h]->name, "pdq-dihedral"))
            dihedral = h;
    groups_start(s->group, s->set.count);
    for (size_t a = 0; !failed && dihedral < s->hasher_count && a < s->set.count; a++)
        for (size_t b = a + 1; b < s->set.count; b++)
            if (s->counted[a] && s->counted[b] && s->options.group_radius <= 256 &&
                study_distance(s, dihedral, a, study_print(s, dihedral, b)) <=
                    s->options.group_radius &&
                !kept_apart(&apart, a, b))
                groups_join(s->group, (uint32_t)a, (uint32_t)b);
    for (size_t a = 0; a < s->set.count; a++)
        s->group[a] = groups_find(s->group, (uint32_t)a);
    free(apart.items);
    return failed;
}

/* The chosen engines, and those that they and the groups cannot do without. */
static int choose_hashers(struct study *s)
{
    for (size_t i = 0; hashers[i]; i++) {
        const struct hasher *h = hashers[i];
        const bool needed = !strncmp(h->name, "pdq", 3) && (!h->name[3] || h->name[4] == 'd');
        if (!needed && !study_listed(s->options.engines, h->name))
            continue;
        if (h->open && !h->open())
            return bench_fail("engine %s does not start", h->name);
        s->hashers[s->hasher_count++] = h;
    }
    for (const char *at = s->options.engines; at && *at; at += strcspn(at, ","), at += *at == ',') {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        if (!hasher_find(name))
            return bench_fail("'%s' is no engine of this build", name);
    }
    return 0;
}

static void *zeros(size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    if (!memory)
        exit(bench_fail("no memory"));
    return memory;
}

static void ignore_warning(const char *domain, GLogLevelFlags level, const char *message,
                           void *data)
{
    (void)domain, (void)level, (void)message, (void)data;
}

void study_start_vips(void)
{
    if (VIPS_INIT(bench_program))
        exit(bench_fail("libvips does not start"));
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    /* libvips warns of colour profiles that it does not know; the picture is decoded all the same. */
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, ignore_warning, NULL);
}

int study_open(struct study *s, const struct study_options *options)
{
    *s = (struct study){.options = *options};
    if (choose_hashers(s) ||
        dataset_open(&s->set, options->pictures, options->limit, options->seed))
        return BENCH_FAILED;
    const size_t n = s->set.count;
    s->prints = zeros(s->hasher_count * n, sizeof *s->prints);
    s->hashed = zeros(s->hasher_count * n, sizeof *s->hashed);
    s->counted = zeros(n, sizeof *s->counted);
    s->small_copy = zeros(n, sizeof *s->small_copy);
    s->small = zeros(n, sizeof *s->small);
    s->group = zeros(n, sizeof *s->group);
    s->reference = zeros(n, sizeof *s->reference);
    s->bank_hasher = zeros(s->hasher_count, sizeof *s->bank_hasher);
    for (size_t h = 0; h < s->hasher_count; h++) {
        s->bank_hasher[h] = h;
        for (size_t b = 0; s->hashers[h]->bank && b < s->hasher_count; b++)
            if (!strcmp(s->hashers[b]->name, s->hashers[h]->bank))
                s->bank_hasher[h] = b;
    }
    parallel_run(options->jobs, n, "reading pictures", hash_picture, s);
    for (size_t i = 0; i < n; i++) {
        s->undecoded += s->reference[i] == PRINT_NONE;
        s->small_count += s->small[i];
        s->featureless += s->reference[i] != PRINT_NONE && !s->small[i] && !s->counted[i];
        s->counted_count += s->counted[i];
    }
    if (s->counted_count < 2)
        return bench_fail("%s: fewer than two pictures of quality %d and more", options->pictures,
                          options->quality);
    return find_groups(s);
}

void study_close(struct study *s)
{
    for (size_t h = 0; h < s->hasher_count; h++)
        if (s->hashers[h]->close)
            s->hashers[h]->close();
    for (size_t i = 0; s->small_copy && i < s->set.count; i++)
        if (s->small_copy[i])
            g_object_unref(s->small_copy[i]);
    free(s->small_copy);
    dataset_free(&s->set);
    free(s->prints);
    free(s->hashed);
    free(s->counted);
    free(s->small);
    free(s->group);
    free(s->reference);
    free(s->bank_hasher);
    *s = (struct study){0};
}

struct histogram study_unrelated_distances(const struct study *s, size_t hasher)
{
    struct histogram h = histogram_new(s->hashers[hasher]->max);
    for (size_t a = 0; a < s->set.count; a++)
        for (size_t b = a + 1; b < s->set.count; b++)
            if (study_unrelated(s, a, b))
                histogram_add(&h, study_distance(s, hasher, a, study_print(s, hasher, b)));
    return h;
}
