/* PDQ streams under every instruction set of the machine, against plain C: what the kernels' suite
 * leaves out. Rows with any stride, also below the image's first row and with several strides in one
 * stream; pushes of any size; one stream for images of all sizes, formats, profiles and masks, some
 * of them left half done. Rows end, or begin, at a page that may not be touched.
 *
 * 20,000 cases of random size, format, content, row split, profile and mask; PHASH_TEST_STREAMS sets
 * another number, from 1,000 on.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "check_main.h"

#include "pdq/jarosz.h"
#include "pdq/kernels.h"

#include <phash/pdq.h>

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LUMA = PDQ_SIDE * PDQ_SIDE, DCT = PDQ_DCT_SIDE * PDQ_DCT_SIDE, MASKS = 8 };

/* ---- pictures between two forbidden pages ---- */

typedef struct picture {
    uint8_t *map;
    size_t bytes;
    const uint8_t *rows; /* the first */
    ptrdiff_t stride;
    phash_pdq_desc desc;
} picture;

static uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(test_random(state) % n);
}

/* Strides decide whether lanes may read beyond their rows: none, a little or much padding. */
static size_t random_stride(size_t row, uint64_t *state)
{
    switch (below(state, 4)) {
    case 0:
        return row;
    case 1:
        return row + 1 + below(state, 63);
    case 2:
        return row + 62 + below(state, 4);
    default:
        return row + below(state, 900);
    }
}

typedef enum content { NOISE, SMOOTH, FLAT, EXTREME, FADING, DARK, CONTENTS } content;

/* Over noise that is there already, of which contents keep more or less. What does
 * not change in a row is computed once: these are the most pixels of all tests. */
static void paint_row(content what, uint8_t *out, uint32_t width, uint32_t channels, uint32_t y,
                      uint32_t salt)
{
    const uint32_t tile = 1 + salt % 50, dark = y / (1 + salt / 50 % 50) & 1;
    const uint32_t slope = 1 + salt % 3, bright = 100 + salt % 100;
    for (uint32_t x = 0, left = tile, odd = dark; x < width; x++, out += channels)
        switch (what) {
        case SMOOTH:
            for (uint32_t c = 0; c < channels; c++)
                out[c] = (uint8_t)((x * slope + y * (1 + salt / 3 % 3) + c * 40) / 4 + out[c] % 3);
            break;
        case FLAT:
            for (uint32_t c = 0; c < channels; c++)
                out[c] = (uint8_t)(salt + c * 7);
            break;
        case EXTREME:
            for (uint32_t c = 0; c < channels; c++)
                out[c] = odd ? 255 : 0;
            if (--left == 0)
                left = tile, odd ^= 1;
            break;
        case FADING: /* bright, then black: all that is left of the sums is their rounding */
            if ((x + y) % 300 >= bright)
                for (uint32_t c = 0; c < channels; c++)
                    out[c] = 0;
            break;
        case DARK:
            for (uint32_t c = 0; c < channels; c++)
                out[c] = out[c] % 61 == 0;
            break;
        case NOISE:
        case CONTENTS:
            break;
        }
}

static picture picture_new(uint64_t *state, uint32_t width, uint32_t height)
{
    picture p = {.desc = {width, height, (phash_pixel_format)(1 + below(state, 5))}};
    const size_t bytes = phash_pixel_bytes(p.desc.format), row = width * bytes;
    const size_t stride = random_stride(row, state), size = stride * (height - 1) + row;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (size + page - 1) / page * page;
    p.bytes = body + 2 * page;
    p.map = mmap(NULL, p.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p.map, MAP_FAILED);
    ck_assert_int_eq(mprotect(p.map, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(p.map + page + body, page, PROT_NONE), 0);
    uint8_t *first = p.map + page + (below(state, 2) ? body - size : 0);
    const content what = (content)below(state, CONTENTS);
    const uint32_t salt = below(state, 2500);
    /* Eight bytes at a time: padding is no part of the picture, but is not zero. */
    for (size_t i = 0; i < size; i += 8) {
        const uint64_t r = test_random(state);
        memcpy(first + i, &r, size - i < 8 ? size - i : 8);
    }
    for (uint32_t y = 0; y < height; y++)
        paint_row(what, first + y * stride, width, (uint32_t)bytes, y, salt);
    const bool upside_down = below(state, 4) == 0;
    p.rows = upside_down ? first + (height - 1) * stride : first;
    p.stride = upside_down ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    return p;
}

static void picture_free(picture *p)
{
    munmap(p->map, p->bytes);
}

/* ---- the masks: plain C, then each set that brings a filter, with those below it ---- */

static uint32_t masks[MASKS];
static size_t mask_count;

static void fill_masks(void)
{
    if (mask_count) /* the tests change what is active */
        return;
    const uint32_t all = phash_cpu_active();
    masks[mask_count++] = 0;
    pdq_kernels k;
    uint32_t lanes = 0;
    for (uint32_t bit = 1; bit && mask_count < MASKS; bit <<= 1) {
        pdq_kernels_fill(&k, all & (bit | (bit - 1)));
        if (k.lanes != lanes)
            masks[mask_count++] = all & (bit | (bit - 1));
        lanes = k.lanes;
    }
}

/* ---- hashing ---- */

/* Pushes of up to `most` rows, at times of none, or of one row with a stride that does not matter. */
static void push(phash_pdq_stream *s, const picture *p, uint32_t rows, uint32_t most,
                 uint64_t *state)
{
    for (uint32_t y = 0, n; y < rows; y += n) {
        n = below(state, most + 1);
        if (n > rows - y)
            n = rows - y;
        const ptrdiff_t stride = n == 1 && below(state, 2) ? 0 : p->stride;
        ck_assert_int_eq(phash_pdq_push_rows(s, p->rows + (ptrdiff_t)y * p->stride, n, stride),
                         PHASH_OK);
    }
}

typedef struct answer {
    phash_pdq_result result;
    float coefficients[DCT];
} answer;

static answer finish(phash_pdq_stream *s)
{
    answer a = {.result = PHASH_PDQ_RESULT_INIT};
    ck_assert_int_eq(pdq_finish(s, &a.result, a.coefficients), PHASH_OK);
    return a;
}

static void compare(const phash_pdq_result *got, const phash_pdq_result *want, const picture *p,
                    uint32_t mask)
{
    char text[64];
    phash_cpu_names(mask, text, sizeof text);
    ck_assert_msg(
        !memcmp(&got->hash, &want->hash, sizeof got->hash) && got->quality == want->quality &&
            got->profile == want->profile && got->has_dihedral == want->has_dihedral &&
            !memcmp(got->dihedral, want->dihedral, sizeof got->dihedral),
        "%ux%u format %d stride %td: %s differs from plain C (quality %d, %d)", p->desc.width,
        p->desc.height, (int)p->desc.format, p->stride, text, got->quality, want->quality);
}

static void compare_answers(const answer *got, const answer *want, const picture *p, uint32_t mask)
{
    compare(&got->result, &want->result, p, mask);
    ck_assert_msg(!memcmp(got->coefficients, want->coefficients, sizeof got->coefficients),
                  "%ux%u format %d stride %td: coefficients differ from plain C under mask %x",
                  p->desc.width, p->desc.height, (int)p->desc.format, p->stride, mask);
}

/* Sides around the filter's changes of mind: blocks, windows, samples kept, all edge or not. */
static uint32_t random_side(uint64_t *state)
{
    switch (below(state, 8)) {
    case 0:
        return 5 + below(state, 1396);
    case 1:
        return 384 + below(state, 131);
    case 2:
        return 128 * (1 + below(state, 8)) - 1 + below(state, 3);
    case 3:
        return 16 * (1 + below(state, 16)) - 1 + below(state, 3);
    case 4:
        return PDQ_SIDE;
    default:
        return 5 + below(state, 250);
    }
}

static long stream_cases(void)
{
    enum { USUAL = 20000, LEAST = 1000 };
    const char *text = getenv("PHASH_TEST_STREAMS");
    const long cases = text ? strtol(text, NULL, 10) : USUAL;
    return cases < LEAST ? LEAST : cases;
}

/* One whole picture in one push, in plain C: what all the others are compared with. */
static answer plain_c(const picture *p, const phash_pdq_options *o)
{
    phash_pdq_stream *s;
    phash_cpu_mask(0);
    ck_assert_int_eq(phash_pdq_stream_new(&p->desc, o, &s), PHASH_OK);
    ck_assert_int_eq(phash_pdq_push_rows(s, p->rows, p->desc.height, p->stride), PHASH_OK);
    const answer a = finish(s);
    phash_pdq_stream_free(&s);
    return a;
}

/* Under the active mask, with a stream that may have been used for anything before. */
static answer in_pieces(const picture *p, const phash_pdq_options *o, phash_pdq_stream **reused,
                        uint64_t *state)
{
    const uint32_t height = p->desc.height;
    if (!*reused)
        ck_assert_int_eq(phash_pdq_stream_new(&p->desc, o, reused), PHASH_OK);
    ck_assert_int_eq(phash_pdq_stream_reset(*reused, &p->desc, o), PHASH_OK);
    const uint32_t most = below(state, 3) ? 1 + below(state, 40) : height;
    if (below(state, 8) == 0) { /* begun in vain: the same size finds its memory used */
        push(*reused, p, 1 + below(state, height), most, state);
        ck_assert_int_eq(phash_pdq_stream_reset(*reused, &p->desc, o), PHASH_OK);
    }
    push(*reused, p, height, most, state);
    const answer a = finish(*reused);
    if (below(state, 50) == 0)
        phash_pdq_stream_free(reused);
    return a;
}

START_TEST(streams_agree)
{
    fill_masks();
    const long cases = stream_cases();
    uint64_t state = test_seed();
    phash_pdq_stream *reused = NULL;
    for (long i = 0; i < cases; i++) {
        const uint32_t width = random_side(&state);
        uint32_t height = random_side(&state);
        if (width > 300 && height > 300 && i % 4)
            height = 5 + height % 60;
        picture p = picture_new(&state, width, height);
        phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
        o.profile = below(&state, 3) ? PHASH_PDQ_FULL : PHASH_PDQ_NN512;
        o.dihedral = below(&state, 3) == 0;
        const answer want = plain_c(&p, &o);
        for (size_t m = 0; m < mask_count; m++) {
            phash_cpu_mask(masks[m]);
            if (below(&state, 4) == 0) {
                phash_pdq_result got = PHASH_PDQ_RESULT_INIT;
                ck_assert_int_eq(phash_pdq(&(phash_pdq_image){p.rows, p.stride, p.desc}, &o, &got),
                                 PHASH_OK);
                compare(&got, &want.result, &p, masks[m]);
            }
            const answer got = in_pieces(&p, &o, &reused, &state);
            compare_answers(&got, &want, &p, masks[m]);
        }
        picture_free(&p);
    }
    phash_pdq_stream_free(&reused);
    printf("%ld streams, %zu masks\n", cases, mask_count);
}
END_TEST

/* The filter alone, to the last bit: 64x64 floats, and the 256 of the DCT that follows. */
START_TEST(coefficients_agree)
{
    fill_masks();
    const int cases = 600;
    uint64_t state = test_seed() + 1;
    pdq_kernels c;
    pdq_kernels_fill(&c, 0);
    static pdq_jarosz jarosz;
    static pdq_wave wave;
    static pdq_helix helix;
    for (int i = 0; i < cases; i++) {
        uint32_t width = random_side(&state), height = 5 + random_side(&state) % 500;
        if (i % 4 == 0) /* both windows are 4 */
            width = 385 + width % 128, height = 385 + height % 128;
        picture p = picture_new(&state, width, height);
        float luma[1500], want[DCT], got[DCT];
        ck_assert_int_eq(pdq_jarosz_reset(&jarosz, width, height), PHASH_OK);
        for (uint32_t y = 0; y < height; y++) {
            pdq_luma_row(p.desc.format, p.rows + (ptrdiff_t)y * p.stride, luma, width);
            pdq_jarosz_push(&jarosz, luma);
        }
        c.dct64(jarosz.out, want);
        for (size_t m = 0; m < mask_count; m++) {
            pdq_kernels k;
            pdq_kernels_fill(&k, masks[m]);
            if (!pdq_wave_takes(&k, width, height))
                continue;
            ck_assert_int_eq(pdq_wave_reset(&wave, &k, width, height, p.desc.format), PHASH_OK);
            const uint32_t first = below(&state, height + 1);
            pdq_wave_push(&wave, p.rows, first, p.stride);
            pdq_wave_push(&wave, p.rows + (ptrdiff_t)first * p.stride, height - first, p.stride);
            ck_assert_msg(!memcmp(wave.out, jarosz.out, sizeof wave.out),
                          "%ux%u format %d stride %td, %u lanes", width, height, (int)p.desc.format,
                          p.stride, k.lanes);
            k.dct64(wave.out, got);
            ck_assert_mem_eq(got, want, sizeof got);
            ck_assert_int_eq(k.quality(wave.out), pdq_quality(jarosz.out));
            if (!pdq_helix_takes(&k, width, height))
                continue;
            pdq_helix_reset(&helix, &k, width, height, p.desc.format);
            pdq_helix_push(&helix, p.rows, first, p.stride);
            pdq_helix_push(&helix, p.rows + (ptrdiff_t)first * p.stride, height - first, p.stride);
            ck_assert_msg(!memcmp(helix.out, jarosz.out, sizeof helix.out),
                          "helix, %ux%u format %d stride %td, %u lanes", width, height,
                          (int)p.desc.format, p.stride, k.lanes);
        }
        picture_free(&p);
    }
    pdq_wave_free(&wave);
    pdq_jarosz_free(&jarosz);
}
END_TEST

/* Rows with forbidden pages between them: what lies beside a row is only touched where there is room
 * for no more than padding. */
START_TEST(rows_apart)
{
    fill_masks();
    uint64_t state = test_seed() + 2;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < 120; i++) {
        uint32_t width = 5 + below(&state, 1000), height = 5 + below(&state, 60);
        if (i % 4 == 0) /* both windows are 4 */
            width = 385 + below(&state, 128), height = 385 + below(&state, 128);
        picture p = {.desc = {width, height, (phash_pixel_format)(1 + below(&state, 5))}};
        const size_t row = width * phash_pixel_bytes(p.desc.format);
        const bool at_end = below(&state, 2);
        p.bytes = (2 * (size_t)height + 1) * page;
        p.map = mmap(NULL, p.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(p.map, MAP_FAILED);
        p.rows = p.map + page + (at_end ? page - row : 0);
        p.stride = (ptrdiff_t)(2 * page);
        for (uint32_t y = 0; y < height; y++) {
            uint8_t *at = p.map + (2 * (size_t)y + 1) * page + (at_end ? page - row : 0);
            ck_assert_int_eq(
                mprotect(p.map + (2 * (size_t)y + 1) * page, page, PROT_READ | PROT_WRITE), 0);
            for (size_t x = 0; x < row; x++)
                at[x] = (uint8_t)test_random(&state);
        }
        phash_pdq_result want = PHASH_PDQ_RESULT_INIT, got = PHASH_PDQ_RESULT_INIT;
        for (size_t m = 0; m < mask_count; m++) {
            phash_cpu_mask(masks[m]);
            ck_assert_int_eq(phash_pdq(&(phash_pdq_image){p.rows, p.stride, p.desc}, NULL, &got),
                             PHASH_OK);
            if (m == 0)
                want = got;
            compare(&got, &want, &p, masks[m]);
        }
        picture_free(&p);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pdq-streams");
    TCase *tc = tcase_create("streams");
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, streams_agree);
    tcase_add_test(tc, coefficients_agree);
    tcase_add_test(tc, rows_apart);
    suite_add_tcase(suite, tc);
    return test_main(suite);
}
