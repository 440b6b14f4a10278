/* Usage: test_golden TABLE [IMAGES]
 * Compares with imagehash: every row of a table with the columns image, hash_size, highfreq_factor,
 * xxh64_pixels, phash. Rows of formula images always; rows of files where the folder IMAGES is
 * given and this build decodes. Exit 77 when the table or the folder is not there. */
#include "check_main.h"
#include "formula.h"

#include <phash/dct.h>

#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const char *table_path, *image_root;

typedef struct row {
    char image[200], sum[17], hash[PHASH_BITS_HEX_MAX + 1];
    uint32_t size, factor;
} row;

/* The picture of the last formula row, as the table's rows come sorted by picture. */
static struct {
    char id[200];
    formula f;
    uint8_t *pixels;
} last;

static void render(const row *r)
{
    const char *id = r->image + strlen("formula:");
    if (strcmp(last.id, id)) {
        free(last.pixels);
        snprintf(last.id, sizeof last.id, "%s", id);
        ck_assert_msg(formula_parse(id, &last.f), "%s", id);
        last.pixels = formula_render(&last.f);
        ck_assert_ptr_nonnull(last.pixels);
    }
    char sum[17];
    snprintf(sum, sizeof sum, "%016" PRIx64,
             (uint64_t)XXH64(last.pixels, formula_row_bytes(&last.f) * last.f.height, 0));
    ck_assert_msg(!strcmp(sum, r->sum), "%s: other pixels", id);
}

static phash_status hash_formula(const phash_dct *dct, const row *r, phash_dct_result *result)
{
    render(r);
    const phash_pdq_image image = {
        last.pixels,
        (ptrdiff_t)formula_row_bytes(&last.f),
        {last.f.width, last.f.height, last.f.channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8}};
    return phash_dct_hash(dct, &image, NULL, result);
}

static phash_status hash_file(const phash_dct *dct, const row *r, phash_dct_result *result,
                              phash_error *error)
{
#if PHASH_HAS_DECODE
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", image_root, r->image + strlen("file:"));
    phash_decode_options decode = PHASH_DECODE_OPTIONS_INIT;
    decode.ignore_orientation = 1;
    return phash_dct_path(dct, path, &decode, NULL, result, error);
#else
    (void)dct, (void)r, (void)result, (void)error;
    return PHASH_E_UNSUPPORTED;
#endif
}

START_TEST(rows_agree)
{
    FILE *table = fopen(table_path, "r");
    ck_assert_ptr_nonnull(table);
    static char line[4096];
    row r;
    unsigned formulas = 0, files = 0, wrong = 0;
    phash_dct *dct = NULL;
    ck_assert_ptr_nonnull(fgets(line, sizeof line, table)); /* the names of the columns */
    while (fgets(line, sizeof line, table)) {
        ck_assert_int_eq(sscanf(line, "%199[^\t]\t%" SCNu32 "\t%" SCNu32 "\t%16[^\t]\t%1024[^\n]",
                                r.image, &r.size, &r.factor, r.sum, r.hash),
                         5);
        const bool is_formula = !strncmp(r.image, "formula:", 8);
        if (!is_formula && !(image_root && PHASH_HAS_DECODE))
            continue;
        if (!dct || phash_dct_hash_size(dct) != r.size ||
            phash_dct_highfreq_factor(dct) != r.factor) {
            phash_dct_free(&dct);
            ck_assert_int_eq(phash_dct_new(r.size, r.factor, &dct), PHASH_OK);
        }
        phash_dct_result result = PHASH_DCT_RESULT_INIT;
        phash_error error = PHASH_ERROR_INIT;
        const phash_status status =
            is_formula ? hash_formula(dct, &r, &result) : hash_file(dct, &r, &result, &error);
        char text[PHASH_BITS_HEX_MAX + 1] = "";
        phash_bits_to_hex(&result.hash, text, sizeof text);
        if (status != PHASH_OK || strcmp(text, r.hash)) {
            printf("%s %u %u: %s, %s, expected %s %s\n", r.image, (unsigned)r.size,
                   (unsigned)r.factor, phash_status_name(status), text, r.hash, error.message);
            wrong++;
        }
        formulas += is_formula;
        files += !is_formula;
    }
    fclose(table);
    phash_dct_free(&dct);
    free(last.pixels);
    printf("%u rows of formulas, %u of files, %u wrong\n", formulas, files, wrong);
    ck_assert_uint_gt(formulas, 0);
    ck_assert_uint_eq(wrong, 0);
    if (image_root && PHASH_HAS_DECODE)
        ck_assert_uint_gt(files, 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3)
        return 2;
    table_path = argv[1];
    image_root = argc > 2 ? argv[2] : NULL;
    if (access(table_path, R_OK) || (image_root && access(image_root, R_OK))) {
        puts("skipped: the table or its pictures are not there");
        return 77;
    }
    Suite *s = suite_create("golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, rows_agree);
    suite_add_tcase(s, t);
    return test_main(s);
}
