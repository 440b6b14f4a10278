/* The filter of grey images whose windows are 4, against plain C, to the last bit of 64x64 floats and
 * 256 coefficients: every side it takes, pictures that make the most of rounding near the edges and of
 * sums near powers of two, rows in pushes of any size.
 *
 * PHASH_TEST_LONG=1 tries ten times as many.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check_main.h"

#include "pdq/jarosz.h"
#include "pdq/kernels.h"

#include <phash/pdq.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEAST = 385, MOST = 512, DCT = PDQ_DCT_SIDE * PDQ_DCT_SIDE, MASKS = 8 };

static uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(test_random(state) % n);
}

/* ---- pictures ---- */

typedef enum content {
    NOISE,
    FLAT,
    STRIPES_ACROSS, /* 0 and 255, random widths */
    STRIPES_DOWN,
    GRADIENT,
    STAIRS,    /* brighter and brighter to the right: each step may round what the edge has left */
    THRESHOLD, /* sums about a power of two */
    DIM_EDGE,  /* tiny values in the first columns, then anything */
    SCENE,     /* smooth shapes, a little noise */
    SPARSE,
    CONTENTS
} content;

typedef struct painter {
    content what;
    uint32_t width, height;
    uint8_t salt[8];
} painter;

/* Means at which five sums of sixteen pixels are a power of two. */
static const uint8_t thresholds[] = {0, 1, 3, 6, 12, 25, 51, 102, 204, 254};

static uint8_t pixel(const painter *p, uint32_t x, uint32_t y, uint64_t r)
{
    const uint8_t *s = p->salt;
    switch (p->what) {
    case FLAT:
        return s[0];
    case STRIPES_ACROSS:
        return (y * (1 + s[1] % 8) / (1 + s[0] % 9)) & 1 ? 255 : (uint8_t)(s[2] % 3 ? 0 : s[3]);
    case STRIPES_DOWN:
        return (x * (1 + s[1] % 8) / (1 + s[0] % 9)) & 1 ? 255 : (uint8_t)(s[2] % 3 ? 0 : s[3]);
    case GRADIENT:
        return (uint8_t)((x * (s[0] % 64) + y * (s[1] % 64)) / 128 + r % (1 + s[2] % 8));
    case STAIRS:
        return (uint8_t)(thresholds[x * (2 + s[0] % 9) / p->width] + r % (1 + s[1] % 3) +
                         (s[2] % 2 ? r >> 60 : 0));
    case THRESHOLD:
        return (uint8_t)(x < s[1] % 16u ? r : thresholds[s[0] % 10] + (r >> 8) % (2 + s[2] % 2));
    case DIM_EDGE:
        return x < 1 + s[0] % 9u ? (uint8_t)(r % (1 + s[1] % 3))
                                 : (uint8_t)(r >> 8) / (uint8_t)(1 + s[2] % 4);
    case SCENE: {
        const int dx = (int)x - s[0] * 2, dy = (int)y - s[1] * 2;
        const int v = s[2] + (int)(x * s[3] + y * s[4]) / 1024 - (dx * dx + dy * dy) / (64 + s[5]);
        const int shape = (x / (16u + s[6]) + y / (16u + s[7])) % 3 ? 0 : 70;
        const int sum = (v < 0 ? 0 : v) + shape + (int)(r % 9);
        return (uint8_t)(sum > 255 ? 255 : sum);
    }
    case SPARSE:
        return r % 97 ? 0 : (uint8_t)(r >> 32);
    case NOISE:
    case CONTENTS:
        break;
    }
    return (uint8_t)r;
}

typedef struct picture {
    uint8_t *map;
    size_t bytes;
    const uint8_t *rows;
    ptrdiff_t stride;
    painter by;
} picture;

/* Between two pages that may not be touched. */
static picture picture_new(uint64_t *state, uint32_t width, uint32_t height)
{
    picture p = {.by = {(content)below(state, CONTENTS), width, height, {0}}};
    for (size_t i = 0; i < sizeof p.by.salt; i++)
        p.by.salt[i] = (uint8_t)test_random(state);
    const size_t stride = width + (below(state, 2) ? 0 : below(state, 100));
    const size_t size = stride * (height - 1) + width;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (size + page - 1) / page * page;
    p.bytes = body + 2 * page;
    p.map = mmap(NULL, p.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p.map, MAP_FAILED);
    ck_assert_int_eq(mprotect(p.map, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(p.map + page + body, page, PROT_NONE), 0);
    uint8_t *first = p.map + page + (below(state, 2) ? body - size : 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            first[y * stride + x] = pixel(&p.by, x, y, test_random(state));
    const bool upside_down = below(state, 4) == 0;
    p.rows = upside_down ? first + (height - 1) * stride : first;
    p.stride = upside_down ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    return p;
}

static void picture_free(picture *p)
{
    munmap(p->map, p->bytes);
}

/* ---- the two filters ---- */

static void filter_c(const picture *p, pdq_jarosz *jarosz)
{
    float luma[MOST];
    ck_assert_int_eq(pdq_jarosz_reset(jarosz, p->by.width, p->by.height), PHASH_OK);
    for (uint32_t y = 0; y < p->by.height; y++) {
        pdq_luma_row(PHASH_PIXEL_GREY8, p->rows + (ptrdiff_t)y * p->stride, luma, p->by.width);
        pdq_jarosz_push(jarosz, luma);
    }
}

/* Rows in pushes of up to `most`, from memory that is overwritten as soon as each has been taken. */
static void push(pdq_grey *g, const picture *p, uint32_t rows, uint32_t most, uint64_t *state)
{
    if (most >= rows) {
        pdq_grey_push(g, p->rows, rows, p->stride);
        return;
    }
    static uint8_t lent[MOST * (MOST + 3)];
    const size_t pitch = p->by.width + 3;
    for (uint32_t y = 0, n; y < rows; y += n) {
        n = below(state, most + 1);
        if (n > rows - y)
            n = rows - y;
        for (uint32_t i = 0; i < n; i++)
            memcpy(lent + i * pitch, p->rows + (ptrdiff_t)(y + i) * p->stride, p->by.width);
        pdq_grey_push(g, lent, n, (ptrdiff_t)pitch);
        memset(lent, 0xa5, n * pitch);
    }
}

static void compare(const picture *p, const pdq_grey *g, const pdq_jarosz *jarosz, uint32_t most)
{
    for (uint32_t i = 0; i < PDQ_SIDE * PDQ_SIDE; i++)
        ck_assert_msg(!memcmp(&g->out[i], &jarosz->out[i], sizeof g->out[i]),
                      "%ux%u content %d, pushes of up to %u: row %u, column %u is %a, not %a",
                      p->by.width, p->by.height, (int)p->by.what, most, i / PDQ_SIDE, i % PDQ_SIDE,
                      (double)g->out[i], (double)jarosz->out[i]);
}

static pdq_kernels tables[MASKS];
static size_t table_count;

/* The sets of the machine that have the filter: AVX2 and AVX-512, each with its own. */
static void fill_tables(void)
{
    const uint32_t all = phash_cpu_active();
    const size_t want = (size_t)((all & PHASH_CPU_AVX2) != 0) + ((all & PHASH_CPU_AVX512) != 0);
    table_count = 0;
    for (uint32_t bit = 1; bit && table_count < MASKS; bit <<= 1) {
        if (!(all & bit))
            continue;
        pdq_kernels_fill(&tables[table_count], all & (bit | (bit - 1)));
        table_count += tables[table_count].grey != NULL;
    }
    ck_assert_uint_eq(table_count, want);
    for (size_t i = 1; i < table_count; i++) {
        ck_assert(tables[i].grey != tables[i - 1].grey);
        ck_assert(tables[i].grey_edge != tables[i - 1].grey_edge);
        ck_assert(tables[i].grey_dct64 != tables[i - 1].grey_dct64);
    }
}

static bool long_run(void)
{
    const char *text = getenv("PHASH_TEST_LONG");
    return text && strcmp(text, "0") != 0;
}

static pdq_jarosz jarosz;
static pdq_grey
    grey[MASKS]; /* reused: widths change, or do not; so do the sets that use the first */

static void try_picture(uint32_t width, uint32_t height, uint64_t *state)
{
    picture p = picture_new(state, width, height);
    filter_c(&p, &jarosz);
    float want[DCT], got[DCT];
    pdq_dct64(jarosz.out, want);
    for (size_t i = 0; i < table_count; i++) {
        const pdq_kernels *k = &tables[i];
        pdq_grey *g = &grey[below(state, 4) ? i : 0];
        const uint32_t most = below(state, 2) ? height : 1 + below(state, 50);
        ck_assert(pdq_grey_takes(k, width, height, PHASH_PIXEL_GREY8));
        if (below(state, 8) == 0) { /* begun in vain */
            pdq_grey_reset(g, k, width, height);
            push(g, &p, 1 + below(state, height), most, state);
        }
        pdq_grey_reset(g, k, width, height);
        push(g, &p, height, most, state);
        k->grey_dct64(g, got); /* and the last row */
        compare(&p, g, &jarosz, most);
        ck_assert_mem_eq(got, want, sizeof got);
        k->dct64(g->out, got);
        ck_assert_mem_eq(got, want, sizeof got);
        ck_assert_int_eq(k->quality(g->out), pdq_quality(jarosz.out));
    }
    picture_free(&p);
}

START_TEST(every_side)
{
    fill_tables();
    uint64_t state = test_seed();
    const uint32_t step = 100u / (uint32_t)test_share(100);
    for (uint32_t side = LEAST; side <= MOST; side += side + step <= MOST ? step : 1) {
        try_picture(side, LEAST + MOST - side, &state);
        try_picture(MOST, side, &state);
    }
}
END_TEST

START_TEST(random_pictures)
{
    fill_tables();
    uint64_t state = test_seed() + 1;
    const int cases = long_run() ? 20000 : test_share(2000);
    for (int i = 0; i < cases; i++) {
        const uint32_t width = LEAST + below(&state, MOST - LEAST + 1);
        try_picture(width, LEAST + below(&state, MOST - LEAST + 1), &state);
    }
    printf("%d pictures, %zu sets with the filter\n", cases, table_count);
}
END_TEST

/* Which images go there is decided by size and format; the public calls agree on both sides. */
START_TEST(neighbours)
{
    fill_tables();
    for (size_t i = 0; i < table_count; i++) {
        const pdq_kernels *k = &tables[i];
        ck_assert(pdq_grey_takes(k, LEAST, MOST, PHASH_PIXEL_GREY8));
        ck_assert(!pdq_grey_takes(k, LEAST - 1, MOST, PHASH_PIXEL_GREY8));
        ck_assert(!pdq_grey_takes(k, LEAST, MOST + 1, PHASH_PIXEL_GREY8));
        ck_assert(!pdq_grey_takes(k, LEAST, MOST, PHASH_PIXEL_RGB8));
    }
    const uint32_t active = phash_cpu_active();
    uint64_t state = test_seed() + 2;
    phash_pdq_stream *s = NULL;
    for (int i = 0; i < 60; i++) {
        const uint32_t width = LEAST - 3 + below(&state, MOST - LEAST + 6);
        const uint32_t height = LEAST - 3 + below(&state, MOST - LEAST + 6);
        picture p = picture_new(&state, width, height);
        const phash_pdq_image image = {p.rows, p.stride, {width, height, PHASH_PIXEL_GREY8}};
        phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
        o.dihedral = 1;
        o.profile = i % 2 ? PHASH_PDQ_FULL : PHASH_PDQ_NN512;
        phash_pdq_result want = PHASH_PDQ_RESULT_INIT, got = PHASH_PDQ_RESULT_INIT;
        phash_cpu_mask(0);
        ck_assert_int_eq(phash_pdq(&image, &o, &want), PHASH_OK);
        phash_cpu_mask(active);
        if (!s)
            ck_assert_int_eq(phash_pdq_stream_new(&image.desc, &o, &s), PHASH_OK);
        ck_assert_int_eq(phash_pdq_stream_reset(s, &image.desc, &o), PHASH_OK);
        for (uint32_t y = 0, n; y < height; y += n) {
            n = below(&state, 40);
            n = n > height - y ? height - y : n;
            ck_assert_int_eq(phash_pdq_push_rows(s, p.rows + (ptrdiff_t)y * p.stride, n, p.stride),
                             PHASH_OK);
        }
        ck_assert_int_eq(phash_pdq_finish(s, &got), PHASH_OK);
        ck_assert_mem_eq(&got.hash, &want.hash, sizeof got.hash);
        ck_assert_int_eq(got.quality, want.quality);
        ck_assert_mem_eq(got.dihedral, want.dihedral, sizeof got.dihedral);
        picture_free(&p);
    }
    phash_pdq_stream_free(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pdq-grey");
    TCase *tc = tcase_create("grey");
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, every_side);
    tcase_add_test(tc, random_pictures);
    tcase_add_test(tc, neighbours);
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
