/* The kernel table, and what all kernels share. */
#include "hamming/hamming.h"

void phash_hamming_kernels_fill(phash_hamming_kernels *kernels, uint32_t sets)
{
    phash_hamming_c(kernels);
#if PHASH_HAVE_X86
    if (sets & PHASH_CPU_POPCNT)
        phash_hamming_popcnt(kernels);
    if (sets & PHASH_CPU_AVX2)
        phash_hamming_avx2(kernels);
    if (sets & PHASH_CPU_AVX512)
        phash_hamming_avx512(kernels);
#endif
#if PHASH_HAVE_NEON
    if (sets & PHASH_CPU_NEON)
        phash_hamming_neon(kernels);
#endif
    (void)sets;
}

void phash_slice_codes(const uint64_t *query, size_t words, uint32_t steps, uint8_t *codes)
{
    for (uint32_t g = 0; g < steps * PHASH_SLICE_GROUPS; g++) {
        const uint32_t bit = 3 * g, at = bit % 64;
        uint64_t v = query[bit / 64] >> at;
        if (at > 61 && bit / 64 + 1 < words)
            v |= query[bit / 64 + 1] << (64 - at);
        codes[g] = (uint8_t)((v & 7) << PHASH_SLICE_CODE_SHIFT);
    }
}
