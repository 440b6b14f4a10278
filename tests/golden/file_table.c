/* Checks a table of image files. */
#include "file_table.h"
#include "table.h"

#include <phash/decode.h>

#include <string.h>

static bool has_column(const table *t, const char *column)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->names[i], column) == 0)
            return true;
    return false;
}

static void check_image(const table *t, const char *path, const phash_decode_options *options)
{
    const phash_pdq_desc desc = table_desc(t);
    phash_image *image;
    phash_error e = PHASH_ERROR_INIT;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    const phash_status opened = phash_image_open_path(path, options, &image, &e);
    ck_assert_msg(opened == PHASH_OK, "%s: %s", path, e.message);
    ck_assert_int_eq(phash_image_info_get(image, &info), PHASH_OK);
    ck_assert_uint_eq(info.desc.width, desc.width);
    ck_assert_uint_eq(info.desc.height, desc.height);
    ck_assert_int_eq(info.desc.format, desc.format);
    if (has_column(t, "orientation"))
        ck_assert_int_eq((int)info.orientation, atoi(table_get(t, "orientation")));
    const size_t stride = (size_t)desc.width * phash_pixel_bytes(desc.format);
    uint8_t *pixels = malloc(stride * desc.height);
    ck_assert_ptr_nonnull(pixels);
    ck_assert_msg(phash_image_read_rows(image, pixels, desc.height, stride, &e) == PHASH_OK,
                  "%s: %s", path, e.message);
    table_check_pixels(t, path, pixels);
    phash_image_free(&image);
    free(pixels);
}

unsigned check_file_table(const char *folder, const char *name, const char *images)
{
    static table t;
    table_open(&t, folder, name);
    while (table_next(&t)) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s%s", folder, images, table_get(&t, "file"));
        phash_decode_options decode = PHASH_DECODE_OPTIONS_INIT;
        decode.ignore_orientation =
            !has_column(&t, "raster") || strcmp(table_get(&t, "raster"), "turned") != 0;
        check_image(&t, path, &decode);
        const phash_pdq_options options = table_options(&t);
        phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
        phash_error e = PHASH_ERROR_INIT;
        ck_assert_msg(phash_pdq_path(path, &decode, &options, &r, &e) == PHASH_OK, "%s: %s", path,
                      e.message);
        table_check_result(&t, path, &r);
    }
    return t.rows;
}
