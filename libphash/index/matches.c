/* The growable array of matches: room, order, cutting to the nearest. */
#include "core/internal.h"
#include "index/segment.h"

#include <string.h>

void phash_matches_free(phash_matches *matches)
{
    if (!matches)
        return;
    phash_wipe_free(matches->items, matches->capacity * sizeof *matches->items);
    *matches = (phash_matches)PHASH_MATCHES_INIT;
}

phash_status phash_matches_reserve(phash_matches *matches, size_t more)
{
    if (more <= matches->capacity - matches->count)
        return PHASH_OK;
    if (more > SIZE_MAX / 4 / sizeof *matches->items - matches->count)
        return PHASH_E_MEMORY;
    size_t capacity = matches->capacity * 2;
    if (capacity < matches->count + more)
        capacity = matches->count + more;
    if (capacity < 64)
        capacity = 64;
    phash_match *items = phash_alloc(capacity, sizeof *items);
    if (!items)
        return PHASH_E_MEMORY;
    if (matches->count)
        memcpy(items, matches->items, matches->count * sizeof *items);
    phash_wipe_free(matches->items, matches->capacity * sizeof *items);
    matches->items = items;
    matches->capacity = capacity;
    return PHASH_OK;
}

static bool before(const phash_match *a, const phash_match *b)
{
    if (a->query != b->query)
        return a->query < b->query;
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a->id < b->id;
}

/* The sort key from its least significant byte on: id, distance, query. */
enum { ID_BYTES = 8, DISTANCE_BYTES = 2, KEY_BYTES = ID_BYTES + DISTANCE_BYTES + 4 };

static uint8_t key_byte(const phash_match *m, uint32_t k)
{
    if (k < ID_BYTES)
        return (uint8_t)(m->id >> 8 * k);
    k -= ID_BYTES;
    return (uint8_t)(k < DISTANCE_BYTES ? m->distance >> 8 * k
                                        : m->query >> 8 * (k - DISTANCE_BYTES));
}

/* Radix sort, byte by byte; bytes in which all are equal, which is most of them, are passed over. */
static phash_status radix_sort(phash_match *items, size_t n)
{
    size_t(*counts)[256] = phash_alloc_zero(KEY_BYTES, sizeof *counts);
    phash_match *other = phash_alloc(n, sizeof *other);
    phash_match *from = items, *to = other;
    if (counts && other) {
        for (size_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < KEY_BYTES; k++)
                counts[k][key_byte(&items[i], k)]++;
        for (uint32_t k = 0; k < KEY_BYTES; k++) {
            if (counts[k][key_byte(&items[0], k)] == n)
                continue;
            for (size_t v = 0, at = 0; v < 256; v++) {
                const size_t count = counts[k][v];
                counts[k][v] = at;
                at += count;
            }
            for (size_t i = 0; i < n; i++)
                to[counts[k][key_byte(&from[i], k)]++] = from[i];
            phash_match *t = from;
            from = to, to = t;
        }
        if (from != items)
            memcpy(items, from, n * sizeof *items);
    }
    const bool ok = counts && other;
    if (other)
        phash_wipe_free(other, n * sizeof *other);
    if (counts)
        phash_wipe_free(counts, KEY_BYTES * sizeof *counts);
    return ok ? PHASH_OK : PHASH_E_MEMORY;
}

enum { INSERTION_MAX = 48 };

phash_status phash_matches_sort(phash_matches *matches)
{
    phash_match *m = matches->items;
    const size_t n = matches->count;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = !before(&m[i], &m[i - 1]);
    if (sorted)
        return PHASH_OK;
    if (n > INSERTION_MAX)
        return radix_sort(m, n);
    for (size_t i = 1; i < n; i++) {
        const phash_match x = m[i];
        size_t j = i;
        for (; j && before(&x, &m[j - 1]); j--)
            m[j] = m[j - 1];
        m[j] = x;
    }
    return PHASH_OK;
}

void phash_matches_cut(phash_matches *matches, uint32_t k)
{
    size_t kept = 0, run = 0;
    for (size_t i = 0; i < matches->count; i++) {
        run = i && matches->items[i].query == matches->items[i - 1].query ? run + 1 : 0;
        if (run < k)
            matches->items[kept++] = matches->items[i];
    }
    matches->count = kept;
}
