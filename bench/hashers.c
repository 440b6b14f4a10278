/* The table of engines. */
#include "config.h"
#include "hasher.h"

#include <string.h>

extern const struct hasher hasher_pdq, hasher_pdq_nn512, hasher_pdq_fast, hasher_pdq_dihedral;
#if BENCH_HAS_DCT
extern const struct hasher hasher_dct_8x4, hasher_dct_16x4, hasher_dct_32x2;
#endif
#if BENCH_HAS_OPENCV
extern const struct hasher hasher_cv_phash, hasher_cv_block, hasher_cv_marr, hasher_cv_radial;
#endif

const struct hasher *const hashers[] = {
    &hasher_pdq,
    &hasher_pdq_dihedral,
    &hasher_pdq_nn512,
#if BENCH_HAS_JPEG
    &hasher_pdq_fast,
#endif
#if BENCH_HAS_DCT
    &hasher_dct_8x4,
    &hasher_dct_16x4,
    &hasher_dct_32x2,
#endif
#if BENCH_HAS_OPENCV
    &hasher_cv_phash,
    &hasher_cv_block,
    &hasher_cv_marr,
    &hasher_cv_radial,
#endif
    NULL,
};

const struct hasher *hasher_find(const char *name)
{
    for (size_t i = 0; hashers[i]; i++)
        if (!strcmp(hashers[i]->name, name))
            return hashers[i];
    return NULL;
}

unsigned hasher_hamming(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x = 0, y = 0;
        const size_t n = bytes - i < 8 ? bytes - i : 8;
        memcpy(&x, a + i, n);
        memcpy(&y, b + i, n);
        sum += (unsigned)__builtin_popcountll(x ^ y);
    }
    return sum;
}
