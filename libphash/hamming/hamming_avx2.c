/* Kernels for AVX2: 256 pairs to a step of the bit-sliced scan; popcounts by nibbles (Muła, Kurz and
 * Lemire, "Faster population counts using AVX2 instructions", 2018). */
#include "hamming/hamming.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

typedef uint64_t V __attribute__((vector_size(32)));
#define SUM3(a, b, c)   ((a) ^ (b) ^ (c))
#define MAJ3(a, b, c)   ((((a) ^ (b)) & (c)) | ((a) & (b)))
#define SUM_OR(a, b, c) ((a) | (b) | (c))
#define SPLAT(bit)      ((V){0} - (uint64_t)(bit))
#define NONE(v)         _mm256_testz_si256((__m256i)(v), (__m256i)(v))
enum { DIRECT_QUERIES = 3 };
#include "hamming/scan_template.h"

static inline __m256i popcount8(__m256i v)
{
    const __m256i ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    return _mm256_add_epi8(
        _mm256_shuffle_epi8(ones, _mm256_and_si256(v, low)),
        _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
}

/* Sums of the eight bytes of each lane. */
static inline __m256i popcount64(__m256i v)
{
    return _mm256_sad_epu8(popcount8(v), _mm256_setzero_si256());
}

static inline size_t put(phash_hit *hits, size_t count, size_t row, uint32_t d, uint32_t radius)
{
    hits[count] = (phash_hit){(uint32_t)row, d};
    return count + (d <= radius);
}

static size_t rows(const void *data, size_t n, size_t words, const uint64_t *query, uint32_t radius,
                   phash_hit *hits)
{
    const char *row = data;
    size_t count = 0, i = 0;
    if (words == 1) {
        const __m256i q = _mm256_set1_epi64x((long long)query[0]);
        for (; i + 4 <= n; i += 4, row += 32) {
            const __m256i d = popcount64(
                _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)row), q));
            count = put(hits, count, i, (uint32_t)_mm256_extract_epi64(d, 0), radius);
            count = put(hits, count, i + 1, (uint32_t)_mm256_extract_epi64(d, 1), radius);
            count = put(hits, count, i + 2, (uint32_t)_mm256_extract_epi64(d, 2), radius);
            count = put(hits, count, i + 3, (uint32_t)_mm256_extract_epi64(d, 3), radius);
        }
    } else {
        const __m256i q = _mm256_loadu_si256((const __m256i *)(const void *)query);
        const __m256i limit = _mm256_set1_epi64x((long long)radius);
        for (; i + 4 <= n; i += 4, row += 128) {
            const __m256i *r = (const __m256i *)(const void *)row;
            const __m256i a = popcount64(_mm256_xor_si256(_mm256_loadu_si256(r), q));
            const __m256i b = popcount64(_mm256_xor_si256(_mm256_loadu_si256(r + 1), q));
            const __m256i c = popcount64(_mm256_xor_si256(_mm256_loadu_si256(r + 2), q));
            const __m256i d = popcount64(_mm256_xor_si256(_mm256_loadu_si256(r + 3), q));
            /* Sums across lanes: rows 0, 1, 2, 3 end up in lanes 0, 1, 2, 3. */
            const __m256i ab =
                _mm256_add_epi64(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
            const __m256i cd =
                _mm256_add_epi64(_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
            const __m256i sum = _mm256_add_epi64(_mm256_permute2x128_si256(ab, cd, 0x20),
                                                 _mm256_permute2x128_si256(ab, cd, 0x31));
            if (_mm256_movemask_epi8(_mm256_cmpgt_epi64(sum, limit)) == -1)
                continue;
            uint64_t each[4];
            memcpy(each, &sum, sizeof each);
            for (size_t k = 0; k < 4; k++)
                count = put(hits, count, i + k, (uint32_t)each[k], radius);
        }
    }
    for (; i < n; i++, row += words * 8) {
        uint64_t w[4];
        memcpy(w, row, words * 8);
        count = put(hits, count, i, phash_row_distance(w, query, words), radius);
    }
    return count;
}

static inline __m256i popcount16(__m256i v)
{
    return _mm256_maddubs_epi16(popcount8(v), _mm256_set1_epi8(1));
}

/* The tests of probe_template.h. */
typedef struct near_test {
    __m256i check, mask, own_mask, limit, own_limit;
    bool own;
} near_test;

static inline near_test near_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (near_test){_mm256_set1_epi16((short)check),
                       _mm256_set1_epi16((short)chunk->mask),
                       _mm256_set1_epi16((short)chunk->own_mask),
                       _mm256_set1_epi16(chunk->limit[level]),
                       _mm256_set1_epi16(chunk->own_limit[level]),
                       chunk->own_mask != 0};
}

/* All ones in the lanes of checks that are too far. */
static inline __m256i far16(const near_test *t, __m256i checks)
{
    const __m256i x = _mm256_xor_si256(checks, t->check);
    __m256i far = _mm256_cmpgt_epi16(popcount16(_mm256_and_si256(x, t->mask)), t->limit);
    if (t->own)
        far = _mm256_or_si256(
            far, _mm256_cmpgt_epi16(popcount16(_mm256_and_si256(x, t->own_mask)), t->own_limit));
    return far;
}

/* A bit for each of 32 checks that is near. */
static inline uint32_t near32(const near_test *t, __m256i low, __m256i high)
{
    /* Packing works within 128-bit halves: put the quarters back in order. */
    const __m256i far = _mm256_permute4x64_epi64(_mm256_packs_epi16(far16(t, low), far16(t, high)),
                                                 _MM_SHUFFLE(3, 1, 2, 0));
    return ~(uint32_t)_mm256_movemask_epi8(far);
}

static inline __m256i load16(const uint16_t *checks)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)checks);
}

/* Reads up to 30 bytes behind the last check, which the section has. */
static inline uint64_t near_run(const near_test *t, const uint16_t *checks, uint32_t count)
{
    uint64_t near = 0;
    for (uint32_t i = 0; i < count; i += 32) {
        const __m256i low = load16(checks + i);
        const __m256i high = count - i > 16 ? load16(checks + i + 16) : low;
        near |= (uint64_t)near32(t, low, high) << i;
    }
    return near & _bzhi_u64(UINT64_MAX, count);
}

/* The head is tested with the rest and left out: two aligned loads of the whole line. */
static inline uint64_t near_line(const near_test *t, const uint16_t *line, uint32_t count)
{
    return _bzhi_u32(near32(t, load16(line), load16(line + 16)) >> PHASH_LINE_HEAD, count);
}

typedef struct wide_test {
    near_test low;
    __m256i check, mask, own_mask; /* of the high bits, which are put in lanes of 16 */
} wide_test;

static inline wide_test wide_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (wide_test){near_at(chunk, level, check), _mm256_set1_epi16((short)(check >> 16)),
                       _mm256_set1_epi16((short)(chunk->mask >> 16)),
                       _mm256_set1_epi16((short)(chunk->own_mask >> 16))};
}

static inline __m256i ones16(__m256i low, __m256i low_mask, __m256i high, __m256i high_mask)
{
    /* The upper half of a high lane is zero: its bytes count as they are. */
    return _mm256_add_epi16(popcount16(_mm256_and_si256(low, low_mask)),
                            popcount8(_mm256_and_si256(high, high_mask)));
}

/* All ones in the lanes of checks that are too far. */
static inline __m256i far24(const wide_test *t, __m256i low, __m256i high)
{
    low = _mm256_xor_si256(low, t->low.check);
    high = _mm256_xor_si256(high, t->check);
    __m256i far = _mm256_cmpgt_epi16(ones16(low, t->low.mask, high, t->mask), t->low.limit);
    if (t->low.own)
        far =
            _mm256_or_si256(far, _mm256_cmpgt_epi16(ones16(low, t->low.own_mask, high, t->own_mask),
                                                    t->low.own_limit));
    return far;
}

/* The high bits start 40 bytes behind the lane of the first low ones: bytes 40 to 63 become lanes 0
 * to 23. */
static inline uint64_t near_wide(const wide_test *t, const uint16_t *line, uint32_t count)
{
    const __m128i *high = (const __m128i *)(const void *)(line + 20);
    const __m256i far = _mm256_packs_epi16(
        far24(t, load16(line), _mm256_cvtepu8_epi16(_mm_loadu_si128(high))),
        far24(t, load16(line + 16), _mm256_cvtepu8_epi16(_mm_loadl_epi64(high + 1))));
    const uint32_t near =
        ~(uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(far, _MM_SHUFFLE(3, 1, 2, 0)));
    return _bzhi_u32(near >> PHASH_LINE_HEAD, count);
}
#include "hamming/probe_template.h"

void phash_hamming_avx2(phash_hamming_kernels *k)
{
    *k = (phash_hamming_kernels){reorder,     rows,       transpose,   slice,
                                 confirm,     probe_add,  probe_keys,  probe_runs,
                                 probe_lines, probe_wide, probe_verify};
}
