/* Piles of items, in blocks that are linked as they fill. */
#include "index/build_piles.h"
#include "core/internal.h"
#include "index/layout.h"

#include <string.h>

enum {
    PILE_BYTES = 1 << 19, /* of buckets that a pile goes to: they stay in the second-level cache */
    STRETCHES_MAX = 64,   /* while their rows can be counted */
    STRETCHES_A_THREAD = 4, /* so that none waits long for the last */
    STRETCH_ROWS = 1 << 12, /* at least, so that a stretch is worth a thread */
    STRETCH_ROWS_MAX = 1 << PHASH_ITEM_ROW
};

_Static_assert(KEY_BITS_MAX - PHASH_PILE_BITS <= PHASH_ITEM_KEY,
               "every key is told by pile and item");

static size_t stretches_for(size_t rows, uint32_t threads)
{
    const size_t least = rows / STRETCH_ROWS_MAX + 1, worth = rows / STRETCH_ROWS;
    size_t n = (size_t)threads * STRETCHES_A_THREAD;
    n = n < STRETCHES_MAX ? n : STRETCHES_MAX;
    n = n < worth ? n : worth;
    return n > least ? n : least;
}

/* Each stretch begins a block of each pile, and those may take half as much again as the items; but
 * there are as many piles as leave no more of a key than an item holds. Keys have fewer bits than the
 * number of rows: a bucket is for several. */
static uint32_t bits_for(size_t rows, size_t stretches)
{
    uint32_t bits = 0;
    while (bits < PHASH_PILE_BITS && ((stretches * PHASH_PILE_BLOCK << (bits + 1)) <= rows / 2 ||
                                      rows >> PHASH_ITEM_KEY >> bits))
        bits++;
    return bits;
}

phash_status phash_piles_new(phash_piles *p, size_t rows, uint32_t threads)
{
    *p = (phash_piles){.rows = rows, .stretches = stretches_for(rows, threads)};
    p->bits_max = bits_for(rows, p->stretches);
    const size_t begun = p->stretches << p->bits_max;
    p->blocks = rows / PHASH_PILE_BLOCK + begun;
    p->items = phash_pages_alloc(p->blocks * PHASH_PILE_BLOCK * sizeof *p->items);
    p->next = phash_alloc(p->blocks, sizeof *p->next);
    p->first = phash_alloc(begun, sizeof *p->first);
    p->count = phash_alloc(begun, sizeof *p->count);
    if (p->items && p->next && p->first && p->count)
        return PHASH_OK;
    phash_piles_free(p);
    return PHASH_E_MEMORY;
}

void phash_piles_free(phash_piles *p)
{
    const size_t begun = p->stretches << p->bits_max;
    phash_pages_free(p->items, p->blocks * PHASH_PILE_BLOCK * sizeof *p->items);
    if (p->next)
        phash_wipe_free(p->next, p->blocks * sizeof *p->next);
    if (p->first)
        phash_wipe_free(p->first, begun * sizeof *p->first);
    if (p->count)
        phash_wipe_free(p->count, begun * sizeof *p->count);
    *p = (phash_piles){0};
}

void phash_piles_begin(phash_piles *p, size_t rows, uint32_t key_bits, uint64_t bytes)
{
    p->rows = rows;
    p->bits = 0;
    while (p->bits < p->bits_max && p->bits < key_bits &&
           (bytes >> p->bits > PILE_BYTES || key_bits - p->bits > PHASH_ITEM_KEY))
        p->bits++;
    p->low = key_bits - p->bits;
}

/* A stretch has blocks of its own: those that its items fill, and one begun for each pile. */
static size_t first_block(const phash_piles *p, size_t stretch)
{
    return phash_piles_row(p, stretch) / PHASH_PILE_BLOCK + (stretch << p->bits_max);
}

void phash_pile_write(phash_pile_writer *w, phash_piles *p, size_t stretch)
{
    w->piles = p;
    w->stretch = stretch;
    w->items = p->items;
    w->low = p->low;
    w->used = first_block(p, stretch);
    for (size_t i = 0; i < phash_piles_count(p); i++, w->used++) {
        p->first[i * p->stretches + stretch] = (uint32_t)w->used;
        w->at[i] = w->used * PHASH_PILE_BLOCK;
        w->full[i] = 0;
    }
}

void phash_pile_turn(phash_pile_writer *w, size_t pile)
{
    w->full[pile] += PHASH_PILE_BLOCK;
    w->piles->next[w->at[pile] / PHASH_PILE_BLOCK - 1] = (uint32_t)w->used;
    w->at[pile] = w->used++ * PHASH_PILE_BLOCK;
}

void phash_pile_written(phash_pile_writer *w)
{
    phash_piles *p = w->piles;
    for (size_t i = 0; i < phash_piles_count(p); i++)
        p->count[i * p->stretches + w->stretch] =
            w->full[i] + (uint32_t)(w->at[i] % PHASH_PILE_BLOCK);
}

size_t phash_pile_items(const phash_piles *p, size_t pile)
{
    size_t items = 0;
    for (size_t s = 0; s < p->stretches; s++)
        items += p->count[pile * p->stretches + s];
    return items;
}

static void read_stretch(phash_pile_reader *r)
{
    const size_t at = r->pile * r->piles->stretches + r->stretch;
    r->block = r->piles->first[at];
    r->left = r->piles->count[at];
}

phash_pile_reader phash_pile_read(const phash_piles *piles, size_t pile)
{
    phash_pile_reader reader = {.piles = piles, .pile = pile};
    read_stretch(&reader);
    return reader;
}

size_t phash_pile_next(phash_pile_reader *r, const uint64_t **items, size_t *row)
{
    while (!r->left) {
        if (r->stretch + 1 == r->piles->stretches)
            return 0;
        r->stretch++;
        read_stretch(r);
    }
    const uint32_t n = r->left < PHASH_PILE_BLOCK ? r->left : PHASH_PILE_BLOCK;
    *items = r->piles->items + (size_t)r->block * PHASH_PILE_BLOCK;
    *row = phash_piles_row(r->piles, r->stretch);
    r->left -= n;
    if (r->left)
        r->block = r->piles->next[r->block];
    return n;
}
