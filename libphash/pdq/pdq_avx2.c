/* PDQ kernels for AVX2: eight rows at a time. */
#include "pdq/kernels.h"

void pdq_kernels_avx2(pdq_kernels *kernels)
{
    (void)kernels;
}
