/* phash/pdq.h: PDQ, the 256-bit DCT hash of Meta's ThreatExchange, bit for bit.
 *
 * Source of the method: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm"
 * (Facebook, 2019) and the C++ reference in facebook/threatexchange. Every float operation is done
 * in the reference's order, so a hash has the same bits as the reference's on every CPU.
 *
 *     phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
 *     phash_pdq_image img = {rows, stride, {width, height, PHASH_PIXEL_RGB8}};
 *     if (phash_pdq(&img, NULL, &r) == PHASH_OK) ... r.hash, r.quality
 */
#ifndef PHASH_PDQ_H
#define PHASH_PDQ_H

#include <phash/hash.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How samples lie in a row, 8 bits each. Alpha is dropped, not blended. */
typedef enum phash_pixel_format {
    PHASH_PIXEL_GREY8 = 1,
    PHASH_PIXEL_RGB8 = 2,
    PHASH_PIXEL_BGR8 = 3,
    PHASH_PIXEL_RGBA8 = 4,
    PHASH_PIXEL_BGRA8 = 5
} phash_pixel_format;

/* Bytes of one pixel: 1, 3 or 4; 0 for a value that is no format. Thread-safe. */
PHASH_API size_t phash_pixel_bytes(phash_pixel_format format);

typedef enum phash_pdq_profile {
    /* Every pixel goes through the filter: what the Python package `pdqhash` computes, and with it
     * python-threatexchange and Hasher-Matcher-Actioner. */
    PHASH_PDQ_FULL = 0,
    /* An image over 512 pixels wide or high is first sampled to 512x512, nearest neighbour: what
     * Meta's C++ command line tools compute. */
    PHASH_PDQ_NN512 = 1,
    /* An approximation of FULL for screening at scale, never for submitting: the calls of
     * phash/decode.h read the luma of a JPEG at reduced resolution, of a progressive one only its
     * first scans, and do not look at the rest of the file. Where that leaves too many bits in doubt,
     * as it does with very fine texture, they read the file again at twice the resolution, and so on up
     * to FULL; but a pipe, which cannot be read again, at a higher one from the start, so that its hash
     * may be another one of a few bits' distance. Everything else gets FULL, and
     * phash_pdq_result.profile tells. Over 900 photographs (Debian's background packages, also resized
     * and compressed anew) of quality 50 and more it was 1.5 bits from FULL on average, 6 or fewer for
     * 99 of 100, and 8 at most. */
    PHASH_PDQ_FAST = 2
} phash_pdq_profile;

/* The eight orientations, in the order of phash_pdq_result.dihedral. ORIGINAL is the hash itself.
 */
typedef enum phash_dihedral {
    PHASH_DIHEDRAL_ORIGINAL = 0,
    PHASH_DIHEDRAL_ROTATE90 = 1,
    PHASH_DIHEDRAL_ROTATE180 = 2,
    PHASH_DIHEDRAL_ROTATE270 = 3,
    PHASH_DIHEDRAL_FLIPX = 4,
    PHASH_DIHEDRAL_FLIPY = 5,
    PHASH_DIHEDRAL_TRANSPOSE = 6,
    PHASH_DIHEDRAL_ANTITRANSPOSE = 7
} phash_dihedral;
#define PHASH_DIHEDRALS 8

/* "original", "rotate90", …; NULL for a number that is no orientation. Static. Thread-safe. */
PHASH_API const char *phash_dihedral_name(phash_dihedral d);

/* Quality below which an image has too few features for its hash to be submitted to a bank
 * (ThreatExchange's advice). The hash is computed all the same. */
#define PHASH_PDQ_QUALITY_MIN 50

/* Sides under this have no hash: the reference gives all zeros and quality 0. */
#define PHASH_PDQ_SIDE_MIN 5

typedef struct phash_pdq_options {
    size_t size;               /* sizeof(phash_pdq_options) of the caller */
    phash_pdq_profile profile; /* default PHASH_PDQ_FULL */
    int dihedral;              /* nonzero: fill phash_pdq_result.dihedral too */
} phash_pdq_options;

#define PHASH_PDQ_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(phash_pdq_options), PHASH_PDQ_FULL, 0                                               \
    }

typedef struct phash_pdq_result {
    size_t size; /* sizeof(phash_pdq_result) of the caller */
    phash_hash256 hash;
    int quality;               /* 0 to 100 */
    phash_pdq_profile profile; /* the profile that was computed */
    int has_dihedral;          /* nonzero: the array below is filled */
    /* As Meta's dihedral entry point computes them. It filters 64x64 images, which the plain entry
     * point does not: only for those may dihedral[0] differ from hash. */
    phash_hash256 dihedral[PHASH_DIHEDRALS];
} phash_pdq_result;

#define PHASH_PDQ_RESULT_INIT                                                                      \
    {                                                                                              \
        sizeof(phash_pdq_result), {{0}}, 0, PHASH_PDQ_FULL, 0,                                     \
        {                                                                                          \
            {                                                                                      \
                {                                                                                  \
                    0                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

/* Shape of a raster. */
typedef struct phash_pdq_desc {
    uint32_t width;  /* pixels, at least 1 */
    uint32_t height; /* rows, at least 1 */
    phash_pixel_format format;
} phash_pdq_desc;

/* A whole raster in the caller's memory. */
typedef struct phash_pdq_image {
    const void *rows; /* first byte of the top row */
    ptrdiff_t stride; /* bytes from one row to the next; negative for bottom-up rasters, whose
                         `rows` still points at the top row */
    phash_pdq_desc desc;
} phash_pdq_image;

/* Hashes a whole raster.
 *   options  NULL for the defaults
 *   result   size set by the caller (PHASH_PDQ_RESULT_INIT); on failure its hash is all zeros and
 *            its quality 0
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_TOO_SMALL (a side under 5 pixels).
 * Thread-safe. Allocates about width * height / 16 bytes for profile full. */
PHASH_API phash_status phash_pdq(const phash_pdq_image *image, const phash_pdq_options *options,
                                 phash_pdq_result *result);

/* The same from rows that arrive one after the other, top first, in pieces of any size. A stream
 * keeps only the rows that the filter still needs: two windows of ceil(height / 128) rows of one
 * float per column. One stream belongs to one thread at a time. */
typedef struct phash_pdq_stream phash_pdq_stream;

/* Makes a stream for one image.
 *   options  NULL for the defaults
 *   stream   receives the handle, to be freed with phash_pdq_stream_free; NULL on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_TOO_SMALL. */
PHASH_API phash_status phash_pdq_stream_new(const phash_pdq_desc *desc,
                                            const phash_pdq_options *options,
                                            phash_pdq_stream **stream);

/* Makes a used stream ready for another image, keeping its memory where it is large enough.
 * Errors: as phash_pdq_stream_new; after one the stream can only be reset again or freed. */
PHASH_API phash_status phash_pdq_stream_reset(phash_pdq_stream *stream, const phash_pdq_desc *desc,
                                              const phash_pdq_options *options);

/* Takes the next `count` rows; the caller keeps them.
 *   rows    first byte of the first of them
 *   stride  bytes from one row to the next
 * Errors: PHASH_E_ARGUMENT; PHASH_E_STATE when more rows come than the image has, and after
 * finish. */
PHASH_API phash_status phash_pdq_push_rows(phash_pdq_stream *stream, const void *rows, size_t count,
                                           ptrdiff_t stride);

/* Gives the hash once all rows are in.
 *   result  as for phash_pdq
 * Errors: PHASH_E_ARGUMENT; PHASH_E_STATE when rows are missing, or called twice. */
PHASH_API phash_status phash_pdq_finish(phash_pdq_stream *stream, phash_pdq_result *result);

/* Wipes and frees a stream and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_pdq_stream_free(phash_pdq_stream **stream);

#ifdef __cplusplus
}
#endif
#endif
