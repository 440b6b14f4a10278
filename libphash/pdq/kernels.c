/* The kernel table of PDQ. */
#include "pdq/kernels.h"

#include "core/internal.h"

static void rgb_c(const uint8_t *pixels, uint8_t *rgb, size_t n, size_t bytes, bool swap)
{
    const size_t red = swap ? 2 : 0, blue = 2 - red;
    for (size_t x = 0; x < n; x++, pixels += bytes, rgb += 3) {
        rgb[0] = pixels[red];
        rgb[1] = pixels[1];
        rgb[2] = pixels[blue];
    }
}

static void dihedral_c(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                       phash_hash256 hash[PHASH_DIHEDRALS])
{
    float turned[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    for (int d = 0; d < PHASH_DIHEDRALS; d++) {
        pdq_dihedral((phash_dihedral)d, b, turned);
        pdq_threshold(turned, &hash[d]);
    }
    phash_wipe(turned, sizeof turned);
}

void pdq_kernels_c(pdq_kernels *kernels)
{
    *kernels = (pdq_kernels){
        .lanes = 0,
        .rgb = rgb_c,
        .quality = pdq_quality,
        .dct64 = pdq_dct64,
        .threshold = pdq_threshold,
        .dihedral = dihedral_c,
    };
}

void pdq_kernels_fill(pdq_kernels *kernels, uint32_t sets)
{
    pdq_kernels_c(kernels);
#if PHASH_HAVE_X86
    if (sets & PHASH_CPU_AVX2) {
        pdq_wave_avx2(kernels);
        pdq_finish_avx2(kernels);
    }
    if (sets & PHASH_CPU_AVX512) {
        pdq_wave_avx512(kernels);
        pdq_finish_avx512(kernels);
        pdq_grey_avx512(kernels);
    }
#endif
#if PHASH_HAVE_NEON
    if (sets & PHASH_CPU_NEON)
        pdq_wave_neon(kernels);
#endif
    (void)sets;
}
