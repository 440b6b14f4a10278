/* The look-ups in a multi-index. The file that includes this defines scan_checks, which tests the
 * entries of one bucket:
 *
 *     static inline uint32_t scan_checks(const phash_probes *p, const probe_now *now,
 *                                        const uint16_t *checks, uint32_t first, uint32_t count,
 *                                        uint32_t posting, phash_candidate *out, size_t room,
 *                                        size_t *n)
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

#include <stdbool.h>
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

/* Entries of one bucket of each layout; see scan_checks for the result. `entry` is where to go on. */
static inline uint32_t scan_run(const phash_probes *p, const probe_now *now, uint32_t bucket,
                                uint32_t entry, phash_candidate *out, size_t room, size_t *n,
                                bool *done)
{
    const uint64_t from = p->offsets[bucket];
    uint64_t to = p->offsets[(size_t)bucket + 1];
    if (to > p->check_count)
        to = p->check_count;
    *done = true;
    if (from >= to)
        return 0;
    entry = scan_checks(p, now, p->checks + from, entry, (uint32_t)(to - from), (uint32_t)from, out,
                        room, n);
    *done = entry >= to - from;
    return entry;
}

#ifndef SCAN_LINE
/* The checks in the line itself; there is room for all of them. */
#define SCAN_LINE(p, now, line, count, posting, out, n)                                            \
    scan_checks((p), (now), (line) + PHASH_LINE_HEAD, 0, (count), (posting), (out), SIZE_MAX, (n))
#endif

static inline uint32_t scan_bucket_line(const phash_probes *p, const probe_now *now,
                                        uint32_t bucket, uint32_t entry, phash_candidate *out,
                                        size_t room, size_t *n, bool *done)
{
    const uint16_t *line = p->lines + (size_t)PHASH_LINE_WORDS * bucket;
    uint32_t head[2], more;
    memcpy(head, line, sizeof head);
    const uint32_t count = head[1];
    *done = true;
    if (__builtin_expect(count <= PHASH_LINE_CHECKS, 1)) {
        SCAN_LINE(p, now, line, count, head[0], out, n);
        return 0;
    }
    const uint32_t here = PHASH_LINE_CHECKS - 2;
    if (entry == 0)
        SCAN_LINE(p, now, line, here, head[0], out, n);
    else
        entry -= here;
    memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
    if (more > p->check_count || count - here > p->check_count - more)
        return 0;
    entry =
        scan_checks(p, now, p->checks + more, entry, count - here, head[0] + here, out, room, n);
    *done = entry >= count - here;
    return entry + here;
}

/* Both walks: PREFETCH_AHEAD asks for what a later probe will need, SCAN scans one bucket. The state
 * is kept in locals and written back when the walk ends or stops. */
#define WALK(SCAN, PREFETCH_AHEAD)                                                                 \
    do {                                                                                           \
        size_t n = 0, bucket = p->bucket, group = p->group;                                        \
        uint32_t level = p->level, probe = p->probe, entry = p->entry;                             \
        const uint32_t *const buckets = p->buckets;                                                \
        for (; group < p->group_count; group++, level = 0) {                                       \
            const phash_probe_chunk *chunk = &p->chunks[p->groups[group].chunk];                   \
            for (; level < chunk->levels; level++, probe = 0) {                                    \
                const probe_now now = probe_at(&p->groups[group], chunk, level, (uint32_t)group);  \
                const uint32_t count = chunk->count[level];                                        \
                for (; probe < count; probe++, bucket++, entry = 0) {                              \
                    if (n + PHASH_PROBE_ROOM > room)                                               \
                        goto stop;                                                                 \
                    PREFETCH_AHEAD;                                                                \
                    bool done;                                                                     \
                    entry = SCAN(p, &now, buckets[bucket], entry, out, room, &n, &done);           \
                    if (!done)                                                                     \
                        goto stop;                                                                 \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    stop:                                                                                          \
        p->bucket = bucket, p->group = group, p->level = level, p->probe = probe;                  \
        p->entry = entry;                                                                          \
        return n;                                                                                  \
    } while (0)

static size_t probe_runs(phash_probes *p, phash_candidate *out, size_t room)
{
    if (p->bucket == 0 && p->entry == 0) {
        const size_t lead = p->bucket_total < RUN_AHEAD ? p->bucket_total : RUN_AHEAD;
        for (size_t i = 0; i < 2 * RUN_AHEAD; i++)
            PREFETCH(p->offsets + p->buckets[i]);
        for (size_t i = 0; i < lead; i++)
            prefetch_run(p, p->buckets[i]);
    }
    WALK(scan_run, (PREFETCH(p->offsets + buckets[bucket + 2 * RUN_AHEAD]),
                    prefetch_run(p, buckets[bucket + RUN_AHEAD])));
}

static size_t probe_lines(phash_probes *p, phash_candidate *out, size_t room)
{
    const uint16_t *const lines = p->lines;
    if (p->bucket == 0 && p->entry == 0)
        for (size_t i = 0; i < PHASH_PROBE_AHEAD; i++)
            PREFETCH(lines + (size_t)PHASH_LINE_WORDS * p->buckets[i]);
    WALK(scan_bucket_line,
         PREFETCH(lines + (size_t)PHASH_LINE_WORDS * buckets[bucket + PHASH_PROBE_AHEAD]));
}

static void probe_add(phash_probes *p, const uint64_t *row, uint32_t query)
{
    phash_probe_group *g = p->groups + p->group_count;
    uint32_t *restrict out = p->buckets + p->bucket_total;
    for (size_t c = 0; c < p->chunk_count; c++) {
        const phash_probe_chunk *chunk = &p->chunks[c];
        const uint32_t key = phash_row_bits(row, p->words, chunk->start, chunk->key_bits);
        const uint32_t base = chunk->base;
        g->query = query;
        g->check = (uint16_t)phash_row_bits(row, p->words, chunk->check_start, 16);
        g->chunk = (uint16_t)c;
        g++;
        for (uint32_t d = 0; d < chunk->levels; d++) {
            const uint32_t *restrict masks = chunk->masks[d];
            const uint32_t count = chunk->count[d];
            for (uint32_t i = 0; i < count; i++)
                out[i] = base + (key ^ masks[i]);
            out += count;
        }
    }
    p->group_count += p->chunk_count;
    p->bucket_total = (size_t)(out - p->buckets);
}

static size_t probe_verify(const phash_probes *p, const uint64_t *queries, uint32_t radius,
                           phash_candidate *candidates, size_t n, uint16_t *distances)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t row = candidates[i].posting;
        if (row >= p->posting_count)
            continue;
        if (row >= p->row_count) {
            memcpy(&row, p->postings + (row - p->row_count) * p->posting_bytes, sizeof row);
            if (p->posting_bytes == 3)
                row &= 0xffffff;
            if (row >= p->row_count)
                continue;
        }
        PREFETCH(p->rows + row * p->words);
        candidates[kept].group = candidates[i].group;
        candidates[kept++].posting = row;
    }
    n = kept, kept = 0;
    const size_t words = p->words;
    for (size_t i = 0; i < n; i++) {
        const phash_candidate c = candidates[i];
        const uint64_t *a = p->rows + (size_t)c.posting * words;
        const uint64_t *b = queries + (size_t)p->groups[c.group].query * words;
        const uint32_t d =
            words == 4 ? phash_row_distance(a, b, 4) : phash_row_distance(a, b, words);
        candidates[kept] = c;
        distances[kept] = (uint16_t)d;
        kept += d <= radius;
    }
    return kept;
}
