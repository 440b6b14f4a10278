/* From an image file to its DCT hash in one call. Uses the decoder's public interface. */
#include "dct/stages.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 16 }; /* rows; a multiple of what a JPEG with 2x2 subsampling decodes at once */

static phash_status fail(phash_error *error, phash_status status)
{
    if (error && error->size >= sizeof *error) {
        error->status = status;
        error->sys_errno = 0;
        error->offset = UINT64_MAX;
        snprintf(error->message, sizeof error->message, "%s", phash_status_text(status));
    }
    return status;
}

static phash_status stream_rows(phash_image *image, const phash_pdq_desc *desc,
                                phash_dct_stream *stream, phash_error *error)
{
    const size_t stride = (size_t)desc->width * phash_pixel_bytes(desc->format);
    uint8_t *block = dct_alloc(BLOCK, stride);
    if (!block)
        return fail(error, PHASH_E_MEMORY);
    phash_status status = PHASH_OK;
    for (uint32_t row = 0; row < desc->height && status == PHASH_OK;) {
        const uint32_t n = desc->height - row < BLOCK ? desc->height - row : BLOCK;
        status = phash_image_read_rows(image, block, n, stride, error);
        if (status == PHASH_OK)
            status = phash_dct_push_rows(stream, block, n, (ptrdiff_t)stride);
        row += n;
    }
    dct_wipe_free(block, BLOCK * stride);
    return status;
}

/* Hashes an image that is open, and closes it. */
static phash_status hash_image(const phash_dct *dct, phash_image *image,
                               const phash_dct_options *options, phash_dct_result *result,
                               phash_error *error)
{
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    phash_dct_stream *stream = NULL;
    phash_status status = phash_image_info_get(image, &info);
    if (status == PHASH_OK)
        status = phash_dct_stream_new(dct, &info.desc, options, &stream);
    if (status != PHASH_OK)
        (void)fail(error, status);
    else
        status = stream_rows(image, &info.desc, stream, error);
    if (status == PHASH_OK)
        status = phash_dct_finish(stream, result);
    phash_dct_stream_free(&stream);
    phash_image_free(&image);
    return status;
}

/* A failed call leaves no hash of an earlier one behind. */
static phash_status begin(const phash_dct *dct, const phash_dct_options *options,
                          phash_dct_result *result, phash_error *error)
{
    if (!result || result->size < sizeof *result)
        return fail(error, PHASH_E_ARGUMENT);
    memset((char *)result + sizeof result->size, 0, sizeof *result - sizeof result->size);
    return dct && (!options || options->size >= sizeof *options) ? PHASH_OK
                                                                 : fail(error, PHASH_E_ARGUMENT);
}

phash_status phash_dct_path(const phash_dct *dct, const char *path,
                            const phash_decode_options *decode, const phash_dct_options *options,
                            phash_dct_result *result, phash_error *error)
{
    phash_image *image;
    phash_status status = begin(dct, options, result, error);
    if (status == PHASH_OK)
        status = phash_image_open_path(path, decode, &image, error);
    return status == PHASH_OK ? hash_image(dct, image, options, result, error) : status;
}

phash_status phash_dct_fd(const phash_dct *dct, int fd, const phash_decode_options *decode,
                          const phash_dct_options *options, phash_dct_result *result,
                          phash_error *error)
{
    phash_image *image;
    phash_status status = begin(dct, options, result, error);
    if (status == PHASH_OK)
        status = phash_image_open_fd(fd, decode, &image, error);
    return status == PHASH_OK ? hash_image(dct, image, options, result, error) : status;
}

phash_status phash_dct_memory(const phash_dct *dct, const void *data, size_t bytes,
                              const phash_decode_options *decode, const phash_dct_options *options,
                              phash_dct_result *result, phash_error *error)
{
    phash_image *image;
    phash_status status = begin(dct, options, result, error);
    if (status == PHASH_OK)
        status = phash_image_open_memory(data, bytes, decode, &image, error);
    return status == PHASH_OK ? hash_image(dct, image, options, result, error) : status;
}
