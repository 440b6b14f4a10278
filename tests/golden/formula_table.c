/* Checks a table of formula images. */
#include "formula_table.h"
#include "formula.h"
#include "table.h"

#include <string.h>

static phash_pdq_result hash_pieces(const phash_pdq_image *image, const phash_pdq_options *options,
                                    uint64_t *state)
{
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_pdq_stream *s;
    ck_assert_int_eq(phash_pdq_stream_new(&image->desc, options, &s), PHASH_OK);
    const uint8_t *rows = image->rows;
    for (uint32_t y = 0; y < image->desc.height;) {
        const uint32_t left = image->desc.height - y;
        uint32_t n = (uint32_t)(test_random(state) % 50);
        n = n < left ? n : left;
        ck_assert_int_eq(
            phash_pdq_push_rows(s, rows + (ptrdiff_t)y * image->stride, n, image->stride),
            PHASH_OK);
        y += n;
    }
    ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_OK);
    phash_pdq_stream_free(&s);
    return r;
}

static void check_row(const table *t, const char *id, const uint8_t *pixels, uint64_t *state)
{
    const phash_pdq_desc desc = table_desc(t);
    const phash_pdq_options options = table_options(t);
    const phash_pdq_image image = {pixels, (ptrdiff_t)(desc.width * phash_pixel_bytes(desc.format)),
                                   desc};
    table_check_pixels(t, id, pixels);
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    const phash_status status = phash_pdq(&image, &options, &r);
    if (desc.width < PHASH_PDQ_SIDE_MIN || desc.height < PHASH_PDQ_SIDE_MIN) {
        static const phash_hash256 zero;
        ck_assert_int_eq(status, PHASH_E_TOO_SMALL);
        ck_assert_mem_eq(&r.hash, &zero, sizeof zero);
        return;
    }
    ck_assert_int_eq(status, PHASH_OK);
    table_check_result(t, id, &r);
    r = hash_pieces(&image, &options, state);
    table_check_result(t, id, &r);
}

unsigned check_formula_table(const char *folder, const char *name)
{
    static table t;
    char last[64] = "";
    uint8_t *pixels = NULL;
    uint64_t state = test_seed();
    table_open(&t, folder, name);
    while (table_next(&t)) {
        const char *id = table_get(&t, "id");
        if (strcmp(id, last) != 0) { /* the profiles of an image follow each other */
            formula f;
            free(pixels);
            ck_assert_msg(formula_parse(id, &f), "%s is no formula", id);
            pixels = formula_render(&f);
            ck_assert_ptr_nonnull(pixels);
            snprintf(last, sizeof last, "%s", id);
        }
        check_row(&t, id, pixels, &state);
    }
    free(pixels);
    return t.rows;
}
