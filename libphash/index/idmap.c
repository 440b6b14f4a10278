/* Slots by id, as an array of slots in the order of their ids: 4 bytes a pair, position-independent,
 * 20 to 27 steps to find an id. */
#include "index/idmap.h"
#include "core/internal.h"

#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = (64 + DIGIT_BITS - 1) / DIGIT_BITS };

typedef struct order_pair {
    uint64_t id;
    uint64_t slot;
} order_pair;

/* Least significant digit first, stable; digits that are the same in all ids are passed over, so
 * ids out of a small range take two or three passes. */
bool phash_idmap_build(const uint64_t *ids, size_t n, uint32_t *by_id)
{
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= ids[i] ^ ids[0];
    order_pair *from = phash_alloc(n, sizeof *from), *to = phash_alloc(n, sizeof *to);
    size_t *start = phash_alloc(DIGITS, sizeof *start);
    const bool ok = from && to && start;
    for (size_t i = 0; ok && i < n; i++)
        from[i] = (order_pair){ids[i], i};
    for (unsigned pass = 0; ok && pass < PASSES; pass++) {
        const unsigned shift = pass * DIGIT_BITS;
        if (!(differ >> shift & (DIGITS - 1)))
            continue;
        memset(start, 0, DIGITS * sizeof *start);
        for (size_t i = 0; i < n; i++)
            start[from[i].id >> shift & (DIGITS - 1)]++;
        size_t sum = 0;
        for (size_t d = 0; d < DIGITS; d++) {
            const size_t count = start[d];
            start[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[start[from[i].id >> shift & (DIGITS - 1)]++] = from[i];
        order_pair *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; ok && i < n; i++)
        by_id[i] = (uint32_t)from[i].slot;
    phash_wipe_free(start, 0);
    phash_wipe_free(to, 0);
    phash_wipe_free(from, 0);
    return ok;
}

size_t phash_idmap_find(const uint64_t *ids, const uint32_t *by_id, size_t n, uint64_t id)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint64_t there = by_id[middle] < n ? ids[by_id[middle]] : 0;
        if (there < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
