/* The multi-index engine: look-ups instead of a scan.
 *
 * A hash within the radius of a query is close to it in one of the chunks, by the general
 * pigeonhole principle: with chunk radii t and sum(t + 1) = radius + 1, some chunk i has
 * d_i <= t_i. All keys within t_i of the query's are looked up in chunk i's buckets.
 *
 * The pigeonring principle (Qin and Xiao, VLDB 2018) says more: going round the ring of chunks from
 * some chunk i on, every sum d_i + d_(i+1) + … of differences stays below the same sum of quotas
 * (t + 1). The second of these tests needs chunk i + 1 only, whose bits are kept beside each entry:
 * at a million hashes it leaves 16 of 4,155 candidates, before any hash is touched. Chunks that
 * pass the test on all their bits are the hit's witnesses; it is reported by the first of them and
 * by no other, so that each hit is found once, and needs no set of those seen.
 *
 * Many queries share a round: probes → candidates → rows → pairs, each stage asking for the memory
 * of the next before it goes on.
 */
#include "core/internal.h"
#include "index/search.h"

#include <string.h>

enum {
    ROUND_PROBES = 1 << 14, /* about so many look-ups to a round */
    CANDIDATES = 1 << 13,
    VERIFY_AHEAD = 16
};

static uint64_t choose(uint64_t n, uint64_t k)
{
    uint64_t r = 1;
    for (uint64_t i = 0; i < k; i++)
        r = r * (n - i) / (i + 1);
    return k > n ? 0 : r;
}

/* Writes the buckets at key distance `distance` of bucket base + key; returns how many. */
static size_t write_buckets(uint32_t base, uint32_t key, uint32_t bits, uint32_t distance,
                            uint32_t *out)
{
    if (distance > bits)
        return 0;
    if (distance == 0) {
        out[0] = base + key;
        return 1;
    }
    /* Gosper's hack: the next larger number with as many ones. */
    size_t n = 0;
    const uint64_t end = UINT64_C(1) << bits;
    for (uint64_t m = (UINT64_C(1) << distance) - 1; m < end;) {
        out[n++] = base + (key ^ (uint32_t)m);
        const uint64_t low = m & (~m + 1), up = m + low;
        m = up | ((m ^ up) >> 2) / low;
    }
    return n;
}

/* What is the same for all queries of a search. */
typedef struct round_plan {
    const phash_segment *segment;
    const int *radii;
    uint32_t levels[CHUNKS_MAX]; /* key distances to look up: 0 .. levels - 1 */
    uint16_t mask[CHUNKS_MAX], own_mask[CHUNKS_MAX];
    int pair_limit[CHUNKS_MAX]; /* of d_i + d_(i+1) */
    size_t probes, groups;      /* for one query */
} round_plan;

static void plan_round(const phash_segment *s, const int *radii, round_plan *p)
{
    *p = (round_plan){.segment = s, .radii = radii};
    const uint32_t chunks = s->head.chunks;
    for (uint32_t c = 0; c < chunks; c++) {
        const phash_segment_chunk *chunk = &s->head.chunk[c],
                                  *next = &s->head.chunk[(c + 1) % chunks];
        const uint32_t own = phash_chunk_own(chunk);
        const uint32_t beyond = chunk->width - chunk->key_bits > CHECK_BITS ? 0 : next->width;
        const uint32_t used = own + beyond < CHECK_BITS ? own + beyond : CHECK_BITS;
        p->own_mask[c] = (uint16_t)((UINT32_C(1) << own) - 1);
        p->mask[c] = (uint16_t)((UINT32_C(1) << used) - 1);
        p->pair_limit[c] = radii[c] + 1 + radii[(c + 1) % chunks] + 1 - 1;
        if (radii[c] < 0)
            continue;
        p->levels[c] = (uint32_t)radii[c] + 1;
        if (p->levels[c] > chunk->key_bits + 1u)
            p->levels[c] = chunk->key_bits + 1u;
        for (uint32_t d = 0; d < p->levels[c]; d++)
            p->probes += choose(chunk->key_bits, d);
        p->groups++;
    }
}

/* Adds the probes of a query. */
static void add_probes(const round_plan *p, const uint64_t *row, uint32_t query,
                       phash_probe_group *groups, size_t *group_count, uint32_t *buckets,
                       size_t *bucket_count)
{
    const phash_segment *s = p->segment;
    for (uint32_t c = 0; c < s->head.chunks; c++) {
        if (!p->levels[c])
            continue;
        const phash_segment_chunk *chunk = &s->head.chunk[c];
        phash_probe_group *g = &groups[(*group_count)++];
        const uint32_t key = phash_row_bits(row, s->words, chunk->start, chunk->key_bits);
        const uint32_t behind = (chunk->start + chunk->key_bits) % s->head.bits;
        g->query = query;
        g->check = (uint16_t)phash_row_bits(row, s->words, behind, CHECK_BITS);
        g->mask = p->mask[c];
        g->own_mask = p->own_mask[c];
        g->chunk = (uint8_t)c;
        g->levels = (uint8_t)p->levels[c];
        for (uint32_t d = 0; d < p->levels[c]; d++) {
            g->limit[d] = (int8_t)(p->pair_limit[c] - (int)d);
            g->own_limit[d] = (int8_t)(p->radii[c] - (int)d);
            g->count[d] = (uint32_t)write_buckets((uint32_t)s->bucket_base[c], key, chunk->key_bits,
                                                  d, buckets + *bucket_count);
            *bucket_count += g->count[d];
        }
    }
}

/* Whether chunk c is a witness of a pair that differs in the bits of x. */
static bool witness(const round_plan *p, const uint64_t *x, uint32_t c)
{
    const phash_segment_header *h = &p->segment->head;
    const size_t words = p->segment->words;
    int sum = 0;
    for (uint32_t k = 0; k < 2; k++) {
        const phash_segment_chunk *chunk = &h->chunk[(c + k) % h->chunks];
        /* Wider chunks than 32 bits are counted in two pieces. */
        const uint32_t half = chunk->width / 2;
        sum +=
            __builtin_popcount(phash_row_bits(x, words, chunk->start, half)) +
            __builtin_popcount(phash_row_bits(x, words, chunk->start + half, chunk->width - half));
        if (sum > (k ? p->pair_limit[c] : p->radii[c]))
            return false;
    }
    return true;
}

static uint64_t posting_row(const phash_segment *s, uint32_t posting)
{
    if (posting < s->head.hashes)
        return posting; /* chunk 0 */
    if (posting >= s->head.hashes * s->head.chunks)
        return UINT64_MAX;
    uint32_t row;
    memcpy(&row, s->postings + (posting - s->head.hashes) * s->head.posting_bytes, sizeof row);
    return s->head.posting_bytes == 3 ? row & 0xffffff : row;
}

static phash_status verify(const round_plan *p, const phash_source *source, const phash_ask *ask,
                           const phash_probe_group *groups, phash_candidate *candidates, size_t n,
                           phash_matches *found)
{
    const phash_segment *s = p->segment;
    for (size_t i = 0; i < n; i++) {
        const uint64_t row = posting_row(s, candidates[i].posting);
        candidates[i].posting = row < s->head.hashes ? (uint32_t)row : UINT32_MAX;
        if (row < s->head.hashes)
            __builtin_prefetch(s->rows + row * s->words, 0, 2);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = candidates[i].posting;
        if (row == UINT32_MAX)
            continue;
        const phash_probe_group *g = &groups[candidates[i].group];
        const uint64_t *a = s->rows + (size_t)row * s->words;
        const uint64_t *b = ask->rows + (size_t)g->query * s->words;
        const uint32_t d = phash_row_distance(a, b, s->words);
        if (d > ask->radius)
            continue;
        uint64_t x[WORDS_MAX];
        for (size_t w = 0; w < s->words; w++)
            x[w] = a[w] ^ b[w];
        if (!witness(p, x, g->chunk))
            continue;
        bool first = true;
        for (uint32_t c = 0; c < g->chunk && first; c++)
            first = !witness(p, x, c);
        if (!first)
            continue;
        const phash_status status = phash_source_emit(
            source, row, ask->number ? ask->number[g->query] : g->query, d, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}

phash_status phash_multi_search(const phash_segment *segment, const phash_source *source,
                                const phash_ask *ask, const int *radii, phash_scratch *scratch,
                                phash_matches *found)
{
    round_plan plan;
    plan_round(segment, radii, &plan);
    if (!plan.groups || !ask->count)
        return PHASH_OK;
    phash_status status = PHASH_OK;
    size_t queries = ROUND_PROBES / plan.probes;
    queries = queries < 1 ? 1 : queries > ask->count ? ask->count : queries;
    phash_probe_group *groups =
        phash_buffer_get(&scratch->groups, queries * plan.groups, sizeof *groups);
    uint32_t *buckets =
        phash_buffer_get(&scratch->buckets, queries * plan.probes + PHASH_PROBE_AHEAD, 4);
    phash_candidate *candidates =
        phash_buffer_get(&scratch->candidates, CANDIDATES, sizeof *candidates);
    if (!groups || !buckets || !candidates)
        return PHASH_E_MEMORY;
    for (size_t from = 0; from < ask->count; from += queries) {
        size_t group_count = 0, bucket_count = 0;
        for (size_t q = from; q < ask->count && q < from + queries; q++)
            add_probes(&plan, ask->rows + q * segment->words, (uint32_t)q, groups, &group_count,
                       buckets, &bucket_count);
        memset(buckets + bucket_count, 0, PHASH_PROBE_AHEAD * sizeof *buckets);
        phash_probes probes = {.offsets = segment->offsets,
                               .lines = segment->lines,
                               .checks = segment->checks,
                               .check_count = segment->check_count,
                               .postings = segment->postings,
                               .posting_first = segment->head.hashes,
                               .posting_bytes = segment->head.posting_bytes,
                               .groups = groups,
                               .group_count = group_count,
                               .buckets = buckets,
                               .bucket_total = bucket_count};
        while (probes.group < probes.group_count) {
            const size_t n = segment->lines
                                 ? scratch->kernels.probe_lines(&probes, candidates, CANDIDATES)
                                 : scratch->kernels.probe_runs(&probes, candidates, CANDIDATES);
            status = verify(&plan, source, ask, groups, candidates, n, found);
            if (status)
                return status;
        }
    }
    return PHASH_OK;
}
