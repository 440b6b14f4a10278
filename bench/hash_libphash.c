/* libphash, once for each mask of instruction sets. A stream is kept and reset between images, as a
 * program that hashes many does. */
#include "hash_engine.h"

#include "bench.h"

#include <phash/cpu.h>

#include <stdlib.h>

static phash_pdq_options options_of(const struct hash_case *c)
{
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    o.dihedral = c->dihedral;
    return o;
}

static phash_pdq_desc desc_of(const struct hash_case *c)
{
    return (phash_pdq_desc){c->width, c->height,
                            c->channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8};
}

static void *libphash_open(const struct hash_case *c)
{
    const phash_pdq_options o = options_of(c);
    const phash_pdq_desc d = desc_of(c);
    phash_pdq_stream *s;
    return phash_pdq_stream_new(&d, &o, &s) == PHASH_OK ? s : NULL;
}

static void libphash_hash(void *state, const struct hash_case *c, phash_pdq_result *result)
{
    const phash_pdq_options o = options_of(c);
    const phash_pdq_desc d = desc_of(c);
    if (phash_pdq_stream_reset(state, &d, &o) != PHASH_OK ||
        phash_pdq_push_rows(state, c->pixels, c->height, (ptrdiff_t)c->width * c->channels) !=
            PHASH_OK ||
        phash_pdq_finish(state, result) != PHASH_OK)
        exit(bench_fail("libphash could not hash"));
}

static void libphash_close(void *state)
{
    phash_pdq_stream *s = state;
    phash_pdq_stream_free(&s);
}

const struct hash_engine hash_engines_libphash[] = {
    {"libphash-c", "c", libphash_open, libphash_hash, libphash_close},
    {"libphash-avx2", "avx2", libphash_open, libphash_hash, libphash_close},
    {"libphash-avx512", "avx512", libphash_open, libphash_hash, libphash_close},
    {"libphash-neon", "neon", libphash_open, libphash_hash, libphash_close},
    {0},
};
