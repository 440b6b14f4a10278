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
#include "index/multi.h"
#include "core/internal.h"

#include <math.h>
#include <string.h>

enum { RUN_LINES_MAX = 8, STRETCHES = 1 << 12, ROWS_AT_ONCE = 1 << 12, PLANS_KEPT = 4 };

/* What planning a search costs is a tenth of a single query: so it is kept for the next. */
typedef struct kept_plan {
    uint64_t serial; /* of the segment; 0: none is kept */
    const phash_plan *plan;
    phash_round_plan round;
} kept_plan;

static void forget_plans(phash_scratch *scratch)
{
    kept_plan *kept = scratch->plans.data;
    for (size_t i = 0; kept && i < PLANS_KEPT; i++)
        kept[i].serial = 0;
}

/* Differences of keys, by distance and then in ascending order, so that those of `bits` bits come
 * before those that need more: one table serves keys of any length. */
static const uint32_t *key_masks(phash_scratch *scratch, uint32_t levels)
{
    if (scratch->mask_levels >= levels)
        return scratch->masks.data;
    size_t total = 0;
    for (uint32_t d = 0; d < levels; d++)
        total += phash_choose(KEY_BITS_MAX, d);
    forget_plans(scratch); /* they point to the masks */
    scratch->mask_levels = 0;
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

static bool plan_round(const phash_segment *s, const int *radii, phash_scratch *scratch,
                       phash_round_plan *p)
{
    p->segment = s;
    p->chunk_count = p->probes = 0;
    const uint32_t chunks = s->head.chunks;
    for (uint32_t c = 0; c < chunks; c++) {
        const phash_segment_chunk *chunk = &s->head.chunk[c];
        const uint32_t after = (c + 1) % chunks;
        const int pair = radii[c] + 1 + radii[after] + 1 - 1; /* below the sum of quotas */
        p->witnesses[c] =
            (phash_witness){chunk->start, chunk->width, (int16_t)radii[c], (int16_t)pair};
        if (radii[c] < 0)
            continue;
        phash_probe_chunk *to = &p->chunks[p->chunk_count++];
        *to = (phash_probe_chunk){
            .base = (uint32_t)s->bucket_base[c],
            .start = chunk->start,
            .key_bits = chunk->key_bits,
            .check_start = (uint16_t)((chunk->start + chunk->key_bits) % s->head.bits),
            .number = (uint8_t)c,
            .levels = (uint8_t)(radii[c] < chunk->key_bits ? radii[c] + 1 : chunk->key_bits + 1),
            .mask = (UINT32_C(1) << phash_chunk_checked(&s->head, c)) - 1,
            .own_mask = (UINT32_C(1) << phash_chunk_own(&s->head, c)) - 1,
        };
        const uint32_t *masks = key_masks(scratch, to->levels);
        if (!masks)
            return false;
        for (uint32_t d = 0; d < to->levels; d++) {
            to->limit[d] = (int8_t)(pair - (int)d);
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

/* NULL without memory. */
static const phash_round_plan *round_of(const phash_segment *segment, const phash_plan *plan,
                                        phash_scratch *scratch)
{
    kept_plan *kept = scratch->plans.data;
    if (!kept) {
        kept = phash_buffer_get(&scratch->plans, PLANS_KEPT, sizeof *kept);
        if (!kept)
            return NULL;
        forget_plans(scratch);
    }
    kept_plan *k = &kept[segment->serial % PLANS_KEPT];
    if (k->serial != segment->serial || k->plan != plan) {
        k->serial = 0;
        if (!plan_round(segment, plan->radii, scratch, &k->round))
            return NULL;
        k->serial = segment->serial;
        k->plan = plan;
    }
    return &k->round;
}

/* Reports rows. */
static phash_status report(const phash_source *source, const phash_ask *ask,
                           const phash_probes *probes, const phash_found *rows, size_t n,
                           phash_matches *found)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t query = probes->groups[rows[i].group].query;
        const phash_status status = phash_source_emit(
            source, rows[i].row, ask->number ? ask->number[query] : query, rows[i].distance, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}

phash_probes phash_multi_probes(const phash_round_plan *plan, const phash_scratch *scratch)
{
    const phash_segment *segment = plan->segment;
    return (phash_probes){.offsets = segment->offsets,
                          .lines = segment->lines,
                          .wide = segment->head.layout == LAYOUT_WIDE,
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
                          .witnesses = plan->witnesses,
                          .witness_count = segment->head.chunks,
                          .seen = scratch->seen.data,
                          .epoch = scratch->epoch,
                          .groups = scratch->groups.data,
                          .buckets = scratch->buckets.data};
}

phash_status phash_multi_look_up(const phash_source *source, const phash_ask *ask,
                                 phash_probes *probes, phash_scratch *scratch, double *budget,
                                 phash_matches *found)
{
    const phash_hamming_kernels *k = &scratch->kernels;
    size_t (*const probe)(phash_probes *, phash_stretch *, size_t) = !probes->lines ? k->probe_runs
                                                                     : probes->wide
                                                                         ? k->probe_wide
                                                                         : k->probe_lines;
    phash_stretch *stretches = scratch->stretches.data;
    phash_found *rows = scratch->rows.data;
    memset(probes->buckets + probes->bucket_total, 0, PHASH_PROBE_AHEAD * sizeof *probes->buckets);
    while (probes->group < probes->group_count) {
        const size_t count = probe(probes, stretches, STRETCHES);
        for (size_t at = 0; at < count;) {
            const size_t start = at;
            const size_t near = k->probe_verify(probes, ask->rows, ask->radius, stretches, count,
                                                &at, rows, ROWS_AT_ONCE);
            const phash_status status = report(source, ask, probes, rows, near, found);
            if (status)
                return status;
            for (size_t i = start; i < at; i++)
                *budget -= __builtin_popcountll(stretches[i].near);
            if (*budget < 0)
                return PHASH_OK;
        }
    }
    return PHASH_OK;
}

/* One round: queries from .. from + n - 1. */
static phash_status search_round(const phash_round_plan *plan, const phash_source *source,
                                 const phash_ask *ask, size_t from, size_t n, double *budget,
                                 phash_scratch *scratch, phash_matches *found)
{
    phash_probes probes = phash_multi_probes(plan, scratch);
    probes.queries = n;
    for (size_t q = from; q < from + n; q++)
        scratch->kernels.probe_add(&probes, ask->rows + q * plan->segment->words, (uint32_t)q);
    return phash_multi_look_up(source, ask, &probes, scratch, budget, found);
}

/* The flat engine on queries from .. from + n - 1. */
static phash_status scan_instead(const phash_source *source, const phash_ask *ask, size_t from,
                                 size_t n, phash_scratch *scratch, phash_matches *found)
{
    uint32_t *number = phash_buffer_get(&scratch->numbers, n, sizeof *number);
    if (!number)
        return PHASH_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        number[i] = ask->number ? ask->number[from + i] : (uint32_t)(from + i);
    const phash_ask part = {ask->rows + from * source->words, n, number, ask->radius};
    return phash_flat_scan(source, &part, scratch, found);
}

/* Sets aside an epoch for each query: no mark of an earlier search has one of them. */
static bool new_epochs(phash_scratch *scratch, size_t queries)
{
    phash_seen *seen = scratch->seen.data;
    if (!seen) {
        seen = phash_buffer_get(&scratch->seen, PHASH_SEEN_COUNT, sizeof *seen);
        scratch->epoch = scratch->epoch_end = UINT32_MAX;
    }
    if (!seen)
        return false;
    if (queries >= UINT32_MAX - scratch->epoch_end) {
        memset(seen, 0, scratch->seen.bytes);
        scratch->epoch_end = 1; /* zero marks nothing */
    }
    scratch->epoch = scratch->epoch_end;
    scratch->epoch_end += (uint32_t)queries;
    return true;
}

/* Queries one after another, several to a round. Where near-duplicates abound, so many rows may pass
 * the checks that a scan is cheaper: then a round is given up, and its queries are scanned. */
static phash_status search_rounds(const phash_round_plan *plan, const phash_source *source,
                                  const phash_ask *ask, phash_scratch *scratch,
                                  phash_matches *found)
{
    size_t queries = PHASH_ROUND_PROBES / plan->probes;
    queries = queries < 1 ? 1 : queries > ask->count ? ask->count : queries;
    if (!phash_buffer_get(&scratch->groups, queries * plan->chunk_count,
                          sizeof(phash_probe_group)) ||
        !phash_buffer_get(&scratch->buckets, queries * plan->probes + PHASH_PROBE_AHEAD, 4))
        return PHASH_E_MEMORY;
    for (size_t from = 0; from < ask->count; from += queries) {
        const size_t left = ask->count - from, n = left < queries ? left : queries;
        const size_t before = found->count;
        double budget = scratch->force == PHASH_INDEX_MULTI
                            ? HUGE_VAL
                            : phash_plan_budget(plan->segment, n, ask->radius);
        phash_status status = search_round(plan, source, ask, from, n, &budget, scratch, found);
        if (!status && budget < 0) {
            found->count = before;
            status = scan_instead(source, ask, from, n, scratch, found);
        }
        if (status)
            return status;
    }
    return PHASH_OK;
}

phash_status phash_multi_search(const phash_segment *segment, const phash_source *source,
                                const phash_ask *ask, const phash_plan *chosen,
                                phash_scratch *scratch, phash_matches *found)
{
    const phash_round_plan *plan = round_of(segment, chosen, scratch);
    if (!plan)
        return PHASH_E_MEMORY;
    if (!plan->chunk_count || !ask->count)
        return PHASH_OK;
    if (!phash_buffer_get(&scratch->stretches, STRETCHES, sizeof(phash_stretch)) ||
        !phash_buffer_get(&scratch->rows, ROWS_AT_ONCE, sizeof(phash_found)) ||
        !new_epochs(scratch, ask->count))
        return PHASH_E_MEMORY;
    if (phash_multi_grouping(plan, ask->count, scratch)) {
        const size_t before = found->count;
        double budget = phash_plan_budget(segment, ask->count, ask->radius);
        const phash_status status = phash_multi_grouped(plan, source, ask, scratch, &budget, found);
        if (status || budget >= 0)
            return status;
        found->count = before; /* which query is to blame, the rounds find out */
        if (!new_epochs(scratch, ask->count))
            return PHASH_E_MEMORY;
    }
    return search_rounds(plan, source, ask, scratch, found);
}
