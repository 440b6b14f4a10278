/* Lines of recent pairs, one to a vector. */
#include "index/recent.h"

#include <immintrin.h>

/* The load is a masked one: the writer may store an entry meanwhile, each of which is read whole. */
void phash_recent_test_avx512(const uint32_t *lines, const uint32_t *at, const uint32_t *codes,
                              size_t n, uint16_t *near)
{
    const __mmask16 entries = (1 << PHASH_RECENT_ENTRIES) - 1;
    const __m512i compared = _mm512_set1_epi32(PHASH_RECENT_CHECK);
    const __m512i limit = _mm512_set1_epi32(PHASH_RECENT_LIMIT);
    for (size_t i = 0; i < n; i++) {
        const __m512i line =
            _mm512_maskz_loadu_epi32(entries, lines + (size_t)at[i] * PHASH_RECENT_LINE);
        const __m512i x = _mm512_xor_si512(line, _mm512_set1_epi32((int)codes[i]));
        const __m512i d = _mm512_popcnt_epi32(_mm512_and_si512(x, compared));
        near[i] = _mm512_mask_cmple_epi32_mask(entries, d, limit);
    }
}
