/* The growable array of matches: room, order, cutting to the nearest. */
#include "core/internal.h"
#include "index/segment.h"

#include <stdlib.h>
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

static int compare(const void *left, const void *right)
{
    const phash_match *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

enum { INSERTION_MAX = 24 };

phash_status phash_matches_sort(phash_matches *matches)
{
    phash_match *m = matches->items;
    const size_t n = matches->count;
    if (n <= INSERTION_MAX) {
        for (size_t i = 1; i < n; i++) {
            const phash_match x = m[i];
            size_t j = i;
            for (; j && compare(&m[j - 1], &x) > 0; j--)
                m[j] = m[j - 1];
            m[j] = x;
        }
        return PHASH_OK;
    }
    qsort(m, n, sizeof *m, compare);
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
