/* The look-ups in a multi-index. The file that includes this defines
 *
 *     near_test       what one level of one group tests, in the registers of the set
 *     near_at()       makes one
 *     near_run()      which of up to 64 checks pass, as bits
 *     near_line()     which of the 28 checks in a line pass, those behind its last one left out
 *     wide_test, wide_at(), near_wide()   the same for the 18 of a wide line; wide_test.low is a
 *                     near_test without the high bits
 *
 * Nearly every probe misses the caches, so what bounds the speed is how many misses are under way
 * at once. The buckets of all groups form one list; lines are asked for PHASH_PROBE_AHEAD probes
 * before their turn. They are asked for into the second level (prefetcht1): it has 48 outstanding
 * misses where the first has 16. What passes is written down without a branch on whether there is
 * any, since that could not be predicted.
 */
#include "hamming/hamming.h"

#include <stdbool.h>
#include <string.h>

enum { RUN_AHEAD = PHASH_PROBE_AHEAD / 2, STRETCH = 64 };

#define PREFETCH(address) __builtin_prefetch((address), 0, 2)

/* Lines that a run touches on average, whether it has them or not: an unpredictable branch costs
 * more than a line. */
static inline void prefetch_run(const phash_probes *p, uint32_t bucket)
{
    const uintptr_t from = (uintptr_t)(p->checks + p->offsets[bucket]);
    for (uint32_t i = 0; i < p->run_lines; i++)
        PREFETCH((const void *)(from + (uintptr_t)64 * i));
}

/* Tests checks[first .. count - 1], whose postings are posting + first …; returns the entry where
 * the room ended, or count. */
static inline uint32_t scan_checks(const near_test *test, const uint16_t *checks, uint32_t first,
                                   uint32_t count, uint32_t posting, uint32_t group,
                                   phash_stretch *out, size_t room, size_t *n)
{
    uint32_t i = first;
    for (; i < count; i += STRETCH) {
        if (*n >= room)
            return i;
        const uint32_t left = count - i < STRETCH ? count - i : STRETCH;
        const uint64_t near = near_run(test, checks + i, left);
        out[*n] = (phash_stretch){near, posting + i, group};
        *n += near != 0;
    }
    return count;
}

/* One bucket of each layout. `entry` is where to go on; the result is where to go on if not `done`.
 */
static inline uint32_t scan_run(const phash_probes *p, const near_test *test, uint32_t bucket,
                                uint32_t entry, uint32_t group, phash_stretch *out, size_t room,
                                size_t *n, bool *done)
{
    const uint64_t from = p->offsets[bucket];
    uint64_t to = p->offsets[(size_t)bucket + 1];
    if (to > p->check_count)
        to = p->check_count;
    *done = true;
    if (from >= to)
        return 0;
    entry = scan_checks(test, p->checks + from, entry, (uint32_t)(to - from), (uint32_t)from, group,
                        out, room, n);
    *done = entry >= to - from;
    return entry;
}

/* What did not fit in a line of `inside` checks. */
static inline uint32_t scan_overflow(const phash_probes *p, const near_test *test,
                                     const uint16_t *line, uint32_t inside, uint32_t entry,
                                     uint32_t group, phash_stretch *out, size_t room, size_t *n,
                                     bool *done)
{
    uint32_t head[2], more;
    memcpy(head, line, sizeof head);
    memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
    if (more > p->check_count || head[1] - inside > p->check_count - more)
        return 0;
    entry = scan_checks(test, p->checks + more, entry ? entry - inside : 0, head[1] - inside,
                        head[0] + inside, group, out, room, n);
    *done = entry >= head[1] - inside;
    return entry + inside;
}

/* A line of at most CHECKS, tested by NEAR. */
#define SCAN_LINE(NEAR, NARROW, CHECKS)                                                            \
    do {                                                                                           \
        const uint16_t *line = p->lines + (size_t)PHASH_LINE_WORDS * bucket;                       \
        uint32_t head[2];                                                                          \
        memcpy(head, line, sizeof head);                                                           \
        const bool overflows = head[1] > (CHECKS);                                                 \
        if (!entry) {                                                                              \
            const uint64_t near = NEAR(test, line, overflows ? (CHECKS)-2 : head[1]);              \
            out[*n] = (phash_stretch){near, head[0], group};                                       \
            *n += near != 0;                                                                       \
        }                                                                                          \
        *done = true;                                                                              \
        if (__builtin_expect(!overflows, 1))                                                       \
            return 0;                                                                              \
        return scan_overflow(p, NARROW, line, (CHECKS)-2, entry, group, out, room, n, done);       \
    } while (0)

static inline uint32_t scan_line(const phash_probes *p, const near_test *test, uint32_t bucket,
                                 uint32_t entry, uint32_t group, phash_stretch *out, size_t room,
                                 size_t *n, bool *done)
{
    SCAN_LINE(near_line, test, PHASH_LINE_CHECKS);
}

static inline uint32_t scan_wide(const phash_probes *p, const wide_test *test, uint32_t bucket,
                                 uint32_t entry, uint32_t group, phash_stretch *out, size_t room,
                                 size_t *n, bool *done)
{
    SCAN_LINE(near_wide, &test->low, PHASH_WIDE_CHECKS);
}

/* All walks: PREFETCH_AHEAD asks for what a later probe will need, SCAN scans one bucket with a TEST
 * that AT makes. The state is kept in locals and written back when the walk ends or stops. */
#define WALK(TEST, AT, SCAN, PREFETCH_AHEAD)                                                       \
    do {                                                                                           \
        size_t n = 0, bucket = p->bucket, group = p->group;                                        \
        uint32_t level = p->level, probe = p->probe, entry = p->entry;                             \
        const uint32_t *const buckets = p->buckets;                                                \
        for (; group < p->group_count; group++, level = 0) {                                       \
            const phash_probe_chunk *chunk = &p->chunks[p->groups[group].chunk];                   \
            for (; level < chunk->levels; level++, probe = 0) {                                    \
                const uint32_t count = chunk->count[level];                                        \
                if (!count)                                                                        \
                    continue;                                                                      \
                const TEST test = AT(chunk, level, p->groups[group].check);                        \
                for (; probe < count; probe++, bucket++, entry = 0) {                              \
                    if (n >= room)                                                                 \
                        goto stop;                                                                 \
                    PREFETCH_AHEAD;                                                                \
                    bool done;                                                                     \
                    entry = SCAN(p, &test, buckets[bucket], entry, (uint32_t)group, out, room, &n, \
                                 &done);                                                           \
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

/* In order, lines come from memory several times as fast as here and there. */
static inline void stream(phash_probes *p)
{
    const size_t n = p->stream_lines < p->stream_pace ? p->stream_lines : p->stream_pace;
    const char *from = p->stream;
    for (size_t i = 0; i < n; i++)
        PREFETCH(from + 64 * i);
    p->stream = from + 64 * n;
    p->stream_lines -= n;
}

static size_t cached_runs(phash_probes *p, phash_stretch *out, size_t room)
{
    WALK(near_test, near_at, scan_run, stream(p));
}

static size_t cached_lines(phash_probes *p, phash_stretch *out, size_t room)
{
    WALK(near_test, near_at, scan_line, stream(p));
}

static size_t cached_wide(phash_probes *p, phash_stretch *out, size_t room)
{
    WALK(wide_test, wide_at, scan_wide, stream(p));
}

static size_t probe_runs(phash_probes *p, phash_stretch *out, size_t room)
{
    if (p->cached)
        return cached_runs(p, out, room);
    if (p->bucket == 0 && p->entry == 0) {
        for (size_t i = 0; i < 2 * RUN_AHEAD; i++)
            PREFETCH(p->offsets + p->buckets[i]);
        for (size_t i = 0; i < RUN_AHEAD; i++)
            prefetch_run(p, p->buckets[i]);
    }
    WALK(near_test, near_at, scan_run,
         (PREFETCH(p->offsets + buckets[bucket + 2 * RUN_AHEAD]),
          prefetch_run(p, buckets[bucket + RUN_AHEAD])));
}

/* The first look-ups have nobody to ask for their lines. A macro: gcc takes a function that does
 * nothing but prefetch for one without effects, and leaves calls of it out. */
#define PREFETCH_FIRST(P)                                                                          \
    do {                                                                                           \
        if ((P)->bucket == 0 && (P)->entry == 0)                                                   \
            for (size_t i = 0; i < PHASH_PROBE_AHEAD; i++)                                         \
                PREFETCH((P)->lines + (size_t)PHASH_LINE_WORDS * (P)->buckets[i]);                 \
    } while (0)

static size_t probe_lines(phash_probes *p, phash_stretch *out, size_t room)
{
    const uint16_t *const lines = p->lines;
    if (p->cached)
        return cached_lines(p, out, room);
    PREFETCH_FIRST(p);
    WALK(near_test, near_at, scan_line,
         PREFETCH(lines + (size_t)PHASH_LINE_WORDS * buckets[bucket + PHASH_PROBE_AHEAD]));
}

static size_t probe_wide(phash_probes *p, phash_stretch *out, size_t room)
{
    const uint16_t *const lines = p->lines;
    if (p->cached)
        return cached_wide(p, out, room);
    PREFETCH_FIRST(p);
    WALK(wide_test, wide_at, scan_wide,
         PREFETCH(lines + (size_t)PHASH_LINE_WORDS * buckets[bucket + PHASH_PROBE_AHEAD]));
}

static size_t confirm(const void *rows, size_t count, size_t words, const uint64_t *queries,
                      uint32_t radius, uint32_t *survivors, size_t n, uint16_t *distances)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t survivor = survivors[i], row = survivor % PHASH_BLOCK_ROWS;
        if (row >= count)
            continue;
        uint64_t a[4];
        const uint64_t *b = queries + survivor / PHASH_BLOCK_ROWS * words;
        memcpy(a, (const char *)rows + row * words * 8, words * 8);
        const uint32_t d = phash_row_distance(a, b, words);
        survivors[kept] = survivor;
        distances[kept] = (uint16_t)d;
        kept += d <= radius;
    }
    return kept;
}

/* The buckets of a key; returns where the next ones go. */
static inline uint32_t *put_buckets(const phash_probe_chunk *chunk, uint32_t key,
                                    uint32_t *restrict out)
{
    const uint32_t base = chunk->base;
    key ^= chunk->flip;
    for (uint32_t d = 0; d < chunk->levels; d++) {
        const uint32_t *restrict masks = chunk->masks[d];
        const uint32_t count = chunk->count[d];
        for (uint32_t i = 0; i < count; i++)
            out[i] = base + (key ^ masks[i]);
        out += count;
    }
    return out;
}

static void probe_add(phash_probes *p, const uint64_t *row, uint32_t query)
{
    phash_probe_group *g = p->groups + p->group_count;
    uint32_t *out = p->buckets + p->bucket_total;
    for (size_t c = 0; c < p->chunk_count; c++) {
        const phash_probe_chunk *chunk = &p->chunks[c];
        const uint32_t key = phash_row_bits(row, p->words, chunk->start, chunk->key_bits);
        g->query = query;
        g->check = phash_row_bits(row, p->words, chunk->check_start, PHASH_CHECK_BITS);
        g->chunk = (uint32_t)c;
        g++;
        out = put_buckets(chunk, key, out);
    }
    p->group_count += p->chunk_count;
    p->bucket_total = (size_t)(out - p->buckets);
}

static void probe_keys(phash_probes *p, const phash_probe_key *keys, size_t n, uint32_t chunk)
{
    phash_probe_group *g = p->groups + p->group_count;
    uint32_t *out = p->buckets + p->bucket_total;
    for (size_t i = 0; i < n; i++) {
        g[i] = (phash_probe_group){keys[i].query, keys[i].check, chunk};
        out = put_buckets(&p->chunks[chunk], keys[i].key, out);
    }
    p->group_count += n;
    p->bucket_total = (size_t)(out - p->buckets);
}

/* The first witness of a pair that differs in the bits of x; witness_count if there is none. */
static inline uint32_t first_witness(const phash_probes *p, const uint64_t *x)
{
    const uint32_t count = p->witness_count;
    const phash_witness *w = p->witnesses;
    int d = __builtin_popcountll(phash_row_bits64(x, p->words, w[0].start, w[0].width));
    for (uint32_t c = 0; c < count; c++) {
        const phash_witness *after = &w[c + 1 == count ? 0 : c + 1];
        const int next =
            __builtin_popcountll(phash_row_bits64(x, p->words, after->start, after->width));
        if (d <= w[c].radius && d + next <= w[c].pair)
            return c;
        d = next;
    }
    return count;
}

/* The distance if this group's chunk has to report the row, UINT32_MAX otherwise. `done` tells
 * whether no chunk has to look at it again. */
static inline uint32_t judge(const phash_probes *p, const uint64_t *queries, uint32_t radius,
                             phash_found f, bool *done)
{
    const size_t words = p->words;
    const phash_probe_group *g = &p->groups[f.group];
    const uint64_t *a = p->rows + (size_t)f.row * words;
    const uint64_t *b = queries + (size_t)g->query * words;
    uint64_t x[4];
    uint32_t d = 0;
    for (size_t i = 0; i < words; i++) {
        x[i] = a[i] ^ b[i];
        d += (uint32_t)__builtin_popcountll(x[i]);
    }
    *done = true;
    if (__builtin_expect(d > radius, 1))
        return UINT32_MAX;
    const uint32_t chunk = p->chunks[g->chunk].number, first = first_witness(p, x);
    *done = first <= chunk;
    return first == chunk ? d : UINT32_MAX;
}

/* Three passes, each of which asks for what the next one reads. */
static size_t probe_verify(const phash_probes *p, const uint64_t *queries, uint32_t radius,
                           const phash_stretch *stretches, size_t n, size_t *at, phash_found *out,
                           size_t room)
{
    size_t i = *at, count = 0, kept = 0;
    for (; i < n && count + STRETCH <= room; i++)
        for (uint64_t near = stretches[i].near; near; near &= near - 1) {
            const uint32_t posting = stretches[i].posting + (uint32_t)__builtin_ctzll(near);
            if (posting >= p->posting_count)
                continue;
            out[count].group = stretches[i].group;
            out[count++].row = posting;
            if (posting >= p->row_count)
                PREFETCH(p->postings + (posting - p->row_count) * p->posting_bytes);
        }
    *at = i;
    const bool note = count >= PHASH_SEEN_FROM * p->queries;
    for (i = 0; i < count; i++) {
        uint32_t row = out[i].row;
        if (row >= p->row_count) {
            memcpy(&row, p->postings + (row - p->row_count) * p->posting_bytes, sizeof row);
            if (p->posting_bytes == 3)
                row &= 0xffffff;
            if (row >= p->row_count)
                continue;
        }
        if (note) {
            const phash_seen seen = p->seen[row % PHASH_SEEN_COUNT];
            if (seen.row == row && seen.epoch == p->epoch + p->groups[out[i].group].query)
                continue;
        }
        PREFETCH(p->rows + row * p->words);
        out[kept].group = out[i].group;
        out[kept++].row = row;
    }
    count = kept, kept = 0;
    for (i = 0; i < count; i++) {
        const phash_found f = out[i];
        bool done;
        const uint32_t d = judge(p, queries, radius, f, &done);
        if (note && done)
            p->seen[f.row % PHASH_SEEN_COUNT] =
                (phash_seen){f.row, p->epoch + p->groups[f.group].query};
        out[kept] = (phash_found){f.row, f.group, d};
        kept += d != UINT32_MAX;
    }
    return kept;
}
