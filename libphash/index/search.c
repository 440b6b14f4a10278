/* Searches: from the caller's hashes to an engine and back to pairs. */
#include "index/search.h"
#include "core/internal.h"

#include <string.h>

void *phash_buffer_get(phash_buffer *buffer, size_t count, size_t size)
{
    size_t bytes;
    if (phash_mul_overflows(count, size, &bytes))
        return NULL;
    if (bytes > buffer->bytes || !buffer->data) {
        phash_wipe_free(buffer->data, buffer->bytes);
        buffer->bytes = 0;
        buffer->data = phash_alloc(bytes, 1);
        if (!buffer->data)
            return NULL;
        buffer->bytes = bytes;
    }
    return buffer->data;
}

static void buffer_free(phash_buffer *buffer)
{
    phash_wipe_free(buffer->data, buffer->bytes);
}

phash_status phash_scratch_new(phash_scratch **scratch)
{
    if (!scratch)
        return PHASH_E_ARGUMENT;
    *scratch = phash_alloc_zero(1, sizeof **scratch);
    if (!*scratch)
        return PHASH_E_MEMORY;
    phash_hamming_kernels_fill(&(*scratch)->kernels, phash_cpu_active());
    return PHASH_OK;
}

void phash_scratch_free(phash_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    phash_scratch *s = *scratch;
    buffer_free(&s->queries);
    buffer_free(&s->codes);
    buffer_free(&s->planes);
    buffer_free(&s->table);
    buffer_free(&s->survivors);
    buffer_free(&s->groups);
    buffer_free(&s->buckets);
    buffer_free(&s->keys);
    buffer_free(&s->stretches);
    buffer_free(&s->rows);
    buffer_free(&s->seen);
    buffer_free(&s->numbers);
    buffer_free(&s->masks);
    buffer_free(&s->plans);
    buffer_free(&s->nearest);
    phash_matches_free(&s->found);
    phash_wipe_free(s, sizeof *s);
    *scratch = NULL;
}

void phash_scratch_force(phash_scratch *scratch, phash_index_engine engine)
{
    scratch->force = engine;
}

void phash_scratch_group(phash_scratch *scratch, uint32_t window_bytes)
{
    scratch->window_bytes = window_bytes;
}

static bool is_removed(const uint64_t *removed, uint64_t slot)
{
    return removed &&
           (__atomic_load_n(&removed[slot / 64], __ATOMIC_RELAXED) >> slot % 64 & 1) != 0;
}

phash_status phash_source_emit(const phash_source *source, uint64_t row, uint32_t query,
                               uint32_t distance, phash_matches *found)
{
    uint64_t from = row, to = row + 1;
    if (source->first) {
        from = source->first[row], to = source->first[row + 1];
        if (to > source->pairs)
            to = source->pairs;
        if (from >= to)
            return PHASH_OK;
    }
    if (to - from > found->capacity - found->count) {
        const phash_status status = phash_matches_reserve(found, (size_t)(to - from));
        if (status)
            return status;
    }
    phash_match *out = found->items + found->count;
    for (uint64_t slot = from; slot < to; slot++)
        if (!is_removed(source->removed, slot))
            *out++ = (phash_match){source->ids[slot], query, distance};
    found->count = (size_t)(out - found->items);
    return PHASH_OK;
}

phash_status phash_ask_engine(const phash_segment *segment, const phash_source *source,
                              const phash_ask *ask, phash_scratch *scratch, phash_matches *found)
{
    if (segment) {
        const phash_plan *plan =
            phash_plan_choose(segment, ask->count, ask->radius, scratch->force);
        if (plan)
            return phash_multi_search(segment, source, ask, plan, scratch, found);
    }
    return phash_flat_scan(source, ask, scratch, found);
}

phash_source phash_segment_source(const phash_segment *s, const uint64_t *removed)
{
    return (phash_source){s->rows,  s->planes, (size_t)s->head.hashes, s->words,
                          s->first, s->ids,    s->head.pairs,          removed};
}

phash_source phash_flat_source(const phash_flat *flat, const uint64_t *removed)
{
    return (phash_source){flat->hashes, NULL,      flat->count, flat->bits / 64,
                          NULL,         flat->ids, flat->count, removed};
}

const uint64_t *phash_query_rows(const phash_segment *segment, const void *queries, size_t n,
                                 uint32_t bits, phash_scratch *scratch)
{
    uint64_t *rows = phash_buffer_get(&scratch->queries, n, bits / 8);
    if (!rows)
        return NULL;
    if (!segment)
        memcpy(rows, queries, n * (bits / 8));
    else
        scratch->kernels.reorder(segment->order_table, queries, n, segment->words, rows);
    return rows;
}

static phash_status search(const phash_segment *segment, const phash_source *source,
                           const void *queries, size_t n, uint32_t radius, phash_scratch *scratch,
                           phash_matches *found, phash_error *error)
{
    const uint32_t bits = (uint32_t)source->words * 64;
    if ((n && !queries) || !scratch || !found || radius > bits || n > UINT32_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "search: wrong argument");
    if (!n || !source->count)
        return PHASH_OK;
    const size_t before = found->count;
    phash_status status = PHASH_E_MEMORY;
    const uint64_t *rows = phash_query_rows(segment, queries, n, bits, scratch);
    if (rows) {
        const phash_ask ask = {rows, n, NULL, radius};
        status = phash_ask_engine(segment, source, &ask, scratch, found);
    }
    if (status) {
        found->count = before;
        return phash_fail(error, status, "no memory for a search of %zu queries", n);
    }
    return PHASH_OK;
}

phash_status phash_segment_search(const phash_segment *segment, const uint64_t *removed,
                                  const void *queries, size_t n, uint32_t radius,
                                  phash_scratch *scratch, phash_matches *found, phash_error *error)
{
    const phash_source source = phash_segment_source(segment, removed);
    return search(segment, &source, queries, n, radius, scratch, found, error);
}

phash_status phash_flat_search(const phash_flat *flat, const uint64_t *removed, const void *queries,
                               size_t n, uint32_t radius, phash_scratch *scratch,
                               phash_matches *found, phash_error *error)
{
    const phash_source source = phash_flat_source(flat, removed);
    return search(NULL, &source, queries, n, radius, scratch, found, error);
}
