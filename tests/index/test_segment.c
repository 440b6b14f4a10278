/* Segments against brute force: every engine, shape of data, size, radius, batch. */
#define _DEFAULT_SOURCE /* posix_memalign */

#include "index/data.h"
#include "index/segment.h"

#include <string.h>

typedef struct fixture {
    size_t count, n;
    uint32_t bits;
    uint8_t *hashes, *queries, *hidden;
    uint64_t *ids, *removed;
    phash_segment *segment;
    phash_scratch *scratch;
    phash_matches expected, found;
} fixture;

static void setup_as(fixture *f, enum data_shape shape, size_t count, size_t n,
                     phash_segment_options options)
{
    const uint64_t seed = test_seed();
    const uint32_t bits = options.bits;
    memset(f, 0, sizeof *f);
    f->count = count, f->n = n, f->bits = bits;
    f->hashes = malloc(count * bits / 8 + 1);
    f->queries = malloc(n * bits / 8 + 1);
    f->ids = malloc(count * 8 + 8);
    data_fill(shape, seed, count, bits, f->hashes);
    data_queries(shape, seed, f->hashes, count, n, bits, f->queries);
    for (size_t i = 0; i < count; i++)
        f->ids[i] = (i * UINT64_C(0x9E3779B97F4A7C15)) >> (i % 3 ? 1 : 40);
    phash_error error = PHASH_ERROR_INIT;
    ck_assert_msg(phash_segment_build(f->hashes, f->ids, count, &options, &f->segment, &error) ==
                      PHASH_OK,
                  "%s", error.message);
    ck_assert_int_eq(phash_segment_validate(f->segment, &error), PHASH_OK);
    ck_assert_int_eq(phash_scratch_new(&f->scratch), PHASH_OK);
}

static void setup(fixture *f, enum data_shape shape, size_t count, size_t n, uint32_t bits,
                  uint32_t radius, phash_index_engine engine, uint32_t threads)
{
    setup_as(f, shape, count, n,
             (phash_segment_options){
                 .bits = bits, .radius = radius, .engine = engine, .threads = threads});
}

static void teardown(fixture *f)
{
    phash_segment_free(&f->segment);
    ck_assert_ptr_null(f->segment);
    phash_scratch_free(&f->scratch);
    phash_matches_free(&f->found);
    free(f->expected.items);
    free(f->hashes);
    free(f->queries);
    free(f->ids);
    free(f->hidden);
    free(f->removed);
}

static void check_radius(fixture *f, phash_index_engine engine, uint32_t radius, const char *what)
{
    char name[120];
    snprintf(name, sizeof name, "%s, %zu hashes, %zu queries, radius %u, engine %d", what, f->count,
             f->n, radius, (int)engine);
    phash_scratch_force(f->scratch, engine);
    f->found.count = 0;
    ck_assert_int_eq(phash_segment_search(f->segment, f->removed, f->queries, f->n, radius,
                                          f->scratch, &f->found, NULL),
                     PHASH_OK);
    ck_assert_int_eq(phash_matches_sort(&f->found), PHASH_OK);
    matches_compare(&f->expected, &f->found, name);
}

static void expect(fixture *f, uint32_t radius)
{
    brute_force(f->hashes, f->ids, f->hidden, f->count, f->queries, f->n, f->bits, radius,
                &f->expected);
}

static const phash_index_engine engines[] = {PHASH_INDEX_AUTO, PHASH_INDEX_FLAT, PHASH_INDEX_MULTI};

/* Large sets are smaller in slow builds, but not small. */
static size_t shared(size_t count)
{
    return count <= 1000 ? count : 1000 + (size_t)test_share((int)count - 1000);
}

/* Of a radius for 256 bits the one for `bits`. */
static uint32_t scaled(uint32_t radius, uint32_t bits)
{
    return bits == 256 ? radius : radius == 31 ? 10 : radius * bits / 256;
}

START_TEST(every_shape_and_radius)
{
    const enum data_shape shape = (enum data_shape)(_i % DATA_SHAPES);
    const uint32_t bits = _i / DATA_SHAPES ? 64 : 256;
    fixture f;
    setup(&f, shape, 1200, 12, bits, bits == 64 ? 10 : 31, PHASH_INDEX_MULTI, 2);
    const uint32_t step = 100u / (uint32_t)test_share(100);
    for (uint32_t radius = 0; radius <= bits; radius += radius + step <= bits ? step : 1) {
        expect(&f, radius);
        for (size_t e = 0; e < 3; e++)
            check_radius(&f, engines[e], radius, data_names[shape]);
    }
    teardown(&f);
}
END_TEST

START_TEST(sizes)
{
    static const size_t counts[] = {0, 1, 2, 3, 63, 64, 65, 511, 512, 513, 1000, 5000, 20000};
    const size_t count = shared(counts[_i / 2]);
    const uint32_t bits = _i % 2 ? 64 : 256;
    for (int shape = 0; shape < DATA_SHAPES; shape++)
        for (size_t build = 0; build < 3; build++) {
            fixture f;
            setup(&f, (enum data_shape)shape, count, 20, bits, scaled(31, bits), engines[build], 0);
            static const uint32_t radii[] = {0, 15, 31, 47, 63};
            for (size_t r = 0; r < sizeof radii / sizeof radii[0]; r++) {
                const uint32_t radius = scaled(radii[r], bits);
                expect(&f, radius);
                for (size_t e = 0; e < 3; e++)
                    check_radius(&f, engines[e], radius, data_names[shape]);
            }
            teardown(&f);
        }
}
END_TEST

START_TEST(many)
{
    static const enum data_shape shapes[] = {DATA_UNIFORM, DATA_CLUSTERED, DATA_DUPLICATES,
                                             DATA_EQUAL};
    const enum data_shape shape = shapes[_i / 2];
    const uint32_t bits = _i % 2 ? 64 : 256;
    fixture f;
    setup(&f, shape, shared(200000), 12, bits, scaled(31, bits), PHASH_INDEX_AUTO, 0);
    static const uint32_t radii[] = {0, 31, 70};
    for (size_t r = 0; r < 3; r++) {
        const uint32_t radius = scaled(radii[r], bits);
        expect(&f, radius);
        for (size_t e = 0; e < 3; e++)
            check_radius(&f, engines[e], radius, data_names[shape]);
    }
    teardown(&f);
}
END_TEST

/* Every layout of buckets, the fullest of which overflow, query by query and chunk by chunk. */
START_TEST(layouts)
{
    const enum data_shape shape = (enum data_shape)(_i % DATA_SHAPES);
    const uint32_t bits = _i / DATA_SHAPES ? 64 : 256;
    for (int layout = PHASH_SEGMENT_RUNS; layout <= PHASH_SEGMENT_WIDE; layout++) {
        fixture f;
        setup_as(&f, shape, 3000 + (size_t)_i * 997, 24,
                 (phash_segment_options){.bits = bits,
                                         .radius = scaled(31, bits),
                                         .engine = PHASH_INDEX_MULTI,
                                         .threads = 2,
                                         .layout = (phash_segment_layout)layout});
        static const uint32_t radii[] = {0, 12, 31, 55};
        for (size_t r = 0; r < sizeof radii / sizeof radii[0]; r++) {
            const uint32_t radius = scaled(radii[r], bits);
            expect(&f, radius);
            for (uint32_t window = 0; window <= 1 << 13; window = window ? window * 16 : 32) {
                phash_scratch_group(f.scratch, window);
                check_radius(&f, PHASH_INDEX_MULTI, radius, data_names[shape]);
            }
        }
        teardown(&f);
    }
}
END_TEST

/* Built by one thread or by several, in one stretch or in many: the same, byte for byte, and sound. */
START_TEST(threads)
{
    enum { BUILDS = 4 };
    const size_t count = shared(70000);
    const enum data_shape shape = (enum data_shape)_i;
    uint8_t *hashes = malloc(count * 32);
    data_fill(shape, test_seed(), count, 256, hashes);
    for (int layout = PHASH_SEGMENT_RUNS; layout <= PHASH_SEGMENT_WIDE; layout++) {
        phash_segment *built[BUILDS];
        static const uint32_t counts[BUILDS] = {1, 2, 3, 64};
        phash_section sections[BUILDS][PHASH_SEGMENT_SECTIONS_MAX];
        size_t n = 0;
        for (size_t b = 0; b < BUILDS; b++) {
            const phash_segment_options options = {.bits = 256,
                                                   .radius = 31,
                                                   .engine = PHASH_INDEX_MULTI,
                                                   .threads = counts[b],
                                                   .layout = (phash_segment_layout)layout};
            ck_assert_int_eq(phash_segment_build(hashes, NULL, count, &options, &built[b], NULL),
                             PHASH_OK);
            ck_assert_int_eq(phash_segment_validate(built[b], NULL), PHASH_OK);
            n = phash_segment_sections(built[b], sections[b]);
            ck_assert_uint_eq(n, phash_segment_sections(built[0], sections[0]));
            for (size_t i = 0; i < n; i++) {
                ck_assert_uint_eq(sections[b][i].kind, sections[0][i].kind);
                ck_assert_uint_eq(sections[b][i].bytes, sections[0][i].bytes);
                ck_assert(!memcmp(sections[b][i].data, sections[0][i].data, sections[0][i].bytes));
            }
        }
        ck_assert_uint_gt(n, 4);
        for (size_t b = 0; b < BUILDS; b++)
            phash_segment_free(&built[b]);
    }
    free(hashes);
}
END_TEST

/* A batch is the sum of its queries, whatever its size. */
START_TEST(batches)
{
    static const size_t batch[] = {0, 1, 2, 3, 4, 5, 60, 61, 511, 512, 513, 1025, 5000};
    const uint32_t bits = _i / 2 ? 64 : 256, radius = scaled(31, bits);
    fixture f;
    setup(&f, _i % 2 ? DATA_CLUSTERED : DATA_UNIFORM, shared(6000), 5000, bits, radius,
          PHASH_INDEX_MULTI, 2);
    phash_matches all = PHASH_MATCHES_INIT;
    f.n = 5000;
    expect(&f, radius);
    all = f.expected;
    for (size_t i = 0; i < sizeof batch / sizeof batch[0]; i++) {
        size_t cut = 0;
        while (cut < all.count && all.items[cut].query < batch[i])
            cut++;
        f.expected.count = cut;
        f.n = batch[i];
        for (size_t e = 0; e < 3; e++)
            check_radius(&f, engines[e], radius, "batch");
        /* Chunk by chunk, as only large indexes are searched: with windows of one bucket and more. */
        for (uint32_t window = 32; window <= 1 << 14; window *= 8) {
            phash_scratch_group(f.scratch, window);
            check_radius(&f, PHASH_INDEX_MULTI, radius, "grouped batch");
        }
        phash_scratch_group(f.scratch, 0);
    }
    teardown(&f);
}
END_TEST

/* Removed slots never appear, in segments and in arrays; the rest does. */
START_TEST(removed)
{
    const enum data_shape shape = (enum data_shape)(_i % DATA_SHAPES);
    const uint32_t bits = _i / DATA_SHAPES ? 64 : 256;
    fixture f;
    setup(&f, shape, 5000, 40, bits, scaled(31, bits), PHASH_INDEX_MULTI, 2);
    uint64_t state = test_seed() + 9;
    phash_segment_info info;
    phash_segment_info_get(f.segment, &info);
    ck_assert_uint_eq(info.pairs, f.count);
    /* Slots are in an order of their own: take hashes and ids from them. */
    phash_segment_read(f.segment, 0, f.count, f.hashes, f.ids);
    f.hidden = calloc(f.count, 1);
    f.removed = calloc(f.count / 64 + 1, 8);
    for (size_t i = 0; i < f.count; i++)
        if (test_random(&state) % 3 == 0) {
            f.hidden[i] = 1;
            f.removed[i / 64] |= UINT64_C(1) << i % 64;
        }
    static const uint32_t radii[] = {0, 20, 31, 60};
    for (size_t r = 0; r < 4; r++) {
        const uint32_t radius = scaled(radii[r], bits);
        expect(&f, radius);
        for (size_t e = 0; e < 3; e++)
            check_radius(&f, engines[e], radius, data_names[shape]);
        const phash_flat flat = {f.hashes, f.ids, f.count, bits};
        for (size_t n = 1; n <= f.n; n += 39) {
            size_t cut = 0;
            while (cut < f.expected.count && f.expected.items[cut].query < n)
                cut++;
            phash_matches part = {f.expected.items, cut, cut};
            f.found.count = 0;
            ck_assert_int_eq(phash_flat_search(&flat, f.removed, f.queries, n, radius, f.scratch,
                                               &f.found, NULL),
                             PHASH_OK);
            ck_assert_int_eq(phash_matches_sort(&f.found), PHASH_OK);
            matches_compare(&part, &f.found, "array");
        }
    }
    teardown(&f);
}
END_TEST

START_TEST(nearest)
{
    const enum data_shape shape = (enum data_shape)(_i % DATA_SHAPES);
    const uint32_t bits = _i / DATA_SHAPES ? 64 : 256;
    fixture f;
    setup(&f, shape, 3000, 24, bits, scaled(31, bits), PHASH_INDEX_MULTI, 2);
    static const uint32_t ks[] = {1, 2, 10, 4000};
    static const uint32_t radii[] = {0, 10, 31, 256};
    for (size_t r = 0; r < 4; r++)
        for (size_t i = 0; i < 4; i++) {
            const uint32_t radius = scaled(radii[r], bits);
            expect(&f, radius);
            brute_cut(&f.expected, ks[i]);
            for (size_t e = 0; e < 3; e++) {
                phash_scratch_force(f.scratch, engines[e]);
                f.found.count = 0;
                ck_assert_int_eq(phash_segment_nearest(f.segment, NULL, f.queries, f.n, ks[i],
                                                       radius, f.scratch, &f.found, NULL),
                                 PHASH_OK);
                ck_assert_int_eq(phash_matches_sort(&f.found), PHASH_OK);
                matches_compare(&f.expected, &f.found, "nearest");
            }
            const phash_flat flat = {f.hashes, f.ids, f.count, bits};
            f.found.count = 0;
            ck_assert_int_eq(phash_flat_nearest(&flat, NULL, f.queries, f.n, ks[i], radius,
                                                f.scratch, &f.found, NULL),
                             PHASH_OK);
            ck_assert_int_eq(phash_matches_sort(&f.found), PHASH_OK);
            matches_compare(&f.expected, &f.found, "nearest of an array");
        }
    teardown(&f);
}
END_TEST

/* Copies of the sections, each of exactly its length: what lies behind is the sanitizer's. */
static size_t copy_sections(const phash_segment *segment, phash_section *copies)
{
    const size_t n = phash_segment_sections(segment, copies);
    for (size_t i = 0; i < n; i++) {
        void *data = NULL;
        ck_assert_int_eq(posix_memalign(&data, 64, copies[i].bytes), 0);
        memcpy(data, copies[i].data, copies[i].bytes);
        copies[i].data = data;
    }
    return n;
}

static void free_sections(phash_section *sections, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)sections[i].data);
}

START_TEST(attached)
{
    const uint32_t bits = _i ? 64 : 256, radius = scaled(31, bits);
    for (int shape = 0; shape < DATA_SHAPES; shape++)
        for (size_t e = 0; e < 5; e++) {
            fixture f;
            if (e < 3)
                setup(&f, (enum data_shape)shape, 5000, 30, bits, radius, engines[e], 2);
            else
                setup_as(&f, (enum data_shape)shape, 5000, 30,
                         (phash_segment_options){.bits = bits,
                                                 .radius = radius,
                                                 .engine = PHASH_INDEX_MULTI,
                                                 .threads = 2,
                                                 .layout = e == 3 ? PHASH_SEGMENT_LINES
                                                                  : PHASH_SEGMENT_WIDE});
            phash_section copies[PHASH_SEGMENT_SECTIONS_MAX];
            const size_t n = copy_sections(f.segment, copies);
            phash_segment_free(&f.segment);
            ck_assert_int_eq(phash_segment_attach(copies, n, &f.segment, NULL), PHASH_OK);
            ck_assert_int_eq(phash_segment_validate(f.segment, NULL), PHASH_OK);
            expect(&f, radius);
            check_radius(&f, PHASH_INDEX_AUTO, radius, "attached");
            phash_segment_free(&f.segment);
            /* Every section too short, too long, missing, twice. */
            for (size_t i = 0; i < n; i++)
                for (int change = 0; change < 4; change++) {
                    phash_section bad[PHASH_SEGMENT_SECTIONS_MAX + 1];
                    memcpy(bad, copies, sizeof copies);
                    size_t m = n;
                    if (change == 0)
                        bad[i].bytes -= 2;
                    else if (change == 1)
                        bad[i].bytes += 1;
                    else if (change == 2)
                        bad[i] = bad[--m];
                    else
                        bad[m++] = bad[i];
                    if (change == 0 && bad[i].kind == 7)
                        continue; /* the overflow of lines has no length of its own */
                    phash_error error = PHASH_ERROR_INIT;
                    ck_assert_int_ne(phash_segment_attach(bad, m, &f.segment, &error), PHASH_OK);
                    ck_assert_ptr_null(f.segment);
                    ck_assert_int_ne(error.message[0], 0);
                }
            free_sections(copies, n);
            teardown(&f);
        }
}
END_TEST

/* Changed sections give wrong answers at worst. What is read out of bounds, address sanitizer and
 * the guard of exact lengths find. */
START_TEST(damaged)
{
    fixture f;
    const uint32_t bits = _i / 4 % 2 ? 64 : 256, radius = scaled(31, bits);
    setup_as(&f, _i % 2 ? DATA_DUPLICATES : DATA_CLUSTERED, _i % 4 < 2 ? 6000 : 40000, 40,
             (phash_segment_options){.bits = bits,
                                     .radius = radius,
                                     .engine = PHASH_INDEX_MULTI,
                                     .threads = 2,
                                     .layout = _i < 8 ? PHASH_SEGMENT_ANY : PHASH_SEGMENT_WIDE});
    uint64_t state = test_seed() + 11 + (uint64_t)_i;
    phash_section copies[PHASH_SEGMENT_SECTIONS_MAX];
    const size_t n = copy_sections(f.segment, copies);
    phash_segment_free(&f.segment);
    for (int round = 0; round < test_share(600); round++) {
        phash_section *section = &copies[test_random(&state) % n];
        uint8_t *data = (uint8_t *)(uintptr_t)section->data;
        const size_t at = test_random(&state) % section->bytes;
        const uint8_t before = data[at];
        data[at] = (uint8_t)(round % 2 ? test_random(&state) : 0xff);
        if (phash_segment_attach(copies, n, &f.segment, NULL) == PHASH_OK) {
            (void)phash_segment_validate(f.segment, NULL);
            f.found.count = 0;
            for (size_t e = 0; e < 3; e++) {
                phash_scratch_force(f.scratch, engines[e]);
                ck_assert_int_eq(phash_segment_search(f.segment, NULL, f.queries, 8, radius,
                                                      f.scratch, &f.found, NULL),
                                 PHASH_OK);
            }
            uint8_t out[32];
            phash_segment_read(f.segment, f.count - 1, 1, out, NULL);
            phash_segment_free(&f.segment);
        }
        if (round % 8) /* let some of the damage stay */
            data[at] = before;
        else if (section->kind == 1)
            data[at] = before;
    }
    /* Of sections that say where others' parts lie not a byte is right now: those are refused. */
    size_t refused = 0;
    for (size_t i = 0; i < n; i++) {
        memset((void *)(uintptr_t)copies[i].data, 0xff, copies[i].bytes);
        refused += phash_segment_attach(copies, n, &f.segment, NULL) != PHASH_OK;
        phash_segment_free(&f.segment);
    }
    ck_assert_uint_gt(refused, 0);
    free_sections(copies, n);
    teardown(&f);
}
END_TEST

START_TEST(arguments)
{
    phash_segment *segment = NULL;
    phash_scratch *scratch;
    phash_matches found = PHASH_MATCHES_INIT;
    uint8_t hash[32] = {0};
    phash_segment_options options = {.bits = 256, .radius = 31, .threads = 1};
    ck_assert_int_eq(phash_scratch_new(&scratch), PHASH_OK);
    ck_assert_int_eq(phash_segment_build(hash, NULL, 1, &options, NULL, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_segment_build(NULL, NULL, 1, &options, &segment, NULL),
                     PHASH_E_ARGUMENT);
    options.bits = 128;
    ck_assert_int_eq(phash_segment_build(hash, NULL, 1, &options, &segment, NULL),
                     PHASH_E_ARGUMENT);
    options.bits = 256, options.radius = 257;
    ck_assert_int_eq(phash_segment_build(hash, NULL, 1, &options, &segment, NULL),
                     PHASH_E_ARGUMENT);
    options.radius = 31;
    ck_assert_int_eq(phash_segment_build(hash, NULL, 1, &options, &segment, NULL), PHASH_OK);
    ck_assert_int_eq(phash_segment_search(segment, NULL, hash, 1, 257, scratch, &found, NULL),
                     PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_segment_search(segment, NULL, NULL, 1, 31, scratch, &found, NULL),
                     PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_segment_nearest(segment, NULL, hash, 1, 0, 31, scratch, &found, NULL),
                     PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_segment_search(segment, NULL, hash, 1, 0, scratch, &found, NULL),
                     PHASH_OK);
    ck_assert_uint_eq(found.count, 1);
    ck_assert_uint_eq(found.items[0].id, 0); /* ids default to 0 .. n - 1 */
    phash_segment_free(&segment);
    phash_segment_free(&segment);
    phash_segment_free(NULL);
    phash_scratch_free(&scratch);
    phash_scratch_free(NULL);
    phash_matches_free(&found);
    phash_matches_free(NULL);
    ck_assert_int_eq(phash_segment_attach(NULL, 0, &segment, NULL), PHASH_E_TRUNCATED);
}
END_TEST

/* Sorting by radix and by insertion. */
START_TEST(sorting)
{
    uint64_t state = test_seed() + 12;
    phash_matches m = PHASH_MATCHES_INIT;
    for (size_t n = 0; n < 3000; n = n * 3 / 2 + 1) {
        m.count = 0;
        ck_assert_int_eq(phash_matches_reserve(&m, n), PHASH_OK);
        for (size_t i = 0; i < n; i++)
            m.items[m.count++] =
                (phash_match){test_random(&state) >> test_random(&state) % 64,
                              (uint32_t)(test_random(&state) >> (32 + test_random(&state) % 32)),
                              (uint32_t)(test_random(&state) % 257)};
        ck_assert_int_eq(phash_matches_sort(&m), PHASH_OK);
        for (size_t i = 1; i < n; i++) {
            const phash_match *a = &m.items[i - 1], *b = &m.items[i];
            ck_assert(a->query < b->query ||
                      (a->query == b->query && (a->distance < b->distance ||
                                                (a->distance == b->distance && a->id <= b->id))));
        }
    }
    phash_matches_free(&m);
}
END_TEST

#ifdef VECTORS
/* The pairs that the reference found, at radius 31 and 63. */
static size_t read_hashes(const char *name, uint8_t *out, size_t room)
{
    FILE *f = fopen(name, "r");
    if (!f)
        return 0;
    char line[128];
    size_t n = 0;
    for (; n < room && fgets(line, sizeof line, f); n++)
        for (size_t i = 0; i < 32; i++) {
            unsigned byte;
            ck_assert_int_eq(sscanf(line + 2 * i, "%2x", &byte), 1);
            out[32 * n + i] = (uint8_t)byte;
        }
    fclose(f);
    return n;
}

START_TEST(shared_vectors)
{
    enum { ROOM = 4096 };
    static uint8_t hay[32 * ROOM], needles[32 * ROOM];
    const size_t count = read_hashes(VECTORS "/search/haystack.txt", hay, ROOM);
    const size_t n = read_hashes(VECTORS "/search/needles.txt", needles, ROOM);
    if (!count)
        return; /* not on this machine; brute force is the judge everywhere else */
    phash_segment *segment;
    phash_scratch *scratch;
    const phash_segment_options options = {
        .bits = 256, .radius = 31, .engine = PHASH_INDEX_MULTI, .threads = 2};
    ck_assert_int_eq(phash_segment_build(hay, NULL, count, &options, &segment, NULL), PHASH_OK);
    ck_assert_int_eq(phash_scratch_new(&scratch), PHASH_OK);
    for (uint32_t radius = 31; radius <= 63; radius += 32) {
        char name[512], line[128];
        snprintf(name, sizeof name, "%s/search/expected-r%u.tsv", VECTORS, radius);
        FILE *f = fopen(name, "r");
        ck_assert_ptr_nonnull(f);
        phash_matches expected = PHASH_MATCHES_INIT, found = PHASH_MATCHES_INIT;
        ck_assert_int_eq(phash_matches_reserve(&expected, ROOM), PHASH_OK);
        while (fgets(line, sizeof line, f)) {
            unsigned q, d;
            unsigned long long id;
            if (sscanf(line, "%u %llu %u", &q, &id, &d) == 3)
                expected.items[expected.count++] = (phash_match){id, q, d};
        }
        fclose(f);
        ck_assert_uint_gt(expected.count, 100);
        ck_assert_int_eq(phash_matches_sort(&expected), PHASH_OK);
        for (size_t e = 0; e < 3; e++) {
            phash_scratch_force(scratch, engines[e]);
            found.count = 0;
            ck_assert_int_eq(
                phash_segment_search(segment, NULL, needles, n, radius, scratch, &found, NULL),
                PHASH_OK);
            ck_assert_int_eq(phash_matches_sort(&found), PHASH_OK);
            matches_compare(&expected, &found, name);
        }
        phash_matches_free(&expected);
        phash_matches_free(&found);
    }
    phash_segment_free(&segment);
    phash_scratch_free(&scratch);
}
END_TEST
#endif

static Suite *suite(void)
{
    Suite *s = suite_create("segment");
    TCase *t = tcase_create("brute force");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_shape_and_radius, 0, 2 * DATA_SHAPES);
    tcase_add_loop_test(t, sizes, 0, 26);
    tcase_add_loop_test(t, many, 0, 8);
    tcase_add_loop_test(t, layouts, 0, 2 * DATA_SHAPES);
    tcase_add_loop_test(t, threads, 0, DATA_SHAPES);
    tcase_add_loop_test(t, batches, 0, 4);
    tcase_add_loop_test(t, removed, 0, 2 * DATA_SHAPES);
    tcase_add_loop_test(t, nearest, 0, 2 * DATA_SHAPES);
    tcase_add_loop_test(t, attached, 0, 2);
    tcase_add_loop_test(t, damaged, 0, 12);
    tcase_add_test(t, arguments);
    tcase_add_test(t, sorting);
#ifdef VECTORS
    tcase_add_test(t, shared_vectors);
#endif
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
