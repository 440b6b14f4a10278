/* Every allocation of decoding fails once, in turn, whoever asks for it: this library, libjpeg,
 * libpng, zlib or libexif. The call says so and leaks nothing, or gets over it (libjpeg asks again for
 * less) and gives the right hash; never that of a picture that was not turned because there was no
 * memory to read its EXIF. */
#include "../faults/alloc_fault.h"
#include "encode.h"

enum { MOST = 100000 };

static blob file;
static phash_hash256 right;

static phash_status hash_file(void)
{
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    const phash_status status = phash_pdq_memory(file.p, file.n, NULL, NULL, &r, &e);
    if (status == PHASH_OK)
        right = r.hash;
    return status;
}

static void each_allocation_fails(void)
{
    ck_assert_int_eq(hash_file(), PHASH_OK);
    const phash_hash256 first = right;
    for (long n = 0; n < MOST; n++) {
        alloc_fault_arm(n);
        const phash_status status = hash_file();
        const bool fired = alloc_fault_disarm();
        ck_assert_msg(alloc_fault_balance() == 0, "allocation %ld: %ld blocks leak", n,
                      alloc_fault_balance());
        if (!fired) {
            ck_assert_int_eq(status, PHASH_OK);
            ck_assert_int_gt(n, 5);
            return;
        }
        ck_assert_msg(status == PHASH_E_MEMORY || status == PHASH_OK, "allocation %ld: status %s",
                      n, phash_status_name(status));
        ck_assert_mem_eq(&right, &first, sizeof first);
    }
    ck_abort_msg("no end of allocations");
}

START_TEST(jpeg)
{
    static const jpeg_script scripts[] = {SCRIPT_ONE, SCRIPT_SUCCESSIVE};
    uint8_t exif[EXIF_BYTES];
    test_exif(exif, 6, true);
    for (int i = 0; i < 4; i++) {
        const jpeg_spec spec = {.width = 100,
                                .height = 80,
                                .in = i < 2 ? JCS_RGB : JCS_CMYK,
                                .stored = i < 2 ? JCS_YCbCr : JCS_YCCK,
                                .h = 2,
                                .v = 2,
                                .script = scripts[i % 2],
                                .exif = exif,
                                .exif_bytes = sizeof exif};
        uint8_t *pixels = test_pixels(1, 100, 80, i < 2 ? 3 : 4);
        file = encode_jpeg(&spec, pixels);
        each_allocation_fails();
        free(file.p);
        free(pixels);
    }
}
END_TEST

START_TEST(png)
{
    uint8_t exif[EXIF_BYTES];
    test_exif(exif, 6, false);
    for (int i = 0; i < 4; i++) {
        const png_spec spec = {.width = 100,
                               .height = 80,
                               .colour = i < 2 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_PALETTE,
                               .depth = 8,
                               .interlaced = i % 2,
                               .trns = true,
                               .exif = exif + 6,
                               .exif_bytes = sizeof exif - 6};
        uint8_t *expected;
        file = encode_png(&spec, 1, &expected);
        each_allocation_fails();
        free(file.p);
        free(expected);
    }
}
END_TEST

int main(void)
{
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer has the allocator");
        return 77;
    }
    Suite *s = suite_create("decode alloc");
    TCase *t = tcase_create("alloc");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, jpeg);
    tcase_add_test(t, png);
    suite_add_tcase(s, t);
    return test_main(s);
}
