/* A segment's life beside building and searching: attach, check, list, read out, free. */
#include "index/segment.h"
#include "core/internal.h"
#include "index/layout.h"
#include "index/search.h"

#include <string.h>

/* Checks the header by itself. Everything later relies on these bounds. */
static const char *header_fault(const phash_segment_header *h)
{
    if (h->bits != 64 && h->bits != 256)
        return "length of hash";
    if (h->radius > h->bits)
        return "radius";
    if (h->pairs > SEGMENT_PAIRS_MAX || h->hashes > h->pairs || !h->hashes != !h->pairs)
        return "number of pairs";
    uint8_t seen[256] = {0};
    for (uint32_t b = 0; b < h->bits; b++)
        if (h->order[b] >= h->bits || seen[h->order[b]]++)
            return "order of bits";
    if (h->engine == PHASH_INDEX_FLAT)
        return h->chunks ? "engine" : NULL;
    if (h->engine != PHASH_INDEX_MULTI || h->chunks < 2 || h->chunks > CHUNKS_MAX)
        return "engine";
    if (h->layout > LAYOUT_WIDE)
        return "layout";
    if (h->posting_bytes != 3 && h->posting_bytes != 4)
        return "size of postings";
    if (h->hashes * h->chunks > UINT32_MAX)
        return "number of entries";
    uint32_t start = 0;
    for (uint32_t i = 0; i < h->chunks; i++) {
        const phash_segment_chunk *c = &h->chunk[i];
        if (c->start != start || c->width < 1 || c->width > 64 || c->width > h->bits - start)
            return "chunks";
        if (c->key_bits < 1 || c->key_bits > c->width || c->key_bits > KEY_BITS_MAX)
            return "key of a chunk";
        start += c->width;
    }
    return start == h->bits ? NULL : "chunks";
}

/* The exact size that a section must have, given the header; 0 for one that must be absent;
 * UINT64_MAX for CHECKS of lines, whose length only the build knows. */
static uint64_t section_bytes(const phash_segment *s, uint32_t kind)
{
    const phash_segment_header *h = &s->head;
    const bool multi = h->engine == PHASH_INDEX_MULTI, lines = phash_layout_has_lines(h);
    switch (kind) {
    case SECTION_HEADER:
        return sizeof *h;
    case SECTION_ROWS:
        return h->hashes * (h->bits / 8);
    case SECTION_IDS:
        return h->pairs * 8;
    case SECTION_FIRST:
        return h->pairs > h->hashes ? (h->hashes + 1) * 4 : 0;
    case SECTION_PLANES:
        return multi ? 0 : (h->hashes + PHASH_BLOCK_ROWS - 1) / PHASH_BLOCK_ROWS * h->bits * 64;
    case SECTION_OFFSETS:
        return multi && !lines ? s->buckets * 4 : 0;
    case SECTION_CHECKS:
        return !multi ? 0 : lines ? UINT64_MAX : h->hashes * h->chunks * 2 + CHECK_PAD;
    case SECTION_POSTINGS:
        return multi ? h->hashes * (h->chunks - 1) * h->posting_bytes + POSTING_PAD : 0;
    case SECTION_LINES:
        return multi && lines ? s->buckets * PHASH_LINE_WORDS * 2 : 0;
    default:
        return 0;
    }
}

/* Sets what follows from the header. */
void phash_segment_derive(phash_segment *s)
{
    s->words = s->head.bits / 64;
    s->buckets = 0;
    for (uint32_t i = 0; i < s->head.chunks; i++) {
        s->bucket_base[i] = s->buckets;
        s->buckets +=
            (UINT64_C(1) << s->head.chunk[i].key_bits) + (s->head.layout == LAYOUT_RUNS ? 1 : 0);
    }
}

/* Takes over the sections' addresses. */
void phash_segment_bind(phash_segment *s)
{
    for (size_t i = 0; i < s->section_count; i++) {
        const phash_section *section = &s->sections[i];
        switch (section->kind) {
        case SECTION_ROWS:
            s->rows = section->data;
            break;
        case SECTION_IDS:
            s->ids = section->data;
            break;
        case SECTION_FIRST:
            s->first = section->data;
            break;
        case SECTION_PLANES:
            s->planes = section->data;
            break;
        case SECTION_OFFSETS:
            s->offsets = section->data;
            break;
        case SECTION_CHECKS:
            s->checks = section->data;
            s->check_count = (section->bytes - CHECK_PAD) / 2;
            break;
        case SECTION_POSTINGS:
            s->postings = section->data;
            break;
        case SECTION_LINES:
            s->lines = section->data;
            break;
        default:
            break;
        }
    }
}

phash_status phash_segment_attach(const phash_section *sections, size_t n, phash_segment **segment,
                                  phash_error *error)
{
    if (!segment || (n && !sections))
        return phash_fail(error, PHASH_E_ARGUMENT, "no sections to attach");
    *segment = NULL;
    const phash_section *by_kind[SECTION_KINDS] = {NULL};
    for (size_t i = 0; i < n; i++) {
        const phash_section *x = &sections[i];
        if (x->kind < 1 || x->kind >= SECTION_KINDS)
            return phash_fail(error, PHASH_E_CORRUPT, "unknown section %u", x->kind);
        if (by_kind[x->kind])
            return phash_fail(error, PHASH_E_CORRUPT, "section %u is there twice", x->kind);
        if (!x->data || (uintptr_t)x->data % 64 || x->bytes > SIZE_MAX / 2)
            return phash_fail(error, PHASH_E_CORRUPT, "section %u lies at no valid place", x->kind);
        by_kind[x->kind] = x;
    }
    const phash_section *head = by_kind[SECTION_HEADER];
    if (!head || head->bytes < sizeof(uint32_t))
        return phash_fail(error, PHASH_E_TRUNCATED, "a segment without header");
    uint32_t version;
    memcpy(&version, head->data, sizeof version);
    if (version != SEGMENT_VERSION)
        return phash_fail(error, PHASH_E_VERSION, "segment version %u", version);
    if (head->bytes != sizeof(phash_segment_header))
        return phash_fail(error, PHASH_E_TRUNCATED, "segment header of another size");

    phash_segment *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return phash_fail(error, PHASH_E_MEMORY, "no memory for a segment");
    phash_status status = PHASH_OK;
    memcpy(&s->head, head->data, sizeof s->head);
    const char *fault = header_fault(&s->head);
    if (fault) {
        status = phash_fail(error, PHASH_E_CORRUPT, "segment header: %s", fault);
        goto fail;
    }
    phash_segment_derive(s);
    for (uint32_t kind = 1; kind < SECTION_KINDS; kind++) {
        const uint64_t want = section_bytes(s, kind);
        const uint64_t have = by_kind[kind] ? by_kind[kind]->bytes : 0;
        if (want == UINT64_MAX ? have < CHECK_PAD || have % 2 : want != have) {
            status = phash_fail(
                error, want != UINT64_MAX && have < want ? PHASH_E_TRUNCATED : PHASH_E_CORRUPT,
                "segment section %u has a wrong length", kind);
            goto fail;
        }
        if (have)
            s->sections[s->section_count++] = *by_kind[kind];
    }
    phash_segment_bind(s);
    s->order_table = phash_alloc(1, sizeof *s->order_table);
    if (!s->order_table || phash_plan_all(s)) {
        status = phash_fail(error, PHASH_E_MEMORY, "no memory for a segment");
        goto fail;
    }
    phash_order_fill(s->head.order, s->head.bits, s->order_table);
    *segment = s;
    return PHASH_OK;

fail:
    phash_segment_free(&s);
    return status;
}

void phash_segment_free(phash_segment **segment)
{
    if (!segment || !*segment)
        return;
    phash_segment *s = *segment;
    for (size_t i = 0; i < s->section_count; i++)
        if (s->owned[i])
            phash_pages_free(s->owned[i], s->sections[i].bytes);
    if (s->plans)
        phash_wipe_free(s->plans, (s->head.bits + 1) * sizeof *s->plans);
    if (s->order_table)
        phash_wipe_free(s->order_table, sizeof *s->order_table);
    phash_wipe_free(s, sizeof *s);
    *segment = NULL;
}

size_t phash_segment_sections(const phash_segment *segment,
                              phash_section sections[PHASH_SEGMENT_SECTIONS_MAX])
{
    memcpy(sections, segment->sections, segment->section_count * sizeof *sections);
    return segment->section_count;
}

void phash_segment_info_get(const phash_segment *segment, phash_segment_info *info)
{
    const phash_segment_header *h = &segment->head;
    *info = (phash_segment_info){h->pairs, h->hashes, 0,
                                 h->bits,  h->radius, (phash_index_engine)h->engine};
    for (size_t i = 0; i < segment->section_count; i++)
        info->memory += segment->sections[i].bytes;
}

const uint64_t *phash_segment_ids(const phash_segment *segment)
{
    return segment->ids;
}

/* The row of a slot. */
static uint64_t slot_row(const phash_segment *s, uint64_t slot)
{
    if (!s->first)
        return slot;
    uint64_t low = 0, high = s->head.hashes; /* first[low] <= slot < first[high] */
    while (high - low > 1) {
        const uint64_t mid = (low + high) / 2;
        if (s->first[mid] <= slot)
            low = mid;
        else
            high = mid;
    }
    return low;
}

enum { READ_TABLE_MIN = 256 };

/* A row, its bits put back in the order of the hash by a table of each nibble. */
static void read_by_table(const uint64_t *row, uint32_t bits, size_t words,
                          const phash_order_table *table, uint8_t *out)
{
    uint64_t hash[WORDS_MAX] = {0};
    for (uint32_t nibble = 0; nibble < bits / 4; nibble++) {
        const uint64_t *part = table->nibble[nibble].row[row[nibble / 16] >> nibble % 16 * 4 & 15];
        for (size_t w = 0; w < WORDS_MAX; w++)
            hash[w] |= part[w];
    }
    memcpy(out, hash, words * sizeof *hash);
}

void phash_segment_read(const phash_segment *segment, uint64_t first, size_t n, void *hashes,
                        uint64_t *ids)
{
    if (!n)
        return;
    if (ids)
        memcpy(ids, segment->ids + first, n * sizeof *ids);
    if (!hashes)
        return;
    const uint32_t bits = segment->head.bits;
    uint8_t *out = hashes;
    phash_order_table table; /* 33 KiB: worth filling for many hashes */
    uint8_t back[256];
    const bool many = n >= READ_TABLE_MIN;
    if (many) {
        for (uint32_t b = 0; b < bits; b++)
            back[segment->head.order[b]] = (uint8_t)b;
        phash_order_fill(back, bits, &table);
    }
    uint64_t row = slot_row(segment, first);
    for (size_t i = 0; i < n; i++, out += bits / 8) {
        if (i && (!segment->first ||
                  (row + 1 < segment->head.hashes && segment->first[row + 1] <= first + i)))
            row++;
        const uint64_t *words = segment->rows + row * segment->words;
        if (many) {
            read_by_table(words, bits, segment->words, &table, out);
            continue;
        }
        memset(out, 0, bits / 8);
        for (uint32_t b = 0; b < bits; b++) {
            const uint32_t to = segment->head.order[b];
            out[to / 8] = (uint8_t)(out[to / 8] | (words[b / 64] >> b % 64 & 1) << to % 8);
        }
    }
}

static phash_status validate_multi(const phash_segment *s, phash_error *error)
{
    const uint64_t n = s->head.hashes;
    const uint32_t inside = phash_line_checks(&s->head);
    for (uint32_t c = 0; c < s->head.chunks; c++) {
        const uint64_t buckets = UINT64_C(1) << s->head.chunk[c].key_bits;
        uint64_t next = c * n;
        for (uint64_t b = 0; b < buckets; b++) {
            const uint64_t at = s->bucket_base[c] + b;
            uint64_t from, to;
            if (s->offsets) {
                from = s->offsets[at], to = s->offsets[at + 1];
            } else {
                uint32_t head[2], more = 0;
                const uint16_t *line = s->lines + at * PHASH_LINE_WORDS;
                memcpy(head, line, sizeof head);
                memcpy(&more, line + PHASH_LINE_WORDS - 2, sizeof more);
                from = head[0], to = from + head[1];
                if (head[1] > inside &&
                    (more > s->check_count || head[1] - (inside - 2) > s->check_count - more))
                    return phash_fail_at(error, PHASH_E_CORRUPT, 0, at, "overflow of a bucket");
            }
            if (from != next || to < from || to > (c + 1) * n)
                return phash_fail_at(error, PHASH_E_CORRUPT, 0, at, "bucket out of order");
            next = to;
        }
        if (next != (c + 1) * n)
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, c, "buckets miss entries");
    }
    const uint64_t postings = n * (s->head.chunks - 1);
    const uint32_t bytes = s->head.posting_bytes;
    for (uint64_t i = 0; i < postings; i++) {
        uint32_t row = 0;
        memcpy(&row, s->postings + i * bytes, bytes);
        if (row >= n)
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, i, "posting beyond the rows");
    }
    return PHASH_OK;
}

phash_status phash_segment_validate(const phash_segment *segment, phash_error *error)
{
    const phash_segment *s = segment;
    if (s->first) {
        if (s->first[0] != 0 || s->first[s->head.hashes] != s->head.pairs)
            return phash_fail(error, PHASH_E_CORRUPT, "first slots do not span the pairs");
        for (uint64_t i = 0; i < s->head.hashes; i++)
            if (s->first[i] >= s->first[i + 1])
                return phash_fail_at(error, PHASH_E_CORRUPT, 0, i, "first slot out of order");
    }
    return s->head.engine == PHASH_INDEX_MULTI ? validate_multi(s, error) : PHASH_OK;
}
