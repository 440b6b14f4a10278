/* Rows in the order of chunk 0's buckets, equal hashes made one.
 *
 * Hashes are put on piles by their first bits: the key of chunk 0, refined by the bits behind it until
 * a bucket holds a handful. The rows of a pile are put in their buckets, and each bucket is sorted by
 * itself. Then equal rows are neighbours: one of them stays, and their ids follow one another.
 */
#include "core/internal.h"
#include "index/build.h"
#include "index/parallel.h"
#include "index/search.h"

#include <string.h>

enum { SORT_FILL = 6, SORT_BITS_MAX = 24, INSERTION_MAX = 16, AT_ONCE = 64 };

typedef struct pile_of_rows {
    size_t first;    /* place of its first row */
    size_t distinct; /* of its rows */
} pile_of_rows;

typedef struct rows_build {
    phash_build *build;
    const phash_segment *segment;
    uint32_t key_bits, extra_bits; /* of the sort key */
    uint64_t *rows;                /* sorted */
    uint64_t *ids;
    uint32_t *places; /* of each bucket: rows, then the place of the next one */
    pile_of_rows piles[1 << PHASH_PILE_BITS];
} rows_build;

static uint32_t sort_key(const rows_build *r, const uint64_t *row)
{
    const uint64_t w = row[0];
    const uint32_t key = (uint32_t)(w & ((UINT64_C(1) << r->key_bits) - 1));
    const uint32_t extra = (uint32_t)(w >> r->key_bits & ((UINT64_C(1) << r->extra_bits) - 1));
    return key << r->extra_bits | extra;
}

static int compare(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t w = words; w-- > 0;)
        if (a[w] != b[w])
            return a[w] < b[w] ? -1 : 1;
    return 0;
}

static void swap(const rows_build *r, size_t a, size_t b)
{
    const size_t words = r->segment->words;
    for (size_t w = 0; w < words; w++) {
        const uint64_t t = r->rows[a * words + w];
        r->rows[a * words + w] = r->rows[b * words + w];
        r->rows[b * words + w] = t;
    }
    const uint64_t t = r->ids[a];
    r->ids[a] = r->ids[b];
    r->ids[b] = t;
}

static void insertion_sort(const rows_build *r, size_t from, size_t to)
{
    const size_t words = r->segment->words;
    for (size_t i = from + 1; i < to; i++)
        for (size_t j = i;
             j > from && compare(r->rows + (j - 1) * words, r->rows + j * words, words) > 0; j--)
            swap(r, j, j - 1);
}

/* Heap sort: whatever the rows are, no more than n log n. */
static void sift(const rows_build *r, size_t from, size_t root, size_t n)
{
    const size_t words = r->segment->words;
    const uint64_t *rows = r->rows + from * words;
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && compare(rows + child * words, rows + (child + 1) * words, words) < 0)
            child++;
        if (compare(rows + root * words, rows + child * words, words) >= 0)
            return;
        swap(r, from + root, from + child);
        root = child;
    }
}

static void heap_sort(const rows_build *r, size_t from, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(r, from, i, n);
    for (size_t i = n; i-- > 1;) {
        swap(r, from, from + i);
        sift(r, from, 0, i);
    }
}

static void sort_bucket(const rows_build *r, size_t from, size_t to)
{
    if (to - from <= INSERTION_MAX)
        insertion_sort(r, from, to);
    else
        heap_sort(r, from, to - from);
}

static void pile_stretch(void *context, size_t stretch)
{
    const rows_build *r = context;
    const phash_build *b = r->build;
    const size_t words = r->segment->words, first = phash_piles_row(&b->piles, stretch),
                 end = phash_piles_row(&b->piles, stretch + 1);
    uint64_t rows[AT_ONCE * WORDS_MAX];
    phash_pile_writer writer;
    phash_pile_write(&writer, &r->build->piles, stretch);
    for (size_t i = first; i < end;) {
        const size_t n = end - i < AT_ONCE ? end - i : AT_ONCE;
        b->kernels.reorder(r->segment->order_table, b->hashes + i * words * 8, n, words, rows);
        for (size_t k = 0; k < n; k++)
            phash_pile_put(&writer, i - first + k, sort_key(r, rows + k * words), 0);
        i += n;
    }
    phash_pile_written(&writer);
}

static void copy_row(uint64_t *to, const void *from, size_t words)
{
    if (words == 4) /* a length that the compiler knows */
        memcpy(to, from, 32);
    else
        memcpy(to, from, 8);
}

/* Some items of a pile: up to AT_ONCE, and the row that theirs count from. */
typedef struct some_items {
    const uint64_t *items;
    size_t n, row;
} some_items;

static some_items cut(some_items block, size_t from)
{
    if (from >= block.n)
        return (some_items){0};
    const size_t left = block.n - from;
    return (some_items){block.items + from, left < AT_ONCE ? left : AT_ONCE, block.row};
}

/* Puts pairs of a pile in their buckets. `places` are those of the pile. */
static void place_rows(const rows_build *r, some_items some, uint32_t *places)
{
    const phash_build *b = r->build;
    const size_t words = r->segment->words;
    uint64_t hashes[AT_ONCE * WORDS_MAX], rows[AT_ONCE * WORDS_MAX];
    if (!some.n)
        return;
    for (size_t i = 0; i < some.n; i++)
        copy_row(hashes + i * words,
                 b->hashes + (some.row + phash_item_row(some.items[i])) * words * 8, words);
    b->kernels.reorder(r->segment->order_table, (const uint8_t *)hashes, some.n, words, rows);
    for (size_t i = 0; i < some.n; i++) {
        const size_t to = places[phash_item_key(some.items[i])]++,
                     pair = some.row + phash_item_row(some.items[i]);
        copy_row(r->rows + to * words, rows + i * words, words);
        r->ids[to] = b->ids ? b->ids[pair] : pair;
    }
}

static void prefetch_pairs(const rows_build *r, some_items some)
{
    const phash_build *b = r->build;
    const size_t bytes = r->segment->words * 8;
    for (size_t i = 0; i < some.n; i++) {
        const size_t pair = some.row + phash_item_row(some.items[i]);
        __builtin_prefetch(b->hashes + pair * bytes);
        if (b->ids)
            __builtin_prefetch(b->ids + pair);
    }
}

/* Puts all pairs of a pile in their buckets; those of one block are asked for while those of the
 * block before are put. */
static void place_pile(const rows_build *r, size_t pile, uint32_t *places)
{
    phash_pile_reader reader = phash_pile_read(&r->build->piles, pile);
    some_items block, next = {0};
    do {
        block = next;
        next.n = phash_pile_next(&reader, &next.items, &next.row);
        for (size_t i = 0; i < block.n || i < next.n; i += AT_ONCE) {
            prefetch_pairs(r, cut(next, i));
            place_rows(r, cut(block, i), places);
        }
    } while (next.n);
}

/* Sorts the buckets of a pile and counts the rows that differ from the one before. Equal rows are in
 * one bucket, so the first row of a bucket always counts. */
static size_t sort_buckets(const rows_build *r, size_t from, const uint32_t *ends, size_t buckets)
{
    const size_t words = r->segment->words;
    size_t distinct = 0;
    for (size_t i = 0; i < buckets; i++) {
        const size_t to = ends[i];
        sort_bucket(r, from, to);
        distinct += to > from;
        for (size_t k = from + 1; k < to; k++)
            distinct += compare(r->rows + (k - 1) * words, r->rows + k * words, words) != 0;
        from = to;
    }
    return distinct;
}

static void sort_pile(void *context, size_t pile)
{
    rows_build *r = context;
    const phash_piles *p = &r->build->piles;
    const size_t buckets = (size_t)1 << p->low;
    uint32_t *places = r->places + (pile << p->low);
    const uint64_t *items;
    size_t n, row;
    memset(places, 0, buckets * sizeof *places);
    phash_pile_reader counting = phash_pile_read(p, pile);
    while ((n = phash_pile_next(&counting, &items, &row)))
        for (size_t i = 0; i < n; i++)
            places[phash_item_key(items[i])]++;
    uint32_t at = (uint32_t)r->piles[pile].first;
    for (size_t i = 0; i < buckets; i++) {
        const uint32_t count = places[i];
        places[i] = at;
        at += count;
    }
    place_pile(r, pile, places);
    /* Each bucket now ends where its last row has been put. */
    r->piles[pile].distinct = sort_buckets(r, r->piles[pile].first, places, buckets);
}

/* Moves distinct rows together. first[i] becomes the slot of row i. */
static void collapse(const rows_build *r, size_t pairs, uint64_t *rows, uint32_t *first)
{
    const size_t words = r->segment->words;
    size_t n = 0;
    for (size_t i = 0; i < pairs; i++) {
        if (n && !compare(rows + (n - 1) * words, r->rows + i * words, words))
            continue;
        memcpy(rows + n * words, r->rows + i * words, words * 8);
        first[n++] = (uint32_t)i;
    }
    first[n] = (uint32_t)pairs;
}

static phash_status sort_and_collapse(rows_build *r, phash_segment *s)
{
    phash_build *b = r->build;
    phash_piles *p = &b->piles;
    const size_t bytes = s->words * 8;
    phash_piles_begin(p, b->pairs, r->key_bits + r->extra_bits,
                      b->pairs * (bytes + sizeof *r->ids));
    phash_parallel(b->threads, p->stretches, pile_stretch, r);
    size_t first = 0, distinct = 0;
    for (size_t i = 0; i < phash_piles_count(p); i++) {
        r->piles[i].first = first;
        first += phash_pile_items(p, i);
    }
    phash_parallel(b->threads, phash_piles_count(p), sort_pile, r);
    for (size_t i = 0; i < phash_piles_count(p); i++)
        distinct += r->piles[i].distinct;
    s->head.hashes = distinct;
    if (distinct == b->pairs) {
        phash_build_adopt(s, SECTION_ROWS, r->rows, b->pairs * bytes);
        r->rows = NULL;
        return PHASH_OK;
    }
    uint64_t *rows = phash_build_section(s, SECTION_ROWS, distinct * bytes);
    uint32_t *firsts = phash_build_section(s, SECTION_FIRST, (distinct + 1) * sizeof *firsts);
    if (!rows || !firsts)
        return PHASH_E_MEMORY;
    collapse(r, b->pairs, rows, firsts);
    return PHASH_OK;
}

phash_status phash_build_rows(phash_build *b)
{
    phash_segment *s = b->segment;
    const size_t n = b->pairs, bytes = s->head.bits / 8;
    if (!n)
        return PHASH_OK;
    rows_build r = {.build = b, .segment = s};
    r.key_bits = s->head.chunks ? s->head.chunk[0].key_bits : 0;
    uint32_t bits = r.key_bits;
    while (bits < SORT_BITS_MAX && n >> bits > SORT_FILL)
        bits++;
    r.extra_bits = bits - r.key_bits;

    phash_status status = PHASH_E_MEMORY;
    r.rows = phash_pages_alloc(n * bytes);
    r.ids = phash_build_section(s, SECTION_IDS, n * sizeof *r.ids);
    r.places = phash_pages_alloc(sizeof *r.places << bits);
    if (r.rows && r.ids && r.places)
        status = sort_and_collapse(&r, s);
    phash_pages_free(r.places, sizeof *r.places << bits);
    phash_pages_free(r.rows, n * bytes);
    if (!status)
        phash_segment_bind(s);
    return status;
}
