/* Lines of recent pairs, in two vectors: bits are counted by nibbles. */
#include "index/recent.h"

#include <immintrin.h>

/* Eight entries that are near. The load is a masked one: the writer may store an entry meanwhile,
 * each of which is read whole. */
static uint32_t near8(const uint32_t *entries, __m256i present, uint32_t code)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                            2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i e = _mm256_maskload_epi32((const int *)entries, present);
    const __m256i x = _mm256_and_si256(_mm256_xor_si256(e, _mm256_set1_epi32((int)code)),
                                       _mm256_set1_epi32(PHASH_RECENT_CHECK));
    const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, nibble));
    const __m256i high =
        _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi32(x, 4), nibble));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
    const __m256i d = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    const __m256i far = _mm256_cmpgt_epi32(d, _mm256_set1_epi32(PHASH_RECENT_LIMIT));
    return ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(far)) & 0xff;
}

void phash_recent_test_avx2(const uint32_t *lines, const uint32_t *at, const uint32_t *codes,
                            size_t n, uint16_t *near)
{
    const __m256i all = _mm256_set1_epi32(-1);
    const __m256i last = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, -1, 0);
    for (size_t i = 0; i < n; i++) {
        const uint32_t *line = lines + (size_t)at[i] * PHASH_RECENT_LINE;
        const uint32_t both = near8(line, all, codes[i]) | near8(line + 8, last, codes[i]) << 8;
        near[i] = (uint16_t)(both & ((1 << PHASH_RECENT_ENTRIES) - 1));
    }
}
