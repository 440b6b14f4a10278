/* libphash's two engines and its own choice between them, under each mask. */
#include "search.h"

#include <stdlib.h>

struct indexed {
    phash_index *index;
    phash_searcher *searcher;
    phash_matches found;
};

static void release(void *index)
{
    struct indexed *x = index;
    phash_searcher_free(&x->searcher);
    phash_index_free(&x->index);
    phash_matches_free(&x->found);
    free(x);
}

static void *build(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius,
                   phash_index_engine engine)
{
    struct indexed *x = calloc(1, sizeof *x);
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.bits = bits;
    options.radius = radius;
    options.engine = engine;
    if (x && phash_index_build(hashes, NULL, n, &options, &x->index, NULL) == PHASH_OK &&
        phash_searcher_new(x->index, &x->searcher) == PHASH_OK)
        return x;
    if (x)
        release(x);
    return NULL;
}

static void *build_flat(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
{
    return build(hashes, n, bits, radius, PHASH_INDEX_FLAT);
}

static void *build_auto(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
{
    return build(hashes, n, bits, radius, PHASH_INDEX_AUTO);
}

static void *build_multi(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
{
    return build(hashes, n, bits, radius, PHASH_INDEX_MULTI);
}

/* Another searcher of the same index. */
static void *share(void *index)
{
    struct indexed *x = index, *other = calloc(1, sizeof *other);
    if (other && phash_searcher_new(x->index, &other->searcher) != PHASH_OK) {
        free(other);
        return NULL;
    }
    return other;
}

static int search(void *index, const uint8_t *queries, size_t n, uint32_t radius,
                  phash_matches *found)
{
    struct indexed *x = index;
    if (phash_search_radius(x->searcher, queries, n, radius, &x->found, NULL) != PHASH_OK)
        return 1;
    for (size_t i = 0; i < x->found.count; i++) {
        const phash_match *m = &x->found.items[i];
        if (search_append(found, m->id, m->query, m->distance))
            return 1;
    }
    return 0;
}

static uint64_t memory(const void *index)
{
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    phash_index_stats_get(((const struct indexed *)index)->index, &stats);
    return stats.memory;
}

#define POPCNT PHASH_CPU_POPCNT
#define AVX2   (POPCNT | PHASH_CPU_AVX2)
#define AVX512 (AVX2 | PHASH_CPU_AVX512)
#define ENGINE(kind, symbol, set, text, long_text)                                                 \
    const struct search_engine engine_##kind##_##symbol = {                                        \
        .name = text,                                                                              \
        .what = long_text,                                                                         \
        .sets = set,                                                                               \
        .masked = true,                                                                            \
        .build = build_##kind,                                                                     \
        .search = search,                                                                          \
        .memory = memory,                                                                          \
        .free = release,                                                                           \
        .share = share,                                                                            \
        .unshare = release,                                                                        \
    };
#define ENGINES(symbol, set, text)                                                                 \
    ENGINE(flat, symbol, set, "flat-" text, "libphash scan")                                       \
    ENGINE(multi, symbol, set, "multi-" text, "libphash multi-index")                              \
    ENGINE(auto, symbol, set, "phash-" text, "libphash, its own choice")
ENGINES(c, 0, "c")
ENGINES(popcnt, POPCNT, "popcnt")
ENGINES(avx2, AVX2, "avx2")
ENGINES(avx512, AVX512, "avx512")
ENGINES(neon, PHASH_CPU_NEON, "neon")
