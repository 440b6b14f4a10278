/* PDQ through the public calls: contract, row splits, formats, profiles. Values are checked against
 * the reference's in tests/golden. */
#include "check_main.h"

#include <phash/pdq.h>

#include <string.h>

static uint8_t *noise(uint64_t *state, size_t bytes)
{
    uint8_t *p = malloc(bytes);
    ck_assert_ptr_nonnull(p);
    /* Smooth enough to have structure, rough enough that every bit counts. */
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)((i < 64 ? 128 : p[i - 64]) + (int)(test_random(state) % 41) - 20);
    return p;
}

static phash_pdq_result hash_whole(const uint8_t *rows, uint32_t w, uint32_t h,
                                   phash_pixel_format format, phash_pdq_profile profile)
{
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    o.profile = profile;
    o.dihedral = 1;
    const phash_pdq_image image = {
        rows, (ptrdiff_t)(w * phash_pixel_bytes(format)), {w, h, format}};
    ck_assert_int_eq(phash_pdq(&image, &o, &r), PHASH_OK);
    return r;
}

static void assert_same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    ck_assert_mem_eq(&a->hash, &b->hash, sizeof a->hash);
    ck_assert_int_eq(a->quality, b->quality);
    ck_assert_int_eq(a->has_dihedral, b->has_dihedral);
    ck_assert_mem_eq(a->dihedral, b->dihedral, sizeof a->dihedral);
}

START_TEST(rows_in_any_split_give_the_same)
{
    static const uint32_t shapes[][2] = {{5, 5},   {64, 64},   {64, 65},   {5, 700},    {700, 5},
                                         {33, 17}, {128, 130}, {513, 300}, {300, 1025}, {640, 480}};
    uint64_t state = test_seed();
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int profile = 0; profile < 2; profile++) {
            const uint32_t w = shapes[i][0], h = shapes[i][1];
            uint8_t *p = noise(&state, (size_t)w * h * 3);
            const phash_pdq_result whole =
                hash_whole(p, w, h, PHASH_PIXEL_RGB8, (phash_pdq_profile)profile);
            phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
            o.profile = (phash_pdq_profile)profile;
            o.dihedral = 1;
            const phash_pdq_desc desc = {w, h, PHASH_PIXEL_RGB8};
            phash_pdq_stream *s;
            ck_assert_int_eq(phash_pdq_stream_new(&desc, &o, &s), PHASH_OK);
            for (int round = 0; round < 3; round++) {
                for (uint32_t y = 0; y < h;) {
                    uint32_t n = (uint32_t)(test_random(&state) % 40);
                    if (n > h - y)
                        n = h - y;
                    ck_assert_int_eq(
                        phash_pdq_push_rows(s, p + (size_t)y * w * 3, n, (ptrdiff_t)w * 3),
                        PHASH_OK);
                    y += n;
                }
                phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
                ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_OK);
                assert_same(&r, &whole);
                ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_E_STATE);
                ck_assert_int_eq(phash_pdq_stream_reset(s, &desc, &o), PHASH_OK);
            }
            phash_pdq_stream_free(&s);
            ck_assert_ptr_null(s);
            free(p);
        }
}
END_TEST

START_TEST(formats_and_strides_agree)
{
    enum { W = 150, H = 97 };
    uint64_t state = test_seed() + 1;
    uint8_t *rgb = noise(&state, (size_t)W * H * 3);
    static uint8_t bgr[W * H * 3], rgba[W * H * 4], bgra[W * H * 4], upside[H][W * 3 + 5];
    for (size_t i = 0; i < (size_t)W * H; i++) {
        const uint8_t r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
        bgr[3 * i] = b, bgr[3 * i + 1] = g, bgr[3 * i + 2] = r;
        rgba[4 * i] = r, rgba[4 * i + 1] = g, rgba[4 * i + 2] = b;
        rgba[4 * i + 3] = (uint8_t)test_random(&state);
        bgra[4 * i] = b, bgra[4 * i + 1] = g, bgra[4 * i + 2] = r;
        bgra[4 * i + 3] = (uint8_t)test_random(&state);
    }
    for (size_t y = 0; y < H; y++)
        memcpy(upside[H - 1 - y], rgb + y * W * 3, W * 3);
    const phash_pdq_result want = hash_whole(rgb, W, H, PHASH_PIXEL_RGB8, PHASH_PDQ_FULL);
    phash_pdq_result got = hash_whole(bgr, W, H, PHASH_PIXEL_BGR8, PHASH_PDQ_FULL);
    assert_same(&got, &want);
    got = hash_whole(rgba, W, H, PHASH_PIXEL_RGBA8, PHASH_PDQ_FULL);
    assert_same(&got, &want);
    got = hash_whole(bgra, W, H, PHASH_PIXEL_BGRA8, PHASH_PDQ_FULL);
    assert_same(&got, &want);
    const phash_pdq_image image = {
        upside[H - 1], -(ptrdiff_t)sizeof upside[0], {W, H, PHASH_PIXEL_RGB8}};
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    o.dihedral = 1;
    got = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(phash_pdq(&image, &o, &got), PHASH_OK);
    assert_same(&got, &want);
    free(rgb);
}
END_TEST

START_TEST(small_images_have_no_hash)
{
    uint8_t rows[100 * 5 * 3] = {7};
    const uint32_t shapes[][2] = {{4, 100}, {100, 4}, {1, 1}, {4, 4}};
    for (size_t i = 0; i < 4; i++) {
        phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
        memset(&r.hash, 0xff, sizeof r.hash);
        r.quality = 99;
        const phash_pdq_image image = {
            rows, (ptrdiff_t)shapes[i][0], {shapes[i][0], shapes[i][1], PHASH_PIXEL_GREY8}};
        ck_assert_int_eq(phash_pdq(&image, NULL, &r), PHASH_E_TOO_SMALL);
        const phash_hash256 zero = {{0}};
        ck_assert_mem_eq(&r.hash, &zero, sizeof zero);
        ck_assert_int_eq(r.quality, 0);
    }
}
END_TEST

START_TEST(contract_is_enforced)
{
    uint8_t rows[64 * 64 * 3] = {0};
    phash_pdq_desc desc = {64, 64, PHASH_PIXEL_RGB8};
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    phash_pdq_stream *s = (phash_pdq_stream *)rows;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(phash_pdq_stream_new(NULL, NULL, &s), PHASH_E_ARGUMENT);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(phash_pdq_stream_new(&desc, NULL, NULL), PHASH_E_ARGUMENT);
    desc.format = (phash_pixel_format)77;
    ck_assert_int_eq(phash_pdq_stream_new(&desc, NULL, &s), PHASH_E_ARGUMENT);
    desc.format = PHASH_PIXEL_RGB8;
    desc.width = 0;
    ck_assert_int_eq(phash_pdq_stream_new(&desc, NULL, &s), PHASH_E_ARGUMENT);
    desc.width = 64;
    o.profile = (phash_pdq_profile)9;
    ck_assert_int_eq(phash_pdq_stream_new(&desc, &o, &s), PHASH_E_ARGUMENT);
    o.profile = PHASH_PDQ_FULL;
    o.size = 1;
    ck_assert_int_eq(phash_pdq_stream_new(&desc, &o, &s), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_pdq_stream_new(&desc, NULL, &s), PHASH_OK);
    ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_E_STATE);
    ck_assert_int_eq(phash_pdq_push_rows(s, NULL, 1, 192), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_pdq_push_rows(s, NULL, 0, 192), PHASH_OK);
    ck_assert_int_eq(phash_pdq_push_rows(s, rows, 65, 192), PHASH_E_STATE);
    ck_assert_int_eq(phash_pdq_push_rows(s, rows, 64, 192), PHASH_OK);
    ck_assert_int_eq(phash_pdq_push_rows(s, rows, 1, 192), PHASH_E_STATE);
    r.size = 0;
    ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_E_ARGUMENT);
    r.size = sizeof r;
    ck_assert_int_eq(phash_pdq_finish(s, &r), PHASH_OK);
    ck_assert_int_eq(phash_pdq_push_rows(s, rows, 1, 192), PHASH_E_STATE);
    /* A failed reset leaves a stream that can be reset again. */
    desc.height = 3;
    ck_assert_int_eq(phash_pdq_stream_reset(s, &desc, NULL), PHASH_E_TOO_SMALL);
    ck_assert_int_eq(phash_pdq_push_rows(s, rows, 1, 192), PHASH_E_STATE);
    desc.height = 64;
    ck_assert_int_eq(phash_pdq_stream_reset(s, &desc, NULL), PHASH_OK);
    phash_pdq_stream_free(&s);
    phash_pdq_stream_free(&s);
    phash_pdq_stream_free(NULL);
}
END_TEST

START_TEST(names_and_sizes)
{
    ck_assert_uint_eq(phash_pixel_bytes(PHASH_PIXEL_GREY8), 1);
    ck_assert_uint_eq(phash_pixel_bytes(PHASH_PIXEL_BGR8), 3);
    ck_assert_uint_eq(phash_pixel_bytes(PHASH_PIXEL_BGRA8), 4);
    ck_assert_uint_eq(phash_pixel_bytes((phash_pixel_format)0), 0);
    ck_assert_str_eq(phash_dihedral_name(PHASH_DIHEDRAL_ORIGINAL), "original");
    ck_assert_str_eq(phash_dihedral_name(PHASH_DIHEDRAL_ANTITRANSPOSE), "antitranspose");
    ck_assert_ptr_null(phash_dihedral_name((phash_dihedral)8));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pdq");
    TCase *t = tcase_create("pdq");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, rows_in_any_split_give_the_same);
    tcase_add_test(t, formats_and_strides_agree);
    tcase_add_test(t, small_images_have_no_hash);
    tcase_add_test(t, contract_is_enforced);
    tcase_add_test(t, names_and_sizes);
    suite_add_tcase(s, t);
    return test_main(s);
}
