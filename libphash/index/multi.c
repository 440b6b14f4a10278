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
    RUN_LINES_MAX = 8,
    STRETCHES = 1 << 12,
    ROWS_AT_ONCE = 1 << 12
};

/* Differences of keys, by distance and then in ascending order, so that those of `bits` bits come
 * before those that need more: one table serves keys of any length. */
static const uint32_t *key_masks(phash_scratch *scratch, uint32_t levels)
{
    if (scratch->mask_levels >= levels)
        return scratch->masks.data;
    size_t total = 0;
    for (uint32_t d = 0; d < levels; d++)
        total += phash_choose(KEY_BITS_MAX, d);
    uint32_t *masks = phash_buffer_get(&scratch->masks, total, sizeof *masks);
    if (!masks)
        return NULL;
    size_t n = 0;
    masks[n++] = 0;
    for (uint32_t d = 1; d < levels; d++)
        for (uint64_t m = (UINT64_C(1) << d) - 1; m < UINT64_C(1) << KEY_BITS_MAX;) {
            masks[n++] = (uint32_t)m;
            const uint64_t low = m & (~m + 1), up = m + low; /* the next with as many ones */
            m = up | ((m ^ up) >> 2) / low;
        }
    scratch->mask_levels = levels;
    return masks;
}

/* What is the same for all queries of a search. */
typedef struct round_plan {
    const phash_segment *segment;
    const int *radii;
    int pair_limit[CHUNKS_MAX]; /* of d_i + d_(i+1) */
    phash_probe_chunk chunks[CHUNKS_MAX];
    size_t chunk_count;
    size_t probes;      /* for one query */
    uint32_t run_lines; /* that are prefetched of a run */
} round_plan;

static bool plan_round(const phash_segment *s, const int *radii, phash_scratch *scratch,
                       round_plan *p)
{
    p->segment = s, p->radii = radii;
    p->chunk_count = p->probes = 0;
    const uint32_t chunks = s->head.chunks;
    for (uint32_t c = 0; c < chunks; c++) {
        const phash_segment_chunk *chunk = &s->head.chunk[c];
        const uint32_t after = (c + 1) % chunks;
        p->pair_limit[c] = radii[c] + 1 + radii[after] + 1 - 1;
        if (radii[c] < 0)
            continue;
        const uint32_t own = phash_chunk_own(chunk);
        const uint32_t beyond =
            chunk->width - chunk->key_bits > CHECK_BITS ? 0 : s->head.chunk[after].width;
        const uint32_t used = own + beyond < CHECK_BITS ? own + beyond : CHECK_BITS;
        phash_probe_chunk *to = &p->chunks[p->chunk_count++];
        *to = (phash_probe_chunk){
            .base = (uint32_t)s->bucket_base[c],
            .start = chunk->start,
            .key_bits = chunk->key_bits,
            .check_start = (uint16_t)((chunk->start + chunk->key_bits) % s->head.bits),
            .mask = (uint16_t)((UINT32_C(1) << used) - 1),
            .own_mask = (uint16_t)((UINT32_C(1) << own) - 1),
            .number = (uint8_t)c,
            .levels = (uint8_t)(radii[c] < chunk->key_bits ? radii[c] + 1 : chunk->key_bits + 1),
        };
        const uint32_t *masks = key_masks(scratch, to->levels);
        if (!masks)
            return false;
        for (uint32_t d = 0; d < to->levels; d++) {
            to->limit[d] = (int8_t)(p->pair_limit[c] - (int)d);
            to->own_limit[d] = (int8_t)(radii[c] - (int)d);
            to->count[d] = phash_choose(chunk->key_bits, d);
            p->probes += to->count[d];
        }
    }
    /* Runs begin anywhere in a line. The hardware follows long ones by itself. */
    const double load = (double)s->head.chunk[0].load / LOAD_UNIT;
    const double lines = load * 2 / 64 + 1;
    p->run_lines = lines < RUN_LINES_MAX ? (uint32_t)(lines + 0.5) : RUN_LINES_MAX;
    /* The table of masks may have moved while it grew. */
    const uint32_t *masks = scratch->masks.data;
    for (size_t c = 0; c < p->chunk_count; c++)
        for (uint32_t d = 0, first = 0; d < p->chunks[c].levels; d++) {
            p->chunks[c].masks[d] = masks + first;
            first += phash_choose(KEY_BITS_MAX, d);
        }
    return true;
}

/* Whether chunk c is a witness of a pair that differs in the bits of x. */
static bool witness(const round_plan *p, const uint64_t *x, uint32_t c)
{
    const phash_segment_header *h = &p->segment->head;
    const size_t words = p->segment->words;
    int sum = 0;
    for (uint32_t k = 0; k < 2; k++) {
        const phash_segment_chunk *chunk = &h->chunk[(c + k) % h->chunks];
        /* Chunks may be wider than 32 bits: counted in two pieces. */
        const uint32_t half = chunk->width / 2;
        sum +=
            __builtin_popcount(phash_row_bits(x, words, chunk->start, half)) +
            __builtin_popcount(phash_row_bits(x, words, chunk->start + half, chunk->width - half));
        if (sum > (k ? p->pair_limit[c] : p->radii[c]))
            return false;
    }
    return true;
}

/* Reports the rows within the radius that this chunk has to report. */
static phash_status report(const round_plan *p, const phash_source *source, const phash_ask *ask,
                           const phash_probes *probes, const phash_found *rows, size_t n,
                           phash_matches *found)
{
    const size_t words = p->segment->words;
    for (size_t i = 0; i < n; i++) {
        const phash_probe_group *g = &probes->groups[rows[i].group];
        const uint64_t *a = p->segment->rows + (size_t)rows[i].row * words;
        const uint64_t *b = ask->rows + (size_t)g->query * words;
        const uint32_t chunk = p->chunks[g->chunk].number;
        uint64_t x[WORDS_MAX];
        for (size_t w = 0; w < words; w++)
            x[w] = a[w] ^ b[w];
        bool mine = witness(p, x, chunk);
        for (uint32_t c = 0; c < chunk && mine; c++)
            mine = !witness(p, x, c);
        if (!mine)
            continue;
        const phash_status status =
            phash_source_emit(source, rows[i].row, ask->number ? ask->number[g->query] : g->query,
                              rows[i].distance, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}

/* One round: queries from .. from + n - 1. */
static phash_status search_round(const round_plan *plan, const phash_source *source,
                                 const phash_ask *ask, size_t from, size_t n,
                                 phash_scratch *scratch, phash_matches *found)
{
    const phash_segment *segment = plan->segment;
    const phash_hamming_kernels *k = &scratch->kernels;
    phash_stretch *stretches = scratch->stretches.data;
    phash_found *rows = scratch->rows.data;
    phash_probes probes = {.offsets = segment->offsets,
                           .lines = segment->lines,
                           .checks = segment->checks,
                           .check_count = segment->check_count,
                           .run_lines = plan->run_lines,
                           .postings = segment->postings,
                           .posting_bytes = segment->head.posting_bytes,
                           .posting_count = segment->head.hashes * segment->head.chunks,
                           .rows = segment->rows,
                           .row_count = segment->head.hashes,
                           .words = segment->words,
                           .chunks = plan->chunks,
                           .chunk_count = plan->chunk_count,
                           .groups = scratch->groups.data,
                           .buckets = scratch->buckets.data};
    for (size_t q = from; q < from + n; q++)
        k->probe_add(&probes, ask->rows + q * segment->words, (uint32_t)q);
    memset(probes.buckets + probes.bucket_total, 0, PHASH_PROBE_AHEAD * sizeof *probes.buckets);
    while (probes.group < probes.group_count) {
        const size_t count = segment->lines ? k->probe_lines(&probes, stretches, STRETCHES)
                                            : k->probe_runs(&probes, stretches, STRETCHES);
        for (size_t at = 0; at < count;) {
            const size_t near = k->probe_verify(&probes, ask->rows, ask->radius, stretches, count,
                                                &at, rows, ROWS_AT_ONCE);
            const phash_status status = report(plan, source, ask, &probes, rows, near, found);
            if (status)
                return status;
        }
    }
    return PHASH_OK;
}

phash_status phash_multi_search(const phash_segment *segment, const phash_source *source,
                                const phash_ask *ask, const int *radii, phash_scratch *scratch,
                                phash_matches *found)
{
    round_plan plan;
    if (!plan_round(segment, radii, scratch, &plan))
        return PHASH_E_MEMORY;
    if (!plan.chunk_count || !ask->count)
        return PHASH_OK;
    size_t queries = ROUND_PROBES / plan.probes;
    queries = queries < 1 ? 1 : queries > ask->count ? ask->count : queries;
    if (!phash_buffer_get(&scratch->groups, queries * plan.chunk_count,
                          sizeof(phash_probe_group)) ||
        !phash_buffer_get(&scratch->buckets, queries * plan.probes + PHASH_PROBE_AHEAD, 4) ||
        !phash_buffer_get(&scratch->stretches, STRETCHES, sizeof(phash_stretch)) ||
        !phash_buffer_get(&scratch->rows, ROWS_AT_ONCE, sizeof(phash_found)))
        return PHASH_E_MEMORY;
    for (size_t from = 0; from < ask->count; from += queries) {
        const size_t left = ask->count - from;
        const phash_status status =
            search_round(&plan, source, ask, from, left < queries ? left : queries, scratch, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}
