/* The scans, for one vector type. A file of one instruction set defines these and includes it:
 *
 *     V                    an unsigned 64-bit-lane vector type of GNU C
 *     SUM3(a, b, c)        a ^ b ^ c
 *     MAJ3(a, b, c)        majority: the carry of a + b + c
 *     SPLAT(bit)           all ones or all zeros
 *     NONE(v)              whether v is zero
 *     DIRECT_QUERIES       up to so many, making a block's table costs more than it saves
 *     OWN_REORDER          when it has a way to permute bits of its own (may be left undefined)
 *
 * What the bit-sliced scan does is told in hamming.h.
 */
#include "hamming/hamming.h"

#include <string.h>

enum {
    V_BYTES = sizeof(V),
    V_WORDS = V_BYTES / 8,
    CODE_SCALE = V_BYTES / 16,  /* codes are offsets into a table of 16-byte vectors */
    GROUP_BYTES = 16 * V_BYTES, /* eight codes, sum and carry of each */
    MASK_SCALE = V_BYTES / 8    /* codes are offsets into eight times four masks */
};

/* Full adder in place: *a keeps the sum, the carry is returned. */
#define ADD3(a, b, c, carry)                                                                       \
    do {                                                                                           \
        const V x_ = (a), y_ = (b), z_ = (c);                                                      \
        (carry) = MAJ3(x_, y_, z_);                                                                \
        (a) = SUM3(x_, y_, z_);                                                                    \
    } while (0)

/* Half adder in place. */
#define ADD2(a, b, carry)                                                                          \
    do {                                                                                           \
        const V x_ = (a), y_ = (b);                                                                \
        (carry) = x_ & y_;                                                                         \
        (a) = x_ ^ y_;                                                                             \
    } while (0)

/* The same, where the carry takes the place of what was added. */
#define CARRY_ON(a, b)                                                                             \
    do {                                                                                           \
        const V x_ = (a), y_ = (b);                                                                \
        (b) = x_ & y_;                                                                             \
        (a) = x_ ^ y_;                                                                             \
    } while (0)

/* Sum and carry of the three differences for each code. The majority of complements is the
 * complement of the majority, so four of the eight carries are the others upside down. */
static inline void slice_table(const uint64_t *planes, uint32_t groups, char *table)
{
    for (uint32_t g = 0; g < groups; g++) {
        const uint64_t *p = planes + (size_t)3 * g * PHASH_PLANE_WORDS;
        V a, b, c;
        memcpy(&a, p, sizeof a);
        memcpy(&b, p + PHASH_PLANE_WORDS, sizeof b);
        memcpy(&c, p + 2 * PHASH_PLANE_WORDS, sizeof c);
        V *t = (V *)(table + (size_t)g * GROUP_BYTES);
        const V odd = SUM3(a, b, c), even = ~odd;
        V carry[4];
        carry[0] = MAJ3(a, b, c);
        carry[1] = MAJ3(~a, b, c);
        carry[2] = MAJ3(a, ~b, c);
        carry[3] = MAJ3(~a, ~b, c);
        t[0] = odd, t[1] = carry[0];
        t[2] = even, t[3] = carry[1];
        t[4] = even, t[5] = carry[2];
        t[6] = odd, t[7] = carry[3];
        t[8] = even, t[9] = ~carry[3];
        t[10] = odd, t[11] = ~carry[2];
        t[12] = odd, t[13] = ~carry[1];
        t[14] = even, t[15] = ~carry[0];
    }
}

/* The three bits of each code as masks, and a fourth place that stays empty. */
static inline void slice_masks(char *table)
{
    for (uint32_t code = 0; code < 8; code++) {
        V *mask = (V *)table + 4 * code;
        mask[0] = SPLAT(code & 1);
        mask[1] = SPLAT(code >> 1 & 1);
        mask[2] = SPLAT(code >> 2);
    }
}

/* Sum and carry of the differences of group g, from the planes themselves and the masks. */
static inline __attribute__((always_inline)) void
slice_group(const char *masks, const uint64_t *planes, uint8_t code, uint32_t g, V *sum, V *carry)
{
    const uint64_t *p = planes + (size_t)3 * g * PHASH_PLANE_WORDS;
    const V *mask = (const V *)(masks + (size_t)code * MASK_SCALE);
    V a, b, c;
    memcpy(&a, p, sizeof a);
    memcpy(&b, p + PHASH_PLANE_WORDS, sizeof b);
    memcpy(&c, p + 2 * PHASH_PLANE_WORDS, sizeof c);
    a ^= mask[0], b ^= mask[1], c ^= mask[2];
    *sum = SUM3(a, b, c);
    *carry = MAJ3(a, b, c);
}

/* One query against V_BYTES * 8 rows: the rows that differ in at most `radius` of the bits; four
 * steps at a time, then the rest. levels is a constant at each call: the counters hold
 * 0 .. 2^levels - 1. So is whether there are planes. */
static inline __attribute__((always_inline)) V slice_query(const char *table,
                                                           const uint64_t *planes,
                                                           const uint8_t *codes, uint32_t steps,
                                                           uint32_t levels, uint32_t bias)
{
    V ones = SPLAT(bias & 1), twos = SPLAT(bias >> 1 & 1), fours = SPLAT(bias >> 2 & 1);
    V eights = SPLAT(bias >> 3 & 1), c16 = SPLAT(bias >> 4 & 1), c32 = SPLAT(bias >> 5 & 1);
    V c64 = SPLAT(bias >> 6 & 1), c128 = SPLAT(bias >> 7 & 1), over = SPLAT(0);
    for (uint32_t s = 0; s < steps / 4; s++) {
        V sum[4 * PHASH_SLICE_GROUPS], carry[4 * PHASH_SLICE_GROUPS];
        for (uint32_t g = 0; planes && g < 4 * PHASH_SLICE_GROUPS; g++)
            slice_group(table, planes, codes[g], g, &sum[g], &carry[g]);
/* Where there is a table, what it holds is not loaded before it is needed. */
#define AT(g)    ((const V *)(table + (g)*GROUP_BYTES + (size_t)codes[g] * CODE_SCALE))
#define SUM(g)   (planes ? sum[g] : AT(g)[0])
#define CARRY(g) (planes ? carry[g] : AT(g)[1])
        V t0, t1, f0, f1, f2, e0, e1, e2, x0, x1;
        ADD3(ones, SUM(0), SUM(1), t0);
        ADD3(twos, CARRY(0), CARRY(1), f0);
        ADD3(ones, SUM(2), SUM(3), t1);
        ADD3(twos, CARRY(2), CARRY(3), f1);
        ADD3(twos, t0, t1, f2);
        ADD3(fours, f0, f1, e0);
        ADD3(ones, SUM(4), SUM(5), t0);
        ADD3(twos, CARRY(4), CARRY(5), f0);
        ADD3(fours, f2, f0, e1);
        ADD3(ones, SUM(6), SUM(7), t1);
        ADD3(twos, CARRY(6), CARRY(7), f1);
        ADD3(twos, t0, t1, f2);
        ADD3(fours, f1, f2, e2);
        ADD3(eights, e0, e1, x0);
        ADD2(eights, e2, x1);
        if (levels == 4) {
            over = SUM_OR(over, x0, x1);
        } else {
            V y;
            ADD3(c16, x0, x1, y);
            if (levels > 5)
                CARRY_ON(c32, y);
            if (levels > 6)
                CARRY_ON(c64, y);
            if (levels > 7)
                CARRY_ON(c128, y);
            over |= y;
        }
        if (planes)
            planes += 3 * 4 * PHASH_SLICE_GROUPS * PHASH_PLANE_WORDS;
        else
            table += 4 * PHASH_SLICE_GROUPS * GROUP_BYTES;
        codes += 4 * PHASH_SLICE_GROUPS;
    }
    for (uint32_t s = 0; s < steps % 4; s++) {
        V sum[PHASH_SLICE_GROUPS], carry[PHASH_SLICE_GROUPS], t, f0, f1, e, x;
        for (uint32_t g = 0; planes && g < PHASH_SLICE_GROUPS; g++)
            slice_group(table, planes, codes[g], g, &sum[g], &carry[g]);
        ADD3(ones, SUM(0), SUM(1), t);
        ADD3(twos, CARRY(0), CARRY(1), f0);
        ADD2(twos, t, f1);
        ADD3(fours, f0, f1, e);
        ADD2(eights, e, x);
        if (levels > 4)
            CARRY_ON(c16, x);
        if (levels > 5)
            CARRY_ON(c32, x);
        if (levels > 6)
            CARRY_ON(c64, x);
        if (levels > 7)
            CARRY_ON(c128, x);
        over |= x;
        if (planes)
            planes += 3 * PHASH_SLICE_GROUPS * PHASH_PLANE_WORDS;
        else
            table += PHASH_SLICE_GROUPS * GROUP_BYTES;
        codes += PHASH_SLICE_GROUPS;
#undef AT
#undef SUM
#undef CARRY
    }
    return ~over;
}

static inline __attribute__((always_inline)) size_t
slice_queries(const char *table, const uint64_t *planes, const uint8_t *codes, size_t n,
              uint32_t steps, uint32_t levels, uint32_t radius, uint32_t first_row, uint32_t *out)
{
    const uint32_t bias = (UINT32_C(1) << levels) - 1 - radius;
    size_t count = 0;
    for (size_t q = 0; q < n; q++, codes += (size_t)steps * PHASH_SLICE_GROUPS) {
        const V within = slice_query(table, planes, codes, steps, levels, bias);
        if (NONE(within))
            continue;
        uint64_t w[V_WORDS];
        memcpy(w, &within, sizeof w);
        for (uint32_t i = 0; i < V_WORDS; i++)
            for (uint64_t bits = w[i]; bits; bits &= bits - 1)
                out[count++] =
                    (uint32_t)q << 9 | (first_row + 64 * i + (uint32_t)__builtin_ctzll(bits));
    }
    return count;
}

/* V_WORDS words of each plane. */
static inline __attribute__((always_inline)) size_t
slice_part(const char *table, const uint64_t *planes, const uint8_t *codes, size_t n,
           uint32_t steps, uint32_t radius, uint32_t row, uint32_t *out)
{
    if (radius < 16)
        return slice_queries(table, planes, codes, n, steps, 4, radius, row, out);
    if (radius < 32)
        return slice_queries(table, planes, codes, n, steps, 5, radius, row, out);
    if (radius < 64)
        return slice_queries(table, planes, codes, n, steps, 6, radius, row, out);
    if (radius < 128)
        return slice_queries(table, planes, codes, n, steps, 7, radius, row, out);
    return slice_queries(table, planes, codes, n, steps, 8, radius, row, out);
}

static size_t slice(const uint64_t *planes, const uint8_t *codes, size_t n, uint32_t steps,
                    uint32_t radius, void *table, uint32_t *out)
{
    size_t count = 0;
    if (n <= DIRECT_QUERIES)
        slice_masks(table);
    for (uint32_t part = 0; part < PHASH_PLANE_WORDS; part += V_WORDS) {
        if (n <= DIRECT_QUERIES) {
            count +=
                slice_part(table, planes + part, codes, n, steps, radius, part * 64, out + count);
        } else {
            slice_table(planes + part, steps * PHASH_SLICE_GROUPS, table);
            count += slice_part(table, NULL, codes, n, steps, radius, part * 64, out + count);
        }
    }
    return count;
}

#ifndef OWN_REORDER
static void reorder(const phash_order_table *table, const uint8_t *hashes, size_t n, size_t words,
                    uint64_t *rows)
{
    if (words == 1) {
        for (size_t i = 0; i < n; i++, hashes += 8) {
            uint64_t r = 0;
            for (size_t b = 0; b < 8; b++)
                r |= table->nibble[2 * b].row[hashes[b] & 15][0] |
                     table->nibble[2 * b + 1].row[hashes[b] >> 4][0];
            rows[i] = r;
        }
        return;
    }
    typedef uint64_t row256 __attribute__((vector_size(32), aligned(8)));
    for (size_t i = 0; i < n; i++, hashes += 32, rows += 4) {
        row256 r0 = {0}, r1 = {0};
        for (size_t b = 0; b < 32; b++) {
            r0 |= *(const row256 *)table->nibble[2 * b].row[hashes[b] & 15];
            r1 |= *(const row256 *)table->nibble[2 * b + 1].row[hashes[b] >> 4];
        }
        *(row256 *)rows = r0 | r1;
    }
}
#endif

/* 64 x 64 bit matrices, eight side by side: swaps halves, quarters, … of the matrix across its
 * diagonal (Warren, Hacker's Delight, 7-3). Word w of plane b takes row 64 * w + i into bit i. */
static void transpose(const void *rows, size_t n, size_t words, size_t bits, uint64_t *planes)
{
    for (size_t word = 0; word < bits / 64; word++) {
        uint64_t(*m)[PHASH_PLANE_WORDS] = (void *)(planes + word * 64 * PHASH_PLANE_WORDS);
        for (size_t i = 0; i < 64; i++)
            for (size_t w = 0; w < PHASH_PLANE_WORDS; w++) {
                const size_t row = 64 * w + i;
                m[i][w] = 0;
                if (row < n)
                    memcpy(&m[i][w], (const char *)rows + (row * words + word) * 8, 8);
            }
        uint64_t mask = UINT64_C(0x00000000ffffffff);
        for (unsigned j = 32; j; j >>= 1, mask ^= mask << j)
            for (unsigned k = 0; k < 64; k = (k + j + 1) & ~j)
                for (unsigned w = 0; w < PHASH_PLANE_WORDS; w++) {
                    const uint64_t t = (m[k][w] >> j ^ m[k + j][w]) & mask;
                    m[k + j][w] ^= t;
                    m[k][w] ^= t << j;
                }
    }
}
