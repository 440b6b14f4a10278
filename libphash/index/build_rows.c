/* Rows in the order of chunk 0's buckets, equal hashes made one.
 *
 * Rows are counted and scattered by their first bits (the key of chunk 0, refined by the bits behind
 * it until a bucket holds a handful), and each bucket is sorted by itself. Then equal rows are
 * neighbours: one of them stays, and their ids follow one another.
 */
#include "core/internal.h"
#include "index/build.h"
#include "index/parallel.h"
#include "index/search.h"

#include <string.h>

enum { SORT_FILL = 6, SORT_BITS_MAX = 24, INSERTION_MAX = 16 };

typedef struct rows_build {
    const phash_build *build;
    const phash_segment *segment;
    uint32_t key_bits, extra_bits; /* of the sort key */
    uint64_t *rows;                /* sorted */
    uint64_t *ids;
    uint32_t *starts; /* of the buckets */
    size_t buckets;
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

/* Moves equal rows together; returns the number of distinct ones. first[i] is the slot of row i. */
static size_t collapse(const rows_build *r, size_t pairs, uint32_t *first)
{
    const size_t words = r->segment->words;
    size_t n = 0;
    for (size_t i = 0; i < pairs; i++) {
        if (n && !compare(r->rows + (n - 1) * words, r->rows + i * words, words))
            continue;
        memmove(r->rows + n * words, r->rows + i * words, words * 8);
        first[n++] = (uint32_t)i;
    }
    first[n] = (uint32_t)pairs;
    return n;
}

phash_status phash_build_rows(phash_build *b)
{
    phash_segment *s = b->segment;
    const size_t n = b->pairs, words = s->words, bytes = s->head.bits / 8;
    if (!n)
        return PHASH_OK;
    rows_build r = {.build = b, .segment = s};
    r.key_bits = s->head.chunks ? s->head.chunk[0].key_bits : 0;
    uint32_t bits = r.key_bits;
    while (bits < SORT_BITS_MAX && n >> bits > SORT_FILL)
        bits++;
    r.extra_bits = bits - r.key_bits;
    r.buckets = (size_t)1 << bits;

    phash_status status = PHASH_E_MEMORY;
    r.rows = phash_pages_alloc(n * bytes);
    r.ids = phash_build_section(s, SECTION_IDS, n * sizeof *r.ids);
    r.starts = phash_alloc_zero(r.buckets + 1, sizeof *r.starts);
    uint32_t *first = phash_alloc(n + 1, sizeof *first);
    if (!r.rows || !r.ids || !r.starts || !first)
        goto done;
    uint64_t row[WORDS_MAX];
    for (size_t i = 0; i < n; i++) {
        phash_order_apply(s, b->hashes + i * bytes, row);
        r.starts[sort_key(&r, row) + 1]++;
    }
    for (size_t i = 0; i < r.buckets; i++)
        r.starts[i + 1] += r.starts[i];
    for (size_t i = 0; i < n; i++) {
        phash_order_apply(s, b->hashes + i * bytes, row);
        const size_t to = r.starts[sort_key(&r, row)]++;
        memcpy(r.rows + to * words, row, bytes);
        r.ids[to] = b->ids ? b->ids[i] : i;
    }
    for (size_t i = 0, from = 0; i < r.buckets; i++) {
        sort_bucket(&r, from, r.starts[i]);
        from = r.starts[i];
    }
    const size_t distinct = collapse(&r, n, first);
    s->head.hashes = distinct;
    uint64_t *rows = phash_build_section(s, SECTION_ROWS, distinct * bytes);
    if (!rows)
        goto done;
    memcpy(rows, r.rows, distinct * bytes);
    if (distinct < n) {
        uint32_t *kept = phash_build_section(s, SECTION_FIRST, (distinct + 1) * sizeof *kept);
        if (!kept)
            goto done;
        memcpy(kept, first, (distinct + 1) * sizeof *kept);
    }
    status = PHASH_OK;
done:
    if (first)
        phash_wipe_free(first, (n + 1) * sizeof *first);
    if (r.starts)
        phash_wipe_free(r.starts, (r.buckets + 1) * sizeof *r.starts);
    phash_pages_free(r.rows, n * bytes);
    if (!status)
        phash_segment_bind(s);
    return status;
}
