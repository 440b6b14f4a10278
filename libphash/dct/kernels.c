/* Chooses the reduction's kernels. */
#include "dct/kernels.h"

#include <phash/cpu.h>

void dct_kernels_fill(dct_kernels *kernels, uint32_t sets)
{
    dct_kernels_c(kernels);
#if defined(__x86_64__)
    if (sets & PHASH_CPU_AVX2)
        dct_kernels_avx2(kernels);
    if (sets & PHASH_CPU_AVX512)
        dct_kernels_avx512(kernels);
#else
    (void)sets;
#endif
}
