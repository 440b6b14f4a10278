/* Snapshots and journals with one byte changed, or cut short: each is refused, or harmless and found
 * by verify. Run it under the address sanitizer for the other half of the promise.
 *
 * PHASH_TEST_DAMAGES: how many (default 400; 10000 is the full test).
 */
#define _DEFAULT_SOURCE
#include "check_main.h"
#include "live_model.h"

#include <string.h>
#include <unistd.h>

static uint64_t state;
static phash_error error = PHASH_ERROR_INIT;

typedef struct file {
    char path[256];
    uint8_t *data;
    size_t bytes;
} file;

static void take(file *f, const char *name)
{
    strcpy(f->path, in_folder(name));
    f->data = file_read(f->path, &f->bytes);
    ck_assert_ptr_nonnull(f->data);
}

static void make(phash_index_engine engine)
{
    enum { N = 700 };
    phash_hash256 hashes[N];
    uint64_t ids[N];
    const char *labels[N];
    for (size_t i = 0; i < N; i++) {
        random_hash(&state, &hashes[i]);
        if (i % 10 == 9)
            hashes[i] = hashes[i - 1]; /* twice */
        ids[i] = i / 2;
        labels[i] = i % 5 ? "some label" : NULL;
    }
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    options.engine = engine;
    phash_index *index;
    ck_assert_msg(phash_index_open(in_folder("d"), &options, &index, &error) == PHASH_OK, "%s",
                  error.message);
    ck_assert_int_eq(phash_index_add(index, hashes, ids, labels, N / 2, &error), PHASH_OK);
    ck_assert_int_eq(phash_index_compact(index, 0, &error), PHASH_OK);
    for (size_t i = N / 2; i < N; i += 50)
        ck_assert_int_eq(phash_index_add(index, hashes + i, ids + i, labels + i, 50, &error),
                         PHASH_OK);
    ck_assert_int_eq(phash_index_remove(index, ids + 10, 20, 0, NULL, &error), PHASH_OK);
    phash_index_free(&index);
    ck_assert_int_eq(phash_index_verify(in_folder("d"), &error), PHASH_OK);
}

/* Everything a program does with an index, whatever comes of it. */
static void use(phash_index *index, bool writable)
{
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    phash_hash256 queries[20];
    uint64_t ids[100];
    phash_hash256 hashes[100];
    char label[100];
    for (size_t i = 0; i < 20; i++)
        random_hash(&state, &queries[i]);
    if (phash_searcher_new(index, &searcher) == PHASH_OK) {
        (void)phash_search_radius(searcher, queries, 20, 31, &found, NULL);
        (void)phash_search_radius(searcher, queries, 1, 100, &found, NULL);
        (void)phash_search_nearest(searcher, queries, 4, 5, 256, &found, NULL);
        phash_searcher_free(&searcher);
    }
    phash_matches_free(&found);
    phash_cursor *cursor;
    if (phash_cursor_new(index, &cursor) == PHASH_OK) {
        while (phash_cursor_next(cursor, 100, hashes, ids))
            ;
        phash_cursor_free(&cursor);
    }
    for (uint64_t id = 0; id < 400; id++)
        (void)phash_index_label(index, id, label, sizeof label, NULL);
    if (!writable)
        return;
    for (uint64_t id = 0; id < 100; id++)
        ids[id] = id * 3;
    (void)phash_index_remove(index, ids, 100, 0, NULL, NULL);
    (void)phash_index_add(index, queries, ids, NULL, 20, NULL);
    (void)phash_index_compact(index, 0, NULL);
}

static void damage(phash_index_engine engine)
{
    const char *text = getenv("PHASH_TEST_DAMAGES");
    const unsigned long rounds = text ? strtoul(text, NULL, 0) : 400;
    folder_new_in_memory();
    make(engine);
    file files[2];
    take(&files[0], "d");
    take(&files[1], "d.journal");
    unsigned long refused = 0, harmless = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        for (int k = 0; k < 2; k++)
            file_write(files[k].path, files[k].data, files[k].bytes);
        const file *f = &files[test_random(&state) % 2];
        /* Half of the changes in the snapshot go where its structure is. */
        const size_t span = f == &files[0] && i % 2 ? 4096 : f->bytes;
        const size_t at = test_random(&state) % (span < f->bytes ? span : f->bytes);
        const bool cut = test_random(&state) % 4 == 0;
        uint8_t *copy = malloc(f->bytes);
        memcpy(copy, f->data, f->bytes);
        copy[at] ^= (uint8_t)(1 + test_random(&state) % 255);
        file_write(f->path, copy, cut ? at : f->bytes);
        free(copy);

        const phash_status verified = phash_index_verify(files[0].path, &error);
        ck_assert_msg(verified != PHASH_OK, "round %lu: %s of %s at %zu is not found", i,
                      cut ? "cut" : "change", f->path, at);
        ck_assert_int_eq(error.status, verified);
        ck_assert_uint_gt(strlen(error.message), 0);
        phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
        options.flags = PHASH_INDEX_MANUAL | PHASH_INDEX_READ_ONLY | (i % 3 ? 0 : PHASH_INDEX_LOAD);
        phash_index *index;
        if (phash_index_open(files[0].path, &options, &index, &error) == PHASH_OK) {
            use(index, false);
            phash_index_free(&index);
        }
        options.flags = PHASH_INDEX_MANUAL;
        options.sync = PHASH_SYNC_NEVER;
        if (phash_index_open(files[0].path, &options, &index, &error) == PHASH_OK) {
            use(index, i % 4 == 0); /* syncs take long */
            phash_index_free(&index);
            harmless++;
        } else {
            refused++;
        }
    }
    printf("%lu damages: %lu refused, %lu found by verify\n", rounds, refused, harmless);
    for (int k = 0; k < 2; k++)
        free(files[k].data);
    folder_remove();
}

START_TEST(one_byte_or_the_end_flat)
{
    damage(PHASH_INDEX_FLAT);
}
END_TEST

START_TEST(one_byte_or_the_end_multi)
{
    damage(PHASH_INDEX_MULTI);
}
END_TEST

/* A change that was being written when the machine stopped: what was acknowledged before stays. */
START_TEST(torn_ends_are_cut)
{
    folder_new_in_memory();
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    phash_index *index;
    char path[256], journal[256];
    strcpy(path, in_folder("t"));
    strcpy(journal, in_folder("t.journal"));
    phash_hash256 hashes[60];
    uint64_t ids[60];
    size_t ends[3];
    for (size_t i = 0; i < 60; i++) {
        random_hash(&state, &hashes[i]);
        ids[i] = i;
    }
    ck_assert_int_eq(phash_index_open(path, &options, &index, &error), PHASH_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(phash_index_add(index, hashes + i * 20, ids + i * 20, NULL, 20, &error),
                         PHASH_OK);
        phash_index_stats stats = PHASH_INDEX_STATS_INIT;
        phash_index_stats_get(index, &stats);
        ends[i] = stats.journal_bytes;
    }
    phash_index_free(&index);
    size_t bytes, size;
    uint8_t *data = file_read(journal, &bytes);
    uint8_t *snapshot = file_read(path, &size);
    for (size_t end = ends[0]; end < ends[2]; end++) {
        /* Cut off, or its last blocks lost. */
        for (int lost = 0; lost < 2; lost++) {
            uint8_t *copy = malloc(bytes);
            memcpy(copy, data, bytes);
            memset(copy + end, 0, bytes - end);
            const size_t last = end < ends[1] ? ends[1] : ends[2];
            const size_t block = (last - 1) / 512 * 512;
            if (lost && end > (block > ends[0] ? block : ends[0]) && end != ends[1]) {
                free(copy);
                continue; /* half a block is not lost */
            }
            file_write(journal, copy, lost ? last : end);
            free(copy);
            ck_assert_int_eq(phash_index_verify(path, &error), PHASH_E_TRUNCATED);
            ck_assert_msg(phash_index_open(path, &options, &index, &error) == PHASH_OK,
                          "end %zu lost %d: %s", end, lost, error.message);
            phash_index_stats stats = PHASH_INDEX_STATS_INIT;
            phash_index_stats_get(index, &stats);
            ck_assert_uint_eq(stats.count, end < ends[1] ? 20 : 40);
            phash_index_free(&index);
            ck_assert_int_eq(phash_index_verify(path, &error), PHASH_OK);
        }
    }
    file_write(path, snapshot, size);
    free(snapshot);
    free(data);
    folder_remove();
}
END_TEST

int main(void)
{
    state = test_seed();
    Suite *s = suite_create("damage");
    TCase *t = tcase_create("damage");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, one_byte_or_the_end_flat);
    tcase_add_test(t, one_byte_or_the_end_multi);
    tcase_add_test(t, torn_ends_are_cut);
    suite_add_tcase(s, t);
    return test_main(s);
}
