/* What probe_template.h hands to scan_checks: one level of one group of look-ups. */
#ifndef PHASH_HAMMING_PROBE_NOW_H
#define PHASH_HAMMING_PROBE_NOW_H

#include "hamming/hamming.h"

typedef struct probe_now {
    uint16_t check, mask, own_mask;
    int16_t limit, own_limit;
    uint32_t group;
} probe_now;

static inline probe_now probe_at(const phash_probe_group *g, const phash_probe_chunk *chunk,
                                 uint32_t level, uint32_t group)
{
    return (probe_now){
        g->check, chunk->mask, chunk->own_mask, chunk->limit[level], chunk->own_limit[level],
        group};
}

/* Notes a candidate and asks for its posting, which is looked at when the walk is over. */
static inline void probe_emit(const phash_probes *p, const probe_now *now, uint32_t posting,
                              phash_candidate *out, size_t *n)
{
    out[(*n)++] = (phash_candidate){posting, now->group};
    const uint64_t behind = posting < p->row_count ? 0 : posting - p->row_count;
    __builtin_prefetch((const void *)((uintptr_t)p->postings + behind * p->posting_bytes), 0, 2);
}

#endif
