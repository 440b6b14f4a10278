/* One bank from many threads, each with a handle of its own, as the header asks: some take lists in,
 * one follows the changes, one looks at a case, exports and counts. Meant for the thread sanitizer;
 * that everybody gets through and nothing is lost is checked everywhere. */
#define _GNU_SOURCE
#include "bank_help.h"

#include <pthread.h>
#include <stdatomic.h>

enum { WRITERS = 3, ROUNDS = 12, EACH = 20, ALL = WRITERS * ROUNDS * EACH };

static char bank_path[128], number[PHASH_CASE_NUMBER_SIZE], pin[PHASH_CASE_PIN_SIZE];
static pthread_barrier_t start;
static atomic_int writing;

typedef struct job {
    int writer;
    char failure[200]; /* empty: all went well */
    uint64_t counted;
} job;

static bool went_well(job *j, const char *what, phash_status status)
{
    if (status != PHASH_OK)
        snprintf(j->failure, sizeof j->failure, "%s: %s", what, phash_status_name(status));
    return status == PHASH_OK;
}

/* Opens the handle before the others do anything with theirs. */
static phash_bank *begin(job *j, phash_bank_mode mode)
{
    phash_bank *bank = NULL;
    (void)went_well(j, "open", phash_bank_open(bank_path, mode, &bank, NULL));
    pthread_barrier_wait(&start);
    return bank;
}

static void *take_in(void *argument)
{
    job *j = argument;
    phash_bank *bank = begin(j, PHASH_BANK_WRITE);
    for (int i = 0; bank && i < ROUNDS; i++) {
        const uint64_t from = (uint64_t)(j->writer * ROUNDS + i) * EACH;
        char *list = list_of(from, from + EACH);
        phash_bank_import_result result;
        const bool good = went_well(j, "import", import_text(bank, "s", list, &result));
        free(list);
        if (!good)
            break;
    }
    phash_bank_free(&bank);
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* Follows to the end: once all writers have gone, nothing new may come after what is there. */
static void *follow(void *argument)
{
    job *j = argument;
    phash_bank *bank = begin(j, PHASH_BANK_READ);
    phash_bank_position position = {0, 0, 0};
    phash_bank_change changes[16];
    for (bool last = false; bank;) {
        size_t n;
        const bool over = atomic_load(&writing) == 0;
        if (!went_well(j, "follow", phash_bank_follow(bank, &position, changes, 16, &n, NULL)))
            break;
        j->counted += n;
        if (n == 0 && last)
            break;
        last = over;
    }
    phash_bank_free(&bank);
    return NULL;
}

static void *look(void *argument)
{
    job *j = argument;
    phash_bank *bank = begin(j, PHASH_BANK_READ);
    while (bank && !j->failure[0] && atomic_load(&writing)) {
        phash_bank_case info = {.size = sizeof info};
        phash_bank_info all = PHASH_BANK_INFO_INIT;
        char *text;
        size_t length;
        went_well(j, "status", phash_bank_case_status(bank, number, pin, &info, NULL));
        if (went_well(j, "export",
                      phash_bank_export(bank, 0, NULL, 50, &text, &length, NULL, NULL)))
            phash_text_free(&text, length);
        if (went_well(j, "info", phash_bank_info_get(bank, &all, NULL)) &&
            (all.signals < j->counted || info.signals != 1))
            snprintf(j->failure, sizeof j->failure, "signals became fewer");
        j->counted = all.signals;
    }
    phash_bank_free(&bank);
    return NULL;
}

/* A bank with a case of one picture. */
static void make_bank(void)
{
    phash_bank *bank;
    phash_case *c;
    phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
    phash_bank_import_result result;
    char *text;
    size_t length;
    strcpy(bank_path, in_dir("b.db"));
    ck_assert_int_eq(phash_case_new(1700000000, pin, &c, NULL), PHASH_OK);
    s.hash = hash_of(ALL);
    s.quality = 90;
    ck_assert_int_eq(phash_case_add(c, &s, NULL), PHASH_OK);
    ck_assert_int_eq(phash_case_write(c, &text, &length, NULL), PHASH_OK);
    strcpy(number, phash_case_number(c));
    phash_case_free(&c);
    ck_assert_int_eq(phash_bank_open(bank_path, PHASH_BANK_CREATE, &bank, NULL), PHASH_OK);
    ck_assert_int_eq(import_bytes(bank, "s", text, length, &result), PHASH_OK);
    phash_text_free(&text, length);
    phash_bank_free(&bank);
}

START_TEST(everybody_gets_through)
{
    make_dir();
    make_bank();
    static job jobs[WRITERS + 2];
    pthread_t threads[WRITERS + 2];
    atomic_store(&writing, WRITERS);
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, WRITERS + 2), 0);
    for (int i = 0; i < WRITERS + 2; i++) {
        jobs[i].writer = i;
        void *(*const run)(void *) = i < WRITERS ? take_in : i == WRITERS ? follow : look;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &jobs[i]), 0);
    }
    for (int i = 0; i < WRITERS + 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < WRITERS + 2; i++)
        ck_assert_msg(!jobs[i].failure[0], "thread %d: %s", i, jobs[i].failure);
    ck_assert_uint_eq(jobs[WRITERS].counted, ALL + 1);
    ck_assert_uint_le(jobs[WRITERS + 1].counted, ALL + 1);
    drop_dir();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bank-threads");
    TCase *c = tcase_create("threads");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, everybody_gets_through);
    suite_add_tcase(suite, c);
    return test_main(suite);
}
