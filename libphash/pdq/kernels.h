/* The kernels of PDQ: see core/cpu.h for the rule of the table. */
#ifndef PHASH_PDQ_KERNELS_H
#define PHASH_PDQ_KERNELS_H

#include "core/cpu.h"
#include "pdq/grey.h"
#include "pdq/helix.h"
#include "pdq/stages.h"
#include "pdq/wave.h"

typedef void pdq_threshold_kernel(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE], phash_hash256 *hash);

typedef struct pdq_kernels {
    /* The wave (wave.h): rows to a block, 0 where there is none and pdq_jarosz does the work. */
    uint32_t lanes;
    bool keeps; /* can keep single lanes of z */
    void (*run)(pdq_run *run);
    void (*second)(const pdq_second *second);

    /* The helix (helix.h), NULL where there is none: a run of groups, and the second column box over
     * the last block's samples. */
    void (*helix)(pdq_helix *h, const pdq_helix_run *run);
    void (*helix_second)(pdq_helix *h);

    /* Grey images of windows 4 (grey.h), NULL where there is none: sums the samples of the block that
     * was prepared, and prepares the next. Either may be NULL. */
    void (*grey)(pdq_grey *g, const pdq_grey_block *prepared, const pdq_grey_block *next);
    /* Sets up g->chain for an edge row. */
    void (*grey_edge)(pdq_grey *g, const pdq_grey_edge *edge);
    /* Samples whose tents one load of theirs holds, 8 columns for each: 2 or more. */
    uint32_t grey_tents;
    /* When all rows are pushed: the last row of g->out, and the DCT of it all. */
    void (*grey_dct64)(pdq_grey *g, float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE]);

    /* n pixels of four bytes, or of three, to RGB; swap: blue comes first. out may not overlap. */
    void (*rgb)(const uint8_t *pixels, uint8_t *rgb, size_t n, size_t bytes, bool swap);

    int (*quality)(const float a[PDQ_SIDE * PDQ_SIDE]);
    void (*dct64)(const float a[PDQ_SIDE * PDQ_SIDE], float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE]);
    pdq_threshold_kernel *threshold;
    void (*dihedral)(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                     phash_hash256 hash[PHASH_DIHEDRALS]);
} pdq_kernels;

/* Fills the table for the sets, from C upwards. */
void pdq_kernels_fill(pdq_kernels *kernels, uint32_t sets);

/* All eight hashes. Transposing changes neither the coefficients' values nor so their median: four
 * runs of `threshold` are enough. */
void pdq_dihedral_hashes(const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                         phash_hash256 hash[PHASH_DIHEDRALS], pdq_threshold_kernel *threshold);

void pdq_kernels_c(pdq_kernels *kernels);
void pdq_wave_avx2(pdq_kernels *kernels);
void pdq_helix_avx2(pdq_kernels *kernels);
void pdq_finish_avx2(pdq_kernels *kernels);
void pdq_grey_avx2(pdq_kernels *kernels);
void pdq_wave_avx512(pdq_kernels *kernels);
void pdq_helix_avx512(pdq_kernels *kernels);
void pdq_finish_avx512(pdq_kernels *kernels);
void pdq_grey_avx512(pdq_kernels *kernels);
void pdq_wave_neon(pdq_kernels *kernels);
void pdq_helix_neon(pdq_kernels *kernels);

#endif
