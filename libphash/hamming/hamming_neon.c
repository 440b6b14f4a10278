/* Kernels for AArch64 Advanced SIMD: 128 pairs to a step of the bit-sliced scan, the majority by a
 * bit select; popcounts by CNT. */
#include "hamming/hamming.h"

#include <arm_neon.h>
#include <stdbool.h>
#include <string.h>

typedef uint64_t V __attribute__((vector_size(16)));
#define SUM3(a, b, c) ((a) ^ (b) ^ (c))
/* Where a and b agree the majority is b, elsewhere c. */
#define MAJ3(a, b, c)   ((V)vbslq_u64((uint64x2_t)((a) ^ (b)), (uint64x2_t)(c), (uint64x2_t)(b)))
#define SUM_OR(a, b, c) ((a) | (b) | (c))
#define SPLAT(bit)      ((V){0} - (uint64_t)(bit))
#define NONE(v)         (!((v)[0] | (v)[1]))
enum { DIRECT_QUERIES = 3 };
#include "hamming/scan_template.h"

static size_t rows(const void *data, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits)
{
    const uint8_t *row = data;
    const uint8_t *q = (const uint8_t *)query;
    size_t count = 0;
    for (size_t i = 0; i < n; i++, row += words * 8) {
        uint32_t d;
        if (words == 1) {
            d = vaddv_u8(vcnt_u8(veor_u8(vld1_u8(row), vld1_u8(q))));
        } else {
            const uint8x16_t low = vcntq_u8(veorq_u8(vld1q_u8(row), vld1q_u8(q)));
            const uint8x16_t high = vcntq_u8(veorq_u8(vld1q_u8(row + 16), vld1q_u8(q + 16)));
            d = vaddlvq_u8(vaddq_u8(low, high));
        }
        hits[count] = (phash_hit){(uint32_t)i, d};
        count += d <= radius;
    }
    return count;
}

/* The tests of probe_template.h. */
typedef struct near_test {
    uint16x8_t check, mask, own_mask;
    int16x8_t limit, own_limit;
} near_test;

static inline near_test near_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (near_test){vdupq_n_u16((uint16_t)check), vdupq_n_u16((uint16_t)chunk->mask),
                       vdupq_n_u16((uint16_t)chunk->own_mask), vdupq_n_s16(chunk->limit[level]),
                       vdupq_n_s16(chunk->own_limit[level])};
}

static inline int16x8_t popcount16(uint16x8_t v)
{
    return vreinterpretq_s16_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u16(v))));
}

/* A bit for each of eight checks that is near. */
static inline uint32_t near8(const near_test *t, const uint16_t *checks)
{
    static const uint16_t place[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t x = veorq_u16(vld1q_u16(checks), t->check);
    const uint16x8_t near =
        vandq_u16(vcleq_s16(popcount16(vandq_u16(x, t->mask)), t->limit),
                  vcleq_s16(popcount16(vandq_u16(x, t->own_mask)), t->own_limit));
    return vaddvq_u16(vandq_u16(near, vld1q_u16(place)));
}

/* Reads up to 14 bytes behind the last check, which the section has. */
static inline uint64_t near_run(const near_test *t, const uint16_t *checks, uint32_t count)
{
    uint64_t near = 0;
    for (uint32_t i = 0; i < count; i += 8)
        near |= (uint64_t)near8(t, checks + i) << i;
    return count < 64 ? near & ((UINT64_C(1) << count) - 1) : near;
}

/* The head is tested with the rest and left out: the loads stay inside the line. */
static inline uint64_t near_line(const near_test *t, const uint16_t *line, uint32_t count)
{
    return near_run(t, line, count + PHASH_LINE_HEAD) >> PHASH_LINE_HEAD;
}

typedef struct wide_test {
    near_test low;
    uint16x8_t check, mask, own_mask; /* of the high bits, which are put in lanes of 16 */
} wide_test;

static inline wide_test wide_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (wide_test){near_at(chunk, level, check), vdupq_n_u16((uint16_t)(check >> 16)),
                       vdupq_n_u16((uint16_t)(chunk->mask >> 16)),
                       vdupq_n_u16((uint16_t)(chunk->own_mask >> 16))};
}

static inline int16x8_t ones16(uint16x8_t low, uint16x8_t low_mask, uint16x8_t high,
                               uint16x8_t high_mask)
{
    return vaddq_s16(popcount16(vandq_u16(low, low_mask)), popcount16(vandq_u16(high, high_mask)));
}

/* A bit for each of eight checks that is near. */
static inline uint32_t wide8(const wide_test *t, const uint16_t *lows, const uint8_t *highs)
{
    static const uint16_t place[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    const uint16x8_t low = veorq_u16(vld1q_u16(lows), t->low.check);
    const uint16x8_t high = veorq_u16(vmovl_u8(vld1_u8(highs)), t->check);
    const uint16x8_t near =
        vandq_u16(vcleq_s16(ones16(low, t->low.mask, high, t->mask), t->low.limit),
                  vcleq_s16(ones16(low, t->low.own_mask, high, t->own_mask), t->low.own_limit));
    return vaddvq_u16(vandq_u16(near, vld1q_u16(place)));
}

/* The head is tested with the rest and left out: lanes 0 to 23, whose high bits are bytes 40 to 63. */
static inline uint64_t near_wide(const wide_test *t, const uint16_t *line, uint32_t count)
{
    const uint8_t *high = (const uint8_t *)line + PHASH_WIDE_HIGH - PHASH_LINE_HEAD;
    uint64_t near = 0;
    for (uint32_t i = 0; i < 24; i += 8)
        near |= (uint64_t)wide8(t, line + i, high + i) << i;
    return near >> PHASH_LINE_HEAD & ((UINT64_C(1) << count) - 1);
}
#include "hamming/probe_template.h"

void phash_hamming_neon(phash_hamming_kernels *k)
{
    *k = (phash_hamming_kernels){reorder,     rows,       transpose,   slice,
                                 confirm,     probe_add,  probe_keys,  probe_runs,
                                 probe_lines, probe_wide, probe_verify};
}
