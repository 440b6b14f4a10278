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

enum { SORT_FILL = 6, SORT_BITS_MAX = 24, INSERTION_MAX = 16, TASKS_MAX = 8 };

typedef struct rows_build {
    const phash_build *build;
    const phash_segment *segment;
    uint32_t key_bits, extra_bits; /* of the sort key */
    uint64_t *rows;                /* sorted */
    uint64_t *ids;
    size_t tasks;     /* the pairs are dealt with in so many stretches */
    uint32_t *starts; /* tasks of each bucket: counts, then places, then ends */
    size_t buckets;
    uint64_t *distinct; /* of each task, when looking for equal rows */
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

/* Pairs first .. end - 1 of a task. */
static size_t task_first(const rows_build *r, size_t n, size_t task)
{
    return (size_t)((uint64_t)n * task / r->tasks); /* n < 2^32, few tasks */
}

enum { AT_ONCE = 64 };

static void count_rows(void *context, size_t task)
{
    const rows_build *r = context;
    const phash_build *b = r->build;
    const size_t words = r->segment->words, end = task_first(r, b->pairs, task + 1);
    uint64_t rows[AT_ONCE * WORDS_MAX];
    for (size_t i = task_first(r, b->pairs, task); i < end;) {
        const size_t n = end - i < AT_ONCE ? end - i : AT_ONCE;
        b->kernels.reorder(r->segment->order_table, b->hashes + i * words * 8, n, words, rows);
        for (size_t k = 0; k < n; k++)
            r->starts[sort_key(r, rows + k * words) * r->tasks + task]++;
        i += n;
    }
}

static void scatter_rows(void *context, size_t task)
{
    const rows_build *r = context;
    const phash_build *b = r->build;
    const size_t words = r->segment->words, end = task_first(r, b->pairs, task + 1);
    uint64_t rows[AT_ONCE * WORDS_MAX];
    uint32_t to[AT_ONCE];
    for (size_t i = task_first(r, b->pairs, task); i < end;) {
        const size_t n = end - i < AT_ONCE ? end - i : AT_ONCE;
        b->kernels.reorder(r->segment->order_table, b->hashes + i * words * 8, n, words, rows);
        for (size_t k = 0; k < n; k++) {
            uint32_t *at = &r->starts[sort_key(r, rows + k * words) * r->tasks + task];
            to[k] = (*at)++;
            __builtin_prefetch(r->rows + (size_t)to[k] * words, 1);
            __builtin_prefetch(r->ids + to[k], 1);
        }
        for (size_t k = 0; k < n; k++) {
            memcpy(r->rows + (size_t)to[k] * words, rows + k * words, words * 8);
            r->ids[to[k]] = b->ids ? b->ids[i + k] : i + k;
        }
        i += n;
    }
}

/* After the scatter, a bucket ends where its last task has put its last row. */
static size_t bucket_end(const rows_build *r, size_t bucket)
{
    return r->starts[bucket * r->tasks + r->tasks - 1];
}

/* Sorts a stretch of the buckets and counts the rows that differ from the one before. Equal rows
 * are in one bucket, so the first row of a bucket always counts. */
static void sort_rows(void *context, size_t task)
{
    const rows_build *r = context;
    const size_t words = r->segment->words;
    size_t bucket = task_first(r, r->buckets, task);
    const size_t end = task_first(r, r->buckets, task + 1);
    size_t from = bucket ? bucket_end(r, bucket - 1) : 0, distinct = 0;
    for (; bucket < end; bucket++) {
        const size_t to = bucket_end(r, bucket);
        sort_bucket(r, from, to);
        distinct += to > from;
        for (size_t i = from + 1; i < to; i++)
            distinct += compare(r->rows + (i - 1) * words, r->rows + i * words, words) != 0;
        from = to;
    }
    r->distinct[task] = distinct;
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
    const phash_build *b = r->build;
    phash_parallel(b->threads, r->tasks, count_rows, r);
    uint32_t at = 0;
    for (size_t i = 0; i < r->buckets * r->tasks; i++) {
        const uint32_t count = r->starts[i];
        r->starts[i] = at;
        at += count;
    }
    phash_parallel(b->threads, r->tasks, scatter_rows, r);
    phash_parallel(b->threads, r->tasks, sort_rows, r);
    uint64_t distinct = 0;
    for (size_t i = 0; i < r->tasks; i++)
        distinct += r->distinct[i];
    s->head.hashes = distinct;
    const size_t bytes = s->words * 8;
    if (distinct == b->pairs) {
        phash_build_adopt(s, SECTION_ROWS, r->rows, b->pairs * bytes);
        r->rows = NULL;
        return PHASH_OK;
    }
    uint64_t *rows = phash_build_section(s, SECTION_ROWS, distinct * bytes);
    uint32_t *first = phash_build_section(s, SECTION_FIRST, (distinct + 1) * sizeof *first);
    if (!rows || !first)
        return PHASH_E_MEMORY;
    collapse(r, b->pairs, rows, first);
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
    r.buckets = (size_t)1 << bits;
    r.tasks = b->threads < TASKS_MAX ? b->threads : TASKS_MAX;

    phash_status status = PHASH_E_MEMORY;
    r.rows = phash_pages_alloc(n * bytes);
    r.ids = phash_build_section(s, SECTION_IDS, n * sizeof *r.ids);
    r.starts = phash_alloc_zero(r.buckets * r.tasks, sizeof *r.starts);
    r.distinct = phash_alloc(r.tasks, sizeof *r.distinct);
    if (r.rows && r.ids && r.starts && r.distinct)
        status = sort_and_collapse(&r, s);
    if (r.distinct)
        phash_wipe_free(r.distinct, r.tasks * sizeof *r.distinct);
    if (r.starts)
        phash_wipe_free(r.starts, r.buckets * r.tasks * sizeof *r.starts);
    phash_pages_free(r.rows, n * bytes);
    if (!status)
        phash_segment_bind(s);
    return status;
}
