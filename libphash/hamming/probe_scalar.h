/* scan_checks of probe_template.h, one entry at a time. */
#include "hamming/probe_now.h"

static inline uint32_t scan_checks(const phash_probes *p, const probe_now *now,
                                   const uint16_t *checks, uint32_t first, uint32_t count,
                                   uint32_t posting, phash_candidate *out, size_t room, size_t *n)
{
    for (uint32_t i = first; i < count; i++) {
        if (*n + PHASH_PROBE_ROOM > room)
            return i;
        const unsigned x = (unsigned)(checks[i] ^ now->check);
        if (__builtin_popcount(x & now->mask) <= now->limit &&
            __builtin_popcount(x & now->own_mask) <= now->own_limit)
            probe_emit(p, now, posting + i, out, n);
    }
    return count;
}
