/* The k nearest: radius searches that widen until they have found enough.
 *
 * A search at a small radius costs next to nothing beside one at the radius that is needed, so the
 * radii 7, 15, 31, … together cost little more than the last of them. Queries that have their k
 * leave; the others go on. Once a scan would answer, a wider radius would find far more than k: then
 * one pass over all rows keeps the best, within the distance of the k-th so far.
 */
#include "core/internal.h"
#include "index/search.h"

/* Keeps the k best of scratch->found; the distance that is still of interest. */
static phash_status prune(phash_scratch *scratch, uint32_t k, uint32_t *radius)
{
    const phash_status status = phash_matches_sort(&scratch->found);
    phash_matches_cut(&scratch->found, k);
    if (!status && scratch->found.count == k)
        *radius = scratch->found.items[k - 1].distance;
    return status;
}

/* One query against all rows. */
static phash_status scan_nearest(const phash_source *source, const uint64_t *row, uint32_t number,
                                 uint32_t k, uint32_t radius, phash_scratch *scratch,
                                 phash_matches *found)
{
    phash_hit *hits = phash_buffer_get(&scratch->survivors, PHASH_BLOCK_ROWS, sizeof *hits);
    phash_status status = hits ? PHASH_OK : PHASH_E_MEMORY;
    const size_t enough = (size_t)k + (k < 64 ? 64 : k);
    scratch->found.count = 0;
    for (size_t first = 0; first < source->count && !status; first += PHASH_BLOCK_ROWS) {
        const size_t left = source->count - first;
        const size_t n = left < PHASH_BLOCK_ROWS ? left : PHASH_BLOCK_ROWS;
        const size_t count =
            scratch->kernels.rows((const char *)source->rows + first * source->words * 8, n,
                                  source->words, row, radius, hits);
        for (size_t i = 0; i < count && !status; i++) {
            if (hits[i].distance > radius)
                continue; /* it has become smaller since */
            status = phash_source_emit(source, first + hits[i].row, number, hits[i].distance,
                                       &scratch->found);
            if (!status && scratch->found.count >= enough)
                status = prune(scratch, k, &radius);
        }
    }
    if (!status)
        status = prune(scratch, k, &radius);
    if (!status)
        status = phash_matches_reserve(found, scratch->found.count);
    for (size_t i = 0; i < scratch->found.count && !status; i++)
        found->items[found->count++] = scratch->found.items[i];
    return status;
}

static phash_status nearest(const phash_segment *segment, const phash_source *source,
                            const void *queries, size_t n, uint32_t k, uint32_t radius,
                            phash_scratch *scratch, phash_matches *found, phash_error *error)
{
    const uint32_t bits = (uint32_t)source->words * 64;
    if ((n && !queries) || !scratch || !found || radius > bits || !k || n > UINT32_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "nearest: wrong argument");
    if (!n || !source->count)
        return PHASH_OK;
    const size_t before = found->count;
    phash_status status = PHASH_E_MEMORY;
    const uint64_t *all = phash_query_rows(segment, queries, n, bits, scratch);
    uint32_t *number = phash_buffer_get(&scratch->nearest, n, sizeof(uint32_t) * 2);
    uint64_t *rows = (uint64_t *)(uintptr_t)all; /* the scratch's own */
    if (!all || !number)
        goto fail;
    uint32_t *have = number + n;
    for (size_t i = 0; i < n; i++)
        number[i] = (uint32_t)i;
    size_t left = n;
    for (uint32_t r = 7; left; r = 2 * r + 1) {
        if (r > radius)
            r = radius;
        if (!segment || !phash_plan_choose(segment, left, r, scratch->force)) {
            status = PHASH_OK;
            for (size_t i = 0; i < left && !status; i++)
                status = scan_nearest(source, rows + i * source->words, number[i], k, radius,
                                      scratch, found);
            if (status)
                goto fail;
            return PHASH_OK;
        }
        scratch->found.count = 0;
        const phash_ask ask = {rows, left, number, r};
        status = phash_ask_engine(segment, source, &ask, scratch, &scratch->found);
        if (!status)
            status = phash_matches_sort(&scratch->found);
        if (status)
            goto fail;
        phash_matches_cut(&scratch->found, k);
        /* number[] and the found items both ascend. */
        const phash_match *m = scratch->found.items, *end = m + scratch->found.count;
        size_t kept = 0;
        for (size_t i = 0; i < left; i++) {
            const phash_match *from = m;
            while (m < end && m->query == number[i])
                m++;
            have[i] = (uint32_t)(m - from);
            if (have[i] == k || r == radius) {
                status = phash_matches_reserve(found, have[i]);
                if (status)
                    goto fail;
                for (; from < m; from++)
                    found->items[found->count++] = *from;
            } else {
                number[kept] = number[i];
                for (size_t w = 0; w < source->words; w++)
                    rows[kept * source->words + w] = rows[i * source->words + w];
                kept++;
            }
        }
        left = kept;
    }
    return PHASH_OK;
fail:
    found->count = before;
    return phash_fail(error, status, "no memory for a search of %zu queries", n);
}

phash_status phash_segment_nearest(const phash_segment *segment, const uint64_t *removed,
                                   const void *queries, size_t n, uint32_t k, uint32_t radius,
                                   phash_scratch *scratch, phash_matches *found, phash_error *error)
{
    const phash_source source = phash_segment_source(segment, removed);
    return nearest(segment, &source, queries, n, k, radius, scratch, found, error);
}

phash_status phash_flat_nearest(const phash_flat *flat, const uint64_t *removed,
                                const void *queries, size_t n, uint32_t k, uint32_t radius,
                                phash_scratch *scratch, phash_matches *found, phash_error *error)
{
    const phash_source source = phash_flat_source(flat, removed);
    return nearest(NULL, &source, queries, n, k, radius, scratch, found, error);
}
