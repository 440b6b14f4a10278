/* Kernels for AVX-512 with VBMI, VPOPCNTDQ and BITALG: 512 pairs to a step of the bit-sliced scan, a
 * full adder in two instructions (vpternlogq). */
#include "hamming/hamming.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

typedef uint64_t V __attribute__((vector_size(64)));
/* Truth tables: bit (a << 2 | b << 1 | c) of the constant. */
#define TERNARY(a, b, c, table)                                                                    \
    ((V)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), (table)))
#define SUM3(a, b, c)   TERNARY(a, b, c, 0x96)
#define MAJ3(a, b, c)   TERNARY(a, b, c, 0xe8)
#define SUM_OR(a, b, c) TERNARY(a, b, c, 0xfe)
#define SPLAT(bit)      ((V)_mm512_set1_epi64(-(long long)(bit)))
#define NONE(v)         (!_mm512_test_epi64_mask((__m512i)(v), (__m512i)(v)))
enum { DIRECT_QUERIES = 11 };
#define OWN_REORDER
#include "hamming/scan_template.h"

/* Each lane fetches the byte that its bit is in (vpermb), and the test of all lanes is 64 bits of the
 * row. */
static inline uint64_t bits_of(__m512i hash, __m512i byte, __m512i mask)
{
    return _cvtmask64_u64(_mm512_test_epi8_mask(_mm512_permutexvar_epi8(byte, hash), mask));
}

static void reorder(const phash_order_table *table, const uint8_t *hashes, size_t n, size_t words,
                    uint64_t *rows)
{
    __m512i byte[4], mask[4];
    for (size_t w = 0; w < words; w++) {
        byte[w] = _mm512_loadu_si512(table->byte + 64 * w);
        mask[w] = _mm512_loadu_si512(table->mask + 64 * w);
    }
    if (words == 1)
        for (size_t i = 0; i < n; i++, hashes += 8) {
            long long hash;
            memcpy(&hash, hashes, sizeof hash);
            rows[i] = bits_of(_mm512_set1_epi64(hash), byte[0], mask[0]);
        }
    else
        for (size_t i = 0; i < n; i++, hashes += 32, rows += 4) {
            const __m512i hash =
                _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)hashes));
            for (size_t w = 0; w < 4; w++)
                rows[w] = bits_of(hash, byte[w], mask[w]);
        }
}

static inline size_t put(phash_hit *hits, size_t count, size_t row, uint32_t d, uint32_t radius)
{
    hits[count] = (phash_hit){(uint32_t)row, d};
    return count + (d <= radius);
}

/* Eight rows of four words: popcounts of each word, summed across lanes 0-3 and 4-7. */
static inline __m512i distances8(const char *row, __m512i q)
{
    const __m512i *r = (const __m512i *)(const void *)row;
    const __m512i a = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(r), q));
    const __m512i b = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(r + 1), q));
    const __m512i c = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(r + 2), q));
    const __m512i d = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(r + 3), q));
    /* a holds rows 0 and 1, b 2 and 3, …; after two rounds lanes 0, 2, 4, 6 hold rows 0, 4, 1, 5 and
     * lanes 1, 3, 5, 7 hold rows 2, 6, 3, 7: the order of the stores below. */
    const __m512i ab = _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    const __m512i cd = _mm512_add_epi64(_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    const __m512i even = _mm512_shuffle_i64x2(ab, cd, 0x88),
                  odd = _mm512_shuffle_i64x2(ab, cd, 0xdd);
    return _mm512_add_epi64(even, odd);
}

static size_t rows(const void *data, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits)
{
    const char *row = data;
    size_t count = 0, i = 0;
    const __m512i limit = _mm512_set1_epi64((long long)radius);
    if (words == 1) {
        const __m512i q = _mm512_set1_epi64((long long)query[0]);
        for (; i + 8 <= n; i += 8, row += 64) {
            const __m512i d =
                _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512((const void *)row), q));
            if (!_mm512_cmple_epu64_mask(d, limit))
                continue;
            /* The mask is not walked: where gcc 12 spills one of 8 bits, as it does under the thread
             * sanitizer, it reads 32 back. */
            uint64_t each[8];
            memcpy(each, &d, sizeof each);
            for (size_t k = 0; k < 8; k++)
                count = put(hits, count, i + k, (uint32_t)each[k], radius);
        }
    } else {
        const __m512i q =
            _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)(const void *)query));
        for (; i + 8 <= n; i += 8, row += 256) {
            const __m512i d = distances8(row, q);
            if (!_mm512_cmple_epu64_mask(d, limit))
                continue;
            /* Lane of each row. */
            static const uint8_t lane[8] = {0, 2, 1, 3, 4, 6, 5, 7};
            uint64_t each[8];
            memcpy(each, &d, sizeof each);
            for (size_t k = 0; k < 8; k++)
                count = put(hits, count, i + k, (uint32_t)each[lane[k]], radius);
        }
    }
    for (; i < n; i++, row += words * 8) {
        uint64_t w[4];
        memcpy(w, row, words * 8);
        count = put(hits, count, i, phash_row_distance(w, query, words), radius);
    }
    return count;
}

/* The tests of probe_template.h. */
typedef struct near_test {
    __m512i check, mask, own_mask, limit, own_limit;
    bool own;
} near_test;

static inline near_test near_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (near_test){_mm512_set1_epi16((short)check),
                       _mm512_set1_epi16((short)chunk->mask),
                       _mm512_set1_epi16((short)chunk->own_mask),
                       _mm512_set1_epi16(chunk->limit[level]),
                       _mm512_set1_epi16(chunk->own_limit[level]),
                       chunk->own_mask != 0};
}

static inline __mmask32 near32(const near_test *t, __m512i checks)
{
    const __m512i x = _mm512_xor_si512(checks, t->check);
    const __m512i used = _mm512_popcnt_epi16(_mm512_and_si512(x, t->mask));
    const __mmask32 near = _mm512_cmple_epi16_mask(used, t->limit);
    if (!t->own)
        return near;
    const __m512i own = _mm512_popcnt_epi16(_mm512_and_si512(x, t->own_mask));
    return _mm512_mask_cmple_epi16_mask(near, own, t->own_limit);
}

static inline uint64_t near_run(const near_test *t, const uint16_t *checks, uint32_t count)
{
    const __mmask32 a = near32(t, _mm512_loadu_si512(checks));
    const __mmask32 b = near32(t, _mm512_loadu_si512(checks + 32));
    return _bzhi_u64(_cvtmask64_u64(_mm512_kunpackd(b, a)), count);
}

/* The head is tested with the rest and left out: one aligned load of the whole line. */
static inline uint64_t near_line(const near_test *t, const uint16_t *line, uint32_t count)
{
    return _bzhi_u32(near32(t, _mm512_load_si512(line)) >> PHASH_LINE_HEAD, count);
}

typedef struct wide_test {
    near_test low;
    __m512i check, mask, own_mask; /* of the high bits, which are put in lanes of 16 */
} wide_test;

static inline wide_test wide_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (wide_test){near_at(chunk, level, check), _mm512_set1_epi16((short)(check >> 16)),
                       _mm512_set1_epi16((short)(chunk->mask >> 16)),
                       _mm512_set1_epi16((short)(chunk->own_mask >> 16))};
}

static inline __m512i ones16(__m512i low, __m512i low_mask, __m512i high, __m512i high_mask)
{
    return _mm512_add_epi16(_mm512_popcnt_epi16(_mm512_and_si512(low, low_mask)),
                            _mm512_popcnt_epi16(_mm512_and_si512(high, high_mask)));
}

/* The high bits start 40 bytes behind the lane of the first low ones: bytes 40 to 63 become lanes 0
 * to 23. */
static inline uint64_t near_wide(const wide_test *t, const uint16_t *line, uint32_t count)
{
    const __m256i bytes = _mm256_permute4x64_epi64(
        _mm256_load_si256((const __m256i *)(const void *)(line + 16)), _MM_SHUFFLE(3, 3, 2, 1));
    const __m512i high = _mm512_xor_si512(_mm512_cvtepu8_epi16(bytes), t->check);
    const __m512i low = _mm512_xor_si512(_mm512_load_si512(line), t->low.check);
    __mmask32 near = _mm512_cmple_epi16_mask(ones16(low, t->low.mask, high, t->mask), t->low.limit);
    if (t->low.own)
        near = _mm512_mask_cmple_epi16_mask(near, ones16(low, t->low.own_mask, high, t->own_mask),
                                            t->low.own_limit);
    return _bzhi_u32(near >> PHASH_LINE_HEAD, count);
}
#include "hamming/probe_template.h"

void phash_hamming_avx512(phash_hamming_kernels *k)
{
    *k = (phash_hamming_kernels){reorder,     rows,       transpose,   slice,
                                 confirm,     probe_add,  probe_keys,  probe_runs,
                                 probe_lines, probe_wide, probe_verify};
}
