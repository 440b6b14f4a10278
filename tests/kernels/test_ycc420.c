/* 4:2:0 to RGB: every kernel of the machine against libjpeg's formulas, written with its tables. All
 * 2^24 colours; every blend of two samples in all places of a vector; all widths up to a few vectors,
 * with random samples. Before and behind each row, of planes too, lie pages that may not be touched.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check_main.h"

#include "decode/ycc420.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- reference ---- */

static uint8_t clamped(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static int fix(double x)
{
    return (int)(x * 65536 + 0.5);
}

/* jdcolor.c; right shifts of negative numbers round down. */
static void colour(int y, int cb, int cr, uint8_t out[3])
{
    const int b = cb - 128, r = cr - 128;
    out[0] = clamped(y + ((fix(1.40200) * r + 32768) >> 16));
    out[1] = clamped(y + ((-fix(0.34414) * b - fix(0.71414) * r + 32768) >> 16));
    out[2] = clamped(y + ((fix(1.77200) * b + 32768) >> 16));
}

/* jdsample.c, h2v2_fancy_upsample: the sample of pixel x. */
static int upsampled(const uint8_t *near, const uint8_t *far, uint32_t samples, uint32_t x)
{
    const uint32_t own = x / 2;
    const int b = 3 * near[own] + far[own];
    if (x % 2)
        return own + 1 < samples ? (3 * b + 3 * near[own + 1] + far[own + 1] + 7) >> 4
                                 : (4 * b + 7) >> 4;
    return own ? (3 * b + 3 * near[own - 1] + far[own - 1] + 8) >> 4 : (4 * b + 8) >> 4;
}

/* ---- rows ---- */

enum { WIDEST = 700, CHROMA = 4, LUMA = 4, PLANES = 5 };

/* A page between two that may not be touched. */
typedef struct guarded {
    uint8_t *page;
    size_t size;
} guarded;

static guarded guard(void)
{
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(mprotect(map + size, size, PROT_READ | PROT_WRITE), 0);
    return (guarded){map + size, size};
}

static uint8_t *bytes_at(const guarded *g, size_t bytes, bool end)
{
    ck_assert_uint_le(bytes, g->size);
    return end ? g->page + g->size - bytes : g->page;
}

/* Near and far of Cb and Cr, then luma; `at` is the first sample. */
typedef struct planes {
    guarded memory[PLANES], rgb;
    uint8_t *at[PLANES];
    uint32_t width;
} planes;

static planes *planes_new(void)
{
    static planes p;
    for (int i = 0; i < PLANES; i++)
        p.memory[i] = guard();
    p.rgb = guard();
    return &p;
}

static uint32_t samples_of(uint32_t width)
{
    return width / 2 + width % 2;
}

/* What a kernel may read ends, or else begins, where a page does. */
static void place(planes *p, uint32_t width, bool end)
{
    p->width = width;
    for (int i = 0; i < PLANES; i++) {
        const size_t samples = i == LUMA ? width : samples_of(width);
        p->at[i] = bytes_at(&p->memory[i], samples + 2 * (size_t)YCC420_PAD, end) + YCC420_PAD;
    }
}

static void fill(const planes *p, uint64_t *state)
{
    /* Also samples of two values only: the extremes of every formula. */
    const bool extreme = test_random(state) % 2;
    for (int i = 0; i < PLANES; i++)
        for (size_t k = 0; k < p->memory[i].size; k++) {
            const uint64_t r = test_random(state);
            p->memory[i].page[k] = (uint8_t)(extreme ? r % 2 * 255 : r);
        }
}

static void pad(const planes *p)
{
    const uint32_t samples = samples_of(p->width);
    for (int i = 0; i < CHROMA; i++) {
        p->at[i][-1] = p->at[i][0];
        p->at[i][samples] = p->at[i][samples - 1];
    }
}

static void run(ycc420_row_fn row, const planes *p, uint8_t *rgb)
{
    static uint16_t blend[WIDEST + 2 * YCC420_PAD];
    const uint8_t *const near[2] = {p->at[0], p->at[1]}, *const far[2] = {p->at[2], p->at[3]};
    row(p->at[LUMA], near, far, p->width, blend, rgb);
}

static void check_row(const planes *p, const uint8_t *rgb)
{
    const uint32_t samples = samples_of(p->width);
    for (uint32_t x = 0; x < p->width; x++) {
        uint8_t want[3];
        colour(p->at[LUMA][x], upsampled(p->at[0], p->at[2], samples, x),
               upsampled(p->at[1], p->at[3], samples, x), want);
        if (memcmp(want, rgb + (size_t)x * 3, 3) != 0)
            ck_abort_msg("width %u, pixel %u: %d %d %d, not %d %d %d", p->width, x, rgb[x * 3],
                         rgb[x * 3 + 1], rgb[x * 3 + 2], want[0], want[1], want[2]);
    }
}

/* ---- tests, each for every set that has a kernel ---- */

static const uint32_t sets[] = {PHASH_CPU_AVX2, PHASH_CPU_AVX512};
enum { SETS = sizeof sets / sizeof sets[0] };

/* NULL: not a set of this machine, or masked away. */
static ycc420_row_fn kernel(int set)
{
    if (!(phash_cpu_active() & sets[set]))
        return NULL;
    const ycc420_row_fn row = ycc420_row_for(sets[set]);
    ck_assert_msg(row != NULL, "no kernel for set %u, which the machine has", sets[set]);
    return row;
}

START_TEST(choice)
{
    const ycc420_row_fn best = kernel(1) ? kernel(1) : kernel(0);
    ck_assert(ycc420_row_for(phash_cpu_active()) == best);
    ck_assert(!kernel(1) || kernel(0) != kernel(1));
    ck_assert(ycc420_row_for(0) == NULL);
}
END_TEST

START_TEST(all_colours)
{
    const ycc420_row_fn row = kernel(_i);
    if (!row)
        return;
    planes *p = planes_new();
    place(p, 256, true);
    uint8_t *got = bytes_at(&p->rgb, 3 * 256, true), want[3];
    for (int y = 0; y < 256; y++)
        p->at[LUMA][y] = (uint8_t)y;
    for (int c = 0; c < 65536; c++) {
        for (int i = 0; i < CHROMA; i++)
            memset(p->at[i] - 1, i % 2 ? c & 255 : c >> 8, 130);
        run(row, p, got);
        for (int y = 0; y < 256; y++) {
            colour(y, c >> 8, c & 255, want);
            if (memcmp(want, got + (size_t)y * 3, 3) != 0)
                ck_abort_msg("Y %d Cb %d Cr %d: %d %d %d", y, c >> 8, c & 255, got[y * 3],
                             got[y * 3 + 1], got[y * 3 + 2]);
        }
    }
}
END_TEST

/* Neighbours of any two values, in all places: chroma rows u v u v .., one sample further on each time;
 * Cb and Cr the other way round. */
START_TEST(all_pairs)
{
    const ycc420_row_fn row = kernel(_i);
    if (!row)
        return;
    enum { WIDTH = 150 };
    planes *p = planes_new();
    place(p, WIDTH, true);
    uint8_t *got = bytes_at(&p->rgb, (size_t)WIDTH * 3, true);
    memset(p->at[LUMA], 128, WIDTH);
    for (int c = 0; c < 65536; c++) {
        for (int i = 0; i < CHROMA; i++)
            for (uint32_t k = 0; k < samples_of(WIDTH); k++)
                p->at[i][k] = (uint8_t)((k + (uint32_t)i + (uint32_t)c) % 2 ? c : c >> 8);
        pad(p);
        run(row, p, got);
        check_row(p, got);
    }
}
END_TEST

START_TEST(all_widths)
{
    const ycc420_row_fn row = kernel(_i);
    if (!row)
        return;
    planes *p = planes_new();
    uint64_t state = test_seed();
    for (uint32_t width = YCC420_NARROWEST; width <= WIDEST; width++)
        for (int end = 0; end < 2; end++) {
            place(p, width, end);
            fill(p, &state);
            pad(p);
            /* Also a byte on the side without a page. */
            uint8_t *rgb = bytes_at(&p->rgb, (size_t)width * 3, end);
            uint8_t *beside = end ? rgb - 1 : rgb + (size_t)width * 3;
            *beside = 77;
            run(row, p, rgb);
            ck_assert_uint_eq(*beside, 77);
            check_row(p, rgb);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ycc420");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, choice);
    tcase_add_loop_test(tests, all_colours, 0, SETS);
    tcase_add_loop_test(tests, all_pairs, 0, SETS);
    tcase_add_loop_test(tests, all_widths, 0, SETS);
    suite_add_tcase(suite, tests);
    const int failed = test_main(suite);
    uint32_t kernels = 0;
    for (int i = 0; i < SETS; i++)
        kernels |= phash_cpu_active() & sets[i];
    if (failed || kernels)
        return failed;
    puts("no kernel for this machine or mask: libjpeg-turbo does this work");
    return 77;
}
