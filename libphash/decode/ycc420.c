/* Planes of a 4:2:0 JPEG, kept until their rows are RGB: see ycc420.h. */
#include "decode/ycc420.h"

#include "core/cpu.h"

ycc420_row_fn ycc420_row_for(uint32_t sets)
{
#if PHASH_HAVE_X86
    if (sets & PHASH_CPU_AVX512)
        return ycc420_row_avx512;
    if (sets & PHASH_CPU_AVX2)
        return ycc420_row_avx2;
#else
    (void)sets;
#endif
    return NULL;
}

enum { HELD = 2 * YCC420_ROWS, CHROMA_HELD = HELD / 2 };

static size_t pitch_of(uint32_t samples)
{
    return ((size_t)samples + YCC420_PAD - 1) / YCC420_PAD * YCC420_PAD + 2 * (size_t)YCC420_PAD;
}

static uint32_t half(uint32_t n)
{
    return n / 2 + n % 2;
}

static size_t blend_bytes(uint32_t width)
{
    return 2 * (size_t)width + 4 * (size_t)YCC420_PAD;
}

uint64_t ycc420_bytes(uint32_t width)
{
    return (uint64_t)HELD * pitch_of(width) + 2 * (uint64_t)CHROMA_HELD * pitch_of(half(width)) +
           blend_bytes(width);
}

phash_status ycc420_start(ycc420 *y, ycc420_row_fn row, uint32_t width, uint32_t height)
{
    const uint64_t bytes = ycc420_bytes(width);
    if (bytes > SIZE_MAX / 2)
        return PHASH_E_MEMORY;
    /* Zeroed, because kernels also load, and then leave alone, what lies behind a row. */
    y->memory = phash_alloc_zero((size_t)bytes, 1);
    if (!y->memory)
        return PHASH_E_MEMORY;
    y->bytes = (size_t)bytes;
    y->row = row;
    y->width = width;
    y->height = height;
    y->luma_pitch = pitch_of(width);
    y->chroma_pitch = pitch_of(half(width));
    y->luma = y->memory + YCC420_PAD;
    y->chroma[0] = y->luma + HELD * y->luma_pitch;
    y->chroma[1] = y->chroma[0] + CHROMA_HELD * y->chroma_pitch;
    /* Pitches are multiples of YCC420_PAD, so this is as aligned as the memory is. */
    y->blend = (uint16_t *)(void *)(y->chroma[1] + CHROMA_HELD * y->chroma_pitch - YCC420_PAD);
    return PHASH_OK;
}

static uint8_t *luma_row(const ycc420 *y, uint32_t row)
{
    return y->luma + row % HELD * y->luma_pitch;
}

static uint8_t *chroma_row(const ycc420 *y, int which, uint32_t row)
{
    return y->chroma[which] + row % CHROMA_HELD * y->chroma_pitch;
}

void ycc420_next(const ycc420 *y, uint8_t *luma[YCC420_ROWS], uint8_t *cb[YCC420_ROWS / 2],
                 uint8_t *cr[YCC420_ROWS / 2])
{
    for (uint32_t i = 0; i < YCC420_ROWS; i++)
        luma[i] = luma_row(y, y->sets * YCC420_ROWS + i);
    for (uint32_t i = 0; i < YCC420_ROWS / 2; i++) {
        cb[i] = chroma_row(y, 0, y->sets * (YCC420_ROWS / 2) + i);
        cr[i] = chroma_row(y, 1, y->sets * (YCC420_ROWS / 2) + i);
    }
}

void ycc420_added(ycc420 *y)
{
    const uint32_t across = half(y->width);
    for (int which = 0; which < 2; which++)
        for (uint32_t i = 0; i < YCC420_ROWS / 2; i++) {
            uint8_t *row = chroma_row(y, which, y->sets * (YCC420_ROWS / 2) + i);
            row[-1] = row[0];
            row[across] = row[across - 1];
        }
    y->sets++;
}

/* The chroma row that lies on the other side of luma row `row`; the outermost are their own. */
static uint32_t far_row(const ycc420 *y, uint32_t row)
{
    const uint32_t own = row / 2, last = half(y->height) - 1;
    if (row % 2)
        return own < last ? own + 1 : own;
    return own > 0 ? own - 1 : own;
}

size_t ycc420_take(ycc420 *y, uint8_t *rows, size_t count, size_t stride)
{
    const uint64_t held = (uint64_t)y->sets * YCC420_ROWS;
    const uint64_t ready = held >= y->height ? y->height : held ? held - 1 : 0;
    const size_t n = count < ready - y->given ? count : (size_t)(ready - y->given);
    for (size_t i = 0; i < n; i++, y->given++) {
        const uint32_t own = y->given / 2, other = far_row(y, y->given);
        const uint8_t *const near[2] = {chroma_row(y, 0, own), chroma_row(y, 1, own)};
        const uint8_t *const far[2] = {chroma_row(y, 0, other), chroma_row(y, 1, other)};
        y->row(luma_row(y, y->given), near, far, y->width, y->blend, rows + i * stride);
    }
    return n;
}

void ycc420_free(ycc420 *y)
{
    phash_wipe_free(y->memory, y->bytes);
    *y = (ycc420){0};
}
