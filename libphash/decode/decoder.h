/* What the parts of the decoder share: an image being decoded, and what each format provides. */
#ifndef PHASH_DECODE_DECODER_H
#define PHASH_DECODE_DECODER_H

#include "decode/source.h"

#include <phash/decode.h>
#include <phash/features.h>

/* Takes one row of luma means. */
typedef void (*decode_row_fn)(void *context, const uint8_t *means);

/* One format. On failure each call fills `error`, and only `close` is called after it. */
typedef struct decode_ops {
    /* Reads the header and sets width, height, format, orientation and whole. Allocates nothing
     * that grows with the picture before limits_check_shape has passed it. */
    phash_status (*open)(phash_image *image, phash_error *error);
    /* Decodes the next rows as they are stored; all of them in one call where `whole` is set. After
     * the picture's last row it reads on to the file's end mark. */
    phash_status (*rows)(phash_image *image, uint8_t *rows, size_t count, size_t stride,
                         phash_error *error);
    /* Frees image->state, which may be NULL. */
    void (*close)(phash_image *image);
    /* Instead of `rows`: gives the luma as stored, in means of pitch * pitch pixels (2, 4 or 8), row
     * by row, reading no more of the file than that takes. NULL, or PHASH_E_UNSUPPORTED before the
     * first row, where the format or this file cannot. */
    phash_status (*reduced)(phash_image *image, uint32_t pitch, decode_row_fn row, void *context,
                            phash_error *error);
} decode_ops;

extern const decode_ops decode_jpeg, decode_png;

struct phash_image {
    phash_decode_options options;
    decode_source source;
    phash_file_type type;
    const decode_ops *ops;
    void *state; /* the format's own */

    /* Set by ops->open. */
    uint32_t width, height; /* as stored */
    phash_pixel_format format;
    uint32_t orientation; /* EXIF, 1 to 8 */
    bool whole;           /* the format gives no row before it has them all */

    phash_pdq_desc desc; /* as handed out: turned */
    uint32_t turn;       /* orientation to apply; 1 where none is, or where it is ignored */
    uint32_t stored;     /* stored rows decoded */
    uint32_t given;      /* rows handed out */
    uint64_t memory;     /* bytes held or spoken for, of options.max_memory */
    bool failed;

    /* The picture as stored, where rows cannot be handed out in the order they come. */
    bool held;
    uint8_t *raster;
    size_t raster_bytes;
};

/* Opens an image once more, from the first byte of its source, of which no row has been handed out.
 * The source must be one that source_can_rewind. Errors: those of opening. */
phash_status image_restart(phash_image *image, phash_error *error);

#endif
