/* 4:2:0 to RGB: every kernel of the machine against libjpeg's formulas, written with its tables. All
 * 2^24 colours; all widths up to a few vectors, with random samples; rows of RGB end at a page that
 * may not be touched.
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

enum { WIDEST = 700, ROW = WIDEST + 2 * YCC420_PAD + 2 };

/* Planes: near and far of Cb and Cr, then luma; `at` is the first sample. */
typedef struct planes {
    uint8_t memory[5][ROW];
    uint8_t *at[5];
} planes;

static void pad(planes *p, uint32_t width)
{
    const uint32_t samples = (width + 1) / 2;
    for (int i = 0; i < 4; i++) {
        p->at[i][-1] = p->at[i][0];
        p->at[i][samples] = p->at[i][samples - 1];
    }
}

static void place(planes *p)
{
    for (int i = 0; i < 5; i++)
        p->at[i] = p->memory[i] + YCC420_PAD;
}

static void run(ycc420_row_fn row, const planes *p, uint32_t width, uint8_t *rgb)
{
    static uint16_t blend[WIDEST + 2 * YCC420_PAD];
    const uint8_t *const near[2] = {p->at[0], p->at[1]}, *const far[2] = {p->at[2], p->at[3]};
    row(p->at[4], near, far, width, blend, rgb);
}

static ycc420_row_fn kernel(void)
{
    return ycc420_row_for(phash_cpu_active());
}

START_TEST(all_colours)
{
    static planes p;
    static uint8_t got[256 * 3], want[3];
    place(&p);
    for (int y = 0; y < 256; y++)
        p.at[4][y] = (uint8_t)y;
    for (int c = 0; c < 65536 && kernel(); c++) {
        for (int i = 0; i < 4; i++)
            memset(p.at[i] - 1, i % 2 ? c & 255 : c >> 8, 130);
        run(kernel(), &p, 256, got);
        for (int y = 0; y < 256; y++) {
            colour(y, c >> 8, c & 255, want);
            if (memcmp(want, got + (size_t)y * 3, 3) != 0)
                ck_abort_msg("Y %d Cb %d Cr %d: %d %d %d", y, c >> 8, c & 255, got[y * 3],
                             got[y * 3 + 1], got[y * 3 + 2]);
        }
    }
}
END_TEST

START_TEST(all_widths)
{
    static planes p;
    uint64_t state = test_seed();
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(mprotect(map + page, page, PROT_NONE), 0);
    place(&p);
    for (uint32_t width = YCC420_NARROWEST; width <= WIDEST && kernel(); width++) {
        /* Also samples of two values only: the extremes of every formula. */
        const bool extreme = test_random(&state) % 2;
        for (int i = 0; i < 5; i++)
            for (size_t k = 0; k < ROW; k++) {
                const uint64_t r = test_random(&state);
                p.memory[i][k] = (uint8_t)(extreme ? r % 2 * 255 : r);
            }
        pad(&p, width);
        uint8_t *rgb = map + page - (size_t)width * 3, want[3];
        ck_assert_uint_le((size_t)width * 3, page);
        rgb[-1] = 77;
        run(kernel(), &p, width, rgb);
        ck_assert_uint_eq(rgb[-1], 77);
        const uint32_t samples = (width + 1) / 2;
        for (uint32_t x = 0; x < width; x++) {
            colour(p.at[4][x], upsampled(p.at[0], p.at[2], samples, x),
                   upsampled(p.at[1], p.at[3], samples, x), want);
            ck_assert_msg(memcmp(want, rgb + (size_t)x * 3, 3) == 0, "width %u, pixel %u", width,
                          x);
        }
    }
    munmap(map, 2 * page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ycc420");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, all_colours);
    tcase_add_test(tests, all_widths);
    suite_add_tcase(suite, tests);
    const int failed = test_main(suite);
    if (failed || kernel())
        return failed;
    puts("no kernel for this machine or mask: libjpeg-turbo does this work");
    return 77;
}
