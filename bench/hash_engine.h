/* hash_engine.h: the table of engines that `phash-bench hash` compares. One file per engine. */
#ifndef PHASH_BENCH_HASH_ENGINE_H
#define PHASH_BENCH_HASH_ENGINE_H

#include <phash/pdq.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_case {
    uint32_t width, height;
    uint32_t channels; /* 1 or 3 */
    bool dihedral;
    const uint8_t *pixels; /* packed rows */
};

struct hash_engine {
    const char *name;
    const char *mask; /* instruction sets that it may use, as phash_cpu_parse reads them; NULL: it
                         does not ask */
    /* What is kept between images of one size. NULL without memory. */
    void *(*open)(const struct hash_case *c);
    /* Fills hash, quality and, for a dihedral case, the eight hashes. */
    void (*hash)(void *state, const struct hash_case *c, phash_pdq_result *result);
    void (*close)(void *state);
};

extern const struct hash_engine hash_engine_reference;
/* libphash under each mask; the last has a NULL name. */
extern const struct hash_engine hash_engines_libphash[];

#endif
