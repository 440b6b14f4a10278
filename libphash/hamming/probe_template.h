/* The look-ups in a multi-index. The file that includes this defines scan_checks, which tests the
 * entries of one bucket:
 *
 *     static inline uint32_t scan_checks(const uint16_t *checks, uint32_t first, uint32_t count,
 *                                        uint32_t posting, const phash_probe_group *g,
 *                                        uint32_t level, uint32_t group, phash_candidate *out,
 *                                        size_t room, size_t *n)
 *
 * It tests checks[first .. count - 1], whose postings are posting + first …, appends candidates to
 * out[*n], and returns the entry where less than PHASH_PROBE_ROOM of the room was left, or count.
 *
 * Nearly every probe misses the caches, so what bounds the speed is how many misses are under way
 * at once. The buckets of all groups form one list; lines are asked for PHASH_PROBE_AHEAD probes
 * before their turn. They are asked for into the second level (prefetcht1): it has 48 outstanding
 * misses where the first has 16.
 */
#include "hamming/hamming.h"

#include <string.h>

enum { RUN_AHEAD = PHASH_PROBE_AHEAD / 2, RUN_PREFETCH_LINES = 8, CHECKS_PER_LINE = 32 };

#define PREFETCH(address) __builtin_prefetch((address), 0, 2)

static inline void prefetch_run(const phash_probes *p, uint32_t bucket)
{
    const uint64_t from = p->offsets[bucket];
    uint64_t to = p->offsets[(size_t)bucket + 1];
    if (to > p->check_count)
        to = p->check_count;
    if (to > from + RUN_PREFETCH_LINES * CHECKS_PER_LINE)
        to = from + RUN_PREFETCH_LINES * CHECKS_PER_LINE; /* the hardware follows from there */
    if (from >= to)
        return;
    const uintptr_t last = (uintptr_t)(p->checks + to - 1);
    for (uintptr_t line = (uintptr_t)(p->checks + from) & ~(uintptr_t)63; line <= last; line += 64)
        PREFETCH((const void *)line);
}

static size_t probe_runs(phash_probes *p, phash_candidate *out, size_t room)
{
    size_t n = 0;
    if (p->bucket == 0 && p->entry == 0) {
        const size_t lead = p->bucket_total < RUN_AHEAD ? p->bucket_total : RUN_AHEAD;
        for (size_t i = 0; i < 2 * RUN_AHEAD; i++)
            PREFETCH(p->offsets + p->buckets[i]);
        for (size_t i = 0; i < lead; i++)
            prefetch_run(p, p->buckets[i]);
    }
    for (; p->group < p->group_count; p->group++, p->level = 0) {
        const phash_probe_group *g = &p->groups[p->group];
        for (; p->level < g->levels; p->level++, p->probe = 0)
            for (; p->probe < g->count[p->level]; p->probe++, p->bucket++, p->entry = 0) {
                if (n + PHASH_PROBE_ROOM > room)
                    return n;
                PREFETCH(p->offsets + p->buckets[p->bucket + 2 * RUN_AHEAD]);
                prefetch_run(p, p->buckets[p->bucket + RUN_AHEAD]);
                const uint32_t *at = p->offsets + p->buckets[p->bucket];
                const uint64_t from = at[0];
                uint64_t to = at[1];
                if (to > p->check_count)
                    to = p->check_count;
                if (from >= to)
                    continue;
                p->entry =
                    scan_checks(p->checks + from, p->entry, (uint32_t)(to - from), (uint32_t)from,
                                g, p->level, (uint32_t)p->group, out, room, &n);
                if (p->entry < to - from)
                    return n;
            }
    }
    return n;
}

static size_t probe_lines(phash_probes *p, phash_candidate *out, size_t room)
{
    size_t n = 0;
    if (p->bucket == 0 && p->entry == 0)
        for (size_t i = 0; i < PHASH_PROBE_AHEAD; i++)
            PREFETCH(p->lines + (size_t)PHASH_LINE_WORDS * p->buckets[i]);
    for (; p->group < p->group_count; p->group++, p->level = 0) {
        const phash_probe_group *g = &p->groups[p->group];
        for (; p->level < g->levels; p->level++, p->probe = 0)
            for (; p->probe < g->count[p->level]; p->probe++, p->bucket++, p->entry = 0) {
                if (n + PHASH_PROBE_ROOM > room)
                    return n;
                PREFETCH(p->lines +
                         (size_t)PHASH_LINE_WORDS * p->buckets[p->bucket + PHASH_PROBE_AHEAD]);
                const uint16_t *line = p->lines + (size_t)PHASH_LINE_WORDS * p->buckets[p->bucket];
                uint32_t head[2], more;
                memcpy(head, line, sizeof head);
                const uint32_t count = head[1];
                if (count <= PHASH_LINE_CHECKS) {
                    scan_checks(line + PHASH_LINE_HEAD, 0, count, head[0], g, p->level,
                                (uint32_t)p->group, out, room + PHASH_PROBE_ROOM, &n);
                    continue;
                }
                const uint32_t here = PHASH_LINE_CHECKS - 2;
                if (p->entry == 0) {
                    scan_checks(line + PHASH_LINE_HEAD, 0, here, head[0], g, p->level,
                                (uint32_t)p->group, out, room + PHASH_PROBE_ROOM, &n);
                    p->entry = here;
                }
                memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
                if (more > p->check_count || count - here > p->check_count - more)
                    continue;
                p->entry = here + scan_checks(p->checks + more, p->entry - here, count - here,
                                              head[0] + here, g, p->level, (uint32_t)p->group, out,
                                              room, &n);
                if (p->entry < count)
                    return n;
            }
    }
    return n;
}
