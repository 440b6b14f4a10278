/* Items put on piles by the top bits of their keys.
 *
 * Rows go to their buckets in no order. Where the buckets are larger than the caches, each of them
 * would be a trip to memory. Put on piles first, what one pile goes to lies together and stays in the
 * cache; and writing to some hundred piles is as good as writing in order.
 *
 *     rows ─a thread a stretch→ items on piles ─a thread a pile→ buckets
 *
 * The items of a pile come back in the order of their rows, whatever the number of threads.
 */
#ifndef PHASH_INDEX_BUILD_PILES_H
#define PHASH_INDEX_BUILD_PILES_H

#include "hamming/hamming.h"

#include <phash/status.h>

#include <stddef.h>
#include <stdint.h>

/* An item is 64 bits: the row, counted within its stretch, a check, and of the key what the pile
 * does not say. */
enum { PHASH_ITEM_ROW = 23, PHASH_ITEM_KEY = 17 };
_Static_assert(PHASH_ITEM_ROW + PHASH_CHECK_BITS + PHASH_ITEM_KEY == 64, "an item fills its word");

static inline uint32_t phash_item_row(uint64_t item)
{
    return (uint32_t)(item >> (64 - PHASH_ITEM_ROW));
}

static inline uint32_t phash_item_check(uint64_t item)
{
    return (uint32_t)(item >> PHASH_ITEM_KEY) & ((UINT32_C(1) << PHASH_CHECK_BITS) - 1);
}

static inline uint32_t phash_item_key(uint64_t item)
{
    return (uint32_t)item & ((UINT32_C(1) << PHASH_ITEM_KEY) - 1);
}

enum {
    PHASH_PILE_BITS = 9,   /* at most: more streams push each other out of the cache */
    PHASH_PILE_BLOCK = 256 /* items: piles grow by blocks, which are linked */
};

typedef struct phash_piles {
    size_t rows;       /* of which items are put */
    size_t stretches;  /* of rows */
    uint32_t bits_max; /* that memory was taken for */
    uint32_t bits;     /* of a key that name its pile */
    uint32_t low;      /* the others */
    size_t blocks;
    uint64_t *items;
    uint32_t *next;          /* block behind each */
    uint32_t *first, *count; /* stretches of each pile: block, items */
} phash_piles;

/* Takes memory for the items of up to so many rows: 8 bytes each, and some for blocks begun.
 * Errors: PHASH_E_MEMORY. */
phash_status phash_piles_new(phash_piles *piles, size_t rows, uint32_t threads);

/* Begins with empty piles for rows 0 .. rows - 1, at most those of phash_piles_new, and keys of
 * key_bits <= 26 bits. The buckets of all piles together take so many bytes. */
void phash_piles_begin(phash_piles *piles, size_t rows, uint32_t key_bits, uint64_t bytes);

void phash_piles_free(phash_piles *piles);

static inline size_t phash_piles_count(const phash_piles *piles)
{
    return (size_t)1 << piles->bits;
}

/* The first row of a stretch, and behind the last one the number of rows. */
static inline size_t phash_piles_row(const phash_piles *piles, size_t stretch)
{
    return (size_t)((uint64_t)piles->rows * stretch / piles->stretches);
}

/* Writing: stretches in any order, each once and by one thread. */
typedef struct phash_pile_writer {
    phash_piles *piles;
    size_t stretch;
    uint64_t *items;
    uint32_t low;                        /* that of the piles */
    size_t used;                         /* blocks up to here are taken */
    size_t at[1 << PHASH_PILE_BITS];     /* place of the next item of each pile */
    uint32_t full[1 << PHASH_PILE_BITS]; /* items in full blocks */
} phash_pile_writer;

void phash_pile_write(phash_pile_writer *writer, phash_piles *piles, size_t stretch);
void phash_pile_turn(phash_pile_writer *writer, size_t pile); /* a block is full */
void phash_pile_written(phash_pile_writer *writer);

/* Puts a row, counted from the first of the stretch, on the pile of its key; rows come in ascending
 * order. Of `check` the PHASH_CHECK_BITS last bits are kept. */
static inline void phash_pile_put(phash_pile_writer *writer, size_t row, uint32_t key,
                                  uint32_t check)
{
    const uint32_t low = writer->low, kept = check & ((UINT32_C(1) << PHASH_CHECK_BITS) - 1);
    const size_t pile = key >> low, at = writer->at[pile];
    writer->items[at] = (uint64_t)row << (64 - PHASH_ITEM_ROW) | (uint64_t)kept << PHASH_ITEM_KEY |
                        (key & ((UINT32_C(1) << low) - 1));
    /* The line behind the next one: with so many streams no hardware does it. */
    __builtin_prefetch(writer->items + at + 16, 1);
    writer->at[pile] = at + 1;
    if ((at + 1) % PHASH_PILE_BLOCK == 0)
        phash_pile_turn(writer, pile);
}

/* Reading, when all is written: any number of threads. */
size_t phash_pile_items(const phash_piles *piles, size_t pile);

typedef struct phash_pile_reader {
    const phash_piles *piles;
    size_t pile, stretch;
    uint32_t block, left;
} phash_pile_reader;

phash_pile_reader phash_pile_read(const phash_piles *piles, size_t pile);

/* The next items, up to PHASH_PILE_BLOCK of them, and the row that theirs count from; 0: all is
 * read. */
size_t phash_pile_next(phash_pile_reader *reader, const uint64_t **items, size_t *row);

#endif
