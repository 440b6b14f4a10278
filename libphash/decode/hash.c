/* From an image file to its PDQ hash in one call: rows go from the decoder into the hash in small
 * blocks, so that memory grows with the width of a picture and not with its area. */
#include "decode/decoder.h"
#include "decode/turn.h"
#include "pdq/reduced.h"

#include <string.h>

enum { BLOCK = 32 }; /* rows: with 16, decoder and hash together took a tenth longer */

static phash_status stream_rows(phash_image *image, const phash_pdq_desc *desc,
                                phash_pdq_stream *stream, phash_error *error)
{
    const size_t stride = (size_t)desc->width * phash_pixel_bytes(desc->format);
    uint8_t *block = phash_alloc(BLOCK, stride);
    if (!block)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    phash_status status = PHASH_OK;
    for (uint32_t row = 0; row < desc->height && status == PHASH_OK;) {
        const uint32_t n = desc->height - row < BLOCK ? desc->height - row : BLOCK;
        status = phash_image_read_rows(image, block, n, stride, error);
        if (status == PHASH_OK)
            status = phash_pdq_push_rows(stream, block, n, (ptrdiff_t)stride);
        row += n;
    }
    phash_wipe_free(block, BLOCK * stride);
    return status;
}

static phash_status new_stream(const phash_pdq_desc *desc, const phash_pdq_options *options,
                               phash_pdq_stream **stream, phash_error *error)
{
    const phash_status status = phash_pdq_stream_new(desc, options, stream);
    if (status == PHASH_E_TOO_SMALL)
        return phash_fail(error, status, "too small: %ux%u; a side under %d pixels has no hash",
                          desc->width, desc->height, PHASH_PDQ_SIDE_MIN);
    return status == PHASH_OK ? status : phash_fail(error, status, "%s", phash_status_text(status));
}

static void take_means(void *context, const uint8_t *means)
{
    pdq_reduced_push(context, means);
}

/* One look at means of pitch * pitch pixels. */
static phash_status look(phash_image *image, uint32_t pitch, pdq_reduced *r, bool dihedral,
                         phash_pdq_result *result, uint32_t *doubt, phash_error *error)
{
    const turn_axes axes = turn_axes_of(image->turn);
    phash_status status = pdq_reduced_reset(r, image->width, image->height, pitch, axes.reverse_x,
                                            axes.reverse_y, axes.transpose);
    if (status != PHASH_OK)
        return phash_fail(error, status, "%s", phash_status_text(status));
    status = image->ops->reduced(image, pitch, take_means, r, error);
    if (status == PHASH_OK)
        *doubt = pdq_reduced_finish(r, dihedral, result);
    return status;
}

/* Looks closer until few enough bits are in doubt. PHASH_E_UNSUPPORTED, with nothing read, where the
 * image has to go the long way. */
static phash_status look_closer(phash_image *image, pdq_reduced *r, bool dihedral,
                                phash_pdq_result *result, phash_error *error)
{
    const bool again = source_can_rewind(&image->source);
    uint32_t pitch = pdq_reduced_pitch(image->width, image->height, again);
    for (; pitch > 1 && image->ops->reduced; pitch /= 2) {
        uint32_t doubt = 0;
        phash_pdq_result seen = *result;
        phash_status status = look(image, pitch, r, dihedral, &seen, &doubt, error);
        if (status != PHASH_OK)
            return status;
        if (!again || doubt <= PDQ_REDUCED_DOUBT_MAX) {
            *result = seen;
            return PHASH_OK;
        }
        status = image_restart(image, error);
        if (status != PHASH_OK)
            return status;
    }
    return PHASH_E_UNSUPPORTED;
}

/* Profile fast. PHASH_E_UNSUPPORTED as above. */
static phash_status hash_reduced(phash_image *image, const phash_pdq_options *options,
                                 phash_pdq_result *result, phash_error *error)
{
    if (!image->ops->reduced)
        return PHASH_E_UNSUPPORTED;
    pdq_reduced *r = phash_alloc_zero(1, sizeof *r);
    if (!r)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    const phash_status status = look_closer(image, r, options->dihedral != 0, result, error);
    pdq_reduced_free(r);
    phash_wipe_free(r, sizeof *r);
    return status;
}

/* Hashes an image that is open, or passes on why it is not. */
static phash_status hash_image(phash_image *image, phash_status opened,
                               const phash_pdq_options *options, phash_pdq_result *result,
                               phash_error *error)
{
    if (opened != PHASH_OK)
        return opened;
    if (options && options->size >= sizeof *options && options->profile == PHASH_PDQ_FAST) {
        const phash_status fast = hash_reduced(image, options, result, error);
        if (fast != PHASH_E_UNSUPPORTED) {
            phash_image_free(&image);
            return fast;
        }
    }
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    phash_pdq_stream *stream = NULL;
    phash_status status = phash_image_info_get(image, &info);
    if (status == PHASH_OK)
        status = new_stream(&info.desc, options, &stream, error);
    if (status == PHASH_OK)
        status = stream_rows(image, &info.desc, stream, error);
    if (status == PHASH_OK)
        status = phash_pdq_finish(stream, result);
    phash_pdq_stream_free(&stream);
    phash_image_free(&image);
    return status;
}

/* As phash_pdq does: a failed call leaves no hash of an earlier one behind. */
static phash_status clear(phash_pdq_result *result, phash_error *error)
{
    if (!result || result->size < sizeof *result)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument: size of the result");
    memset(&result->hash, 0, sizeof result->hash);
    result->quality = 0;
    result->has_dihedral = 0;
    return PHASH_OK;
}

phash_status phash_pdq_path(const char *path, const phash_decode_options *decode,
                            const phash_pdq_options *options, phash_pdq_result *result,
                            phash_error *error)
{
    phash_status status = clear(result, error);
    if (status != PHASH_OK)
        return status;
    phash_image *image;
    status = phash_image_open_path(path, decode, &image, error);
    return hash_image(image, status, options, result, error);
}

phash_status phash_pdq_fd(int fd, const phash_decode_options *decode,
                          const phash_pdq_options *options, phash_pdq_result *result,
                          phash_error *error)
{
    phash_status status = clear(result, error);
    if (status != PHASH_OK)
        return status;
    phash_image *image;
    status = phash_image_open_fd(fd, decode, &image, error);
    return hash_image(image, status, options, result, error);
}

phash_status phash_pdq_memory(const void *data, size_t bytes, const phash_decode_options *decode,
                              const phash_pdq_options *options, phash_pdq_result *result,
                              phash_error *error)
{
    phash_status status = clear(result, error);
    if (status != PHASH_OK)
        return status;
    phash_image *image;
    status = phash_image_open_memory(data, bytes, decode, &image, error);
    return hash_image(image, status, options, result, error);
}
