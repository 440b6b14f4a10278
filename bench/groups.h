/* groups.h: sets that grow together (union-find), and the pairs that a person keeps apart. */
#ifndef PHASH_BENCH_GROUPS_H
#define PHASH_BENCH_GROUPS_H

#include <stddef.h>
#include <stdint.h>

/* Every item alone: parent[i] = i. */
void groups_start(uint32_t *parent, size_t count);
/* The smallest item of the group. */
uint32_t groups_find(uint32_t *parent, uint32_t item);
void groups_join(uint32_t *parent, uint32_t a, uint32_t b);

#endif
