/* The reduction: every kernel against C, and the weights against Lanczos evaluated plainly. Inputs
 * end at a guard page, as far as the kernels' contract lets them. */
#define _DEFAULT_SOURCE
#include "check_main.h"

#include "dct/stages.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A buffer of `bytes` that ends where reading further faults. */
typedef struct guarded {
    uint8_t *base, *data;
    size_t mapped;
} guarded;

static guarded guard(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
    guarded g = {.mapped = room + page};
    g.base = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(g.base != MAP_FAILED);
    ck_assert_int_eq(mprotect(g.base + room, page, PROT_NONE), 0);
    g.data = g.base + room - bytes;
    return g;
}

static void unguard(guarded *g)
{
    munmap(g->base, g->mapped);
}

#if defined(__x86_64__)
/* Rows by fours only: the rest of the table is that of AVX2, as the library has it. */
static void avx512_on_avx2(dct_kernels *k)
{
    dct_kernels_avx2(k);
    dct_kernels_avx512(k);
}
#endif

/* The sets that this machine and the mask allow, each on its own. */
static size_t tables(dct_kernels out[3], const char *names[3])
{
    static const struct {
        uint32_t set;
        void (*fill)(dct_kernels *);
        const char *name;
    } all[] = {
        {0, dct_kernels_c, "c"},
#if defined(__x86_64__)
        {PHASH_CPU_AVX2, dct_kernels_avx2, "avx2"},
        {PHASH_CPU_AVX512, avx512_on_avx2, "avx512"},
#endif
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!all[i].set || phash_cpu_active() & all[i].set) {
            names[n] = all[i].name;
            memset(&out[n], 0, sizeof out[n]);
            all[i].fill(&out[n++]);
        }
    return n;
}

static const phash_pixel_format formats[] = {PHASH_PIXEL_GREY8, PHASH_PIXEL_RGB8, PHASH_PIXEL_BGR8,
                                             PHASH_PIXEL_RGBA8, PHASH_PIXEL_BGRA8};

/* Rows by fours: what a row's grey is must not depend on the rows beside it. */
START_TEST(grey_by_fours_agrees)
{
    dct_kernels k[3];
    const char *names[3];
    const size_t count = tables(k, names);
    uint64_t state = test_seed() + 1;
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
        for (size_t n = 1; n < 400; n += n < 140 ? 1 : 23) {
            const size_t bytes = n * phash_pixel_bytes(formats[f]);
            guarded in[4];
            const uint8_t *rows[4];
            uint8_t expected[4][400];
            _Alignas(64) uint8_t quad[1664];
            for (int r = 0; r < 4; r++) {
                in[r] = guard(bytes);
                rows[r] = in[r].data;
                for (size_t i = 0; i < bytes; i++)
                    in[r].data[i] = n % 7 == 0 ? 255 : (uint8_t)test_random(&state);
                k[0].grey(formats[f], rows[r], expected[r], n);
            }
            for (size_t i = 0; i < count; i++) {
                if (!k[i].grey4)
                    continue;
                k[i].grey4(formats[f], rows, quad, n);
                unsigned wrong = 0;
                for (size_t x = 0; x < n; x++)
                    for (size_t r = 0; r < 4; r++)
                        wrong += quad[x / 16 * 64 + r * 16 + x % 16] != expected[r][x];
                ck_assert_msg(wrong == 0, "%s, format %d, %zu pixels", names[i], (int)formats[f],
                              n);
            }
            for (int r = 0; r < 4; r++)
                unguard(&in[r]);
        }
}
END_TEST

START_TEST(grey_agrees)
{
    dct_kernels k[3];
    const char *names[3];
    const size_t count = tables(k, names);
    uint64_t state = test_seed();
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
        for (size_t n = 1; n < 400; n += n < 140 ? 1 : 23) {
            const size_t bytes = n * phash_pixel_bytes(formats[f]);
            guarded in = guard(bytes), out = guard(n);
            uint8_t expected[400];
            for (size_t i = 0; i < bytes; i++)
                in.data[i] = n % 7 == 0 ? 255 : (uint8_t)test_random(&state);
            for (size_t i = 0; i < count; i++) {
                memset(out.data, 0xa5, n);
                k[i].grey(formats[f], in.data, out.data, n);
                if (i == 0)
                    memcpy(expected, out.data, n);
                ck_assert_msg(!memcmp(out.data, expected, n), "%s, format %d, %zu pixels", names[i],
                              (int)formats[f], n);
            }
            unguard(&in);
            unguard(&out);
        }
}
END_TEST

/* All 2^24 colours, in one format; the others differ in the order of bytes only. */
START_TEST(grey_of_every_colour)
{
    dct_kernels k[3];
    const char *names[3];
    const size_t count = tables(k, names);
    static uint8_t row[256 * 3], out[256];
    for (unsigned r = 0; r < 256; r++)
        for (unsigned g = 0; g < 256; g++) {
            for (unsigned b = 0; b < 256; b++) {
                row[3 * b] = (uint8_t)r;
                row[3 * b + 1] = (uint8_t)g;
                row[3 * b + 2] = (uint8_t)b;
            }
            for (size_t i = 0; i < count; i++) {
                k[i].grey(PHASH_PIXEL_RGB8, row, out, 256);
                unsigned wrong = 0;
                for (unsigned b = 0; b < 256; b++)
                    wrong += out[b] != (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
                ck_assert_msg(wrong == 0, "%s, red %u, green %u", names[i], r, g);
            }
        }
}
END_TEST

/* Pillow's formula, tap by tap. */
static double lanczos(double t)
{
    if (t < -3.0 || t >= 3.0)
        return 0.0;
    if (t == 0.0)
        return 1.0;
    const double a = t * 3.14159265358979323846, b = t / 3 * 3.14159265358979323846;
    return sin(a) / a * (sin(b) / b);
}

static void check_axis(uint32_t in, uint32_t out)
{
    dct_axis a;
    memset(&a, 0, sizeof a);
    ck_assert_int_eq(dct_axis_reset(&a, in, out), PHASH_OK);
    const double scale = (double)in / out, fs = scale < 1.0 ? 1.0 : scale;
    for (uint32_t i = 0; i < out; i++) {
        if (in == out) {
            ck_assert_uint_eq(a.first[i], i);
            ck_assert_uint_eq(a.count[i], 1);
            ck_assert_int_eq(a.weights[i], 1 << 22);
            continue;
        }
        const double centre = (i + 0.5) * scale;
        const int lo = (int)(centre - 3 * fs + 0.5), hi = (int)(centre + 3 * fs + 0.5);
        const uint32_t first = lo < 0 ? 0 : (uint32_t)lo, end = hi > (int)in ? in : (uint32_t)hi;
        ck_assert_uint_eq(a.first[i], first);
        ck_assert_uint_eq(a.count[i], end - first);
        ck_assert_uint_le(a.count[i], a.taps);
        double sum = 0.0;
        unsigned wrong = 0;
        for (uint32_t k = first; k < end; k++)
            sum += lanczos(((double)k - centre + 0.5) * (1.0 / fs));
        for (uint32_t k = first; k < end; k++) {
            const double w = lanczos(((double)k - centre + 0.5) * (1.0 / fs)) / sum * (1 << 22);
            wrong +=
                a.weights[(size_t)i * a.taps + k - first] != (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        }
        ck_assert_msg(wrong == 0, "%u to %u, sample %u: %u weights", (unsigned)in, (unsigned)out,
                      (unsigned)i, wrong);
    }
    dct_axis_free(&a);
}

START_TEST(weights_are_those_of_pillow)
{
    uint64_t state = test_seed();
    static const uint32_t sizes[][2] = {{1, 2},      {1, 1024},  {2, 2},      {5, 32},
                                        {31, 32},    {32, 32},   {33, 32},    {640, 32},
                                        {480, 64},   {1000, 36}, {4000, 64},  {3000, 7},
                                        {65535, 32}, {65535, 2}, {8192, 1024}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_axis(sizes[i][0], sizes[i][1]);
    for (int round = 0; round < 300; round++)
        check_axis(1 + (uint32_t)(test_random(&state) % 5000),
                   2 + (uint32_t)(test_random(&state) % 200));
}
END_TEST

START_TEST(horizontal_agrees)
{
    dct_kernels k[3];
    const char *names[3];
    const size_t count = tables(k, names);
    uint64_t state = test_seed();
    static uint8_t expected[1024 * DCT_BATCH], out[1024 * DCT_BATCH];
    for (int round = 0; round < 400; round++) {
        const uint32_t in = 1 + (uint32_t)(test_random(&state) % (round % 4 ? 300 : 5000)),
                       side = 2 + (uint32_t)(test_random(&state) % (round % 8 ? 70 : 1023));
        const size_t rows = 1 + test_random(&state) % DCT_BATCH, stride = (size_t)in + DCT_PAD;
        guarded row = guard(rows * stride);
        const int kind = round % 3; /* noise; only extremes, which reach both clips; white */
        for (size_t x = 0; x < rows * stride; x++)
            row.data[x] = kind == 0   ? (uint8_t)test_random(&state)
                          : kind == 1 ? (test_random(&state) & 1 ? 255 : 0)
                                      : 255;
        for (size_t i = 0; i < count; i++) {
            dct_axis a;
            memset(&a, 0, sizeof a);
            ck_assert_int_eq(dct_axis_reset(&a, in, side), PHASH_OK);
            ck_assert_int_eq(dct_axis_pack(&a, &k[i]), PHASH_OK);
            k[i].horizontal(&a, row.data, stride, out, rows);
            if (i == 0)
                memcpy(expected, out, side * rows);
            ck_assert_msg(!memcmp(out, expected, side * rows), "%s, %u to %u", names[i],
                          (unsigned)in, (unsigned)side);
            dct_axis_free(&a);
        }
        unguard(&row);
    }
}
END_TEST

/* The reduced picture of a reduction that has this one set; rows come in pieces of 1 to `most`. */
static void reduce_with(uint32_t sets, dct_reduce *r, const phash_pdq_desc *desc,
                        const uint8_t *pixels, uint32_t side, size_t most, uint8_t *picture)
{
    const uint32_t before = phash_cpu_active();
    const size_t stride = desc->width * phash_pixel_bytes(desc->format);
    phash_cpu_mask(sets);
    ck_assert_int_eq(dct_reduce_reset(r, desc, side), PHASH_OK);
    size_t n;
    for (size_t y = 0; y < desc->height; y += n) {
        n = 1 + (y * 2654435761u >> 16) % most;
        n = n < desc->height - y ? n : desc->height - y;
        dct_reduce_push(r, pixels + y * stride, n, (ptrdiff_t)stride);
    }
    dct_reduce_picture(r, picture);
    phash_cpu_mask(before);
}

/* Whole reductions: every set, format, size and split, in one that is used again for all of them,
 * so that nothing of the image before may be left in it. */
START_TEST(reductions_agree)
{
    static const uint32_t sets[] = {0, PHASH_CPU_POPCNT | PHASH_CPU_AVX2,
                                    PHASH_CPU_POPCNT | PHASH_CPU_AVX2 | PHASH_CPU_AVX512};
    uint64_t state = test_seed() + 2;
    const uint32_t active = phash_cpu_active();
    dct_reduce used, fresh;
    memset(&used, 0, sizeof used);
    static uint8_t expected[200 * 200], picture[200 * 200];
    for (int round = 0; round < 600; round++) {
        const uint32_t most = round % 4 ? 90 : 900;
        const phash_pdq_desc desc = {1 + (uint32_t)(test_random(&state) % most),
                                     1 + (uint32_t)(test_random(&state) % most),
                                     formats[test_random(&state) % 5]};
        const uint32_t side = 2 + (uint32_t)(test_random(&state) % (round % 8 ? 40 : 198));
        const size_t bytes = (size_t)desc.width * desc.height * phash_pixel_bytes(desc.format);
        guarded in = guard(bytes);
        const int kind = round % 3; /* noise; only extremes; white */
        for (size_t i = 0; i < bytes; i++)
            in.data[i] = kind == 0   ? (uint8_t)test_random(&state)
                         : kind == 1 ? (test_random(&state) & 1 ? 255 : 0)
                                     : 255;
        memset(&fresh, 0, sizeof fresh);
        reduce_with(0, &fresh, &desc, in.data, side, 1, expected);
        dct_reduce_free(&fresh);
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
            if (sets[i] & ~active)
                continue;
            const size_t piece = 1 + test_random(&state) % 20;
            reduce_with(sets[i], &used, &desc, in.data, side, piece, picture);
            ck_assert_msg(!memcmp(picture, expected, (size_t)side * side),
                          "sets %x, %ux%u, format %d, to %u, pieces of up to %zu",
                          (unsigned)sets[i], (unsigned)desc.width, (unsigned)desc.height,
                          (int)desc.format, (unsigned)side, piece);
        }
        unguard(&in);
    }
    dct_reduce_free(&used);
}
END_TEST

START_TEST(vertical_agrees)
{
    dct_kernels k[3];
    const char *names[3];
    const size_t count = tables(k, names);
    uint64_t state = test_seed();
    for (size_t n = 1; n < 200; n++) {
        const size_t rows = 1 + n % DCT_BATCH;
        guarded row = guard(n * rows), sums = guard(n * sizeof(int32_t));
        int32_t *s = (int32_t *)(void *)sums.data, start[200], expected[200];
        int32_t weights[DCT_BATCH];
        for (size_t i = 0; i < rows; i++)
            weights[i] = (int32_t)(test_random(&state) % (3 << 22)) - (1 << 22);
        for (size_t i = 0; i < n * rows; i++)
            row.data[i] = (uint8_t)test_random(&state);
        for (size_t i = 0; i < n; i++)
            start[i] = (int32_t)(uint32_t)test_random(&state);
        for (size_t i = 0; i < count; i++) {
            memcpy(s, start, n * sizeof *s);
            k[i].vertical(s, row.data, weights, rows, n);
            if (i == 0)
                memcpy(expected, s, n * sizeof *s);
            ck_assert_msg(!memcmp(s, expected, n * sizeof *s), "%s, %zu", names[i], n);
        }
        unguard(&row);
        unguard(&sums);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dct kernels");
    TCase *t = tcase_create("kernels");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, grey_agrees);
    tcase_add_test(t, grey_by_fours_agrees);
    tcase_add_test(t, reductions_agree);
    tcase_add_test(t, grey_of_every_colour);
    tcase_add_test(t, weights_are_those_of_pillow);
    tcase_add_test(t, horizontal_agrees);
    tcase_add_test(t, vertical_agrees);
    suite_add_tcase(s, t);
    return test_main(s);
}
