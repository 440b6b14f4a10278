/* phash/decode.h: image files to rows of pixels, and to hashes, within limits.
 *
 * The type of a file is told by its content, never by its name. Rows are handed out as they are
 * decoded, so that a photo is hashed in a small part of the memory that it would fill; only what
 * cannot be had from the top down (interlaced PNG, progressive JPEG coefficients, pictures that
 * EXIF turns) is held, and counted against the memory limit. A damaged or truncated image is an
 * error, never a hash of what could be read. phash_error.message holds the reason only, such as
 * "truncated: the file ends inside the image data"; no file name is in it.
 *
 * Pixels are what other decoders on libjpeg-turbo and libpng get: JPEG with islow DCT and fancy
 * upsampling, CMYK taken as inverted ink and multiplied out as Pillow does; PNG palettes expanded,
 * 16 bits cut to the upper 8, alpha and tRNS dropped, no gamma, no colour profiles. What follows a
 * file's end mark is not looked at.
 *
 *     phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
 *     phash_error e = PHASH_ERROR_INIT;
 *     if (phash_pdq_path("photo.jpg", NULL, NULL, &r, &e) != PHASH_OK) fprintf(stderr, "%s\n",
 * e.message);
 *
 * Present only in builds with an image decoder; phash_decode_formats tells which.
 */
#ifndef PHASH_DECODE_H
#define PHASH_DECODE_H

#include <phash/pdq.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum phash_file_type {
    PHASH_FILE_UNKNOWN = 0,
    PHASH_FILE_JPEG =
        1, /* baseline, extended and progressive Huffman; arithmetic if libjpeg has it */
    PHASH_FILE_PNG = 2 /* every colour type and depth; the default image of an APNG */
} phash_file_type;

/* The file types this build decodes, as bits (1 << type). Thread-safe. */
PHASH_API uint32_t phash_decode_formats(void);

/* Names and versions of the decoders that this build was made with, such as
 * "libjpeg-turbo 2.1.5, libpng 1.6.39, libexif 0.6.24". Static. Thread-safe. */
PHASH_API const char *phash_decode_libraries(void);

typedef struct phash_decode_options {
    size_t size;            /* sizeof(phash_decode_options) of the caller */
    int ignore_orientation; /* nonzero: hash the stored raster, as the reference does; default 0:
                            apply EXIF orientation first, as people and platforms see the picture */
    uint32_t max_dimension; /* pixels, either side; default 65535 */
    uint64_t max_pixels;    /* width * height; default 256 Mi */
    uint64_t max_input;     /* bytes read from the file; default 256 MiB */
    /* Bytes that decoding may hold for one image; default 1 GiB. What the hash itself needs comes on
     * top: see phash_pdq_stream. */
    uint64_t max_memory;
} phash_decode_options;

#define PHASH_DECODE_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(phash_decode_options), 0, UINT32_C(65535), UINT64_C(268435456),                     \
            UINT64_C(268435456), UINT64_C(1073741824)                                              \
    }

/* An image that is being decoded. One handle belongs to one thread at a time. */
typedef struct phash_image phash_image;

typedef struct phash_image_info {
    size_t size; /* sizeof(phash_image_info) of the caller */
    phash_file_type type;
    /* Shape and format of the rows that phash_image_read_rows gives: RGB8, or GREY8 for images
     * without colour; already turned. */
    phash_pdq_desc desc;
    /* EXIF orientation found, 1 to 8, applied or not; 1 where there is none or the EXIF is broken. In
     * PNG, an eXIf chunk behind the pixels is not seen. */
    uint32_t orientation;
} phash_image_info;

#define PHASH_IMAGE_INFO_INIT                                                                      \
    {                                                                                              \
        sizeof(phash_image_info), PHASH_FILE_UNKNOWN, {0, 0, PHASH_PIXEL_GREY8}, 1                 \
    }

/* Opens an image and reads its header.
 *   path     NUL-terminated, any bytes; a regular file: folders, FIFOs and devices are refused
 *   fd       open for reading, at the image's first byte; the caller keeps it and closes it after
 *            the image is freed; any kind of file that can be read from front to back will do
 *   data     must stay as it is until the image is freed
 *   options  NULL for the defaults
 *   image    receives the handle, to be freed with phash_image_free; NULL on failure
 *   error    NULL, or filled on failure
 * Errors: PHASH_E_ARGUMENT, PHASH_E_MEMORY, PHASH_E_OPEN, PHASH_E_READ, PHASH_E_NOT_IMAGE,
 * PHASH_E_CORRUPT, PHASH_E_TRUNCATED, PHASH_E_LIMIT_*. Thread-safe. */
PHASH_API phash_status phash_image_open_path(const char *path, const phash_decode_options *options,
                                             phash_image **image, phash_error *error);
PHASH_API phash_status phash_image_open_fd(int fd, const phash_decode_options *options,
                                           phash_image **image, phash_error *error);
PHASH_API phash_status phash_image_open_memory(const void *data, size_t bytes,
                                               const phash_decode_options *options,
                                               phash_image **image, phash_error *error);

/* Tells an image's shape. `info->size` is set by the caller. Errors: PHASH_E_ARGUMENT. */
PHASH_API phash_status phash_image_info_get(const phash_image *image, phash_image_info *info);

/* Decodes the next `count` rows, top first, into the caller's memory.
 *   stride   bytes from one row to the next, at least width * phash_pixel_bytes(format)
 * Returns PHASH_OK for the last row only when the whole file was sound up to its end mark.
 * Errors: PHASH_E_ARGUMENT; PHASH_E_STATE when more rows are asked for than there are, and after a
 * failure; PHASH_E_MEMORY, PHASH_E_READ, PHASH_E_CORRUPT, PHASH_E_TRUNCATED, PHASH_E_LIMIT_*. */
PHASH_API phash_status phash_image_read_rows(phash_image *image, void *rows, size_t count,
                                             size_t stride, phash_error *error);

/* Wipes and frees an image and clears the pointer; NULL and pointers to NULL are fine. */
PHASH_API void phash_image_free(phash_image **image);

/* Decodes and hashes in one call, streaming where the format allows.
 *   decode, options  NULL for the defaults
 *   result           as for phash_pdq
 *   error            NULL, or filled on failure
 * Errors: those of opening, reading and phash_pdq. Thread-safe. */
PHASH_API phash_status phash_pdq_path(const char *path, const phash_decode_options *decode,
                                      const phash_pdq_options *options, phash_pdq_result *result,
                                      phash_error *error);
PHASH_API phash_status phash_pdq_fd(int fd, const phash_decode_options *decode,
                                    const phash_pdq_options *options, phash_pdq_result *result,
                                    phash_error *error);
PHASH_API phash_status phash_pdq_memory(const void *data, size_t bytes,
                                        const phash_decode_options *decode,
                                        const phash_pdq_options *options, phash_pdq_result *result,
                                        phash_error *error);

#ifdef __cplusplus
}
#endif
#endif
