/* Segments against brute force: every engine, shape of data, size, radius, batch. */
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

static void setup(fixture *f, enum data_shape shape, size_t count, size_t n, uint32_t bits,
                  uint32_t radius, phash_index_engine engine, uint32_t threads)
{
    const uint64_t seed = test_seed();
    memset(f, 0, sizeof *f);
    f->count = count, f->n = n, f->bits = bits;
    f->hashes = malloc(count * bits / 8 + 1);
    f->queries = malloc(n * bits / 8 + 1);
    f->ids = malloc(count * 8 + 8);
    data_fill(shape, seed, count, bits, f->hashes);
    data_queries(shape, seed, f->hashes, count, n, bits, f->queries);
    for (size_t i = 0; i < count; i++)
        f->ids[i] = (i * UINT64_C(0x9E3779B97F4A7C15)) >> (i % 3 ? 1 : 40);
    const phash_segment_options options = {bits, radius, engine, threads};
    phash_error error = PHASH_ERROR_INIT;
    ck_assert_msg(phash_segment_build(f->hashes, f->ids, count, &options, &f->segment, &error) ==
                      PHASH_OK,
                  "%s", error.message);
    ck_assert_int_eq(phash_segment_validate(f->segment, &error), PHASH_OK);
    ck_assert_int_eq(phash_scratch_new(&f->scratch), PHASH_OK);
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

START_TEST(every_shape_and_radius)
{
    const enum data_shape shape = (enum data_shape)(_i % DATA_SHAPES);
    const uint32_t bits = _i / DATA_SHAPES ? 64 : 256;
    fixture f;
    setup(&f, shape, 1200, 12, bits, bits == 64 ? 10 : 31, PHASH_INDEX_MULTI, 2);
    for (uint32_t radius = 0; radius <= bits; radius++) {
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
    const size_t count = counts[_i];
    for (int shape = 0; shape < DATA_SHAPES; shape++)
        for (size_t build = 0; build < 3; build++) {
            fixture f;
            setup(&f, (enum data_shape)shape, count, 20, 256, 31, engines[build], 0);
            static const uint32_t radii[] = {0, 15, 31, 47, 63};
            for (size_t r = 0; r < sizeof radii / sizeof radii[0]; r++) {
                expect(&f, radii[r]);
                for (size_t e = 0; e < 3; e++)
                    check_radius(&f, engines[e], radii[r], data_names[shape]);
            }
            teardown(&f);
        }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("segment");
    TCase *t = tcase_create("brute force");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_shape_and_radius, 0, 2 * DATA_SHAPES);
    tcase_add_loop_test(t, sizes, 0, 13);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
