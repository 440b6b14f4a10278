/* kill -9 at random moments of import, withdrawal and purge: the bank opens, is sound, and holds each
 * file whole or not at all. PHASH_TEST_KILLS sets how often (default 8). */
#define _GNU_SOURCE

#include "bank_help.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

enum { FILES = 8, PER_FILE = 4000 };

/* The work that is killed: imports, ends a case, purges, again and again. */
static void work(const char *path, const char *one, const char *number, const char *pin)
{
    phash_bank *bank;
    phash_bank_import_result result;
    if (phash_bank_open(path, PHASH_BANK_WRITE, &bank, NULL) != PHASH_OK)
        _exit(3);
    for (;;) {
        for (uint64_t f = 0; f < FILES; f++) {
            char *list = list_of(f * PER_FILE, (f + 1) * PER_FILE), source[16];
            snprintf(source, sizeof source, "file%d", (int)f);
            if (import_text(bank, source, list, &result) != PHASH_OK)
                _exit(4);
            free(list);
            if (f == 3) {
                (void)import_text(bank, "people", one, &result);
                (void)phash_bank_case_withdraw(bank, number, pin, NULL, NULL);
            }
        }
        for (uint64_t f = 0; f < FILES; f++) {
            char source[16];
            snprintf(source, sizeof source, "file%d", (int)f);
            if (phash_bank_purge(bank, source, NULL, NULL) != PHASH_OK)
                _exit(5);
        }
    }
}

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(s, 0);
    const int64_t value = text && !strcmp(text, "ok") ? 1 : sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static void check(const char *path)
{
    phash_bank *bank;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_msg(phash_bank_open(path, PHASH_BANK_WRITE, &bank, &e) == PHASH_OK, "%s", e.message);
    phash_bank_free(&bank);
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_eq(ask(db, "PRAGMA integrity_check"), 1);
    ck_assert_int_eq(ask(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    ck_assert_int_eq(ask(db, "SELECT count(*) FROM (SELECT count(*) n FROM signal GROUP BY source"
                             " HAVING n NOT IN (4000, 100))"),
                     0);
    /* A case that is over holds nothing, and no signal is without a case that should have one. */
    ck_assert_int_eq(ask(db, "SELECT count(*) FROM link JOIN cases c ON c.id = cases"
                             " WHERE c.status IN (3, 4)"),
                     0);
    ck_assert_int_eq(ask(db, "SELECT count(*) FROM signal s JOIN source o ON o.id = s.source"
                             " WHERE o.name = 'people' AND NOT EXISTS"
                             " (SELECT 1 FROM link WHERE signal = s.id)"),
                     0);
    sqlite3_close(db);
}

START_TEST(killed_at_any_moment)
{
    const char *env = getenv("PHASH_TEST_KILLS");
    const int kills = env ? atoi(env) : 8;
    uint64_t state = test_seed();
    char path[128];
    make_dir();
    strcpy(path, in_dir("k.db"));
    phash_bank *bank;
    ck_assert_int_eq(phash_bank_open(path, PHASH_BANK_CREATE, &bank, NULL), PHASH_OK);
    phash_bank_free(&bank);
    for (int i = 0; i < kills; i++) {
        char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE], *one;
        size_t length;
        phash_case *c;
        ck_assert_int_eq(phash_case_new(1, pin, &c, NULL), PHASH_OK);
        for (uint64_t k = 0; k < 100; k++) {
            phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
            s.hash = hash_of(1000000 + 1000 * (uint64_t)i + k);
            s.quality = 99;
            ck_assert_int_eq(phash_case_add(c, &s, NULL), PHASH_OK);
        }
        ck_assert_int_eq(phash_case_write(c, &one, &length, NULL), PHASH_OK);
        strcpy(number, phash_case_number(c));
        phash_case_free(&c);
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            work(path, one, number, pin);
        const uint64_t us = test_random(&state) % 900000;
        const struct timespec wait = {0, (long)us * 1000};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFSIGNALED(status), "the work stopped by itself: %d", WEXITSTATUS(status));
        check(path);
        /* An earlier round's case that was left open would count twice. */
        ck_assert_int_eq(phash_bank_open(path, PHASH_BANK_WRITE, &bank, NULL), PHASH_OK);
        const phash_status over = phash_bank_case_withdraw(bank, number, pin, NULL, NULL);
        ck_assert(over == PHASH_OK || over == PHASH_E_NOT_FOUND);
        phash_bank_free(&bank);
        for (uint64_t k = 0; k < 100; k += 33)
            ck_assert(!bank_holds(path, 1000000 + 1000 * (uint64_t)i + k));
        phash_text_free(&one, length);
    }
    drop_dir();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bank-kill");
    TCase *t = tcase_create("kill");
    tcase_set_timeout(t, 280);
    tcase_add_test(t, killed_at_any_moment);
    suite_add_tcase(s, t);
    return test_main(s);
}
