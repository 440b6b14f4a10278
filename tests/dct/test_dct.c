/* The DCT hash through the public calls: contract, row splits, formats, limits, variants, threads.
 * Values are checked against imagehash's in test_golden.c. */
#include "check_main.h"

#include <phash/dct.h>

#include <pthread.h>
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

static phash_dct *make(uint32_t hash_size, uint32_t factor)
{
    phash_dct *dct;
    ck_assert_int_eq(phash_dct_new(hash_size, factor, &dct), PHASH_OK);
    return dct;
}

static phash_dct_result hash_of(const phash_dct *dct, const uint8_t *rows, uint32_t w, uint32_t h,
                                phash_pixel_format format)
{
    phash_dct_result r = PHASH_DCT_RESULT_INIT;
    phash_dct_options o = PHASH_DCT_OPTIONS_INIT;
    o.dihedral = o.inverted = 1;
    const phash_pdq_image image = {
        rows, (ptrdiff_t)(w * phash_pixel_bytes(format)), {w, h, format}};
    ck_assert_int_eq(phash_dct_hash(dct, &image, &o, &r), PHASH_OK);
    return r;
}

static void check_hex(const phash_bits *hash, const char *expected)
{
    char text[PHASH_BITS_HEX_MAX + 1];
    phash_bits_to_hex(hash, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

START_TEST(parameters_have_limits)
{
    phash_dct *dct = (phash_dct *)&dct;
    static const uint32_t bad[][2] = {{0, 4},  {1, 4},          {65, 4},        {8, 0},
                                      {8, 17}, {UINT32_MAX, 1}, {8, UINT32_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(phash_dct_new(bad[i][0], bad[i][1], &dct), PHASH_E_ARGUMENT);
        ck_assert_ptr_null(dct);
    }
    ck_assert_int_eq(phash_dct_new(8, 4, NULL), PHASH_E_ARGUMENT);
    ck_assert_uint_eq(phash_dct_hash_size(NULL), 0);
    ck_assert_uint_eq(phash_dct_highfreq_factor(NULL), 0);
    ck_assert_uint_eq(phash_dct_name(NULL, NULL, 0), 0);
    phash_dct_free(NULL);
    phash_dct_free(&dct);
}
END_TEST

/* Every hash_size and every factor, on an image that is larger than some and smaller than others. */
START_TEST(every_parameter_gives_a_hash_of_its_length)
{
    uint64_t state = test_seed();
    uint8_t *p = noise(&state, 90 * 70 * 3);
    for (uint32_t i = 0; i < 63 + 16; i++) {
        const uint32_t size = i < 63 ? 2 + i : 5, factor = i < 63 ? 1 : i - 62;
        phash_dct *dct = make(size, factor);
        ck_assert_uint_eq(phash_dct_hash_size(dct), size);
        ck_assert_uint_eq(phash_dct_highfreq_factor(dct), factor);
        const phash_dct_result r = hash_of(dct, p, 90, 70, PHASH_PIXEL_RGB8);
        ck_assert_uint_eq(r.hash.length, size * size);
        unsigned ones = 0;
        for (size_t b = 0; b < sizeof r.hash.bytes; b++)
            ones += (unsigned)__builtin_popcount(r.hash.bytes[b]);
        ck_assert_uint_ge(ones, 1);
        ck_assert_uint_le(ones, size * size / 2); /* fewer only where coefficients are equal */
        phash_dct_free(&dct);
        ck_assert_ptr_null(dct);
    }
    phash_dct *dct = make(64, 16);
    char name[32];
    ck_assert_uint_eq(phash_dct_name(dct, name, sizeof name), strlen("dct-64x16"));
    ck_assert_str_eq(name, "dct-64x16");
    ck_assert_uint_eq(phash_dct_name(dct, name, 4), strlen("dct-64x16"));
    ck_assert_str_eq(name, "dct");
    const phash_dct_result r = hash_of(dct, p, 90, 70, PHASH_PIXEL_RGB8);
    ck_assert_uint_eq(r.hash.length, 4096);
    phash_dct_free(&dct);
    free(p);
}
END_TEST

START_TEST(rows_in_any_split_give_the_same)
{
    static const uint32_t shapes[][2] = {{1, 1},     {32, 32},    {32, 7},  {7, 32},
                                         {1, 900},   {900, 1},    {33, 31}, {128, 130},
                                         {513, 300}, {300, 1025}, {5, 700}, {640, 480}};
    uint64_t state = test_seed();
    phash_dct *dct = make(8, 4);
    phash_dct_stream *s = NULL;
    phash_dct_options o = PHASH_DCT_OPTIONS_INIT;
    o.dihedral = o.inverted = 1;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const uint32_t w = shapes[i][0], h = shapes[i][1];
        uint8_t *p = noise(&state, (size_t)w * h * 3);
        const phash_dct_result whole = hash_of(dct, p, w, h, PHASH_PIXEL_RGB8);
        const phash_pdq_desc desc = {w, h, PHASH_PIXEL_RGB8};
        for (int round = 0; round < 3; round++) {
            /* One stream for all shapes. */
            if (!s)
                ck_assert_int_eq(phash_dct_stream_new(dct, &desc, &o, &s), PHASH_OK);
            else
                ck_assert_int_eq(phash_dct_stream_reset(s, &desc, &o), PHASH_OK);
            for (uint32_t y = 0; y < h;) {
                uint32_t n = (uint32_t)(test_random(&state) % 40);
                if (n > h - y)
                    n = h - y;
                ck_assert_int_eq(phash_dct_push_rows(s, p + (size_t)y * w * 3, n, (ptrdiff_t)w * 3),
                                 PHASH_OK);
                y += n;
            }
            ck_assert_int_eq(phash_dct_push_rows(s, p, 1, 0), PHASH_E_STATE);
            phash_dct_result r = PHASH_DCT_RESULT_INIT;
            ck_assert_int_eq(phash_dct_finish(s, &r), PHASH_OK);
            ck_assert_mem_eq(&r, &whole, sizeof r);
            ck_assert_int_eq(phash_dct_finish(s, &r), PHASH_E_STATE);
        }
        free(p);
    }
    phash_dct_stream_free(&s);
    ck_assert_ptr_null(s);
    phash_dct_free(&dct);
}
END_TEST

/* One grey picture in all five formats, with gaps between the rows, and upside down. */
START_TEST(formats_and_strides_agree)
{
    enum { W = 211, H = 97, GAP = 13 };
    uint64_t state = test_seed();
    phash_dct *dct = make(8, 4);
    uint8_t *rgb = noise(&state, (size_t)W * H * 3);
    const phash_dct_result whole = hash_of(dct, rgb, W, H, PHASH_PIXEL_RGB8);
    static const struct {
        phash_pixel_format format;
        int r, g, b;
    } formats[] = {{PHASH_PIXEL_BGR8, 2, 1, 0},
                   {PHASH_PIXEL_RGBA8, 0, 1, 2},
                   {PHASH_PIXEL_BGRA8, 2, 1, 0},
                   {PHASH_PIXEL_RGB8, 0, 1, 2}};
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
        for (int flipped = 0; flipped < 2; flipped++) {
            const size_t bytes = phash_pixel_bytes(formats[f].format), stride = W * bytes + GAP;
            uint8_t *p = malloc(stride * H);
            ck_assert_ptr_nonnull(p);
            for (size_t i = 0; i < stride * H; i++)
                p[i] = (uint8_t)test_random(&state); /* alpha and gaps are to be ignored */
            for (size_t y = 0; y < H; y++)
                for (size_t x = 0; x < W; x++) {
                    uint8_t *to = p + (flipped ? H - 1 - y : y) * stride + x * bytes;
                    const uint8_t *from = rgb + (y * W + x) * 3;
                    to[formats[f].r] = from[0];
                    to[formats[f].g] = from[1];
                    to[formats[f].b] = from[2];
                }
            phash_pdq_image image = {p, (ptrdiff_t)stride, {W, H, formats[f].format}};
            if (flipped) {
                image.rows = p + (H - 1) * stride;
                image.stride = -(ptrdiff_t)stride;
            }
            phash_dct_result r = PHASH_DCT_RESULT_INIT;
            ck_assert_int_eq(phash_dct_hash(dct, &image, NULL, &r), PHASH_OK);
            ck_assert_mem_eq(&r.hash, &whole.hash, sizeof r.hash);
            ck_assert_int_eq(r.has_dihedral, 0);
            ck_assert_int_eq(r.has_inverted, 0);
            free(p);
        }
    /* Grey in three channels is grey: the weights add up to one. */
    for (size_t i = 0; i < (size_t)W * H; i++)
        rgb[3 * i + 1] = rgb[3 * i + 2] = rgb[3 * i];
    const phash_dct_result colour = hash_of(dct, rgb, W, H, PHASH_PIXEL_RGB8);
    for (size_t i = 0; i < (size_t)W * H; i++)
        rgb[i] = rgb[3 * i];
    const phash_dct_result grey = hash_of(dct, rgb, W, H, PHASH_PIXEL_GREY8);
    ck_assert_mem_eq(&grey, &colour, sizeof grey);
    free(rgb);
    phash_dct_free(&dct);
}
END_TEST

START_TEST(contract_is_kept)
{
    static const uint8_t pixel[4] = {9, 9, 9, 9};
    phash_dct *dct = make(8, 4);
    phash_dct_result r = PHASH_DCT_RESULT_INIT;
    phash_dct_options o = PHASH_DCT_OPTIONS_INIT;
    phash_dct_stream *s = (phash_dct_stream *)&r;
    const phash_pdq_image good = {pixel, 1, {1, 1, PHASH_PIXEL_GREY8}};
    phash_pdq_image bad = good;
    ck_assert_int_eq(phash_dct_hash(NULL, &good, NULL, &r), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_hash(dct, NULL, NULL, &r), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_hash(dct, &good, NULL, NULL), PHASH_E_ARGUMENT);
    bad.rows = NULL;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_ARGUMENT);
    bad = good;
    bad.desc.width = 0;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_ARGUMENT);
    bad = good;
    bad.desc.height = 0;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_ARGUMENT);
    bad = good;
    bad.desc.format = (phash_pixel_format)6;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_ARGUMENT);
    bad = good;
    bad.desc.width = PHASH_DCT_IMAGE_SIDE_MAX + 1;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_LIMIT_DIMENSION);
    bad = good;
    bad.desc.height = UINT32_MAX;
    ck_assert_int_eq(phash_dct_stream_new(dct, &bad.desc, NULL, &s), PHASH_E_LIMIT_DIMENSION);
    ck_assert_ptr_null(s);
    o.size = sizeof o - 1;
    ck_assert_int_eq(phash_dct_hash(dct, &good, &o, &r), PHASH_E_ARGUMENT);
    r.size = sizeof r - 1;
    ck_assert_int_eq(phash_dct_hash(dct, &good, NULL, &r), PHASH_E_ARGUMENT);
    r.size = sizeof r;
    r.hash.length = 5;
    ck_assert_int_eq(phash_dct_hash(dct, &bad, NULL, &r), PHASH_E_LIMIT_DIMENSION);
    ck_assert_uint_eq(r.hash.length, 0);
    ck_assert_int_eq(phash_dct_stream_new(dct, &good.desc, NULL, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_stream_new(dct, &good.desc, NULL, &s), PHASH_OK);
    ck_assert_int_eq(phash_dct_finish(s, &r), PHASH_E_STATE);
    ck_assert_int_eq(phash_dct_push_rows(s, NULL, 0, 0), PHASH_OK);
    ck_assert_int_eq(phash_dct_push_rows(s, NULL, 1, 0), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_push_rows(s, pixel, 2, 1), PHASH_E_STATE);
    ck_assert_int_eq(phash_dct_push_rows(s, pixel, 1, 1), PHASH_OK);
    ck_assert_int_eq(phash_dct_finish(s, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_finish(s, &r), PHASH_OK);
    ck_assert_int_eq(phash_dct_stream_reset(s, &bad.desc, NULL), PHASH_E_LIMIT_DIMENSION);
    ck_assert_int_eq(phash_dct_push_rows(s, pixel, 1, 1), PHASH_E_STATE);
    ck_assert_int_eq(phash_dct_stream_reset(s, &good.desc, NULL), PHASH_OK);
    ck_assert_int_eq(phash_dct_stream_reset(NULL, &good.desc, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_dct_push_rows(NULL, pixel, 1, 1), PHASH_E_ARGUMENT);
    phash_dct_stream_free(&s);
    phash_dct_stream_free(&s);
    phash_dct_stream_free(NULL);
    phash_dct_free(&dct);
}
END_TEST

/* Most coefficients are zero in exact arithmetic, and give no set bits. Values are imagehash's. */
START_TEST(pictures_without_features)
{
    enum { SIDE = 96 };
    static uint8_t p[SIDE * SIDE];
    phash_dct *dct = make(8, 4);
    for (int v = 0; v < 256; v++) {
        memset(p, v, sizeof p);
        const phash_dct_result r = hash_of(dct, p, SIDE, SIDE, PHASH_PIXEL_GREY8);
        check_hex(&r.hash, v ? "8000000000000000" : "0000000000000000");
        check_hex(&r.inverted[0], v < 255 ? "8000000000000000" : "0000000000000000");
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            p[y * SIDE + x] = (uint8_t)(x * 255 / (SIDE - 1));
    const phash_dct_result r = hash_of(dct, p, SIDE, SIDE, PHASH_PIXEL_GREY8);
    check_hex(&r.hash, "a000000000000000");
    check_hex(&r.dihedral[PHASH_DIHEDRAL_FLIPY], "f500000000000000");
    check_hex(&r.dihedral[PHASH_DIHEDRAL_TRANSPOSE], "8000800000000000");
    phash_dct_free(&dct);
}
END_TEST

/* A picture that needs no reduction, so that turning it and turning its spectrum are the same. */
START_TEST(variants_are_the_hashes_of_turned_pictures)
{
    enum { SIDE = 32, LAST = SIDE - 1 };
    uint64_t state = test_seed();
    phash_dct *dct = make(8, 4);
    for (int round = 0; round < 50; round++) {
        uint8_t *p = noise(&state, SIDE * SIDE), turned[SIDE * SIDE];
        const phash_dct_result r = hash_of(dct, p, SIDE, SIDE, PHASH_PIXEL_GREY8);
        ck_assert_mem_eq(&r.dihedral[0], &r.hash, sizeof r.hash);
        for (int d = 0; d < PHASH_DIHEDRALS; d++)
            for (int inverted = 0; inverted < 2; inverted++) {
                for (int y = 0; y < SIDE; y++)
                    for (int x = 0; x < SIDE; x++) {
                        /* Where the pixel at (x, y) of the turned picture comes from: the same
                         * pictures that PDQ's dihedral hashes are of. */
                        const int from[PHASH_DIHEDRALS][2] = {
                            {x, y},        {LAST - y, x},       {LAST - x, LAST - y},
                            {y, LAST - x}, {x, LAST - y},       {LAST - x, y},
                            {y, x},        {LAST - y, LAST - x}};
                        const uint8_t v = p[from[d][1] * SIDE + from[d][0]];
                        turned[y * SIDE + x] = inverted ? (uint8_t)(255 - v) : v;
                    }
                const phash_dct_result t = hash_of(dct, turned, SIDE, SIDE, PHASH_PIXEL_GREY8);
                ck_assert_mem_eq(&t.hash, inverted ? &r.inverted[d] : &r.dihedral[d],
                                 sizeof t.hash);
            }
        free(p);
    }
    phash_dct_free(&dct);
}
END_TEST

typedef struct job {
    uint64_t seed;
    const phash_dct *shared;
    int failures;
} job;

/* Plans, uses and destroys contexts of its own, and uses the shared one. */
static void *work(void *arg)
{
    job *j = arg;
    uint64_t state = j->seed;
    enum { W = 120, H = 80 };
    static const char expected[] = "8000000000000000";
    uint8_t p[W * H];
    for (int round = 0; round < 40; round++) {
        memset(p, 1 + (int)(test_random(&state) % 254), sizeof p);
        const phash_pdq_image image = {p, W, {W, H, PHASH_PIXEL_GREY8}};
        phash_dct_result r = PHASH_DCT_RESULT_INIT;
        phash_dct *own;
        char text[PHASH_BITS_HEX_MAX + 1] = "";
        if (phash_dct_new(2 + (uint32_t)(test_random(&state) % 20), 4, &own) != PHASH_OK ||
            phash_dct_hash(own, &image, NULL, &r) != PHASH_OK ||
            phash_dct_hash(j->shared, &image, NULL, &r) != PHASH_OK)
            j->failures++;
        phash_bits_to_hex(&r.hash, text, sizeof text);
        j->failures += strcmp(text, expected) != 0;
        phash_dct_free(&own);
    }
    return NULL;
}

START_TEST(threads_share_a_context)
{
    enum { THREADS = 4 };
    phash_dct *dct = make(8, 4);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){test_seed() + (uint64_t)i, dct, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(jobs[i].failures, 0);
    }
    phash_dct_free(&dct);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dct");
    TCase *t = tcase_create("dct");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, parameters_have_limits);
    tcase_add_test(t, every_parameter_gives_a_hash_of_its_length);
    tcase_add_test(t, rows_in_any_split_give_the_same);
    tcase_add_test(t, formats_and_strides_agree);
    tcase_add_test(t, contract_is_kept);
    tcase_add_test(t, pictures_without_features);
    tcase_add_test(t, variants_are_the_hashes_of_turned_pictures);
    tcase_add_test(t, threads_share_a_context);
    suite_add_tcase(s, t);
    return test_main(s);
}
