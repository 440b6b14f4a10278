/* A process that changes an index is killed at random moments; after opening again every change that
 * it acknowledged is there, and the one it was at is there as a whole or not at all.
 *
 * PHASH_TEST_KILLS: how often (default 20; 200 is the full test).
 */
#define _DEFAULT_SOURCE
#include "check_main.h"
#include "live_model.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDS = 3000, BATCH_MAX = 200 };

static uint64_t seed;
static _Atomic uint64_t *acknowledged; /* shared with the child: changes done */

typedef struct operation {
    enum { ADD, REMOVE, ERASE, COMPACT } kind;
    size_t n;
    uint64_t ids[BATCH_MAX];
    phash_hash256 hashes[BATCH_MAX];
} operation;

static void make(uint64_t number, operation *o)
{
    uint64_t state = seed + number * 7919;
    const uint64_t dice = test_random(&state) % 100;
    o->kind = dice < 60 ? ADD : dice < 90 ? REMOVE : dice < 94 ? ERASE : COMPACT;
    o->n = 1 + test_random(&state) % (o->kind == ADD ? BATCH_MAX : 20);
    for (size_t i = 0; i < o->n; i++) {
        o->ids[i] = test_random(&state) % IDS;
        random_hash(&state, &o->hashes[i]);
    }
}

static void apply(model *m, const operation *o)
{
    for (size_t i = 0; i < o->n && o->kind == ADD; i++)
        model_add(m, &o->hashes[i], o->ids[i]);
    for (size_t i = 0; i < o->n && (o->kind == REMOVE || o->kind == ERASE); i++)
        model_remove(m, o->ids[i]);
}

static void work(const char *path)
{
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE;
    if (phash_index_open(path, &options, &index, &error) != PHASH_OK) {
        fprintf(stderr, "open: %s\n", error.message);
        _exit(1);
    }
    static operation o;
    for (;;) {
        make(atomic_load(acknowledged), &o);
        phash_status status = PHASH_OK;
        if (o.kind == ADD)
            status = phash_index_add(index, o.hashes, o.ids, NULL, o.n, &error);
        else if (o.kind == COMPACT)
            status = phash_index_compact(index, 0, &error);
        else
            status = phash_index_remove(index, o.ids, o.n, o.kind == ERASE ? PHASH_REMOVE_ERASE : 0,
                                        NULL, &error);
        if (status != PHASH_OK) {
            fprintf(stderr, "%s\n", error.message);
            _exit(1);
        }
        atomic_fetch_add(acknowledged, 1);
    }
}

START_TEST(nothing_acknowledged_is_lost)
{
    const char *text = getenv("PHASH_TEST_KILLS");
    const unsigned long kills = text ? strtoul(text, NULL, 0) : 20;
    uint64_t state = seed = test_seed();
    folder_new();
    char path[256];
    strcpy(path, in_folder("k.phidx"));
    acknowledged =
        mmap(NULL, sizeof *acknowledged, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    model m = {NULL, 0, 0};
    uint64_t applied = 0, both = 0;
    for (unsigned long i = 0; i < kills; i++) {
        fflush(NULL);
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (!child)
            work(path);
        usleep((useconds_t)(test_random(&state) % (i % 4 ? 60000 : 400000)));
        kill(child, SIGKILL);
        int how;
        ck_assert_int_eq(waitpid(child, &how, 0), child);
        ck_assert_msg(WIFSIGNALED(how), "the child ended by itself");
        static operation o;
        const uint64_t done = atomic_load(acknowledged);
        for (; applied < done; applied++) {
            make(applied, &o);
            apply(&m, &o);
        }
        phash_index *index;
        phash_error error = PHASH_ERROR_INIT;
        phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
        options.flags = PHASH_INDEX_CREATE;
        ck_assert_msg(phash_index_open(path, &options, &index, &error) == PHASH_OK, "%s",
                      error.message);
        phash_index_stats stats = PHASH_INDEX_STATS_INIT;
        ck_assert_int_eq(phash_index_stats_get(index, &stats), PHASH_OK);
        make(done, &o);
        model next = {malloc((m.count + 1) * sizeof *next.pairs), m.count, m.count + 1};
        memcpy(next.pairs, m.pairs, m.count * sizeof *next.pairs);
        apply(&next, &o);
        /* Whether the change that was under way got in; the child goes on behind it. */
        if (stats.count != m.count || !model_same_pairs(&m, index)) {
            ck_assert_msg(model_same_pairs(&next, index), "kill %lu, change %llu", i,
                          (unsigned long long)done);
            model_free(&m);
            m = next;
            atomic_fetch_add(acknowledged, 1);
            applied++;
            both++;
        } else {
            model_free(&next);
        }
        phash_index_free(&index);
        ck_assert_msg(phash_index_verify(path, &error) == PHASH_OK, "%s", error.message);
    }
    printf("%lu kills, %llu changes acknowledged, %llu more were whole\n", kills,
           (unsigned long long)(applied - both), (unsigned long long)both);
    ck_assert_uint_gt(applied, 0);
    model_free(&m);
    folder_remove();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kill");
    TCase *t = tcase_create("kill");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, nothing_acknowledged_is_lost);
    suite_add_tcase(s, t);
    return test_main(s);
}
