/* Pictures reduced to a few cells. */
#include "thumbnail.h"

#include <stdlib.h>
#include <string.h>

struct cells {
    uint64_t sums[THUMBNAIL_CELLS * THUMBNAIL_CELLS][3];
    uint64_t pixels[THUMBNAIL_CELLS * THUMBNAIL_CELLS];
};

/* Cells along one side: a picture of fewer pixels has as many. */
static uint8_t cells_of(uint32_t side, uint32_t longer)
{
    const uint32_t n =
        (uint32_t)(((uint64_t)side * THUMBNAIL_CELLS + longer / 2) / longer); /* at most 12 */
    return (uint8_t)(n == 0 ? 1 : n > side ? side : n);
}

static void add_row(struct cells *cells, const struct thumbnail *t, const phash_pdq_desc *desc,
                    uint32_t y, const uint8_t *row)
{
    const size_t channels = phash_pixel_bytes(desc->format);
    const size_t first = (size_t)((uint64_t)y * t->rows / desc->height) * t->columns;
    for (uint32_t x = 0; x < desc->width; x++, row += channels) {
        const size_t cell = first + (size_t)((uint64_t)x * t->columns / desc->width);
        for (size_t c = 0; c < 3; c++)
            cells->sums[cell][c] += row[channels == 1 ? 0 : c];
        cells->pixels[cell]++;
    }
}

static phash_status read_cells(phash_image *image, const phash_pdq_desc *desc, struct thumbnail *t,
                               phash_error *error)
{
    const size_t bytes = (size_t)desc->width * phash_pixel_bytes(desc->format);
    uint8_t *row = malloc(bytes);
    if (!row) {
        error->status = PHASH_E_MEMORY;
        return PHASH_E_MEMORY;
    }
    struct cells cells;
    memset(&cells, 0, sizeof cells);
    phash_status status = PHASH_OK;
    for (uint32_t y = 0; y < desc->height && !status; y++) {
        status = phash_image_read_rows(image, row, 1, bytes, error);
        if (!status)
            add_row(&cells, t, desc, y, row);
    }
    for (size_t i = 0; i < (size_t)t->columns * t->rows && !status; i++)
        for (size_t c = 0; c < 3; c++)
            t->rgb[3 * i + c] = (uint8_t)(cells.sums[i][c] / cells.pixels[i]);
    explicit_bzero(row, bytes);
    explicit_bzero(&cells, sizeof cells);
    free(row);
    return status;
}

phash_status thumbnail_make(int fd, const phash_decode_options *decode, struct thumbnail *out,
                            phash_error *error)
{
    phash_image *image;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    memset(out, 0, sizeof *out);
    phash_status status = phash_image_open_fd(fd, decode, &image, error);
    if (status)
        return status;
    (void)phash_image_info_get(image, &info);
    const uint32_t width = info.desc.width, height = info.desc.height;
    const uint32_t longer = width > height ? width : height;
    out->columns = cells_of(width, longer);
    out->rows = cells_of(height, longer);
    status = read_cells(image, &info.desc, out, error);
    phash_image_free(&image);
    return status;
}

bool thumbnail_is_sane(const struct thumbnail *t)
{
    return t->columns >= 1 && t->columns <= THUMBNAIL_CELLS && t->rows >= 1 &&
           t->rows <= THUMBNAIL_CELLS;
}
