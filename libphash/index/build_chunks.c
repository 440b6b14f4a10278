/* Buckets, checks and postings of every chunk: a counting sort of the rows by each key. */
#include "core/internal.h"
#include "index/build.h"
#include "index/build_scatter.h"
#include "index/parallel.h"

#include <string.h>

enum { AT_ONCE = 64 }; /* rows whose places are asked for before they are written */

typedef struct chunks_build {
    const phash_segment *segment;
    phash_segment_chunk *chunk; /* of the header: receives the loads */
    uint32_t *offsets;
    uint16_t *checks;
    uint8_t *postings;
    uint16_t *lines;
    uint32_t inside;               /* checks that a line has place for */
    uint32_t *counts[CHUNKS_MAX];  /* lines: entries of each bucket, then where the next goes */
    uint64_t overflow[CHUNKS_MAX]; /* first place in the overflow */
    phash_scatter scatter;
} chunks_build;

static uint32_t row_key(const phash_segment *s, const phash_segment_chunk *c, size_t row)
{
    return phash_row_bits(s->rows + row * s->words, s->words, c->start, c->key_bits);
}

static void put_posting(const chunks_build *b, uint32_t chunk, uint64_t entry, size_t row)
{
    if (!chunk)
        return;
    const uint32_t value = (uint32_t)row;
    const uint64_t at = entry - b->segment->head.hashes;
    if (b->segment->head.posting_bytes == 4)
        memcpy(b->postings + 4 * at, &value, 4);
    else
        memcpy(b->postings + 3 * at, &value, 3);
}

static void prefetch_posting(const chunks_build *b, uint32_t chunk, uint64_t entry)
{
    if (chunk)
        __builtin_prefetch(
            b->postings + (entry - b->segment->head.hashes) * b->segment->head.posting_bytes, 1);
}

/* Mean size of the bucket that a row of the set is in. */
static uint32_t load_of(const uint32_t *counts, uint64_t buckets, uint64_t rows)
{
    double sum = 0;
    for (uint64_t i = 0; i < buckets; i++)
        sum += (double)counts[i] * counts[i];
    const double load = sum / (double)rows * LOAD_UNIT;
    return load >= UINT32_MAX ? UINT32_MAX : (uint32_t)load;
}

static void count_chunk(void *context, size_t c)
{
    chunks_build *b = context;
    const phash_segment *s = b->segment;
    const uint64_t buckets = UINT64_C(1) << b->chunk[c].key_bits;
    for (size_t row = 0; row < s->head.hashes; row++)
        b->counts[c][row_key(s, &b->chunk[c], row)]++;
    b->chunk[c].load = load_of(b->counts[c], buckets, s->head.hashes);
    for (uint64_t i = 0; i < buckets; i++)
        if (b->counts[c][i] > b->inside)
            b->overflow[c] += b->counts[c][i] - (b->inside - 2);
}

static void put_in_runs(void *context, size_t c, const phash_entry *entries, size_t n)
{
    const chunks_build *b = context;
    uint32_t *next = b->counts[c], to[AT_ONCE];
    while (n) {
        const size_t some = n < AT_ONCE ? n : AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            to[i] = next[entries[i].key]++;
            __builtin_prefetch(b->checks + to[i], 1);
            prefetch_posting(b, (uint32_t)c, to[i]);
        }
        for (size_t i = 0; i < some; i++) {
            b->checks[to[i]] = (uint16_t)entries[i].check;
            put_posting(b, (uint32_t)c, to[i], entries[i].row);
        }
        entries += some;
        n -= some;
    }
}

static void fill_runs(void *context, size_t c)
{
    chunks_build *b = context;
    const phash_segment *s = b->segment;
    const uint64_t buckets = UINT64_C(1) << b->chunk[c].key_bits;
    uint32_t *next = b->counts[c], *offsets = b->offsets + s->bucket_base[c];
    uint32_t at = (uint32_t)(c * s->head.hashes);
    for (uint64_t i = 0; i < buckets; i++) {
        offsets[i] = at;
        at += next[i];
        next[i] = offsets[i];
    }
    offsets[buckets] = at;
    phash_scatter_chunk(&b->scatter, c, s->head.hashes * (2 + s->head.posting_bytes), put_in_runs,
                        b);
}

/* Entry `place` of a bucket whose head is written. */
static void put_in_line(const chunks_build *b, uint32_t chunk, uint16_t *line, uint32_t place,
                        const phash_entry *entry)
{
    uint32_t head[2], more;
    memcpy(head, line, sizeof head);
    const uint32_t check = entry->check;
    if (head[1] > b->inside && place >= b->inside - 2) {
        memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
        b->checks[more + (place - (b->inside - 2))] = (uint16_t)check;
    } else {
        line[PHASH_LINE_HEAD + place] = (uint16_t)check;
        if (b->segment->head.layout == LAYOUT_WIDE)
            ((uint8_t *)line)[PHASH_WIDE_HIGH + place] = (uint8_t)(check >> 16);
    }
    put_posting(b, chunk, (uint64_t)head[0] + place, entry->row);
}

static void put_in_lines(void *context, size_t c, const phash_entry *entries, size_t n)
{
    const chunks_build *b = context;
    uint16_t *lines = b->lines + b->segment->bucket_base[c] * PHASH_LINE_WORDS;
    while (n) {
        const size_t some = n < AT_ONCE ? n : AT_ONCE;
        for (size_t i = 0; i < some; i++)
            __builtin_prefetch(lines + (size_t)entries[i].key * PHASH_LINE_WORDS, 1);
        for (size_t i = 0; i < some; i++)
            put_in_line(b, (uint32_t)c, lines + (size_t)entries[i].key * PHASH_LINE_WORDS,
                        b->counts[c][entries[i].key]++, &entries[i]);
        entries += some;
        n -= some;
    }
}

static void fill_lines(void *context, size_t c)
{
    chunks_build *b = context;
    const phash_segment *s = b->segment;
    const uint64_t buckets = UINT64_C(1) << b->chunk[c].key_bits;
    uint16_t *lines = b->lines + s->bucket_base[c] * PHASH_LINE_WORDS;
    uint32_t at = (uint32_t)(c * s->head.hashes), over = (uint32_t)b->overflow[c];
    for (uint64_t i = 0; i < buckets; i++) {
        uint16_t *line = lines + i * PHASH_LINE_WORDS;
        const uint32_t count = b->counts[c][i], head[2] = {at, count};
        memcpy(line, head, sizeof head);
        if (count > b->inside) {
            memcpy(line + PHASH_LINE_WORDS - 2, &over, sizeof over);
            over += count - (b->inside - 2);
        }
        at += count;
        b->counts[c][i] = 0;
    }
    phash_scatter_chunk(&b->scatter, c,
                        buckets * PHASH_LINE_WORDS * 2 + s->head.hashes * s->head.posting_bytes,
                        put_in_lines, b);
}

phash_status phash_build_chunks(phash_build *build)
{
    phash_segment *s = build->segment;
    const uint32_t chunks = s->head.chunks;
    const uint64_t entries = s->head.hashes * chunks;
    const bool lines = phash_layout_has_lines(&s->head);
    phash_status status = PHASH_E_MEMORY;
    chunks_build b = {
        .segment = s,
        .chunk = s->head.chunk,
        .inside = phash_line_checks(&s->head),
        .scatter = {.segment = s, .threads = build->threads, .pile_rows = build->pile_rows}};
    for (uint32_t c = 0; c < chunks; c++) {
        b.counts[c] = phash_alloc_zero((size_t)1 << s->head.chunk[c].key_bits, sizeof(uint32_t));
        if (!b.counts[c])
            goto done;
    }
    phash_parallel(build->threads, chunks, count_chunk, &b);
    uint64_t check_count = entries;
    if (lines) {
        check_count = 0;
        for (uint32_t c = 0; c < chunks; c++) {
            const uint64_t more = b.overflow[c];
            b.overflow[c] = check_count;
            check_count += more;
        }
        b.lines = phash_build_section(s, SECTION_LINES, s->buckets * PHASH_LINE_WORDS * 2);
    } else {
        b.offsets = phash_build_section(s, SECTION_OFFSETS, s->buckets * 4);
    }
    b.checks = phash_build_section(s, SECTION_CHECKS, check_count * 2 + CHECK_PAD);
    b.postings = phash_build_section(
        s, SECTION_POSTINGS, s->head.hashes * (chunks - 1) * s->head.posting_bytes + POSTING_PAD);
    if (!(lines ? (void *)b.lines : (void *)b.offsets) || !b.checks || !b.postings)
        goto done;
    phash_parallel(build->threads, chunks, lines ? fill_lines : fill_runs, &b);
    phash_scatter_end(&b.scatter);
    status = PHASH_OK;
done:
    for (uint32_t c = 0; c < chunks; c++)
        if (b.counts[c])
            phash_wipe_free(b.counts[c], sizeof(uint32_t) << s->head.chunk[c].key_bits);
    return status;
}
