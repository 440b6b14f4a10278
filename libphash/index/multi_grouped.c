/* Large batches, chunk by chunk.
 *
 * A chunk's buckets are cut into windows by the top bits of the key. All look-ups of all queries in
 * one window are done before the next: those of queries with these top bits, and those that reach it
 * from elsewhere, by differences in the top bits. There are two reasons to do so.
 *
 * Where most buckets are looked at, windows fit the second-level cache with ease. Each comes from
 * memory once however many queries there are, and in order, which is several times as fast as here
 * and there: while one is searched the next is fetched.
 *
 * Where few are, but the index is larger than the memory whose addresses a processor translates
 * without reading page tables (some 2,000 pages of 2 MB), windows span a few pages: at fifty million
 * hashes a line then takes half the time.
 *
 * For this the look-ups of a chunk are cut by their difference in the top bits: a pattern of k ones
 * leaves keys at distance d - k in the low bits. Each pattern is a chunk of its own to the kernels.
 */
#include "core/internal.h"
#include "index/multi.h"

#include <string.h>

enum {
    WINDOW_BYTES = 1 << 17, /* streamed */
    WIDE_WINDOW_BYTES = 1 << 22,
    TOP_MAX = 8,
    PATTERNS_MAX = 1 << TOP_MAX,
    CHUNK_BYTES_MIN = 1 << 23,   /* smaller ones stay in the last-level cache: patterns cost more */
    BUCKETS_A_LOOK_UP = 2,       /* with fewer look-ups, streaming fetches too much in vain */
    CHUNK_BYTES_PAGED = 1 << 26, /* from here on look-ups in wide windows are worth it, */
    WINDOW_LOOK_UPS = 1 << 11,   /* if a window has so many: the first wait for memory alone */
    QUERIES_AT_ONCE = 1 << 14,
    GROUPS = PHASH_ROUND_PROBES / 2
};

/* A query in one chunk. */
typedef phash_probe_key key;

static uint64_t chunk_bytes(const phash_segment *s, const phash_probe_chunk *chunk)
{
    if (s->lines)
        return (uint64_t)64 << chunk->key_bits;
    return ((uint64_t)4 << chunk->key_bits) + s->head.hashes * 2;
}

/* Top bits of a key that name its window. */
static uint32_t top_bits(const phash_segment *s, const phash_probe_chunk *chunk, uint64_t window)
{
    uint32_t top = 0;
    while (top < TOP_MAX && top < chunk->key_bits && chunk_bytes(s, chunk) >> top > window)
        top++;
    return top;
}

/* The best size of a window for so many queries; 0 if they had better be searched in rounds. */
static uint64_t window_for(const phash_round_plan *plan, size_t queries,
                           const phash_scratch *scratch)
{
    if (scratch->window_bytes)
        return scratch->window_bytes;
    const uint64_t bytes = chunk_bytes(plan->segment, &plan->chunks[0]);
    const double look_ups = (double)queries * (double)plan->probes;
    if (look_ups * BUCKETS_A_LOOK_UP >= (double)plan->segment->buckets)
        return bytes >= CHUNK_BYTES_MIN ? WINDOW_BYTES : 0;
    const double least =
        (double)bytes * WINDOW_LOOK_UPS * (double)plan->chunk_count / (look_ups + 1);
    if (bytes < CHUNK_BYTES_PAGED || least > (double)bytes / 4)
        return 0;
    return least > WIDE_WINDOW_BYTES ? (uint64_t)least : WIDE_WINDOW_BYTES;
}

bool phash_multi_grouping(const phash_round_plan *plan, size_t queries,
                          const phash_scratch *scratch)
{
    return window_for(plan, queries, scratch) != 0;
}

/* The patterns of a chunk's top bits, each as a chunk whose keys differ by it. Returns how many. */
static size_t make_patterns(const phash_probe_chunk *chunk, uint32_t top,
                            phash_probe_chunk *patterns)
{
    const uint32_t low = chunk->key_bits - top;
    size_t n = 0;
    for (uint32_t pattern = 0; pattern < UINT32_C(1) << top; pattern++) {
        const uint32_t ones = (uint32_t)__builtin_popcount(pattern);
        if (ones >= chunk->levels)
            continue;
        phash_probe_chunk *p = &patterns[n++];
        *p = *chunk;
        p->flip = pattern << low;
        for (uint32_t d = 0; d < chunk->levels; d++) {
            /* Masks of the low bits come first among those of their distance. */
            p->count[d] = d < ones ? 0 : phash_choose(low, d - ones);
            p->masks[d] = chunk->masks[d < ones ? 0 : d - ones];
        }
    }
    return n;
}

/* Keys of queries from .. from + n - 1 in a chunk, sorted by their window; those of window w end up
 * at first[w] .. first[w + 1] - 1. */
static void sort_keys(const phash_probe_chunk *chunk, const phash_ask *ask, size_t words,
                      size_t from, size_t n, uint32_t top, key *unsorted, key *keys,
                      uint32_t *first)
{
    const uint32_t low = chunk->key_bits - top, windows = UINT32_C(1) << top;
    uint32_t at[PATTERNS_MAX];
    memset(first, 0, (windows + 1) * sizeof *first);
    for (size_t i = 0; i < n; i++) {
        const uint64_t *row = ask->rows + (from + i) * words;
        unsorted[i].query = (uint32_t)(from + i);
        unsorted[i].key = phash_row_bits(row, words, chunk->start, chunk->key_bits);
        unsorted[i].check = phash_row_bits(row, words, chunk->check_start, PHASH_CHECK_BITS);
        first[(unsorted[i].key >> low) + 1]++;
    }
    for (uint32_t w = 0; w < windows; w++) {
        first[w + 1] += first[w];
        at[w] = first[w];
    }
    for (size_t i = 0; i < n; i++)
        keys[at[unsorted[i].key >> low]++] = unsorted[i];
}

static size_t look_ups(const phash_probe_chunk *pattern)
{
    size_t n = 0;
    for (uint32_t d = 0; d < pattern->levels; d++)
        n += pattern->count[d];
    return n;
}

/* What a run over the queries keeps. */
typedef struct walk {
    const phash_round_plan *plan;
    const phash_source *source;
    const phash_ask *ask;
    phash_scratch *scratch;
    double *budget;
    phash_matches *found;
    uint64_t window; /* bytes */
    size_t capacity; /* buckets */
    phash_probes probes;
    phash_probe_chunk patterns[PATTERNS_MAX];
} walk;

static void restart(walk *w)
{
    w->probes.group_count = w->probes.bucket_total = 0;
    w->probes.group = w->probes.bucket = 0;
    w->probes.level = w->probes.probe = w->probes.entry = 0;
}

static phash_status flush(walk *w)
{
    phash_status status = PHASH_OK;
    if (w->probes.group_count) {
        w->probes.queries = w->probes.bucket_total / w->plan->probes + 1;
        status =
            phash_multi_look_up(w->source, w->ask, &w->probes, w->scratch, w->budget, w->found);
    }
    restart(w);
    return status;
}

/* The look-ups of some queries with one pattern. */
static phash_status add(walk *w, const key *keys, size_t n, size_t pattern)
{
    const phash_probe_chunk *chunk = &w->patterns[pattern];
    const size_t each = look_ups(chunk);
    while (n && *w->budget >= 0) {
        size_t room = (w->capacity - w->probes.bucket_total) / each;
        if (room > GROUPS - w->probes.group_count)
            room = GROUPS - w->probes.group_count;
        const size_t some = n < room ? n : room;
        if (some)
            w->scratch->kernels.probe_keys(&w->probes, keys, some, (uint32_t)pattern);
        keys += some;
        n -= some;
        if (n) {
            const phash_status status = flush(w);
            if (status)
                return status;
        }
    }
    return PHASH_OK;
}

/* The lines of memory that a window's look-ups read, in order. */
static size_t window_memory(const phash_segment *s, const phash_probe_chunk *chunk, uint32_t low,
                            uint32_t window, const char **memory)
{
    const size_t first = chunk->base + ((size_t)window << low), count = (size_t)1 << low;
    if (s->lines) {
        *memory = (const char *)(s->lines + first * PHASH_LINE_WORDS);
        return count;
    }
    const uint64_t from = s->offsets[first], to = s->offsets[first + count];
    *memory = (const char *)(s->checks + from);
    return from <= to && to <= s->check_count ? (size_t)(to - from) * 2 / 64 + 2 : 0;
}

/* One chunk: its keys by window, and how its look-ups are cut. */
typedef struct chunk_walk {
    const phash_probe_chunk *chunk;
    uint32_t top, low; /* bits of a key that name its window, and those that do not */
    size_t patterns;
    const key *keys;
    uint32_t first[PATTERNS_MAX + 1];
} chunk_walk;

/* The queries whose keys differ by a pattern from those in a window. */
static size_t of_pattern(const walk *w, const chunk_walk *c, uint32_t window, size_t pattern,
                         const key **keys)
{
    const uint32_t home = window ^ w->patterns[pattern].flip >> c->low;
    *keys = c->keys + c->first[home];
    return c->first[home + 1] - c->first[home];
}

static size_t window_look_ups(const walk *w, const chunk_walk *c, uint32_t window)
{
    size_t n = 0;
    for (size_t p = 0; p < c->patterns; p++) {
        const key *keys;
        n += of_pattern(w, c, window, p, &keys) * look_ups(&w->patterns[p]);
    }
    return n;
}

/* Sets the memory of a window to be fetched while `beside` look-ups are done, if it is worth it:
 * if the cache holds it, and most of it will be looked at. */
static void stream_window(walk *w, const chunk_walk *c, uint32_t window, size_t beside)
{
    phash_probes *p = &w->probes;
    p->stream_lines = 0;
    if (window >> c->top || w->window >= WIDE_WINDOW_BYTES)
        return;
    const size_t buckets = (size_t)1 << c->low;
    if (window_look_ups(w, c, window) < buckets / 2)
        return;
    p->stream_lines = window_memory(w->plan->segment, c->chunk, c->low, window, &p->stream);
    p->stream_pace = p->stream_lines / (beside + 1) + 1;
}

static void finish_stream(phash_probes *p)
{
    for (size_t i = 0; i < p->stream_lines; i++)
        __builtin_prefetch(p->stream + 64 * i, 0, 2);
    p->stream_lines = 0;
}

static phash_status search_window(walk *w, const chunk_walk *c, uint32_t window)
{
    stream_window(w, c, window + 1, window_look_ups(w, c, window));
    const bool next = w->probes.stream_lines > 0;
    for (size_t p = 0; p < c->patterns; p++) {
        const key *keys;
        const size_t n = of_pattern(w, c, window, p, &keys);
        const phash_status status = add(w, keys, n, p);
        if (status)
            return status;
    }
    const phash_status status = *w->budget < 0 ? PHASH_OK : flush(w);
    finish_stream(&w->probes);
    w->probes.cached = next;
    return status;
}

/* All look-ups of n queries in one chunk. */
static phash_status search_chunk(walk *w, const phash_probe_chunk *chunk, size_t from, size_t n,
                                 key *keys)
{
    const phash_segment *s = w->plan->segment;
    chunk_walk c = {.chunk = chunk, .top = top_bits(s, chunk, w->window), .keys = keys};
    c.low = chunk->key_bits - c.top;
    c.patterns = make_patterns(chunk, c.top, w->patterns);
    sort_keys(chunk, w->ask, s->words, from, n, c.top, keys + n, keys, c.first);
    stream_window(w, &c, 0, 0);
    w->probes.cached = w->probes.stream_lines > 0;
    finish_stream(&w->probes);
    for (uint32_t window = 0; window < UINT32_C(1) << c.top && *w->budget >= 0; window++) {
        const phash_status status = search_window(w, &c, window);
        if (status)
            return status;
    }
    return PHASH_OK;
}

phash_status phash_multi_grouped(const phash_round_plan *plan, const phash_source *source,
                                 const phash_ask *ask, phash_scratch *scratch, double *budget,
                                 phash_matches *found)
{
    const size_t most = ask->count < QUERIES_AT_ONCE ? ask->count : QUERIES_AT_ONCE;
    key *keys = phash_buffer_get(&scratch->keys, 2 * most, sizeof *keys);
    const size_t capacity = PHASH_ROUND_PROBES > plan->probes ? PHASH_ROUND_PROBES : plan->probes;
    if (!keys || !phash_buffer_get(&scratch->groups, GROUPS, sizeof(phash_probe_group)) ||
        !phash_buffer_get(&scratch->buckets, capacity + PHASH_PROBE_AHEAD, 4))
        return PHASH_E_MEMORY;
    walk w = {.plan = plan,
              .source = source,
              .ask = ask,
              .scratch = scratch,
              .budget = budget,
              .found = found,
              .window = window_for(plan, most, scratch),
              .capacity = capacity,
              .probes = phash_multi_probes(plan, scratch)};
    w.probes.chunks = w.patterns;
    for (size_t from = 0; from < ask->count; from += most) {
        const size_t left = ask->count - from, n = left < most ? left : most;
        for (size_t c = 0; c < plan->chunk_count && *budget >= 0; c++) {
            restart(&w);
            const phash_status status = search_chunk(&w, &plan->chunks[c], from, n, keys);
            if (status)
                return status;
        }
    }
    return PHASH_OK;
}
