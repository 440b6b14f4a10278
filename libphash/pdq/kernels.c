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

/* Bit i, j of the 16x16 to j, i: see pdq_threshold for where it stands. */
static void transpose(const phash_hash256 *in, phash_hash256 *out)
{
    enum { LAST = PHASH_HASH256_BYTES - 1 };
    uint32_t column[PDQ_DCT_SIDE] = {0};
    for (int i = 0; i < PDQ_DCT_SIDE; i++) {
        const uint32_t row = in->bytes[LAST - 2 * i] | (uint32_t)in->bytes[LAST - 2 * i - 1] << 8;
        for (int j = 0; j < PDQ_DCT_SIDE; j++)
            column[j] |= (row >> j & 1) << i;
    }
    for (int j = 0; j < PDQ_DCT_SIDE; j++) {
        out->bytes[LAST - 2 * j] = (uint8_t)column[j];
        out->bytes[LAST - 2 * j - 1] = (uint8_t)(column[j] >> 8);
    }
}

void pdq_dihedral_hashes(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                         phash_hash256 hash[PHASH_DIHEDRALS], pdq_threshold_kernel *threshold)
{
    static const struct {
        phash_dihedral here, across;
    } pair[] = {
        {PHASH_DIHEDRAL_ORIGINAL, PHASH_DIHEDRAL_TRANSPOSE},
        {PHASH_DIHEDRAL_FLIPY, PHASH_DIHEDRAL_ROTATE90},
        {PHASH_DIHEDRAL_FLIPX, PHASH_DIHEDRAL_ROTATE270},
        {PHASH_DIHEDRAL_ROTATE180, PHASH_DIHEDRAL_ANTITRANSPOSE},
    };
    float turned[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        pdq_dihedral(pair[i].here, b, turned);
        threshold(turned, &hash[pair[i].here]);
        transpose(&hash[pair[i].here], &hash[pair[i].across]);
    }
    phash_wipe(turned, sizeof turned);
}

static void dihedral_c(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                       phash_hash256 hash[PHASH_DIHEDRALS])
{
    pdq_dihedral_hashes(b, hash, pdq_threshold);
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
        pdq_helix_avx2(kernels);
        pdq_finish_avx2(kernels);
        pdq_grey_avx2(kernels);
    }
    if (sets & PHASH_CPU_AVX512) {
        pdq_wave_avx512(kernels);
        pdq_helix_avx512(kernels);
        pdq_finish_avx512(kernels);
        pdq_grey_avx512(kernels);
    }
#endif
#if PHASH_HAVE_NEON
    if (sets & PHASH_CPU_NEON) {
        pdq_wave_neon(kernels);
        pdq_helix_neon(kernels);
    }
#endif
    (void)sets;
}
