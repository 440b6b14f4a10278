/* The table of recent pairs against brute force, under every instruction set that tests its lines:
 * hashes of every shape, while the table grows, with rows hidden and rows that a search does not see
 * yet; readers beside the writer; and the index that keeps its changes there. */
#include "check_main.h"
#include "index/data.h"
#include "index/recent.h"
#include "live_model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { ROWS = 6000, QUERIES = 60 };

static phash_scratch *scratch;
static uint8_t hashes[ROWS * 32], queries[QUERIES * 32], hidden[ROWS];
static uint64_t ids[ROWS], removed[ROWS / 64 + 1];

static void setup(void)
{
    ck_assert_int_eq(phash_scratch_new(&scratch), PHASH_OK);
    for (size_t i = 0; i < ROWS; i++)
        ids[i] = i * 3 + 7;
}

static void teardown(void)
{
    phash_scratch_free(&scratch);
}

/* The tests of lines that this machine has, under the mask. */
static size_t testers(phash_recent_test **out)
{
    static const uint32_t sets[] = {0, PHASH_CPU_AVX2, PHASH_CPU_AVX512};
    size_t n = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if ((phash_cpu_active() & sets[i]) == sets[i])
            out[n++] = phash_recent_test_for(sets[i]);
    return n;
}

START_TEST(lines)
{
    enum { LINES = 64, AT = 1000 };
    static _Alignas(64) uint32_t words[LINES * PHASH_RECENT_LINE];
    uint32_t at[AT], codes[AT];
    uint16_t near[AT];
    uint64_t state = test_seed();
    for (size_t i = 0; i < LINES * PHASH_RECENT_LINE; i++)
        words[i] = (uint32_t)test_random(&state);
    for (size_t i = 0; i < AT; i++) {
        at[i] = (uint32_t)test_random(&state) % LINES;
        codes[i] = words[test_random(&state) % PHASH_RECENT_LINE + at[i] * PHASH_RECENT_LINE];
        for (uint64_t flips = test_random(&state) % 6; flips; flips--)
            codes[i] ^= UINT32_C(1) << test_random(&state) % 17;
        codes[i] &= 0x1ffff;
    }
    phash_recent_test *test[3];
    for (size_t t = testers(test); t--;) {
        memset(near, 0xff, sizeof near);
        test[t](words, at, codes, AT, near);
        for (size_t i = 0; i < AT; i++)
            for (uint32_t e = 0; e < 16; e++) {
                const uint32_t x = (words[at[i] * PHASH_RECENT_LINE + e] ^ codes[i]) & 0x1ffff;
                const bool want = e < 15 && __builtin_popcount(x) <= 3;
                ck_assert_uint_eq(near[i] >> e & 1, want);
            }
    }
}
END_TEST

static void compare(const phash_recent *t, size_t count, uint32_t bits, uint32_t radius,
                    const char *what)
{
    phash_matches want = PHASH_MATCHES_INIT;
    const phash_flat flat = {hashes, ids, count, bits};
    const phash_source source = phash_flat_source(&flat, removed);
    brute_force(hashes, ids, hidden, count, queries, QUERIES, bits, radius, &want);
    phash_recent_test *test[3];
    for (size_t i = testers(test); i--;) {
        phash_matches found = PHASH_MATCHES_INIT;
        ck_assert_int_eq(
            phash_recent_search(t, &source, queries, QUERIES, radius, test[i], scratch, &found),
            PHASH_OK);
        ck_assert_int_eq(phash_matches_sort(&found), PHASH_OK);
        matches_compare(&want, &found, what);
        phash_matches_free(&found);
    }
    phash_matches_free(&want);
}

static void shape(enum data_shape kind, uint32_t bits, size_t capacity)
{
    uint64_t state = test_seed() ^ bits ^ (uint64_t)kind << 20;
    data_fill(kind, test_random(&state), capacity, bits, hashes);
    data_queries(kind, test_random(&state), hashes, capacity, QUERIES, bits, queries);
    memset(hidden, 0, sizeof hidden);
    memset(removed, 0, sizeof removed);
    phash_recent *t = phash_recent_new(capacity, bits / 64);
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(phash_recent_capacity(t), capacity);
    const uint32_t most = bits / 8 - 1;
    ck_assert(phash_recent_covers(bits, most) && !phash_recent_covers(bits, most + 1));
    size_t count = 0;
    while (count < capacity) {
        size_t to = count + 1 + test_random(&state) % (capacity / 3 + 1);
        for (to = to < capacity ? to : capacity; count < to; count++)
            phash_recent_add(t, hashes + count * (bits / 8), count);
        for (int i = 0; i < 20; i++) {
            const size_t slot = test_random(&state) % count;
            hidden[slot] = 1;
            removed[slot / 64] |= UINT64_C(1) << slot % 64;
        }
        compare(t, count, bits, most, data_names[kind]);
        compare(t, count, bits, (uint32_t)(test_random(&state) % most), data_names[kind]);
        compare(t, count / 2, bits, most, data_names[kind]); /* rows that came later do not show */
    }
    /* Nothing to keep beyond its rows. */
    phash_recent_add(t, hashes, capacity);
    compare(t, capacity, bits, most, data_names[kind]);
    if (kind == DATA_UNIFORM && bits == 256)
        ck_assert(phash_recent_pays(t, capacity));
    if (kind == DATA_EQUAL && capacity > 1000)
        ck_assert(!phash_recent_pays(t, capacity));
    phash_recent_free(&t);
    ck_assert_ptr_null(t);
}

START_TEST(shapes)
{
    static const size_t capacities[] = {1, 100, 2048, ROWS};
    for (enum data_shape s = 0; s < DATA_SHAPES; s++)
        for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
            shape(s, 256, capacities[i]);
            shape(s, 64, capacities[i]);
        }
}
END_TEST

START_TEST(sizes)
{
    ck_assert_ptr_null(phash_recent_new(PHASH_RECENT_ROWS + 1, 4));
    ck_assert_ptr_null(phash_recent_new(100, 3));
    phash_recent_free(NULL);
    phash_recent *t = phash_recent_new(PHASH_RECENT_ROWS, 4);
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_lt(phash_recent_memory(t), UINT64_C(2700) * PHASH_RECENT_ROWS);
    /* The last row is found like any other. */
    uint8_t *all = calloc(PHASH_RECENT_ROWS, 32);
    uint64_t *numbers = calloc(PHASH_RECENT_ROWS, sizeof *numbers);
    data_fill(DATA_UNIFORM, test_seed(), PHASH_RECENT_ROWS, 256, all);
    for (size_t i = 0; i < PHASH_RECENT_ROWS; i++) {
        numbers[i] = i;
        phash_recent_add(t, all + i * 32, i);
    }
    ck_assert(phash_recent_pays(t, PHASH_RECENT_ROWS));
    const phash_flat flat = {all, numbers, PHASH_RECENT_ROWS, 256};
    const phash_source source = phash_flat_source(&flat, NULL);
    phash_matches found = PHASH_MATCHES_INIT;
    ck_assert_int_eq(phash_recent_search(t, &source, all, PHASH_RECENT_ROWS, 31,
                                         phash_recent_test_for(phash_cpu_active()), scratch,
                                         &found),
                     PHASH_OK);
    ck_assert_int_eq(phash_matches_sort(&found), PHASH_OK);
    ck_assert_uint_ge(found.count, PHASH_RECENT_ROWS);
    size_t at = 0;
    for (uint32_t q = 0; q < PHASH_RECENT_ROWS; q++) {
        ck_assert_uint_eq(found.items[at].query, q);
        ck_assert_uint_eq(found.items[at].id, q);
        ck_assert_uint_eq(found.items[at].distance, 0);
        while (at < found.count && found.items[at].query == q)
            at++;
    }
    phash_matches_free(&found);
    phash_recent_free(&t);
    free(all);
    free(numbers);
}
END_TEST

/* ---- readers beside the writer ---- */

static phash_recent *shared;
static _Atomic size_t added;
static atomic_ulong missed;

static void *reader(void *data)
{
    uint64_t state = test_seed() + (uintptr_t)data;
    phash_scratch *own;
    phash_matches found = PHASH_MATCHES_INIT;
    if (phash_scratch_new(&own))
        return data;
    for (size_t count = 0; count < ROWS;) {
        count = atomic_load_explicit(&added, memory_order_acquire);
        if (!count)
            continue;
        const phash_flat flat = {hashes, ids, count, 256};
        const phash_source source = phash_flat_source(&flat, NULL);
        size_t row = test_random(&state) % count;
        if (test_random(&state) % 2)
            row = count - 1;
        found.count = 0;
        if (phash_recent_search(shared, &source, hashes + row * 32, 1, 31,
                                phash_recent_test_for(phash_cpu_active()), own, &found))
            atomic_fetch_add(&missed, 1);
        size_t hits = 0;
        for (size_t i = 0; i < found.count; i++) {
            hits += found.items[i].id == ids[row];
            if (found.items[i].id > ids[count - 1])
                atomic_fetch_add(&missed, 1);
        }
        if (hits != 1)
            atomic_fetch_add(&missed, 1);
    }
    phash_matches_free(&found);
    phash_scratch_free(&own);
    return NULL;
}

START_TEST(readers_beside_the_writer)
{
    static const enum data_shape kinds[] = {DATA_UNIFORM, DATA_CLUSTERED, DATA_DUPLICATES};
    for (size_t k = 0; k < 3; k++) {
        data_fill(kinds[k], test_seed(), ROWS, 256, hashes);
        shared = phash_recent_new(ROWS, 4);
        ck_assert_ptr_nonnull(shared);
        atomic_store(&added, 0);
        pthread_t threads[2];
        for (uintptr_t i = 0; i < 2; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, (void *)(i + 1)), 0);
        for (size_t i = 0; i < ROWS; i++) {
            phash_recent_add(shared, hashes + i * 32, i);
            atomic_store_explicit(&added, i + 1, memory_order_release);
        }
        for (size_t i = 0; i < 2; i++) {
            void *failed;
            pthread_join(threads[i], &failed);
            ck_assert_ptr_null(failed);
        }
        ck_assert_uint_eq(atomic_load(&missed), 0);
        phash_recent_free(&shared);
    }
}
END_TEST

/* ---- the index ---- */

START_TEST(changes_between_folds)
{
    uint64_t state = test_seed();
    model m = {NULL, 0, 0};
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_MANUAL;
    phash_index *index;
    ck_assert_int_eq(phash_index_build(NULL, NULL, 0, &options, &index, NULL), PHASH_OK);
    static const size_t steps[] = {3000, 1, 900, 2500, 30000, 4000};
    phash_hash256 *more = calloc(30000, sizeof *more);
    uint64_t *numbers = calloc(30000, sizeof *numbers);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        uint64_t gone[100], count, want = 0;
        for (size_t i = 0; i < steps[s]; i++) {
            random_hash(&state, &more[i]);
            numbers[i] = test_random(&state) % 60000;
            model_add(&m, &more[i], numbers[i]);
        }
        ck_assert_int_eq(phash_index_add(index, more, numbers, NULL, steps[s], NULL), PHASH_OK);
        for (size_t i = 0; i < 100; i++) {
            gone[i] = test_random(&state) % 60000;
            want += model_remove(&m, gone[i]);
        }
        ck_assert_int_eq(phash_index_remove(index, gone, 100, 0, &count, NULL), PHASH_OK);
        ck_assert_uint_eq(count, want);
        for (size_t i = 20; i < QUERIES && i < steps[s] + 20; i++)
            more[i - 20] = m.pairs[test_random(&state) % m.count].hash;
        const size_t n = steps[s] < QUERIES ? steps[s] : QUERIES;
        ck_assert(model_agrees(&m, index, more, n, 31));
        ck_assert(model_agrees(&m, index, more, 1, 31));
        ck_assert(model_agrees(&m, index, more, n, 12));
        ck_assert(model_agrees(&m, index, more, n, 40));
        ck_assert(model_same_pairs(&m, index));
        if (s == 2) /* the next delta has a table from the start */
            ck_assert_int_eq(phash_index_compact(index, 0, NULL), PHASH_OK);
    }
    free(more);
    free(numbers);
    phash_index_free(&index);
    model_free(&m);
}
END_TEST

/* The k nearest, and hashes of 64 bits, with all pairs in the delta. */
START_TEST(nearest)
{
    for (uint32_t bits = 64; bits <= 256; bits += 192) {
        phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
        options.flags = PHASH_INDEX_MANUAL;
        options.bits = bits;
        options.radius = bits / 8 - 1;
        phash_index *index;
        phash_searcher *searcher;
        ck_assert_int_eq(phash_index_build(NULL, NULL, 0, &options, &index, NULL), PHASH_OK);
        ck_assert_int_eq(phash_searcher_new(index, &searcher), PHASH_OK);
        data_fill(DATA_CLUSTERED, test_seed(), ROWS, bits, hashes);
        data_queries(DATA_CLUSTERED, test_seed(), hashes, ROWS, QUERIES, bits, queries);
        ck_assert_int_eq(phash_index_add(index, hashes, ids, NULL, ROWS, NULL), PHASH_OK);
        memset(hidden, 0, sizeof hidden);
        for (size_t i = 0; i < ROWS; i += 37) {
            ck_assert_int_eq(phash_index_remove(index, &ids[i], 1, 0, NULL, NULL), PHASH_OK);
            hidden[i] = 1;
        }
        static const uint32_t ks[] = {0, 1, 10};
        const uint32_t radii[] = {options.radius, options.radius + 1, bits};
        for (size_t k = 0; k < 3; k++)
            for (size_t r = 0; r < 3; r++) {
                phash_matches want = PHASH_MATCHES_INIT, found = PHASH_MATCHES_INIT;
                brute_force(hashes, ids, hidden, ROWS, queries, QUERIES, bits, radii[r], &want);
                if (ks[k])
                    brute_cut(&want, ks[k]);
                ck_assert_int_eq(
                    ks[k] ? phash_search_nearest(searcher, queries, QUERIES, ks[k], radii[r],
                                                 &found, NULL)
                          : phash_search_radius(searcher, queries, QUERIES, radii[r], &found, NULL),
                    PHASH_OK);
                matches_compare(&want, &found, "in the delta");
                phash_matches_free(&want);
                phash_matches_free(&found);
            }
        phash_searcher_free(&searcher);
        phash_index_free(&index);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("recent");
    TCase *t = tcase_create("recent");
    tcase_set_timeout(t, 0);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, lines);
    tcase_add_test(t, shapes);
    tcase_add_test(t, sizes);
    tcase_add_test(t, readers_beside_the_writer);
    tcase_add_test(t, changes_between_folds);
    tcase_add_test(t, nearest);
    suite_add_tcase(s, t);
    return test_main(s);
}
