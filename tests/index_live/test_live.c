/* The live index, one thread: changes, files, labels, reading out, refreshing, erasing, against a
 * model. */
#define _DEFAULT_SOURCE
#include "check_main.h"
#include "live_model.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state;
static model m;
static phash_error error = PHASH_ERROR_INIT;

#define OK(call)                                                                                   \
    do {                                                                                           \
        const phash_status ok_ = (call);                                                           \
        ck_assert_msg(ok_ == PHASH_OK, "%s: %s: %s", #call, phash_status_name(ok_),                \
                      error.message);                                                              \
    } while (0)

static void setup(void)
{
    state = test_seed();
    m = (model){NULL, 0, 0};
    folder_new();
}

static void teardown(void)
{
    model_free(&m);
    folder_remove();
}

static phash_index_options manual(uint32_t flags)
{
    phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
    o.flags = flags | PHASH_INDEX_MANUAL;
    return o;
}

static void add_random(phash_index *index, size_t n, uint64_t ids_below)
{
    phash_hash256 *hashes = malloc(n * sizeof *hashes);
    uint64_t *ids = malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = test_random(&state) % ids_below;
        model_add(&m, &hashes[i], ids[i]);
    }
    OK(phash_index_add(index, hashes, ids, NULL, n, &error));
    free(hashes);
    free(ids);
}

static void remove_random(phash_index *index, size_t n, uint64_t ids_below, uint32_t flags)
{
    uint64_t *ids = malloc(n * sizeof *ids), removed, want = 0;
    for (size_t i = 0; i < n; i++) {
        ids[i] = test_random(&state) % ids_below;
        want += model_remove(&m, ids[i]);
    }
    OK(phash_index_remove(index, ids, n, flags, &removed, &error));
    ck_assert_uint_eq(removed, want);
    free(ids);
}

static void agrees(phash_index *index)
{
    phash_hash256 queries[40];
    for (size_t i = 0; i < 40; i++)
        random_hash(&state, &queries[i]);
    for (size_t i = 0; i < 10 && m.count; i++)
        queries[i] = m.pairs[test_random(&state) % m.count].hash;
    static const uint32_t radii[] = {0, 31, 63, 120};
    for (size_t i = 0; i < 4; i++)
        ck_assert(model_agrees(&m, index, queries, 40, radii[i]));
    ck_assert(model_agrees(&m, index, queries, 1, 31));
    ck_assert(model_same_pairs(&m, index));
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    ck_assert_int_eq(phash_index_stats_get(index, &stats), PHASH_OK);
    ck_assert_uint_eq(stats.count, m.count);
}

START_TEST(changes_in_memory)
{
    phash_index_options options = manual(0);
    phash_index *index;
    OK(phash_index_build(NULL, NULL, 0, &options, &index, &error));
    agrees(index);
    for (int round = 0; round < 12; round++) {
        add_random(index, 1 + test_random(&state) % 700, 3000);
        agrees(index);
        remove_random(index, test_random(&state) % 300 + 1, 3000, 0);
        agrees(index);
        if (round % 4 == 2)
            OK(phash_index_compact(index, 0, &error));
        if (round % 5 == 4)
            remove_random(index, 5, 3000, PHASH_REMOVE_ERASE);
        agrees(index);
    }
    phash_index_free(&index);
}
END_TEST

START_TEST(background_folds)
{
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    phash_index *index;
    OK(phash_index_build(NULL, NULL, 0, &options, &index, &error));
    for (int round = 0; round < 12; round++) {
        add_random(index, 3000, 20000);
        remove_random(index, 100, 20000, 0);
    }
    agrees(index);
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    for (int i = 0; i < 1000; i++) {
        phash_index_stats_get(index, &stats);
        if (stats.pending < 3000)
            break;
        usleep(10000);
    }
    ck_assert_uint_lt(stats.pending, 3000);
    agrees(index);
    phash_index_free(&index);
}
END_TEST

START_TEST(changes_in_a_file)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *index;
    const char *path = in_folder("a.phidx");
    for (int round = 0; round < 10; round++) {
        OK(phash_index_open(path, &options, &index, &error));
        agrees(index);
        add_random(index, 1 + test_random(&state) % 500, 2000);
        remove_random(index, test_random(&state) % 200 + 1, 2000, 0);
        agrees(index);
        if (round % 4 == 1)
            OK(phash_index_compact(index, 0, &error));
        if (round == 6)
            remove_random(index, 3, 2000, PHASH_REMOVE_ERASE);
        add_random(index, 50, 2000);
        agrees(index);
        phash_index_free(&index);
        OK(phash_index_verify(path, &error));
    }
    options = manual(PHASH_INDEX_READ_ONLY | PHASH_INDEX_LOAD);
    OK(phash_index_open(path, &options, &index, &error));
    agrees(index);
    uint64_t id = 1;
    ck_assert_int_eq(phash_index_remove(index, &id, 1, 0, NULL, &error), PHASH_E_STATE);
    ck_assert_int_eq(phash_index_compact(index, 0, &error), PHASH_E_STATE);
    phash_index_free(&index);
}
END_TEST

START_TEST(labels_follow_their_ids)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *index;
    const char *path = in_folder("l.phidx");
    OK(phash_index_open(path, &options, &index, &error));
    enum { N = 500 };
    phash_hash256 hashes[N];
    uint64_t ids[N];
    char text[N][32];
    const char *labels[N];
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i * 7;
        snprintf(text[i], sizeof text[i], "label of %zu", i);
        labels[i] = i % 3 ? text[i] : NULL;
    }
    OK(phash_index_add(index, hashes, ids, labels, N, &error));
    char out[64];
    size_t length;
    uint64_t removed;
    for (int round = 0; round < 4; round++) {
        for (size_t i = round * 3; i < N; i++) {
            const phash_status status = phash_index_label(index, ids[i], out, sizeof out, &length);
            ck_assert_int_eq(status, i % 3 ? PHASH_OK : PHASH_E_NOT_FOUND);
            if (i % 3) {
                ck_assert_str_eq(out, text[i]);
                ck_assert_uint_eq(length, strlen(text[i]));
            }
        }
        ck_assert_int_eq(phash_index_label(index, 1, out, sizeof out, NULL), PHASH_E_NOT_FOUND);
        OK(phash_index_remove(index, &ids[round * 3], 3, round & 1 ? PHASH_REMOVE_ERASE : 0,
                              &removed, &error));
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(phash_index_label(index, ids[round * 3 + i], out, 64, NULL),
                             PHASH_E_NOT_FOUND);
        if (round == 1)
            OK(phash_index_compact(index, 0, &error));
        if (round == 2) {
            phash_index_free(&index);
            OK(phash_index_open(path, &options, &index, &error));
        }
    }
    ck_assert(!folder_holds("label of 4", 10) == false);
    ck_assert(!folder_holds("label of 4\0", 11));
    const char *other[2] = {"other", NULL};
    OK(phash_index_label_set(index, &ids[100], other, 2, &error));
    phash_index_free(&index);
    options = manual(PHASH_INDEX_READ_ONLY);
    OK(phash_index_open(path, &options, &index, &error));
    ck_assert_int_eq(phash_index_label(index, ids[100], out, 3, &length), PHASH_OK);
    ck_assert_str_eq(out, "ot");
    ck_assert_uint_eq(length, 5);
    ck_assert_int_eq(phash_index_label(index, ids[101], out, 3, &length), PHASH_E_NOT_FOUND);
    phash_index_free(&index);
    OK(phash_index_verify(path, &error));
}
END_TEST

START_TEST(saving)
{
    phash_index_options options = manual(0);
    phash_index *index, *other;
    OK(phash_index_build(NULL, NULL, 0, &options, &index, &error));
    const char *path = in_folder("s.phidx");
    const char *label = "seven";
    uint64_t id = 7;
    OK(phash_index_label_set(index, &id, &label, 1, &error));
    add_random(index, 1000, 500);
    OK(phash_index_save(index, path, 0, &error));
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(phash_index_save(index, path, 0, &error), PHASH_E_EXISTS);
    OK(phash_index_open(path, NULL, &other, &error));
    agrees(other);
    ck_assert_int_eq(phash_index_save(index, path, PHASH_SAVE_REPLACE, &error), PHASH_E_LOCKED);
    phash_index *third;
    ck_assert_int_eq(phash_index_open(path, NULL, &third, &error), PHASH_E_LOCKED);
    add_random(other, 100, 500);
    agrees(other);
    phash_index_free(&other);
    /* The journal of the one before must not come back. */
    model_remove(&m, 3);
    OK(phash_index_remove(index, (uint64_t[]){3}, 1, 0, NULL, &error));
    phash_cursor *cursor;
    OK(phash_cursor_new(index, &cursor));
    model_free(&m);
    phash_hash256 hash;
    while (phash_cursor_next(cursor, 1, &hash, &id))
        model_add(&m, &hash, id);
    phash_cursor_free(&cursor);
    OK(phash_index_save(index, path, PHASH_SAVE_REPLACE, &error));
    phash_index_free(&index);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    OK(phash_index_open(path, NULL, &other, &error));
    agrees(other);
    add_random(other, 10, 500);
    char text[16];
    OK(phash_index_label(other, 7, text, sizeof text, NULL));
    ck_assert_str_eq(text, "seven");
    phash_index_free(&other);
    OK(phash_index_open(path, NULL, &other, &error));
    agrees(other);
    phash_index_free(&other);
    OK(phash_index_verify(path, &error));
}
END_TEST

START_TEST(kinds_are_not_mixed)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *index;
    const char *path = in_folder("k.phidx");
    strcpy(options.algorithm, "pdq-nn512");
    OK(phash_index_open(path, &options, &index, &error));
    phash_index_free(&index);
    options = manual(0);
    ck_assert_int_eq(phash_index_open(path, &options, &index, &error), PHASH_E_KIND);
    ck_assert_ptr_null(index);
    strcpy(options.algorithm, "pdq-nn512");
    options.bits = 64;
    ck_assert_int_eq(phash_index_open(path, &options, &index, &error), PHASH_E_KIND);
    OK(phash_index_open(path, NULL, &index, &error));
    phash_index_free(&index);
    ck_assert_int_eq(phash_index_open(in_folder("none"), NULL, &index, &error), PHASH_E_OPEN);
    ck_assert_int_ne(access(in_folder("none.lock"), F_OK), 0);
    file_write(in_folder("x"), "this is not an index", 20);
    ck_assert_int_eq(phash_index_open(in_folder("x"), NULL, &index, &error), PHASH_E_FORMAT);
    options = manual(0);
    options.flags = 64;
    ck_assert_int_eq(phash_index_open(path, &options, &index, &error), PHASH_E_ARGUMENT);
}
END_TEST

START_TEST(short_hashes)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    options.bits = 64;
    options.radius = 10;
    strcpy(options.algorithm, "dct64");
    phash_index *index;
    const char *path = in_folder("64.phidx");
    OK(phash_index_open(path, &options, &index, &error));
    uint64_t hashes[600], ids[600];
    for (size_t i = 0; i < 600; i++) {
        hashes[i] = test_random(&state);
        ids[i] = i;
    }
    OK(phash_index_add(index, hashes, ids, NULL, 600, &error));
    OK(phash_index_compact(index, 0, &error));
    OK(phash_index_remove(index, ids, 100, 0, NULL, &error));
    phash_index_free(&index);
    OK(phash_index_open(path, &options, &index, &error));
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    OK(phash_searcher_new(index, &searcher));
    uint64_t query[2] = {hashes[50], hashes[150] ^ 0x1001};
    OK(phash_search_radius(searcher, query, 2, 2, &found, &error));
    ck_assert_uint_eq(found.count, 1);
    ck_assert_uint_eq(found.items[0].id, 150);
    ck_assert_uint_eq(found.items[0].query, 1);
    ck_assert_uint_eq(found.items[0].distance, 2);
    OK(phash_search_nearest(searcher, query, 2, 3, 64, &found, &error));
    ck_assert_uint_eq(found.count, 6);
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    phash_index_free(&index);
}
END_TEST

START_TEST(readers_refresh)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *writer, *reader;
    const char *path = in_folder("r.phidx");
    OK(phash_index_open(path, &options, &writer, &error));
    options = manual(PHASH_INDEX_READ_ONLY);
    OK(phash_index_open(path, &options, &reader, &error));
    phash_searcher *searcher;
    OK(phash_searcher_new(reader, &searcher));
    int changed;
    OK(phash_index_refresh(reader, &changed, &error));
    ck_assert_int_eq(changed, 0);
    for (int round = 0; round < 9; round++) {
        add_random(writer, 200, 1000);
        remove_random(writer, 20, 1000, round == 5 ? PHASH_REMOVE_ERASE : 0);
        if (round == 3 || round == 7)
            OK(phash_index_compact(writer, 0, &error));
        if (round == 7)
            add_random(writer, 20, 1000);
        OK(phash_index_refresh(reader, &changed, &error));
        ck_assert_int_eq(changed, 1);
        agrees(reader);
        OK(phash_index_refresh(reader, &changed, &error));
        ck_assert_int_eq(changed, 0);
    }
    phash_searcher_free(&searcher);
    phash_index_free(&reader);
    phash_index_free(&writer);
}
END_TEST

/* The hash's bytes are in the journal as they are; in the snapshot they lie in the segment's own
 * order of bits, so test_erase_rows looks there. */
START_TEST(erasing_leaves_no_bytes)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *index;
    const char *path = in_folder("e.phidx");
    OK(phash_index_open(path, &options, &index, &error));
    add_random(index, 300, 1000000);
    OK(phash_index_compact(index, 0, &error));
    add_random(index, 300, 1000000);
    const model_pair victims[2] = {m.pairs[10], m.pairs[400]};
    ck_assert(folder_holds(&victims[1].hash, 32));
    const uint64_t ids[2] = {victims[0].id, victims[1].id};
    /* One was removed before, without erasing. */
    OK(phash_index_remove(index, &ids[1], 1, 0, NULL, &error));
    ck_assert(folder_holds(&victims[1].hash, 32));
    /* An old snapshot that this process still walks over is unlinked, nothing else. */
    uint64_t removed;
    OK(phash_index_remove(index, ids, 2, PHASH_REMOVE_ERASE, &removed, &error));
    ck_assert_uint_eq(removed, 1);
    model_remove(&m, ids[0]);
    model_remove(&m, ids[1]);
    for (int i = 0; i < 2; i++)
        ck_assert(!folder_holds(&victims[i].hash, 32));
    agrees(index);
    phash_index_free(&index);
    OK(phash_index_open(path, &options, &index, &error));
    agrees(index);
    phash_index_free(&index);
    OK(phash_index_verify(path, &error));
}
END_TEST

START_TEST(files_that_do_not_go_together)
{
    phash_index_options options = manual(PHASH_INDEX_CREATE);
    phash_index *index;
    for (int i = 0; i < 2; i++) {
        OK(phash_index_open(in_folder(i ? "b" : "a"), &options, &index, &error));
        add_random(index, 20, 100);
        phash_index_free(&index);
    }
    size_t n;
    uint8_t *journal = file_read(in_folder("a.journal"), &n);
    uint8_t *own = file_read(in_folder("b.journal"), &n);
    file_write(in_folder("b.journal"), journal, n);
    ck_assert_int_eq(phash_index_open(in_folder("b"), NULL, &index, &error), PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_index_verify(in_folder("b"), &error), PHASH_E_CORRUPT);
    /* A snapshot from before the journal was shortened. */
    file_write(in_folder("b.journal"), own, n);
    size_t bytes;
    uint8_t *old = file_read(in_folder("b"), &bytes);
    OK(phash_index_open(in_folder("b"), &options, &index, &error));
    OK(phash_index_compact(index, 0, &error));
    phash_index_free(&index);
    OK(phash_index_verify(in_folder("b"), &error));
    file_write(in_folder("b"), old, bytes);
    ck_assert_int_eq(phash_index_verify(in_folder("b"), &error), PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_index_open(in_folder("b"), NULL, &index, &error), PHASH_E_CORRUPT);
    free(journal);
    free(own);
    free(old);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("live");
    TCase *t = tcase_create("live");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, changes_in_memory);
    tcase_add_test(t, background_folds);
    tcase_add_test(t, changes_in_a_file);
    tcase_add_test(t, labels_follow_their_ids);
    tcase_add_test(t, saving);
    tcase_add_test(t, kinds_are_not_mixed);
    tcase_add_test(t, short_hashes);
    tcase_add_test(t, readers_refresh);
    tcase_add_test(t, erasing_leaves_no_bytes);
    tcase_add_test(t, files_that_do_not_go_together);
    suite_add_tcase(s, t);
    return test_main(s);
}
