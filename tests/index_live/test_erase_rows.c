/* A hash that was erased is in no file of the index, neither as it is nor with its bits in the order
 * of the segment that held it. Reads the snapshot by the library's inner names. */
#include "check_main.h"
#include "index/layout.h"
#include "index/live.h"
#include "live_model.h"

#include <string.h>

enum { N = 2000 };

static phash_hash256 hashes[N];
static uint64_t ids[N];

/* The victim's row in the snapshot's present order. */
static void row_of(const phash_hash256 *hash, uint64_t row[4])
{
    phash_io_place place;
    phash_snapshot *snapshot;
    live_level *level;
    label_set labels;
    ck_assert_int_eq(phash_io_place_open(in_folder("e"), &place), 0);
    ck_assert_int_eq(phash_snapshot_open(&place, place.name, false, &snapshot, NULL), PHASH_OK);
    ck_assert_int_eq(phash_store_attach(snapshot, &level, &labels, NULL), PHASH_OK);
    memset(row, 0, 32);
    for (unsigned b = 0; b < 256; b++) {
        const unsigned from = level->segment->head.order[b];
        row[b / 64] |= (uint64_t)(hash->bytes[from / 8] >> from % 8 & 1) << b % 64;
    }
    phash_level_free(&level);
    phash_labels_set_free(&labels);
    phash_snapshot_close(&snapshot);
    phash_io_place_close(&place);
}

static void erase(phash_index_engine engine)
{
    uint64_t state = test_seed(), row[4], id = 1234;
    folder_new();
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i;
    }
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    options.engine = engine;
    phash_index *index;
    ck_assert_int_eq(phash_index_open(in_folder("e"), &options, &index, NULL), PHASH_OK);
    ck_assert_int_eq(phash_index_add(index, hashes, ids, NULL, N, NULL), PHASH_OK);
    ck_assert(folder_holds(&hashes[id], 32));
    ck_assert_int_eq(phash_index_compact(index, 0, NULL), PHASH_OK);
    row_of(&hashes[id], row);
    ck_assert(folder_holds(row, 32));
    ck_assert_int_eq(phash_index_remove(index, &id, 1, 0, NULL, NULL), PHASH_OK);
    ck_assert(folder_holds(row, 32));
    ck_assert_int_eq(phash_index_remove(index, &id, 1, PHASH_REMOVE_ERASE, NULL, NULL), PHASH_OK);
    ck_assert(!folder_holds(row, 32));
    row_of(&hashes[id], row);
    ck_assert(!folder_holds(row, 32));
    ck_assert(!folder_holds(&hashes[id], 32));
    phash_index_free(&index);
    folder_remove();
}

START_TEST(rows_of_a_scan)
{
    erase(PHASH_INDEX_FLAT);
}
END_TEST

START_TEST(rows_of_a_multi_index)
{
    erase(PHASH_INDEX_MULTI);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("erase_rows");
    TCase *t = tcase_create("erase_rows");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, rows_of_a_scan);
    tcase_add_test(t, rows_of_a_multi_index);
    suite_add_tcase(s, t);
    return test_main(s);
}
