/* One query against all hashes, one hash to 256 bits of a register, as published flat scans do it;
 * eight hashes at a time. */
#include "search.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

int search_scan_avx512(const uint8_t *hashes, size_t n, const uint8_t *query, uint32_t number,
                       uint32_t radius, phash_matches *found)
{
    const __m512i q = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)query));
    const __m512i limit = _mm512_set1_epi64((long long)radius);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m512i c[4];
        for (size_t k = 0; k < 4; k++)
            c[k] = _mm512_popcnt_epi64(
                _mm512_xor_si512(_mm512_loadu_si512(hashes + 32 * i + 64 * k), q));
        const __m512i a =
            _mm512_add_epi64(_mm512_unpacklo_epi64(c[0], c[1]), _mm512_unpackhi_epi64(c[0], c[1]));
        const __m512i b =
            _mm512_add_epi64(_mm512_unpacklo_epi64(c[2], c[3]), _mm512_unpackhi_epi64(c[2], c[3]));
        const __m512i d =
            _mm512_add_epi64(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));
        if (!_mm512_cmple_epu64_mask(d, limit))
            continue;
        static const uint8_t lane[8] = {0, 2, 1, 3, 4, 6, 5, 7}; /* of each hash */
        uint64_t each[8];
        memcpy(each, &d, sizeof each);
        for (size_t k = 0; k < 8; k++)
            if (each[lane[k]] <= radius &&
                search_append(found, i + k, number, (uint32_t)each[lane[k]]))
                return 1;
    }
    for (; i < n; i++) {
        uint32_t d = 0;
        for (size_t k = 0; k < 32; k++)
            d += (uint32_t)__builtin_popcount((unsigned)(hashes[32 * i + k] ^ query[k]));
        if (d <= radius && search_append(found, i, number, d))
            return 1;
    }
    return 0;
}
#else
int search_scan_avx512(const uint8_t *hashes, size_t n, const uint8_t *query, uint32_t number,
                       uint32_t radius, phash_matches *found)
{
    (void)hashes, (void)n, (void)query, (void)number, (void)radius, (void)found;
    return 1;
}
#endif
