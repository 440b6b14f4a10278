/* The PDQ kernels of every instruction set that the machine has, against plain C, bit for bit.
 *
 * PHASH_TEST_CASES sets the number of random images (default 600). Pixels end, or begin, at a page
 * that may not be touched.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check_main.h"

#include "pdq/jarosz.h"
#include "pdq/kernels.h"

#include <phash/pdq.h>

#include <float.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LUMA = PDQ_SIDE * PDQ_SIDE, DCT = PDQ_DCT_SIDE * PDQ_DCT_SIDE };

/* ---- memory between two forbidden pages ---- */

typedef struct guarded {
    uint8_t *map, *data;
    size_t bytes;
} guarded;

static guarded guarded_new(size_t size, bool at_end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (size + page - 1) / page * page;
    guarded g = {.bytes = body + 2 * page};
    g.map = mmap(NULL, g.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(g.map, MAP_FAILED);
    ck_assert_int_eq(mprotect(g.map, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(g.map + page + body, page, PROT_NONE), 0);
    g.data = g.map + page + (at_end ? body - size : 0);
    return g;
}

static void guarded_free(guarded *g)
{
    munmap(g->map, g->bytes);
}

/* ---- the sets to test: each one that the machine has, with those below it ---- */

static size_t sets_of_machine(uint32_t sets[8])
{
    const uint32_t all = phash_cpu_active();
    size_t n = 0;
    for (uint32_t bit = 1; bit && n < 8; bit <<= 1)
        if (all & bit)
            sets[n++] = all & (bit | (bit - 1));
    return n;
}

/* ---- random pictures ---- */

typedef enum content { NOISE, RAMP, FLAT, CHECKER, SPARSE, BLOCKS, CONTENTS } content;

static void paint(uint8_t *p, uint32_t w, uint32_t h, size_t bytes, content what, uint64_t *state)
{
    const uint32_t side = 1 + (uint32_t)(test_random(state) % 40);
    const uint8_t base = (uint8_t)test_random(state);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (size_t c = 0; c < bytes; c++) {
                const uint64_t r = test_random(state);
                uint8_t v = base;
                switch (what) {
                case NOISE:
                    v = (uint8_t)r;
                    break;
                case RAMP:
                    v = (uint8_t)((uint64_t)x * 255 / w + (c * y * 64) / h + r % 7);
                    break;
                case CHECKER:
                    v = (x / side + y / side) & 1 ? 255 : 0;
                    break;
                case SPARSE:
                    v = r % 97 ? 0 : (uint8_t)(r >> 32);
                    break;
                case BLOCKS:
                    v = (uint8_t)((x / side * 37 + y / side * 101 + c * 59) * 2654435761u >> 13);
                    break;
                case FLAT:
                case CONTENTS:
                    break;
                }
                *p++ = v;
            }
}

/* ---- reference: plain C, row by row ---- */

static void filter_c(const uint8_t *pixels, uint32_t w, uint32_t h, phash_pixel_format format,
                     float out[LUMA])
{
    static pdq_jarosz j;
    float *row = malloc(w * sizeof *row);
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(pdq_jarosz_reset(&j, w, h), PHASH_OK);
    for (uint32_t y = 0; y < h; y++) {
        pdq_luma_row(format, pixels + (size_t)y * w * phash_pixel_bytes(format), row, w);
        pdq_jarosz_push(&j, row);
    }
    memcpy(out, j.out, sizeof j.out);
    pdq_jarosz_free(&j);
    free(row);
}

/* Rows that are pushed at once: all, or some. */
static uint32_t next_rows(uint32_t most, uint32_t left, uint64_t *state)
{
    if (most >= left)
        most = left;
    return most == left ? left : 1 + (uint32_t)(test_random(state) % most);
}

static uint32_t most_rows(uint32_t h, uint64_t *state)
{
    return test_random(state) % 2 ? 1 + (uint32_t)(test_random(state) % 50) : h;
}

static void filter_wave(const pdq_kernels *k, const uint8_t *pixels, uint32_t w, uint32_t h,
                        phash_pixel_format format, uint64_t *state, float out[LUMA])
{
    static pdq_wave wave;
    const size_t stride = w * phash_pixel_bytes(format);
    ck_assert(pdq_wave_takes(k, w, h));
    ck_assert_int_eq(pdq_wave_reset(&wave, k, w, h, format), PHASH_OK);
    const uint32_t most = most_rows(h, state);
    for (uint32_t y = 0, n; y < h; y += n) {
        n = next_rows(most, h - y, state);
        pdq_wave_push(&wave, pixels + (size_t)y * stride, n, (ptrdiff_t)stride);
    }
    memcpy(out, wave.out, sizeof wave.out);
    if (test_random(state) % 4 == 0) /* else the next image reuses the memory */
        pdq_wave_free(&wave);
}

static void filter_helix(const pdq_kernels *k, const uint8_t *pixels, uint32_t w, uint32_t h,
                         phash_pixel_format format, uint64_t *state, float out[LUMA])
{
    static pdq_helix helix; /* the next image reuses what is in it */
    const size_t stride = w * phash_pixel_bytes(format);
    pdq_helix_reset(&helix, k, w, h, format);
    const uint32_t most = most_rows(h, state);
    for (uint32_t y = 0, n; y < h; y += n) {
        n = next_rows(most, h - y, state);
        pdq_helix_push(&helix, pixels + (size_t)y * stride, n, (ptrdiff_t)stride);
    }
    memcpy(out, helix.out, sizeof helix.out);
}

static uint32_t random_side(uint64_t *state)
{
    switch (test_random(state) % 8) {
    case 0:
        return 5 + (uint32_t)(test_random(state) % 60);
    case 1:
        return 500 + (uint32_t)(test_random(state) % 30);
    case 2:
        return 128 * (1 + (uint32_t)(test_random(state) % 8)) - 1 +
               (uint32_t)(test_random(state) % 3);
    case 3:
        return 5 + (uint32_t)(test_random(state) % 3000);
    default:
        return 5 + (uint32_t)(test_random(state) % 700);
    }
}

static void compare_image(const pdq_kernels *k, size_t count, uint32_t w, uint32_t h,
                          phash_pixel_format format, content what, uint64_t *state)
{
    const size_t bytes = phash_pixel_bytes(format);
    guarded g = guarded_new((size_t)w * h * bytes, test_random(state) % 4 != 0);
    paint(g.data, w, h, bytes, what, state);
    float want[LUMA], got[LUMA];
    filter_c(g.data, w, h, format, want);
    for (size_t i = 0; i < count; i++) {
        if (!k[i].lanes)
            continue;
        for (int helix = 0; helix <= pdq_helix_takes(&k[i], w, h); helix++) {
            (helix ? filter_helix : filter_wave)(&k[i], g.data, w, h, format, state, got);
            for (int at = 0; at < LUMA; at++)
                ck_assert_msg(!memcmp(&want[at], &got[at], sizeof want[at]),
                              "%ux%u format %d content %d, %s, %u lanes: at %d, %d is %a, not %a",
                              w, h, (int)format, (int)what, helix ? "helix" : "wave", k[i].lanes,
                              at / PDQ_SIDE, at % PDQ_SIDE, (double)got[at], (double)want[at]);
        }
    }
    guarded_free(&g);
}

static pdq_kernels tables[8];
static size_t table_count;

static void fill_tables(void)
{
    uint32_t sets[8];
    table_count = sets_of_machine(sets);
    for (size_t i = 0; i < table_count; i++)
        pdq_kernels_fill(&tables[i], sets[i]);
}

START_TEST(filters_agree_at_every_width)
{
    fill_tables();
    /* Every width and height up to the third window, and around the later ones. */
    uint64_t state = test_seed();
    const uint32_t step = 100u / (uint32_t)test_share(100);
    for (uint32_t side = 5; side < 1700; side += step * (side < 300 ? 1 : 13 + side % 5)) {
        compare_image(tables, table_count, side, 40, PHASH_PIXEL_RGB8, NOISE, &state);
        compare_image(tables, table_count, 40, side, PHASH_PIXEL_RGB8, NOISE, &state);
        compare_image(tables, table_count, side, 17, PHASH_PIXEL_GREY8, NOISE, &state);
    }
    for (uint32_t side = 385; side <= 513; side += side + step <= 512 ? step : 1) {
        compare_image(tables, table_count, side, 898 - side, PHASH_PIXEL_RGB8, NOISE, &state);
        compare_image(tables, table_count, side, side, PHASH_PIXEL_GREY8, NOISE, &state);
    }
}
END_TEST

START_TEST(filters_agree_on_random_images)
{
    fill_tables();
    const char *text = getenv("PHASH_TEST_CASES");
    const long cases = text ? strtol(text, NULL, 0) : test_share(600);
    uint64_t state = test_seed() + 1;
    for (long i = 0; i < cases; i++) {
        uint32_t w = random_side(&state), h = random_side(&state);
        if (i % 4 == 0) /* of the helix: both windows are 4 */
            w = 385 + w % 128, h = 385 + h % 128;
        if ((uint64_t)w * h > 1000000)
            h = 5 + h % 200;
        compare_image(tables, table_count, w, h, (phash_pixel_format)(1 + test_random(&state) % 5),
                      (content)(test_random(&state) % CONTENTS), &state);
    }
    printf("%ld random images\n", cases);
}
END_TEST

/* Through the public calls: hash, quality and dihedral hashes under each mask. */
START_TEST(hashes_agree)
{
    uint64_t state = test_seed() + 2;
    uint32_t sets[8];
    const size_t n = sets_of_machine(sets);
    for (int i = 0; i < 120; i++) {
        const phash_pixel_format format = (phash_pixel_format)(1 + test_random(&state) % 5);
        const size_t bytes = phash_pixel_bytes(format);
        const uint32_t w = i % 8 ? random_side(&state) : 64,
                       h = i % 8 ? 5 + random_side(&state) % 600 : 64;
        guarded g = guarded_new((size_t)w * h * bytes, true);
        paint(g.data, w, h, bytes, (content)(test_random(&state) % CONTENTS), &state);
        phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
        o.dihedral = 1;
        o.profile = i % 2 ? PHASH_PDQ_FULL : PHASH_PDQ_NN512;
        const phash_pdq_image image = {g.data, (ptrdiff_t)(w * bytes), {w, h, format}};
        phash_pdq_result want = PHASH_PDQ_RESULT_INIT;
        phash_cpu_mask(0);
        ck_assert_int_eq(phash_pdq(&image, &o, &want), PHASH_OK);
        for (size_t s = 0; s < n; s++) {
            phash_pdq_result got = PHASH_PDQ_RESULT_INIT;
            phash_cpu_mask(sets[s]);
            ck_assert_int_eq(phash_pdq(&image, &o, &got), PHASH_OK);
            ck_assert_mem_eq(&got.hash, &want.hash, sizeof got.hash);
            ck_assert_int_eq(got.quality, want.quality);
            ck_assert_mem_eq(got.dihedral, want.dihedral, sizeof got.dihedral);
        }
        guarded_free(&g);
    }
}
END_TEST

/* ---- stages after the filter ---- */

static float random_float(uint64_t *state, int kind)
{
    const uint64_t r = test_random(state);
    const float unit = (float)(r >> 40) * 0x1p-24f;
    switch (kind) {
    case 0:
        return unit * 255;
    case 1: /* many equal values */
        return (float)(r % 5) - 2;
    case 2:
        return unit * ((r & 1) ? -1.0f : 1.0f) * ldexpf(1.0f, (int)(r >> 8 & 63) - 40);
    case 3:
        return r & 1 ? 0.0f : -0.0f;
    default: /* equal upper halves, different lower ones */
        return 100.0f + (float)(r % 40) * 0x1p-17f;
    }
}

START_TEST(later_stages_agree)
{
    fill_tables();
    uint64_t state = test_seed() + 3;
    for (int round = 0; round < 4000; round++) {
        guarded ga = guarded_new(sizeof(float) * LUMA, true);
        float *a = (float *)(void *)ga.data, b[DCT], want[DCT], got[DCT];
        for (int i = 0; i < LUMA; i++)
            a[i] = random_float(&state, round % 2 ? 0 : 2);
        for (int i = 0; i < DCT; i++)
            b[i] = random_float(&state, round % 5);
        pdq_dct64(a, want);
        phash_hash256 hash, other, eight[PHASH_DIHEDRALS];
        for (size_t i = 0; i < table_count; i++) {
            tables[i].dct64(a, got);
            ck_assert_mem_eq(got, want, sizeof want);
            for (int j = 0; j < LUMA && round % 2 == 0; j++)
                a[j] = fmodf(a[j], 255.0f);
            ck_assert_int_eq(tables[i].quality(a), pdq_quality(a));
            pdq_threshold(b, &hash);
            tables[i].threshold(b, &other);
            ck_assert_mem_eq(&hash, &other, sizeof hash);
            tables[i].dihedral(b, eight);
            for (int d = 0; d < PHASH_DIHEDRALS; d++) {
                pdq_dihedral((phash_dihedral)d, b, got);
                pdq_threshold(got, &hash);
                ck_assert_mem_eq(&hash, &eight[d], sizeof hash);
            }
            pdq_dct64(a, want);
        }
        guarded_free(&ga);
    }
}
END_TEST

START_TEST(rgb_agrees)
{
    fill_tables();
    pdq_kernels c;
    pdq_kernels_c(&c);
    uint64_t state = test_seed() + 4;
    for (size_t n = 1; n < 300; n++)
        for (int kind = 0; kind < 4; kind++) {
            const size_t bytes = 3 + (size_t)(kind & 1);
            guarded in = guarded_new(n * bytes, true), out = guarded_new(n * 3, true);
            uint8_t want[900];
            for (size_t i = 0; i < n * bytes; i++)
                in.data[i] = (uint8_t)test_random(&state);
            c.rgb(in.data, want, n, bytes, kind & 2);
            for (size_t i = 0; i < table_count; i++) {
                memset(out.data, 0, n * 3);
                tables[i].rgb(in.data, out.data, n, bytes, kind & 2);
                ck_assert_mem_eq(out.data, want, n * 3);
            }
            guarded_free(&in);
            guarded_free(&out);
        }
}
END_TEST

/* ---- the division: a proof by trying ---- */

#if PHASH_HAVE_X86 && defined(__clang__)
#define WITH_FMA __attribute__((target("avx2,fma")))
#elif PHASH_HAVE_X86
#define WITH_FMA __attribute__((target("avx2,fma"), optimize("O3")))
#elif PHASH_HAVE_NEON
#define WITH_FMA
#endif

#ifdef WITH_FMA
WITH_FMA static unsigned wrong_quotients(float c)
{
    float inverse, rest;
    pdq_reciprocal(c, &inverse, &rest);
    unsigned wrong = 0;
    for (uint32_t m = 0; m < 1u << 23; m++) {
        const uint32_t bits = m | 0x3f800000u;
        float s;
        memcpy(&s, &bits, sizeof s);
        wrong += __builtin_fmaf(s, inverse, s * rest) != s / c;
    }
    return wrong;
}

/* Scaling by a power of two changes no mantissa, so odd divisors are enough, and one binade. */
START_TEST(test_division)
{
#if PHASH_HAVE_X86
    if (!(phash_cpu_detected() & PHASH_CPU_AVX2))
        return; /* then nothing divides so */
#endif
    for (int c = 1; c <= PDQ_WINDOW_MAX; c += 2)
        ck_assert_msg(wrong_quotients((float)c) == 0, "division by %d is not exact", c);
    /* The check can fail: one multiplication alone is wrong for some. */
    volatile float s = 5.0f, r = 1.0f / 255.0f;
    unsigned differ = 0;
    for (int v = 1; v < 256; v++) {
        s = (float)v;
        differ += s * r != s / 255.0f;
    }
    ck_assert_uint_gt(differ, 0);
}
END_TEST
#endif

/* Who masks every set away gets the plain C path, and no kernel of any. */
START_TEST(nothing_is_left_of_masked_sets)
{
    pdq_kernels c, filled;
    pdq_kernels_c(&c);
    pdq_kernels_fill(&filled, 0);
    ck_assert(!filled.helix && !filled.helix_second && !filled.run && !filled.grey);
    ck_assert_int_eq(filled.lanes, 0);
    ck_assert(filled.dct64 == c.dct64 && filled.quality == c.quality && filled.rgb == c.rgb);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pdq-kernels");
    TCase *tc = tcase_create("kernels");
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, filters_agree_at_every_width);
    tcase_add_test(tc, filters_agree_on_random_images);
    tcase_add_test(tc, hashes_agree);
    tcase_add_test(tc, later_stages_agree);
    tcase_add_test(tc, rgb_agrees);
    tcase_add_test(tc, nothing_is_left_of_masked_sets);
#ifdef WITH_FMA
    tcase_add_test(tc, test_division);
#endif
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
