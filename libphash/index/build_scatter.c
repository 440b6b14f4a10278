/* Piles of entries, in blocks that are linked as they fill. */
#include "index/build_scatter.h"
#include "core/internal.h"

#include <stdatomic.h>

enum {
    BLOCK = 256,          /* entries */
    PILE_BYTES = 1 << 19, /* of buckets that a pile fills: they stay in the second-level cache */
    PILE_BITS_MAX = 9,    /* more streams than this push each other out of the cache */
    PILES_FROM = 1 << 25, /* bytes of a chunk's buckets: smaller ones are cached well enough */
    ROWS_MIN = 1 << 20,   /* rows to a turn, so that piles are worth it */
    AT_ONCE = 64
};

static const uint32_t NONE = UINT32_MAX; /* no block */

struct phash_piles {
    size_t rows;   /* that a turn takes */
    size_t blocks; /* for so many rows, and one begun for each pile */
    phash_entry *entries;
    uint32_t *next; /* block behind each */
};

static phash_entry entry_of(const phash_segment *s, const phash_segment_chunk *c, size_t row)
{
    const uint64_t *words = s->rows + row * s->words;
    return (phash_entry){(uint32_t)row, phash_row_bits(words, s->words, c->start, c->key_bits),
                         phash_row_bits(words, s->words,
                                        (uint32_t)(c->start + c->key_bits) % s->head.bits,
                                        PHASH_CHECK_BITS)};
}

static void piles_free(phash_piles *p)
{
    if (p->entries)
        phash_wipe_free(p->entries, p->blocks * BLOCK * sizeof *p->entries);
    if (p->next)
        phash_wipe_free(p->next, p->blocks * sizeof *p->next);
    phash_wipe_free(p, sizeof *p);
}

static phash_piles *piles_take(phash_scatter *scatter)
{
    for (size_t i = 0; i < PHASH_PILES_MAX; i++) {
        phash_piles *p = atomic_exchange(&scatter->idle[i], NULL);
        if (p)
            return p;
    }
    phash_piles *p = phash_alloc_zero(1, sizeof *p);
    if (!p)
        return NULL;
    /* All threads' piles together take less than a tenth of what is built. */
    const size_t share = (size_t)scatter->segment->head.hashes / (2 * scatter->threads) + 1;
    p->rows = scatter->pile_rows ? scatter->pile_rows : share < ROWS_MIN ? ROWS_MIN : share;
    p->blocks = p->rows / BLOCK + 1 + ((size_t)1 << PILE_BITS_MAX);
    p->entries = phash_alloc(p->blocks * BLOCK, sizeof *p->entries);
    p->next = phash_alloc(p->blocks, sizeof *p->next);
    if (p->entries && p->next)
        return p;
    piles_free(p);
    return NULL;
}

static void piles_give(phash_scatter *scatter, phash_piles *p)
{
    for (size_t i = 0; i < PHASH_PILES_MAX; i++) {
        phash_piles *none = NULL;
        if (atomic_compare_exchange_strong(&scatter->idle[i], &none, p))
            return;
    }
    piles_free(p);
}

void phash_scatter_end(phash_scatter *scatter)
{
    for (size_t i = 0; i < PHASH_PILES_MAX; i++) {
        phash_piles *p = atomic_exchange(&scatter->idle[i], NULL);
        if (p)
            piles_free(p);
    }
}

static void row_by_row(const phash_segment *s, size_t chunk, phash_put_entries *put, void *context)
{
    phash_entry entries[AT_ONCE];
    for (size_t row = 0; row < s->head.hashes;) {
        const size_t left = (size_t)s->head.hashes - row, n = left < AT_ONCE ? left : AT_ONCE;
        for (size_t i = 0; i < n; i++)
            entries[i] = entry_of(s, &s->head.chunk[chunk], row + i);
        put(context, chunk, entries, n);
        row += n;
    }
}

/* A pile while it grows. */
typedef struct pile {
    uint32_t first, last, count; /* blocks, and entries in the last one */
} pile;

/* Puts rows from .. to - 1 on piles, and the piles in their buckets. */
static void by_piles(phash_piles *p, const phash_segment *s, size_t chunk, uint32_t bits,
                     size_t from, size_t to, phash_put_entries *put, void *context)
{
    const phash_segment_chunk *c = &s->head.chunk[chunk];
    const uint32_t low = c->key_bits - bits, count = UINT32_C(1) << bits;
    pile piles[1 << PILE_BITS_MAX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++, used++) {
        piles[i] = (pile){used, used, 0};
        p->next[used] = NONE;
    }
    for (size_t row = from; row < to; row++) {
        const phash_entry e = entry_of(s, c, row);
        pile *top = &piles[e.key >> low];
        if (top->count == BLOCK) {
            p->next[used] = NONE;
            p->next[top->last] = used;
            top->last = used++;
            top->count = 0;
        }
        p->entries[(size_t)top->last * BLOCK + top->count++] = e;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t block = piles[i].first; block != NONE; block = p->next[block])
            put(context, chunk, p->entries + (size_t)block * BLOCK,
                p->next[block] == NONE ? piles[i].count : BLOCK);
}

/* Bits of a key that name its pile. */
static uint32_t pile_bits(const phash_segment_chunk *c, uint64_t bytes)
{
    uint32_t bits = 0;
    while (bits < PILE_BITS_MAX && bits < c->key_bits && bytes >> bits > PILE_BYTES)
        bits++;
    return bits;
}

void phash_scatter_chunk(phash_scatter *scatter, size_t chunk, uint64_t bytes,
                         phash_put_entries *put, void *context)
{
    const phash_segment *s = scatter->segment;
    phash_piles *p = bytes >= PILES_FROM || scatter->pile_rows ? piles_take(scatter) : NULL;
    if (!p) {
        row_by_row(s, chunk, put, context);
        return;
    }
    const uint32_t bits = pile_bits(
        &s->head.chunk[chunk], scatter->pile_rows ? (uint64_t)PILE_BYTES << PILE_BITS_MAX : bytes);
    const size_t rows = (size_t)s->head.hashes;
    for (size_t from = 0; from < rows; from += p->rows) {
        const size_t to = rows - from < p->rows ? rows : from + p->rows;
        by_piles(p, s, chunk, bits, from, to, put, context);
    }
    piles_give(scatter, p);
}
