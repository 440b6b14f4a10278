/* Buckets, checks and postings, chunk after chunk: the rows are put on piles by their keys, and what
 * is on a pile is counted, then put in its buckets. */
#include "core/internal.h"
#include "index/build.h"
#include "index/parallel.h"

#include <string.h>

enum {
    AT_ONCE = 64,   /* entries whose places are asked for before they are written */
    ROWS_AHEAD = 32 /* prefetched: beside so many piles the hardware loses sight of them */
};

typedef struct entry {
    uint32_t row, key, check;
} entry;

/* A pile's share of a chunk. */
typedef struct pile_of_entries {
    uint64_t first;    /* place of its first entry */
    uint64_t squares;  /* of the numbers of entries in its buckets, summed */
    uint64_t overflow; /* checks that have no place in their lines; then the place of the first */
} pile_of_entries;

typedef struct chunks_build {
    phash_build *build;
    const phash_segment *segment;
    uint32_t *offsets;
    uint16_t *checks; /* RUNS */
    uint8_t *postings;
    uint16_t *lines;
    uint32_t inside; /* checks that a line has place for */

    /* The chunk at work. */
    uint32_t c;
    uint32_t *next; /* of each bucket: entries, then where the next goes, within the bucket or,
                     * with RUNS, among all */
    pile_of_entries piles[1 << PHASH_PILE_BITS];

    /* The overflow of all chunks: each is known when its chunk is counted. */
    uint16_t *overs[CHUNKS_MAX];
    uint64_t over_counts[CHUNKS_MAX], over_base;
} chunks_build;

static void pile_stretch(void *context, size_t stretch)
{
    const chunks_build *b = context;
    const phash_segment *s = b->segment;
    phash_piles *piles = &b->build->piles;
    const phash_segment_chunk *c = &s->head.chunk[b->c];
    const size_t words = s->words, first = phash_piles_row(piles, stretch),
                 end = phash_piles_row(piles, stretch + 1);
    const uint32_t key_bits = c->key_bits, at = c->start % 64;
    /* The word that the key begins in, and the one behind it, going round. */
    const uint64_t *word = s->rows + c->start / 64, *behind = s->rows + (c->start / 64 + 1) % words;
    phash_pile_writer writer;
    phash_pile_write(&writer, piles, stretch);
    for (size_t row = first; row < end; row++) {
        __builtin_prefetch(word + (row + ROWS_AHEAD) * words);
        const uint64_t bits = word[row * words] >> at | behind[row * words] << 1 << (63 - at);
        const uint32_t key = (uint32_t)(bits & ((UINT64_C(1) << key_bits) - 1));
        phash_pile_put(&writer, row - first, key, (uint32_t)(bits >> key_bits));
    }
    phash_pile_written(&writer);
}

static void count_pile(void *context, size_t pile)
{
    chunks_build *b = context;
    const phash_piles *p = &b->build->piles;
    const size_t buckets = (size_t)1 << p->low;
    uint32_t *counts = b->next + (pile << p->low);
    memset(counts, 0, buckets * sizeof *counts);
    phash_pile_reader reader = phash_pile_read(p, pile);
    const uint64_t *items;
    size_t n, row;
    while ((n = phash_pile_next(&reader, &items, &row)))
        for (size_t i = 0; i < n; i++)
            counts[phash_item_key(items[i])]++;
    uint64_t squares = 0, overflow = 0;
    for (size_t i = 0; i < buckets; i++) {
        squares += (uint64_t)counts[i] * counts[i];
        overflow += counts[i] > b->inside ? counts[i] - (b->inside - 2) : 0;
    }
    b->piles[pile].squares = squares;
    b->piles[pile].overflow = overflow;
}

static void put_posting(const chunks_build *b, uint64_t at, uint32_t row)
{
    if (!b->c)
        return;
    at -= b->segment->head.hashes;
    if (b->segment->head.posting_bytes == 4)
        memcpy(b->postings + 4 * at, &row, 4);
    else
        memcpy(b->postings + 3 * at, &row, 3);
}

static void put_in_runs(const chunks_build *b, uint32_t *next, const entry *entries, size_t n)
{
    uint32_t to[AT_ONCE];
    for (size_t i = 0; i < n; i++) {
        to[i] = next[entries[i].key]++;
        __builtin_prefetch(b->checks + to[i], 1);
        if (b->c)
            __builtin_prefetch(b->postings + (to[i] - b->segment->head.hashes) *
                                                 b->segment->head.posting_bytes,
                               1);
    }
    for (size_t i = 0; i < n; i++) {
        b->checks[to[i]] = (uint16_t)entries[i].check;
        put_posting(b, to[i], entries[i].row);
    }
}

static void begin_runs(const chunks_build *b, size_t pile)
{
    const size_t first = pile << b->build->piles.low, buckets = (size_t)1 << b->build->piles.low;
    uint32_t *next = b->next + first, *offsets = b->offsets + b->segment->bucket_base[b->c] + first;
    uint32_t at = (uint32_t)b->piles[pile].first;
    for (size_t i = 0; i < buckets; i++) {
        offsets[i] = at;
        at += next[i];
        next[i] = offsets[i];
    }
    if (pile + 1 == phash_piles_count(&b->build->piles))
        offsets[buckets] = at;
}

/* Entry `place` of a bucket whose head is written. */
static void put_in_line(const chunks_build *b, uint16_t *line, uint32_t place, const entry *e)
{
    uint32_t head[2], more;
    memcpy(head, line, sizeof head);
    if (head[1] > b->inside && place >= b->inside - 2) {
        memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
        b->overs[b->c][more - b->over_base + (place - (b->inside - 2))] = (uint16_t)e->check;
    } else {
        line[PHASH_LINE_HEAD + place] = (uint16_t)e->check;
        if (b->segment->head.layout == LAYOUT_WIDE)
            ((uint8_t *)line)[PHASH_WIDE_HIGH + place] = (uint8_t)(e->check >> 16);
    }
    put_posting(b, (uint64_t)head[0] + place, e->row);
}

static void put_in_lines(const chunks_build *b, uint32_t *next, uint16_t *lines,
                         const entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(lines + (size_t)entries[i].key * PHASH_LINE_WORDS, 1);
    for (size_t i = 0; i < n; i++)
        put_in_line(b, lines + (size_t)entries[i].key * PHASH_LINE_WORDS, next[entries[i].key]++,
                    &entries[i]);
}

static void begin_lines(const chunks_build *b, size_t pile)
{
    const size_t first = pile << b->build->piles.low, buckets = (size_t)1 << b->build->piles.low;
    uint16_t *lines = b->lines + (b->segment->bucket_base[b->c] + first) * PHASH_LINE_WORDS;
    uint32_t *next = b->next + first;
    uint32_t at = (uint32_t)b->piles[pile].first,
             over = (uint32_t)(b->over_base + b->piles[pile].overflow);
    for (size_t i = 0; i < buckets; i++) {
        uint16_t *line = lines + i * PHASH_LINE_WORDS;
        const uint32_t count = next[i], head[2] = {at, count};
        memcpy(line, head, sizeof head);
        if (count > b->inside) {
            memcpy(line + PHASH_LINE_WORDS - 2, &over, sizeof over);
            over += count - (b->inside - 2);
        }
        at += count;
        next[i] = 0;
    }
}

static void fill_pile(void *context, size_t pile)
{
    const chunks_build *b = context;
    const phash_piles *p = &b->build->piles;
    const size_t first = pile << p->low;
    uint32_t *next = b->next + first;
    uint16_t *lines =
        b->lines ? b->lines + (b->segment->bucket_base[b->c] + first) * PHASH_LINE_WORDS : NULL;
    if (lines)
        begin_lines(b, pile);
    else
        begin_runs(b, pile);
    phash_pile_reader reader = phash_pile_read(p, pile);
    const uint64_t *items;
    size_t n, row;
    while ((n = phash_pile_next(&reader, &items, &row)))
        for (size_t i = 0; i < n; i += AT_ONCE) {
            const size_t some = n - i < AT_ONCE ? n - i : AT_ONCE;
            entry entries[AT_ONCE];
            for (size_t k = 0; k < some; k++)
                entries[k] = (entry){(uint32_t)row + phash_item_row(items[i + k]),
                                     phash_item_key(items[i + k]), phash_item_check(items[i + k])};
            if (lines)
                put_in_lines(b, next, lines, entries, some);
            else
                put_in_runs(b, next, entries, some);
        }
}

/* Where each pile begins; the load of the chunk; memory for its overflow. */
static phash_status sum_piles(chunks_build *b, phash_segment_chunk *chunk)
{
    const phash_piles *p = &b->build->piles;
    uint64_t at = b->c * b->segment->head.hashes, squares = 0, overflow = 0;
    for (size_t i = 0; i < phash_piles_count(p); i++) {
        pile_of_entries *pile = &b->piles[i];
        const uint64_t more = pile->overflow;
        pile->first = at;
        pile->overflow = overflow;
        at += phash_pile_items(p, i);
        squares += pile->squares;
        overflow += more;
    }
    /* Mean size of the bucket that a row of the set is in. */
    const double load = (double)squares / (double)b->segment->head.hashes * LOAD_UNIT;
    chunk->load = load >= UINT32_MAX ? UINT32_MAX : (uint32_t)load;
    if (!b->lines || !overflow)
        return PHASH_OK;
    b->over_counts[b->c] = overflow;
    b->overs[b->c] = phash_pages_alloc(overflow * sizeof *b->overs[0]);
    return b->overs[b->c] ? PHASH_OK : PHASH_E_MEMORY;
}

static phash_status build_chunk(chunks_build *b, phash_segment_chunk *chunk)
{
    phash_build *build = b->build;
    phash_piles *p = &build->piles;
    const phash_segment *s = b->segment;
    const uint64_t entries =
        s->head.hashes * (s->head.posting_bytes + (b->lines ? 0 : sizeof *b->checks));
    phash_piles_begin(p, s->head.hashes, chunk->key_bits,
                      entries +
                          ((uint64_t)(b->lines ? PHASH_LINE_WORDS * 2 : 4) << chunk->key_bits));
    phash_parallel(build->threads, p->stretches, pile_stretch, b);
    phash_parallel(build->threads, phash_piles_count(p), count_pile, b);
    const phash_status status = sum_piles(b, chunk);
    if (!status)
        phash_parallel(build->threads, phash_piles_count(p), fill_pile, b);
    b->over_base += b->over_counts[b->c];
    return status;
}

static phash_status join_overflow(const chunks_build *b, phash_segment *s)
{
    uint16_t *checks = phash_build_section(s, SECTION_CHECKS, b->over_base * 2 + CHECK_PAD);
    if (!checks)
        return PHASH_E_MEMORY;
    for (uint32_t c = 0; c < s->head.chunks; c++)
        if (b->overs[c]) {
            memcpy(checks, b->overs[c], b->over_counts[c] * sizeof *checks);
            checks += b->over_counts[c];
        }
    return PHASH_OK;
}

phash_status phash_build_chunks(phash_build *build)
{
    phash_segment *s = build->segment;
    const uint32_t chunks = s->head.chunks;
    const uint64_t entries = s->head.hashes * chunks;
    const bool lines = phash_layout_has_lines(&s->head);
    uint32_t key_bits = 0;
    for (uint32_t c = 0; c < chunks; c++)
        key_bits = key_bits > s->head.chunk[c].key_bits ? key_bits : s->head.chunk[c].key_bits;
    chunks_build b = {.build = build, .segment = s, .inside = phash_line_checks(&s->head)};
    b.next = phash_pages_alloc(sizeof *b.next << key_bits);
    b.postings = phash_build_section(
        s, SECTION_POSTINGS, s->head.hashes * (chunks - 1) * s->head.posting_bytes + POSTING_PAD);
    if (lines) {
        b.lines = phash_build_section(s, SECTION_LINES, s->buckets * PHASH_LINE_WORDS * 2);
    } else {
        b.offsets = phash_build_section(s, SECTION_OFFSETS, s->buckets * 4);
        b.checks = phash_build_section(s, SECTION_CHECKS, entries * 2 + CHECK_PAD);
    }
    phash_status status = PHASH_E_MEMORY;
    if (b.next && b.postings && (lines ? !!b.lines : b.offsets && b.checks))
        status = PHASH_OK;
    for (; !status && b.c < chunks; b.c++)
        status = build_chunk(&b, &s->head.chunk[b.c]);
    if (!status && lines)
        status = join_overflow(&b, s);
    for (uint32_t c = 0; c < chunks; c++)
        phash_pages_free(b.overs[c], b.over_counts[c] * sizeof *b.overs[0]);
    phash_pages_free(b.next, sizeof *b.next << key_bits);
    return status;
}
