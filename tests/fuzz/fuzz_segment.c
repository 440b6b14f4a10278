/* Changed sections of segments, of every layout and length of hash, searched by the multi-index. Input:
 * one byte that names the segment and the way to search it, then changes: section (1 byte), offset
 * (3 bytes), value (1 byte) …
 * What attaches can be searched and read to its end; wrong answers are all that damage may do, and where
 * nothing is changed they are right. The sections lie in memory of exactly their length. */
#define _XOPEN_SOURCE 700 /* posix_memalign */
#include "target.h"

#include "index/segment.h"

enum { PAIRS = 400, LENGTHS = 2, LAYOUTS = 3, SEGMENTS = LENGTHS * LAYOUTS, QUERIES = 5 };

typedef struct base {
    uint32_t bits, radius;
    uint8_t hashes[PAIRS * 32];
    phash_section sections[PHASH_SEGMENT_SECTIONS_MAX];
    size_t count;
} base;

static base bases[SEGMENTS];
static phash_scratch *scratch;

/* Half of the hashes agree in nearly all bits: their buckets overflow. */
static void fill(base *b, uint32_t state)
{
    const size_t bytes = b->bits / 8;
    for (size_t i = 0; i < PAIRS; i++)
        for (size_t j = 0; j < bytes; j++) {
            state = state * 1664525 + 1013904223;
            b->hashes[i * bytes + j] =
                i % 2 ? (uint8_t)(state >> 24) : (uint8_t)(j * 37 + (state >> 30 ? 0 : 1));
        }
}

static void prepare(base *b, uint32_t bits, phash_segment_layout layout)
{
    b->bits = bits;
    b->radius = bits == 64 ? 10 : 31;
    fill(b, bits + (uint32_t)layout);
    const phash_segment_options options = {.bits = bits,
                                           .radius = b->radius,
                                           .engine = PHASH_INDEX_MULTI,
                                           .threads = 1,
                                           .layout = layout};
    phash_segment *segment;
    REQUIRE(phash_segment_build(b->hashes, NULL, PAIRS, &options, &segment, NULL) == PHASH_OK);
    b->count = phash_segment_sections(segment, b->sections);
    for (size_t i = 0; i < b->count; i++) {
        void *data = NULL;
        REQUIRE(posix_memalign(&data, 64, b->sections[i].bytes) == 0);
        memcpy(data, b->sections[i].data, b->sections[i].bytes);
        b->sections[i].data = data;
    }
    phash_segment_free(&segment);
}

/* Pairs within the radius of the queries, counted bit by bit. */
static size_t within(const base *b, uint32_t radius)
{
    const size_t bytes = b->bits / 8;
    size_t count = 0;
    for (size_t q = 0; q < QUERIES; q++)
        for (size_t i = 0; i < PAIRS; i++) {
            uint32_t distance = 0;
            for (size_t j = 0; j < bytes; j++)
                for (int x = b->hashes[q * bytes + j] ^ b->hashes[i * bytes + j]; x; x &= x - 1)
                    distance++;
            count += distance <= radius;
        }
    return count;
}

static void search(const base *b, const phash_segment *segment, uint32_t mode, bool changed)
{
    phash_matches found = PHASH_MATCHES_INIT;
    const uint32_t radii[] = {0, b->radius / 2, b->radius};
    phash_scratch_force(scratch, mode & 64 ? PHASH_INDEX_AUTO : PHASH_INDEX_MULTI);
    phash_scratch_group(scratch, mode & 128 ? 256 : 0);
    for (size_t i = 0; i < sizeof radii / sizeof radii[0]; i++) {
        found.count = 0;
        REQUIRE(phash_segment_search(segment, NULL, b->hashes, QUERIES, radii[i], scratch, &found,
                                     NULL) == PHASH_OK);
        for (size_t j = 0; j < found.count; j++)
            REQUIRE(found.items[j].distance <= radii[i] && found.items[j].query < QUERIES);
        REQUIRE(changed || found.count == within(b, radii[i]));
    }
    phash_matches_free(&found);
}

/* All pairs that the header says there are; a changed one may say another number. */
static void read_all(const phash_segment *segment)
{
    phash_segment_info info;
    phash_segment_info_get(segment, &info);
    uint8_t hash[32];
    uint64_t id;
    for (uint64_t i = 0; i < info.pairs; i++)
        phash_segment_read(segment, i, 1, hash, &id);
}

static void try(const base *b, uint32_t mode, bool changed)
{
    phash_segment *segment;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_segment_attach(b->sections, b->count, &segment, &error) != PHASH_OK) {
        REQUIRE(changed && !segment && error.message[0]);
        return;
    }
    REQUIRE(phash_segment_validate(segment, &error) == PHASH_OK || changed);
    search(b, segment, mode, changed);
    read_all(segment);
    phash_segment_free(&segment);
}

int fuzz_input(const uint8_t *data, size_t size)
{
    enum { CHANGES = 64 };
    if (!scratch) {
        REQUIRE(phash_scratch_new(&scratch) == PHASH_OK);
        for (size_t i = 0; i < SEGMENTS; i++)
            prepare(&bases[i], i / LAYOUTS ? 64 : 256,
                    (phash_segment_layout)(PHASH_SEGMENT_RUNS + i % LAYOUTS));
    }
    fuzz_bytes in = {data, size};
    const uint32_t mode = fuzz_take(&in, 1);
    const base *b = &bases[mode % 64 % SEGMENTS];
    struct {
        uint8_t *at, before;
    } changes[CHANGES];
    size_t n = 0;
    for (; n < CHANGES && in.size >= 5; n++) {
        const phash_section *s = &b->sections[fuzz_take(&in, 1) % b->count];
        changes[n].at = (uint8_t *)(uintptr_t)s->data + fuzz_take(&in, 3) % s->bytes;
        changes[n].before = *changes[n].at;
        *changes[n].at = (uint8_t)fuzz_take(&in, 1);
    }
    try(b, mode, n > 0);
    while (n--)
        *changes[n].at = changes[n].before;
    return 0;
}
