/* Slots by id: how a removal finds its pairs in an immutable segment. */
#ifndef PHASH_INDEX_IDMAP_H
#define PHASH_INDEX_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the numbers 0 .. n - 1 sorted by ids[number], then number. False: out of memory. */
bool phash_idmap_build(const uint64_t *ids, size_t n, uint32_t *by_id);

/* The first place in by_id whose id is not below `id`. Reads inside the arrays whatever they
 * hold: a slot that does not exist counts as id 0. */
size_t phash_idmap_find(const uint64_t *ids, const uint32_t *by_id, size_t n, uint64_t id);

#endif
