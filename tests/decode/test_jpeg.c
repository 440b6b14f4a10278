/* JPEG: pixels of every kind of file equal libjpeg's own, damage that libjpeg only warns of is an
 * error, harmless oddities are not. */
#include "encode.h"

static const J_COLOR_SPACE spaces[][2] = {{JCS_GRAYSCALE, JCS_GRAYSCALE},
                                          {JCS_RGB, JCS_YCbCr},
                                          {JCS_RGB, JCS_RGB},
                                          {JCS_CMYK, JCS_CMYK},
                                          {JCS_CMYK, JCS_YCCK}};
enum { SPACES = sizeof spaces / sizeof spaces[0] };

static unsigned channels_in(J_COLOR_SPACE space)
{
    return space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
}

/* Inverted CMYK to RGB, written as the definition: R = (255 - C)(255 - K) / 255 with ink values, up
 * to the rounding that Pillow's integer form does. */
static void cmyk_to_rgb(const uint8_t *in, uint8_t *out, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++) {
            const unsigned ink = 255u - in[i * 4 + c], light = in[i * 4 + 3];
            out[i * 3 + c] = (uint8_t)(light - (ink * light * 2 + 255) / 510);
        }
}

static void check_spec(const jpeg_spec *spec)
{
    uint8_t *pixels = test_pixels(test_seed(), spec->width, spec->height, channels_in(spec->in));
    const blob file = encode_jpeg(spec, pixels);
    unsigned channels;
    uint8_t *expected = reference_jpeg(&file, &channels);
    if (channels == 4) {
        uint8_t *rgb = malloc((size_t)spec->width * spec->height * 3);
        ck_assert_ptr_nonnull(rgb);
        cmyk_to_rgb(expected, rgb, (size_t)spec->width * spec->height);
        free(expected);
        expected = rgb;
        channels = 3;
    }
    assert_pixels(&file, NULL, PHASH_FILE_JPEG, spec->width, spec->height, channels, expected);
    free(expected);
    free(file.p);
    free(pixels);
}

START_TEST(every_space_and_process)
{
    static const uint32_t shapes[][2] = {{1, 1}, {5, 7}, {16, 16}, {33, 49}, {129, 70}};
    for (size_t i = 0; i < SPACES; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            for (int form = 0; form < 3 * SCRIPTS; form++) {
                const jpeg_spec spec = {.width = shapes[k][0],
                                        .height = shapes[k][1],
                                        .in = spaces[i][0],
                                        .stored = spaces[i][1],
                                        .script = (jpeg_script)(form % SCRIPTS),
                                        .restart = form / SCRIPTS > 0,
                                        .arithmetic = form / SCRIPTS > 1};
                check_spec(&spec);
            }
}
END_TEST

START_TEST(every_subsampling)
{
    static const int factors[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {1, 4}, {4, 2}};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        for (int script = 0; script < SCRIPTS; script++) {
            const jpeg_spec spec = {.width = 101,
                                    .height = 83,
                                    .in = JCS_RGB,
                                    .stored = JCS_YCbCr,
                                    .h = factors[i][0],
                                    .v = factors[i][1],
                                    .script = (jpeg_script)script,
                                    .restart = 1};
            check_spec(&spec);
        }
}
END_TEST

/* The form that has an own way to RGB: around every size of a set of rows and of a vector. */
START_TEST(every_size_of_420)
{
    static const uint32_t widths[] = {1,  2,  3,  4,  5,  6,   7,   15,  16,  17,  31,  32,
                                      33, 62, 63, 64, 65, 127, 128, 129, 130, 191, 193, 300};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (uint32_t height = 1; height <= 50; height += height < 35 ? 1 : 7) {
            const jpeg_spec spec = {.width = widths[i],
                                    .height = height,
                                    .in = JCS_RGB,
                                    .stored = JCS_YCbCr,
                                    .h = 2,
                                    .v = 2,
                                    .script = (jpeg_script)(height % SCRIPTS)};
            check_spec(&spec);
        }
}
END_TEST

START_TEST(cmyk_without_adobe_marker_is_inverted_too)
{
    const jpeg_spec spec = {
        .width = 40, .height = 30, .in = JCS_CMYK, .stored = JCS_CMYK, .no_adobe = true};
    check_spec(&spec);
}
END_TEST

static blob small(const char *pad, size_t pad_bytes)
{
    const jpeg_spec spec = {.width = 64,
                            .height = 48,
                            .in = JCS_RGB,
                            .stored = JCS_YCbCr,
                            .h = 2,
                            .v = 2,
                            .pad = pad,
                            .pad_bytes = pad_bytes};
    uint8_t *pixels = test_pixels(1, 64, 48, 3);
    const blob file = encode_jpeg(&spec, pixels);
    free(pixels);
    return file;
}

/* Where a marker starts; the first of its kind. */
static size_t find_marker(const blob *file, uint8_t marker)
{
    for (size_t i = 0; i + 1 < file->n; i++)
        if (file->p[i] == 0xff && file->p[i + 1] == marker)
            return i;
    ck_abort_msg("no marker %02x", marker);
    return 0;
}

static blob insert(const blob *file, size_t at, const void *bytes, size_t n)
{
    blob out = {malloc(file->n + n), file->n + n};
    ck_assert_ptr_nonnull(out.p);
    memcpy(out.p, file->p, at);
    memcpy(out.p + at, bytes, n);
    memcpy(out.p + at + n, file->p + at, file->n - at);
    return out;
}

static void assert_same_hash(const blob *a, const blob *b)
{
    phash_pdq_result ra = PHASH_PDQ_RESULT_INIT, rb = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_msg(phash_pdq_memory(a->p, a->n, NULL, NULL, &ra, &e) == PHASH_OK, "%s", e.message);
    ck_assert_msg(phash_pdq_memory(b->p, b->n, NULL, NULL, &rb, &e) == PHASH_OK, "%s", e.message);
    ck_assert_mem_eq(&ra.hash, &rb.hash, sizeof ra.hash);
}

START_TEST(padding_is_harmless_and_left_over_data_is_not)
{
    static const char zeros[300], junk[] = "left over from a scan that lost its way";
    const blob plain = small(NULL, 0), padded = small(zeros, sizeof zeros),
               filled = small("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12),
               lost = small(junk, sizeof junk);
    assert_same_hash(&plain, &padded);
    assert_same_hash(&plain, &filled);
    assert_fails(&lost, NULL, PHASH_E_CORRUPT, NULL);
    /* What comes behind the end mark is not looked at: motion photos, thumbnails, notes. */
    const blob trailer = insert(&plain, plain.n, junk, sizeof junk);
    assert_same_hash(&plain, &trailer);
    free(plain.p);
    free(padded.p);
    free(filled.p);
    free(lost.p);
    free(trailer.p);
}
END_TEST

START_TEST(odd_headers_are_harmless)
{
    const blob plain = small(NULL, 0), odd = small(NULL, 0);
    const size_t app0 = find_marker(&plain, 0xe0), dqt = find_marker(&plain, 0xdb),
                 sos = find_marker(&plain, 0xda);
    const blob junk = insert(&plain, dqt, "some junk", 9);
    assert_same_hash(&plain, &junk);
    odd.p[app0 + 9] = 9; /* JFIF version 9 */
    assert_same_hash(&plain, &odd);
    odd.p[app0 + 9] = 1;
    odd.p[sos + 12] = 0; /* end of the spectral selection, which baseline has not */
    assert_same_hash(&plain, &odd);
    odd.p[sos + 12] = 63;
    odd.p[app0 + 1] = 0xe7; /* no JFIF, so that the colour transform of Adobe's marker counts */
    const blob transform = insert(&odd, dqt,
                                  "\xff\xee\0\x0e"
                                  "Adobe\0\x64\0\0\0\0\x09",
                                  16);
    assert_same_hash(&plain, &transform);
    free(plain.p);
    free(odd.p);
    free(junk.p);
    free(transform.p);
}
END_TEST

START_TEST(damage_has_a_reason)
{
    blob f = small(NULL, 0);
    const size_t sof = find_marker(&f, 0xc0), sos = find_marker(&f, 0xda);
    f.p[sof + 5] = f.p[sof + 6] = 0; /* height */
    assert_fails(&f, NULL, PHASH_E_CORRUPT, "corrupt: width or height is zero");
    f.p[sof + 5] = f.p[sof + 6] = f.p[sof + 7] = f.p[sof + 8] = 0xff;
    assert_fails(&f, NULL, PHASH_E_LIMIT_PIXELS,
                 "too large: 65535x65535 is over the limit of 268435456 pixels");
    f.p[sof + 5] = 0;
    f.p[sof + 6] = 9;
    assert_fails(&f, NULL, PHASH_E_LIMIT_DIMENSION,
                 "too large: 65535x9 is over libjpeg's limit of 65500 pixels on a side");
    free(f.p);

    f = small(NULL, 0);
    f.p[sof + 4] = 12;
    assert_fails(&f, NULL, PHASH_E_NOT_IMAGE,
                 "not an image that this build reads (JPEG of 12 bits a sample)");
    f.p[sof + 4] = 8;
    f.p[sof + 1] = 0xc3;
    assert_fails(&f, NULL, PHASH_E_NOT_IMAGE,
                 "not an image that this build reads (JPEG, lossless or hierarchical)");
    f.p[sof + 1] = 0xc0;
    /* The scan broken off by a marker: libjpeg fills with grey and warns. */
    f.p[sos + 100] = 0xff;
    f.p[sos + 101] = 0xd9;
    assert_fails(&f, NULL, PHASH_E_CORRUPT,
                 "corrupt: libjpeg: Corrupt JPEG data: premature end of data segment");
    free(f.p);

    f = small(NULL, 0);
    f.n -= 2;
    assert_fails(&f, NULL, PHASH_E_TRUNCATED, "truncated: the file ends inside the image data");
    f.n = sof + 3;
    assert_fails(&f, NULL, PHASH_E_TRUNCATED, "truncated: the file ends inside the header");
    free(f.p);
}
END_TEST

/* A progressive file whose last scan is there many times: each costs a walk over the picture, and
 * none contradicts the one before. */
START_TEST(scans_are_limited)
{
    const jpeg_spec spec = {.width = 16,
                            .height = 16,
                            .in = JCS_GRAYSCALE,
                            .stored = JCS_GRAYSCALE,
                            .script = SCRIPT_SPECTRAL};
    uint8_t *pixels = test_pixels(1, 16, 16, 1);
    blob f = encode_jpeg(&spec, pixels);
    size_t at = f.n;
    while (!(f.p[at - 2] == 0xff && f.p[at - 1] == 0xda))
        at--;
    at -= 2;
    const size_t scan = f.n - 2 - at;
    enum { COPIES = 600, FEW = 400 };
    blob many = {malloc(f.n + COPIES * scan), f.n + COPIES * scan};
    ck_assert_ptr_nonnull(many.p);
    memcpy(many.p, f.p, f.n - 2);
    for (size_t i = 0; i < COPIES; i++)
        memcpy(many.p + f.n - 2 + i * scan, f.p + at, scan);
    memcpy(many.p + many.n - 2, "\xff\xd9", 2);
    assert_fails(&many, NULL, PHASH_E_CORRUPT,
                 "corrupt: more than 500 scans, as no encoder writes");
    many.n = f.n + FEW * scan;
    memcpy(many.p + many.n - 2, "\xff\xd9", 2);
    assert_same_hash(&f, &many);
    free(many.p);
    free(f.p);
    free(pixels);
}
END_TEST

START_TEST(a_missing_component_is_noticed)
{
    const jpeg_spec spec = {
        .width = 40, .height = 30, .in = JCS_RGB, .stored = JCS_YCbCr, .script = SCRIPT_SEPARATE};
    uint8_t *pixels = test_pixels(1, 40, 30, 3);
    blob f = encode_jpeg(&spec, pixels);
    size_t at = f.n;
    while (!(f.p[at - 2] == 0xff && f.p[at - 1] == 0xda))
        at--;
    memcpy(f.p + at - 2, "\xff\xd9", 2);
    assert_fails(&f, NULL, PHASH_E_CORRUPT, "corrupt: no scan has one of the components");
    free(f.p);
    free(pixels);
}
END_TEST

START_TEST(memory_of_coefficients_is_counted)
{
    const jpeg_spec spec = {.width = 1000,
                            .height = 1000,
                            .in = JCS_GRAYSCALE,
                            .stored = JCS_GRAYSCALE,
                            .script = SCRIPT_SUCCESSIVE};
    uint8_t *pixels = test_pixels(1, 1000, 1000, 1);
    const blob f = encode_jpeg(&spec, pixels);
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    o.max_memory = 2500 * 1000; /* 2 bytes a coefficient, and row buffers */
    ck_assert_int_eq(phash_pdq_memory(f.p, f.n, &o, NULL, &r, NULL), PHASH_OK);
    o.max_memory = 2 * 1000 * 1000;
    assert_fails(&f, &o, PHASH_E_LIMIT_MEMORY, NULL);
    free(f.p);
    free(pixels);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("jpeg");
    TCase *t = tcase_create("jpeg");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_space_and_process);
    tcase_add_test(t, every_subsampling);
    tcase_add_test(t, every_size_of_420);
    tcase_add_test(t, cmyk_without_adobe_marker_is_inverted_too);
    tcase_add_test(t, padding_is_harmless_and_left_over_data_is_not);
    tcase_add_test(t, odd_headers_are_harmless);
    tcase_add_test(t, damage_has_a_reason);
    tcase_add_test(t, scans_are_limited);
    tcase_add_test(t, a_missing_component_is_noticed);
    tcase_add_test(t, memory_of_coefficients_is_counted);
    suite_add_tcase(s, t);
    return test_main(s);
}
