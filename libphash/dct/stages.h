/* The stages of the DCT hash, in the order that data takes them:
 *
 *   row of pixels ─grey→ 8-bit row ─axis, reduce→ side x side, 8 bit ─plan→ low corner of the
 *   spectrum ─spectrum→ bits, and those of the fifteen variants
 *
 * Up to the reduced picture all arithmetic is on integers, and the same on every machine. The
 * transform is FFTW's, whose last bits depend on how FFTW was built and on the CPU; the bits of the
 * hash do not, see spectrum.c.
 */
#ifndef PHASH_DCT_STAGES_H
#define PHASH_DCT_STAGES_H

#include <phash/dct.h>

#include "dct/kernels.h"

#include <fftw3.h>

#include <float.h>
#include <stdatomic.h>
#include <stdbool.h>

#if FLT_EVAL_METHOD != 0
#error "Lanczos weights need double arithmetic that is rounded at every step (-msse2 -mfpmath=sse)"
#endif

enum { DCT_SIDE_MAX = PHASH_DCT_HASH_SIZE_MAX * PHASH_DCT_HIGHFREQ_FACTOR_MAX };

/* Memory that is wiped when it is freed: it holds pixels, or hashes. Buffers start at a multiple of
 * 64 bytes. NULL for sizes that overflow or are not to be had. */
void *dct_alloc(size_t count, size_t size);
void dct_wipe(void *memory, size_t bytes);
void dct_wipe_free(void *memory, size_t bytes);

/* The stream of the last phash_dct_hash, wiped, for the next one: NULL, or taken and given back as a
 * whole, so that any number of threads may do it. Where it is taken, others make their own. */
typedef struct dct_idle {
    _Atomic(phash_dct_stream *) stream;
} dct_idle;

/* The context: parameters and plans. `columns` transforms the picture, which lies row after row,
 * along its columns; `rows` transforms the lowest hash_size rows of what comes out. */
struct phash_dct {
    uint32_t hash_size, factor, side;
    fftw_plan columns, rows;
    dct_idle *idle;
};

/* Transforms side * side values, picture[row * side + column], to coefficients, laid out alike, for
 * the rows below hash_size. Overwrites `picture`, which also receives the result; both buffers are
 * of side * side and from dct_alloc. */
void dct_transform(const phash_dct *dct, double *picture, double *scratch);

/* Lanczos weights along one side, see axis.c. The struct is zeroed before its first use. */
phash_status dct_axis_reset(dct_axis *axis, uint32_t in, uint32_t out);
phash_status dct_axis_pack(dct_axis *axis, const dct_kernels *kernels);
void dct_axis_free(dct_axis *axis);

/* Digits for kernels by fours: steps of `step` samples, DCT_BLOCK along rows or 4 across them. A
 * step's digits stand together: `step` of the lowest, of the middle, of the highest. */
phash_status dct_axis_pack_quads(dct_axis *axis, uint32_t step);

/* A reduction that rows are pushed into, see reduce.c. The struct is zeroed before its first use. */
typedef struct dct_reduce {
    phash_pixel_format format;
    uint32_t side;
    uint32_t row;  /* rows taken */
    uint32_t open; /* first row of the reduced picture that is not complete */
    dct_kernels kernels;
    dct_axis h, v;
    uint8_t *grey; /* DCT_BATCH rows of the image; zero bytes behind each, DCT_PAD at least */
    size_t grey_stride;
    uint8_t *lines;            /* the same rows, reduced along their length */
    uint8_t *quads[DCT_QUADS]; /* instead of these, where the kernels take rows by fours */
    size_t quad_bytes;
    uint8_t *quad_lines[DCT_QUADS];
    uint32_t quad_side;
    int32_t *sums; /* side * side */
    uint32_t sums_side;
} dct_reduce;

phash_status dct_reduce_reset(dct_reduce *reduce, const phash_pdq_desc *desc, uint32_t side);

/* Takes the next `count` rows, in all no more than the image has. */
void dct_reduce_push(dct_reduce *reduce, const uint8_t *pixels, size_t count, ptrdiff_t stride);

/* After the last row: the reduced picture, row after row, side * side bytes. */
void dct_reduce_picture(const dct_reduce *reduce, uint8_t *picture);
void dct_reduce_free(dct_reduce *reduce);

/* Wipes all that tells of the image; the weights stay. */
void dct_reduce_wipe(dct_reduce *reduce);

/* The part of these for kernels that take rows by fours, see quads.c. */
phash_status dct_quads_reset(dct_reduce *reduce, uint32_t side);
void dct_quads_push(dct_reduce *reduce, const uint8_t *pixels, size_t count, ptrdiff_t stride);
void dct_quads_wipe(dct_reduce *reduce);
void dct_quads_free(dct_reduce *reduce);

/* Which of the sixteen pictures that are derived from one. */
typedef struct dct_variant {
    phash_dihedral dihedral;
    bool inverted;
} dct_variant;

/* The coefficients of a variant. low: hash_size squared, row after row; so is out. */
void dct_variant_spectrum(const phash_dct *dct, dct_variant variant, const double *low,
                          double *out);

/* Bits above the median. Both arrays are of hash_size squared; `spectrum` is rounded near zero, and
 * `scratch` is overwritten. */
void dct_threshold(const phash_dct *dct, double *spectrum, double *scratch, phash_bits *hash);

#endif
