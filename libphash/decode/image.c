/* The public face of decoding: opening an image and handing out its rows, streamed or held. */
#include "decode/decoder.h"
#include "decode/limits.h"
#include "decode/sniff.h"
#include "decode/turn.h"

static size_t channels_of(const phash_image *image)
{
    return phash_pixel_bytes(image->format);
}

static void free_raster(phash_image *image)
{
    phash_wipe_free(image->raster, image->raster_bytes);
    image->raster = NULL;
}

void phash_image_free(phash_image **image)
{
    if (!image || !*image)
        return;
    phash_image *i = *image;
    if (i->ops)
        i->ops->close(i);
    source_close(&i->source);
    free_raster(i);
    phash_wipe_free(i, sizeof *i);
    *image = NULL;
}

static const decode_ops *ops_of(phash_file_type type)
{
    switch (type) {
#if PHASH_HAS_JPEG
    case PHASH_FILE_JPEG:
        return &decode_jpeg;
#endif
#if PHASH_HAS_PNG
    case PHASH_FILE_PNG:
        return &decode_png;
#endif
    default:
        return NULL;
    }
}

/* Decides how rows are handed out, and counts the raster if it must be held. It is allocated when
 * the first row is asked for. */
static phash_status plan(phash_image *image, phash_error *error)
{
    const uint32_t turn = image->options.ignore_orientation ? 1 : image->orientation;
    const bool swaps = turn_swaps_sides(turn);
    image->turn = turn;
    image->desc = (phash_pdq_desc){swaps ? image->height : image->width,
                                   swaps ? image->width : image->height, image->format};
    image->held = image->whole || !turn_streams(turn);
    if (!image->held)
        return PHASH_OK;
    const uint64_t bytes = (uint64_t)image->width * image->height * channels_of(image);
    if (!limits_take_memory(image, bytes))
        return limits_fail_memory(image, bytes, error);
    image->raster_bytes = (size_t)bytes;
    return PHASH_OK;
}

static phash_status read_header(phash_image *image, phash_error *error)
{
    phash_status status = sniff(&image->source, &image->type, error);
    if (status != PHASH_OK)
        return status;
    image->orientation = 1;
    image->ops = ops_of(image->type);
    status = image->ops->open(image, error);
    return status == PHASH_OK ? plan(image, error) : status;
}

phash_status image_restart(phash_image *image, phash_error *error)
{
    image->ops->close(image);
    image->ops = NULL;
    image->memory = 0;
    const phash_status status = source_rewind(&image->source, error);
    return status == PHASH_OK ? read_header(image, error) : status;
}

static phash_status new_image(const phash_decode_options *options, phash_image **image,
                              phash_error *error)
{
    static const phash_decode_options defaults = PHASH_DECODE_OPTIONS_INIT;
    if (options && options->size < sizeof *options)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument: size of the decode options");
    phash_image *i = phash_alloc_zero(1, sizeof *i);
    if (!i)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    i->options = options ? *options : defaults;
    i->source.fd = -1;
    *image = i;
    return PHASH_OK;
}

static phash_status bad_argument(phash_error *error)
{
    return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
}

/* The second half of opening: the source is there, or `status` says why not. */
static phash_status finish_open(phash_image *i, phash_status status, phash_image **image,
                                phash_error *error)
{
    if (status == PHASH_OK)
        status = read_header(i, error);
    if (status != PHASH_OK) {
        phash_image_free(&i);
        return status;
    }
    *image = i;
    return PHASH_OK;
}

phash_status phash_image_open_path(const char *path, const phash_decode_options *options,
                                   phash_image **image, phash_error *error)
{
    if (image)
        *image = NULL;
    if (!image || !path)
        return bad_argument(error);
    phash_image *i = NULL;
    phash_status status = new_image(options, &i, error);
    if (status != PHASH_OK)
        return status;
    status = source_open_path(&i->source, path, i->options.max_input, error);
    return finish_open(i, status, image, error);
}

phash_status phash_image_open_fd(int fd, const phash_decode_options *options, phash_image **image,
                                 phash_error *error)
{
    if (image)
        *image = NULL;
    if (!image || fd < 0)
        return bad_argument(error);
    phash_image *i = NULL;
    phash_status status = new_image(options, &i, error);
    if (status != PHASH_OK)
        return status;
    status = source_open_fd(&i->source, fd, i->options.max_input, error);
    return finish_open(i, status, image, error);
}

phash_status phash_image_open_memory(const void *data, size_t bytes,
                                     const phash_decode_options *options, phash_image **image,
                                     phash_error *error)
{
    if (image)
        *image = NULL;
    if (!image || (!data && bytes))
        return bad_argument(error);
    phash_image *i = NULL;
    const phash_status status = new_image(options, &i, error);
    if (status != PHASH_OK)
        return status;
    source_open_memory(&i->source, data, bytes, i->options.max_input);
    return finish_open(i, PHASH_OK, image, error);
}

phash_status phash_image_info_get(const phash_image *image, phash_image_info *info)
{
    if (!image || !info || info->size < sizeof *info)
        return PHASH_E_ARGUMENT;
    info->type = image->type;
    info->desc = image->desc;
    info->orientation = image->orientation;
    return PHASH_OK;
}

/* Decodes the whole picture into the raster. */
static phash_status hold(phash_image *image, phash_error *error)
{
    image->raster = phash_alloc(image->raster_bytes, 1);
    if (!image->raster)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    const phash_status status = image->ops->rows(image, image->raster, image->height,
                                                 (size_t)image->width * channels_of(image), error);
    if (status == PHASH_OK)
        image->stored = image->height;
    return status;
}

static phash_status read_held(phash_image *image, uint8_t *rows, size_t count, size_t stride,
                              phash_error *error)
{
    if (!image->raster) {
        const phash_status status = hold(image, error);
        if (status != PHASH_OK)
            return status;
    }
    const turn_raster raster = {image->raster, image->width, image->height, channels_of(image)};
    turn_rows(&raster, image->turn, image->given, count, rows, stride);
    return PHASH_OK;
}

static phash_status read_streamed(phash_image *image, uint8_t *rows, size_t count, size_t stride,
                                  phash_error *error)
{
    const phash_status status = image->ops->rows(image, rows, count, stride, error);
    if (status != PHASH_OK)
        return status;
    image->stored += (uint32_t)count;
    if (image->turn == 2)
        for (size_t i = 0; i < count; i++)
            turn_mirror_row(rows + i * stride, image->width, channels_of(image));
    return PHASH_OK;
}

phash_status phash_image_read_rows(phash_image *image, void *rows, size_t count, size_t stride,
                                   phash_error *error)
{
    if (!image || (!rows && count))
        return bad_argument(error);
    if (count && stride < (size_t)image->desc.width * channels_of(image))
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument: stride under a row");
    if (image->failed || count > image->desc.height - image->given)
        return phash_fail(error, PHASH_E_STATE, "%s",
                          image->failed ? "not possible: decoding has failed before"
                                        : "not possible: more rows than the image has");
    if (count == 0)
        return PHASH_OK;
    const phash_status status = image->held ? read_held(image, rows, count, stride, error)
                                            : read_streamed(image, rows, count, stride, error);
    if (status != PHASH_OK) {
        image->failed = true;
        return status;
    }
    image->given += (uint32_t)count;
    if (image->given == image->desc.height)
        free_raster(image);
    return PHASH_OK;
}
