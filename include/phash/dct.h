/* phash/dct.h: the DCT hash of Python's imagehash (`imagehash.phash`), bit for bit.
 *
 * This is the library libphash-dct, which stands beside libphash: it uses FFTW, which is licensed
 * under the GNU General Public License, version 2 or later. A program that links libphash-dct and
 * is given to others must be given under a licence that is compatible with the GPL. libphash itself
 * never needs FFTW.
 *
 * The hash, for hash_size N and highfreq_factor K (imagehash's names; 8 and 4 are its defaults):
 *
 *   pixels -> grey, 8 bit        (19595 R + 38470 G + 7471 B + 32768) >> 16, as Pillow has it
 *          -> NK x NK, 8 bit     Lanczos (a = 3), along rows first, then along columns; Pillow's
 *                                integer arithmetic, with its 8-bit picture in between
 *          -> DCT-II             in double, along columns, then along rows; unnormalised
 *          -> N x N              the low corner, the constant term included
 *          -> N * N bits         bit set where the coefficient is above the median (the mean of the
 *                                two middle values where N * N is even), row by row
 *
 * Source of the method: imagehash 4.3.2 (J. Buchner), Pillow 9.4 (resize), SciPy 1.10 (dct).
 *
 *     phash_dct *dct;
 *     phash_dct_result r = PHASH_DCT_RESULT_INIT;
 *     phash_pdq_image img = {rows, stride, {width, height, PHASH_PIXEL_RGB8}};
 *     if (phash_dct_new(8, 4, &dct) == PHASH_OK &&
 *         phash_dct_hash(dct, &img, NULL, &r) == PHASH_OK) ... r.hash
 *     phash_dct_free(&dct);
 *
 * Memory. FFTW has no way to report that it got no memory: it ends the process. It allocates some
 * 100 KB when a phash_dct is made, and a few KB for each hash. Everything that this library
 * allocates itself is reported as PHASH_E_MEMORY.
 */
#ifndef PHASH_DCT_H
#define PHASH_DCT_H

#include <phash/bits.h>
#include <phash/features.h>
#include <phash/pdq.h>
#include <phash/status.h>

#if PHASH_HAS_DECODE
#include <phash/decode.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PHASH_DCT_HASH_SIZE_MIN       2
#define PHASH_DCT_HASH_SIZE_MAX       64
#define PHASH_DCT_HASH_SIZE_DEFAULT   8
#define PHASH_DCT_HIGHFREQ_FACTOR_MIN 1
#define PHASH_DCT_HIGHFREQ_FACTOR_MAX 16
#define PHASH_DCT_HIGHFREQ_DEFAULT    4

/* Longest side of an image, in pixels. */
#define PHASH_DCT_IMAGE_SIDE_MAX (UINT32_C(1) << 24)

/* The parameters, and the transform that was planned for them. Any number of threads may use one at
 * the same time. It keeps the working memory of one phash_dct_hash, wiped, with the weights of the
 * reduction, so that images of one size follow one another faster: some hundred KB, and nothing of
 * images with a side over 16384. */
typedef struct phash_dct phash_dct;

/* Plans the transform.
 *   hash_size        2 to 64: the hash has hash_size * hash_size bits
 *   highfreq_factor  1 to 16: the image is reduced to (hash_size * highfreq_factor) squared
 *   dct              receives the handle, to be freed with phash_dct_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY. Thread-safe: planning goes on under a lock of this
 * library. A program that plans transforms with FFTW itself, in other threads at the same time,
 * must call fftw_make_planner_thread_safe() first or keep the two apart. Nothing is read from or
 * written to FFTW's wisdom files. */
PHASH_API phash_status phash_dct_new(uint32_t hash_size, uint32_t highfreq_factor, phash_dct **dct);

/* Frees and clears the pointer; NULL and pointers to NULL are fine. No stream of it may be left.
 * Thread-safe in the way of phash_dct_new. */
PHASH_API void phash_dct_free(phash_dct **dct);

/* The parameters; 0 for NULL. Thread-safe. */
PHASH_API uint32_t phash_dct_hash_size(const phash_dct *dct);
PHASH_API uint32_t phash_dct_highfreq_factor(const phash_dct *dct);

/* Writes the name that lists and indexes know these hashes by, such as "dct-8x4": hashes of
 * different names cannot be compared, even where their lengths agree.
 *   out    receives at most `size` bytes, always NUL-terminated when size > 0 (32 are enough)
 * Returns the length that was needed, without the NUL; 0 for NULL. Thread-safe. */
PHASH_API size_t phash_dct_name(const phash_dct *dct, char *out, size_t size);

typedef struct phash_dct_options {
    size_t size;  /* sizeof(phash_dct_options) of the caller */
    int dihedral; /* nonzero: fill phash_dct_result.dihedral too */
    int inverted; /* nonzero: fill phash_dct_result.inverted too: the negative, 255 - v */
} phash_dct_options;

#define PHASH_DCT_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_dct_options), 0, 0                                                            \
    }

/* The variants are derived from the spectrum of the image. They are the hashes of the reduced
 * picture, turned, mirrored or inverted, exactly. Turning the image before it is reduced may give
 * another bit here and there: Pillow rounds the picture to 8 bits between rows and columns, and
 * which of them comes first changes with a quarter turn; a grey value of the negative of a coloured
 * image may be off by one. */
typedef struct phash_dct_result {
    size_t size; /* sizeof(phash_dct_result) of the caller */
    phash_bits hash;
    int has_dihedral; /* nonzero: `dihedral` is filled, and all of `inverted` if that is asked for
                         too */
    int has_inverted; /* nonzero: inverted[0] is filled */
    phash_bits dihedral[PHASH_DIHEDRALS]; /* by phash_dihedral; dihedral[0] is `hash` */
    phash_bits inverted[PHASH_DIHEDRALS]; /* the same of the negative */
} phash_dct_result;

#define PHASH_DCT_RESULT_INIT                                                                      \
    {                                                                                              \
        sizeof(phash_dct_result), PHASH_BITS_INIT, 0, 0, {PHASH_BITS_INIT},                        \
        {                                                                                          \
            PHASH_BITS_INIT                                                                        \
        }                                                                                          \
    }

/* Hashes a whole raster. Any size from 1x1 on has a hash; imagehash has no quality.
 *   options  NULL for the defaults
 *   result   size set by the caller (PHASH_DCT_RESULT_INIT); cleared on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_LIMIT_DIMENSION (a side over
 * PHASH_DCT_IMAGE_SIDE_MAX). Thread-safe. */
PHASH_API phash_status phash_dct_hash(const phash_dct *dct, const phash_pdq_image *image,
                                      const phash_dct_options *options, phash_dct_result *result);

/* The same from rows that arrive one after the other, top first, in pieces of any size. A stream
 * keeps the sums of the reduced picture and up to sixteen rows of grey, and the weights of the
 * reduction: up to 65 bytes for each pixel of width and 45 for each of height. Made for one size of
 * image, it hashes the next of the same size without computing the weights again. One stream belongs
 * to one thread at a time. */
typedef struct phash_dct_stream phash_dct_stream;

/* Makes a stream for one image.
 *   dct      must stay until the stream is freed
 *   options  NULL for the defaults
 *   stream   receives the handle, to be freed with phash_dct_stream_free; NULL on failure
 * Errors: as phash_dct_hash. */
PHASH_API phash_status phash_dct_stream_new(const phash_dct *dct, const phash_pdq_desc *desc,
                                            const phash_dct_options *options,
                                            phash_dct_stream **stream);

/* Makes a used stream ready for another image.
 * Errors: as phash_dct_stream_new; after one the stream can only be reset again or freed. */
PHASH_API phash_status phash_dct_stream_reset(phash_dct_stream *stream, const phash_pdq_desc *desc,
                                              const phash_dct_options *options);

/* Takes the next `count` rows; the caller keeps them.
 *   rows    first byte of the first of them
 *   stride  bytes from one row to the next
 * Errors: PHASH_E_ARGUMENT; PHASH_E_STATE when more rows come than the image has, and after
 * finish. */
PHASH_API phash_status phash_dct_push_rows(phash_dct_stream *stream, const void *rows, size_t count,
                                           ptrdiff_t stride);

/* Gives the hash once all rows are in.
 *   result  as for phash_dct_hash
 * Errors: PHASH_E_ARGUMENT; PHASH_E_STATE when rows are missing, or called twice. */
PHASH_API phash_status phash_dct_finish(phash_dct_stream *stream, phash_dct_result *result);

/* Wipes and frees a stream and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_dct_stream_free(phash_dct_stream **stream);

#if PHASH_HAS_DECODE
/* Decodes and hashes in one call, streaming where the format allows. Present in builds with an image
 * decoder.
 *   decode, options  NULL for the defaults. imagehash does not apply EXIF orientation by itself: set
 *                    ignore_orientation for its hash of a picture that EXIF turns
 *   result           as for phash_dct_hash
 *   error            NULL, or filled on failure
 * Palettes, one-bit, grey with alpha, RGBA, CMYK and YCbCr files give imagehash's hash. 16-bit grey
 * PNG does not: Pillow clips such samples at 255, which makes most of them white, whereas here they
 * are reduced to 8 bits. A damaged file has no hash; Pillow may give one.
 * Errors: those of opening and reading in phash/decode.h, and of phash_dct_hash. Thread-safe. */
PHASH_API phash_status phash_dct_path(const phash_dct *dct, const char *path,
                                      const phash_decode_options *decode,
                                      const phash_dct_options *options, phash_dct_result *result,
                                      phash_error *error);
PHASH_API phash_status phash_dct_fd(const phash_dct *dct, int fd,
                                    const phash_decode_options *decode,
                                    const phash_dct_options *options, phash_dct_result *result,
                                    phash_error *error);
PHASH_API phash_status phash_dct_memory(const phash_dct *dct, const void *data, size_t bytes,
                                        const phash_decode_options *decode,
                                        const phash_dct_options *options, phash_dct_result *result,
                                        phash_error *error);
#endif

#ifdef __cplusplus
}
#endif
#endif
