/* Damaged files: cut at every byte there is an error and no hash; with bits flipped there may be
 * either, but never a crash, a leak or memory over the limit. */
#include "encode.h"

typedef struct sample {
    const char *name;
    blob file;
} sample;

enum { JPEGS = 6, PNGS = 5, SAMPLES = JPEGS + PNGS };

static void make_samples(sample out[SAMPLES])
{
    static const struct {
        const char *name;
        J_COLOR_SPACE in, stored;
        jpeg_script script;
        bool arithmetic;
        int restart;
    } jpegs[JPEGS] = {
        {"baseline", JCS_RGB, JCS_YCbCr, SCRIPT_ONE, false, 0},
        {"baseline with restarts", JCS_RGB, JCS_YCbCr, SCRIPT_ONE, false, 1},
        {"a scan per component", JCS_RGB, JCS_YCbCr, SCRIPT_SEPARATE, false, 0},
        {"progressive", JCS_RGB, JCS_YCbCr, SCRIPT_SUCCESSIVE, false, 0},
        {"arithmetic, progressive", JCS_GRAYSCALE, JCS_GRAYSCALE, SCRIPT_SUCCESSIVE, true, 0},
        {"YCCK", JCS_CMYK, JCS_YCCK, SCRIPT_ONE, false, 0},
    };
    static const struct {
        const char *name;
        int colour, depth;
        bool interlaced;
    } pngs[PNGS] = {
        {"RGB", PNG_COLOR_TYPE_RGB, 8, false},
        {"RGB interlaced", PNG_COLOR_TYPE_RGB, 8, true},
        {"palette", PNG_COLOR_TYPE_PALETTE, 4, false},
        {"grey 16", PNG_COLOR_TYPE_GRAY, 16, false},
        {"grey 1 interlaced", PNG_COLOR_TYPE_GRAY, 1, true},
    };
    uint8_t exif[EXIF_BYTES];
    test_exif(exif, 6, true);
    for (size_t i = 0; i < JPEGS; i++) {
        const jpeg_spec spec = {.width = 41,
                                .height = 35,
                                .in = jpegs[i].in,
                                .stored = jpegs[i].stored,
                                .h = 2,
                                .v = 2,
                                .script = jpegs[i].script,
                                .arithmetic = jpegs[i].arithmetic,
                                .restart = jpegs[i].restart,
                                .exif = i % 2 ? exif : NULL,
                                .exif_bytes = sizeof exif};
        uint8_t *pixels = test_pixels(5, 41, 35,
                                      spec.in == JCS_GRAYSCALE ? 1
                                      : spec.in == JCS_CMYK    ? 4
                                                               : 3);
        out[i] = (sample){jpegs[i].name, encode_jpeg(&spec, pixels)};
        free(pixels);
    }
    for (size_t i = 0; i < PNGS; i++) {
        const png_spec spec = {.width = 19,
                               .height = 17,
                               .colour = pngs[i].colour,
                               .depth = pngs[i].depth,
                               .interlaced = pngs[i].interlaced,
                               .trns = pngs[i].colour == PNG_COLOR_TYPE_PALETTE,
                               .exif = i % 2 ? exif + 6 : NULL,
                               .exif_bytes = sizeof exif - 6};
        uint8_t *expected;
        out[JPEGS + i] = (sample){pngs[i].name, encode_png(&spec, 5, &expected)};
        free(expected);
    }
}

static phash_status try_hash(const uint8_t *p, size_t n)
{
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    o.max_memory = 8 * 1024 * 1024;
    const phash_status status = phash_pdq_memory(p, n, &o, NULL, &r, &e);
    if (status != PHASH_OK) {
        static const phash_hash256 zero;
        ck_assert_int_eq(e.status, status);
        ck_assert(e.message[0] != '\0' && !strchr(e.message, '\n'));
        ck_assert_mem_eq(&r.hash, &zero, sizeof zero);
    }
    return status;
}

/* Each cut is a copy of its own size, so that a sanitizer sees a byte too many. */
START_TEST(cut_anywhere_is_truncated)
{
    sample samples[SAMPLES];
    make_samples(samples);
    for (size_t i = 0; i < SAMPLES; i++) {
        const blob f = samples[i].file;
        ck_assert_int_eq(try_hash(f.p, f.n), PHASH_OK);
        for (size_t n = 0; n < f.n; n++) {
            uint8_t *cut = malloc(n + !n);
            ck_assert_ptr_nonnull(cut);
            memcpy(cut, f.p, n);
            const phash_status status = try_hash(cut, n);
            ck_assert_msg(status == (n < 2 ? PHASH_E_NOT_IMAGE : PHASH_E_TRUNCATED),
                          "%s cut at %zu of %zu: %s", samples[i].name, n, f.n,
                          phash_status_name(status));
            free(cut);
        }
        free(f.p);
    }
}
END_TEST

/* Only what a damaged file may be called. */
static void assert_named(phash_status status)
{
    switch (status) {
    case PHASH_OK:
    case PHASH_E_NOT_IMAGE:
    case PHASH_E_CORRUPT:
    case PHASH_E_TRUNCATED:
    case PHASH_E_TOO_SMALL:
    case PHASH_E_LIMIT_PIXELS:
    case PHASH_E_LIMIT_DIMENSION:
    case PHASH_E_LIMIT_MEMORY:
        break;
    default:
        ck_abort_msg("%s", phash_status_name(status));
    }
}

START_TEST(flipped_bits_never_crash)
{
    enum { ROUNDS = 1500 };
    sample samples[SAMPLES];
    make_samples(samples);
    uint64_t state = test_seed();
    for (size_t i = 0; i < SAMPLES; i++) {
        const blob f = samples[i].file;
        uint8_t *copy = malloc(f.n);
        ck_assert_ptr_nonnull(copy);
        for (int round = 0; round < ROUNDS; round++) {
            memcpy(copy, f.p, f.n);
            /* Half of them in the first 200 bytes, where headers are. */
            const size_t range = round % 2 && f.n > 200 ? 200 : f.n;
            for (uint64_t flips = 1 + test_random(&state) % 8; flips > 0; flips--)
                copy[test_random(&state) % range] ^= (uint8_t)(1u << test_random(&state) % 8);
            assert_named(try_hash(copy, f.n));
        }
        free(copy);
        free(f.p);
    }
}
END_TEST

/* The same for PNG with every checksum put right, which random flips never do. */
START_TEST(flipped_bits_behind_right_checksums_never_crash)
{
    enum { ROUNDS = 1500 };
    sample samples[SAMPLES];
    make_samples(samples);
    uint64_t state = test_seed();
    for (size_t i = JPEGS; i < SAMPLES; i++) {
        const blob f = samples[i].file;
        uint8_t *copy = malloc(f.n);
        ck_assert_ptr_nonnull(copy);
        for (int round = 0; round < ROUNDS; round++) {
            memcpy(copy, f.p, f.n);
            const size_t range = round % 2 && f.n > 60 ? 60 : f.n;
            for (uint64_t flips = 1 + test_random(&state) % 3; flips > 0; flips--)
                copy[16 + test_random(&state) % (range - 16)] ^=
                    (uint8_t)(1u << test_random(&state) % 8);
            png_fix_checksums(&(blob){copy, f.n});
            assert_named(try_hash(copy, f.n));
        }
        free(copy);
    }
    for (size_t i = 0; i < SAMPLES; i++)
        free(samples[i].file.p);
}
END_TEST

/* One bit of a PNG's critical chunks never goes unnoticed. */
START_TEST(each_bit_of_png_counts)
{
    sample samples[SAMPLES];
    make_samples(samples);
    const blob f = samples[JPEGS].file; /* has no chunk but the critical ones */
    for (size_t bit = 0; bit < f.n * 8; bit++) {
        f.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const phash_status status = try_hash(f.p, f.n);
        ck_assert_msg(status != PHASH_OK, "bit %zu", bit);
        f.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t i = 0; i < SAMPLES; i++)
        free(samples[i].file.p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("damage");
    TCase *t = tcase_create("damage");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, cut_anywhere_is_truncated);
    tcase_add_test(t, flipped_bits_never_crash);
    tcase_add_test(t, flipped_bits_behind_right_checksums_never_crash);
    tcase_add_test(t, each_bit_of_png_counts);
    suite_add_tcase(s, t);
    return test_main(s);
}
