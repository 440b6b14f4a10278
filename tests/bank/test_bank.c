/* The bank: import, status rules, withdrawal, export, the change feed. PHASH_TEST_PINS=cheap is for
 * valgrind, under which each PIN takes seconds: their time is not compared then. */
#define _GNU_SOURCE

#include "bank_help.h"
#include "cheap_pins.h"

#include <sys/stat.h>
#include <time.h>

static phash_bank *bank;
static phash_bank_import_result result;

static void setup(void)
{
    make_dir();
    ck_assert_int_eq(phash_bank_open(in_dir("a.db"), PHASH_BANK_CREATE, &bank, NULL), PHASH_OK);
}

static void teardown(void)
{
    phash_bank_free(&bank);
    drop_dir();
}

static phash_bank_info info_of(phash_bank *b)
{
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    ck_assert_int_eq(phash_bank_info_get(b, &info, NULL), PHASH_OK);
    return info;
}

/* A case with images from..to. */
static char *case_of(uint64_t from, uint64_t to, char pin[PHASH_CASE_PIN_SIZE],
                     char number[PHASH_CASE_NUMBER_SIZE], int dihedral)
{
    phash_case *c;
    char *text;
    size_t length;
    ck_assert_int_eq(phash_case_new(1700000000, pin, &c, NULL), PHASH_OK);
    for (uint64_t i = from; i < to; i++) {
        phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
        s.hash = hash_of(i);
        s.quality = 90;
        s.has_dihedral = dihedral;
        for (uint64_t d = 0; d < 8; d++)
            s.dihedral[d] = d ? hash_of(i + 1000 * d) : s.hash;
        ck_assert_int_eq(phash_case_add(c, &s, NULL), PHASH_OK);
    }
    ck_assert_int_eq(phash_case_write(c, &text, &length, NULL), PHASH_OK);
    strcpy(number, phash_case_number(c));
    phash_case_free(&c);
    return text;
}

/* All pages since `since`, one after the other; *next is where to go on. */
static char *export_all(phash_bank *b, int64_t since, size_t page_size, int64_t *next)
{
    char *all = calloc(1, 1), token[512] = "";
    size_t used = 0;
    phash_exchange_page page = PHASH_EXCHANGE_PAGE_INIT;
    do {
        char *text;
        size_t length;
        phash_error e = PHASH_ERROR_INIT;
        ck_assert_msg(phash_bank_export(b, since, token, page_size, &text, &length, &page, &e) ==
                          PHASH_OK,
                      "%s", e.message);
        all = realloc(all, used + length + 1);
        ck_assert_ptr_nonnull(all);
        memcpy(all + used, text, length + 1);
        used += length;
        phash_text_free(&text, length);
        strcpy(token, page.next_token);
    } while (page.has_more);
    *next = page.next;
    return all;
}

START_TEST(opening)
{
    phash_bank *b;
    struct stat st;
    ck_assert_int_eq(stat(in_dir("a.db"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(phash_bank_open(in_dir("a.db"), PHASH_BANK_CREATE, &b, NULL), PHASH_E_EXISTS);
    ck_assert_ptr_null(b);
    ck_assert_int_eq(phash_bank_open(in_dir("none"), PHASH_BANK_WRITE, &b, NULL), PHASH_E_OPEN);
    ck_assert_int_eq(phash_bank_open(in_dir("none/x"), PHASH_BANK_CREATE, &b, NULL), PHASH_E_OPEN);
    ck_assert_int_eq(phash_bank_open(NULL, PHASH_BANK_READ, &b, NULL), PHASH_E_ARGUMENT);
    FILE *f = fopen(in_dir("text"), "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a bank ", f);
    fclose(f);
    ck_assert_int_eq(phash_bank_open(in_dir("text"), PHASH_BANK_READ, &b, NULL), PHASH_E_FORMAT);
    f = fopen(in_dir("empty"), "w");
    fclose(f);
    ck_assert_int_eq(phash_bank_open(in_dir("empty"), PHASH_BANK_WRITE, &b, NULL), PHASH_E_FORMAT);
    ck_assert_int_eq(phash_bank_open(in_dir("a.db"), PHASH_BANK_READ, &b, NULL), PHASH_OK);
    ck_assert_int_eq(import_text(b, "s", "# nothing\n", &result), PHASH_E_STATE);
    phash_bank_free(&b);
}
END_TEST

START_TEST(lists_are_idempotent)
{
    char *list = list_of(0, 1000);
    ck_assert_int_eq(import_text(bank, "s", list, &result), PHASH_OK);
    ck_assert_int_eq(result.kind, PHASH_BANK_KIND_LIST);
    ck_assert_uint_eq(result.added, 1000);
    const int64_t clock = info_of(bank).clock;
    ck_assert_int_eq(import_text(bank, "s", list, &result), PHASH_OK);
    ck_assert_uint_eq(result.records, 1000);
    ck_assert_uint_eq(result.added + result.changed, 0);
    ck_assert_int_eq(info_of(bank).clock, clock);
    ck_assert_uint_eq(info_of(bank).images, 1000);
    /* Bad lines are counted, a quality is taken, paths are not kept. */
    char text[400], hex[2][65];
    snprintf(text, sizeof text, "%s,77,secret/path.jpg\nbad\n%s,20,secret/path2.jpg\n",
             hex_of(0, hex[0]), hex_of(2000, hex[1]));
    ck_assert_int_eq(import_text(bank, "s", text, &result), PHASH_OK);
    ck_assert_uint_eq(result.changed, 1);
    ck_assert_uint_eq(result.added, 1);
    ck_assert_uint_eq(result.bad, 1);
    ck_assert(!file_holds(in_dir("a.db"), "secret", 6));
    ck_assert(!file_holds(in_dir("a.db-wal"), "secret", 6));
    /* An approximation is good for a query, not for a bank. */
    snprintf(text, sizeof text, "%s,99,a.jpg,fast\n%s,99,b.jpg,full\n", hex_of(3000, hex[0]),
             hex_of(3001, hex[1]));
    ck_assert_int_eq(import_text(bank, "s", text, &result), PHASH_OK);
    ck_assert_uint_eq(result.added, 1);
    ck_assert_uint_eq(result.bad, 1);
    /* What is no list is imported neither whole nor by half. */
    ck_assert_int_eq(import_text(bank, "s", "GIF89a\n\n", &result), PHASH_E_FORMAT);
    free(list);
}
END_TEST

START_TEST(case_life)
{
    char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE], pin2[PHASH_CASE_PIN_SIZE],
        number2[PHASH_CASE_NUMBER_SIZE];
    char *list = list_of(0, 20000), *one = case_of(20000, 20010, pin, number, 1),
         *two = case_of(20005, 20012, pin2, number2, 0);
    ck_assert_int_eq(import_text(bank, "list", list, &result), PHASH_OK);
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    ck_assert_int_eq(result.kind, PHASH_BANK_KIND_CASE);
    ck_assert_uint_eq(result.added, 80);
    ck_assert_str_eq(result.case_number, number);
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    ck_assert_uint_eq(result.added + result.changed, 0);
    ck_assert_int_eq(import_text(bank, "people", two, &result), PHASH_OK);
    ck_assert_uint_eq(result.added, 2);

    phash_bank_case info = {.size = sizeof info};
    phash_error wrong = PHASH_ERROR_INIT, unknown = PHASH_ERROR_INIT;
    ck_assert_int_eq(phash_bank_case_status(bank, number, pin, &info, NULL), PHASH_OK);
    ck_assert_str_eq(info.status, "Received");
    ck_assert_uint_eq(info.signals, 80);
    ck_assert_int_eq(info.created, 1700000000);
    ck_assert_int_eq(phash_bank_case_status(bank, number, pin2, &info, &wrong), PHASH_E_NOT_FOUND);
    ck_assert_int_eq(phash_bank_case_status(bank, "nonsense", pin, &info, &unknown),
                     PHASH_E_NOT_FOUND);
    ck_assert_str_eq(wrong.message, unknown.message);
    ck_assert_int_eq(phash_bank_case_withdraw(bank, number, pin2, NULL, NULL), PHASH_E_NOT_FOUND);
    ck_assert_int_eq(phash_bank_case_withdraw(bank, number, "", NULL, NULL), PHASH_E_NOT_FOUND);

    const phash_hash256 shared = hash_of(20005);
    ck_assert_int_eq(phash_bank_feedback(bank, &shared, "me", "Blocked", "[\"x\"]", NULL),
                     PHASH_OK);
    ck_assert_int_eq(phash_bank_case_status(bank, number, pin, &info, NULL), PHASH_OK);
    ck_assert_uint_eq(info.feedback_count, 1);
    ck_assert_str_eq(info.feedback[0].value, "Blocked");

    for (uint64_t i = 20000; i < 20010; i++)
        ck_assert(bank_holds(in_dir("a.db"), i));
    uint64_t erased;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_msg(phash_bank_case_withdraw(bank, number, pin, &erased, &e) == PHASH_OK, "%s",
                  e.message);
    ck_assert_uint_eq(erased, 75);
    /* Hashes that the other case holds stay; of the rest no byte does; nor of the verifier. */
    for (uint64_t i = 20000; i < 20005; i++)
        ck_assert(!bank_holds(in_dir("a.db"), i));
    for (uint64_t i = 20005; i < 20012; i++)
        ck_assert(bank_holds(in_dir("a.db"), i));
    const char *verifier = strstr(one, "$argon2id");
    ck_assert(!file_holds(in_dir("a.db"), verifier, 90));
    ck_assert(!file_holds(in_dir("a.db-wal"), verifier, 90));
    ck_assert_int_eq(phash_bank_case_status(bank, number, pin, &info, NULL), PHASH_E_NOT_FOUND);
    ck_assert_int_eq(phash_bank_case_withdraw(bank, number, pin, NULL, NULL), PHASH_E_NOT_FOUND);
    /* It cannot come back. */
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    ck_assert_uint_eq(result.added, 0);
    ck_assert_uint_eq(result.skipped, 10);
    ck_assert_uint_eq(info_of(bank).withdrawn, 1);
    ck_assert_uint_eq(info_of(bank).images, 20007);
    free(list);
    phash_text_free(&one, 0);
    phash_text_free(&two, 0);
}
END_TEST

/* Erasing among many: whatever pages the tree has moved rows through, none of them keeps a copy. */
START_TEST(erased_among_many)
{
    char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE];
    char *one = case_of(500000, 500300, pin, number, 0);
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    const uint64_t parts = (uint64_t)test_share(10);
    for (uint64_t part = 0; part < parts; part++) {
        char *list = list_of(part * 5000, part * 5000 + 5000);
        ck_assert_int_eq(import_text(bank, "list", list, &result), PHASH_OK);
        free(list);
    }
    ck_assert_int_eq(phash_bank_case_withdraw(bank, number, pin, NULL, NULL), PHASH_OK);
    for (uint64_t i = 500000; i < 500300; i += 7)
        ck_assert(!bank_holds(in_dir("a.db"), i));
    uint64_t erased;
    ck_assert_int_eq(phash_bank_purge(bank, "nobody", &erased, NULL), PHASH_E_NOT_FOUND);
    ck_assert_int_eq(phash_bank_purge(bank, "list", &erased, NULL), PHASH_OK);
    ck_assert_uint_eq(erased, parts * 5000);
    ck_assert(!bank_holds(in_dir("a.db"), 7));
    ck_assert_uint_eq(info_of(bank).signals, 0);
    phash_text_free(&one, 0);
}
END_TEST

static const char *page_of(uint64_t i, int modified, const char *status, const char *cases,
                           const char *more)
{
    static char text[4096];
    char hex[65];
    snprintf(text, sizeof text,
             "{\"hashRecords\": [{\"lastModtimestamp\": %d, \"signalType\": \"ImagePDQ\", "
             "\"hashValue\": \"%s\", \"hashStatus\": \"%s\"%s%s%s}], \"nextSetTimestamp\": %d}",
             modified, hex_of(i, hex), status, cases ? ", \"caseNumbers\": " : "",
             cases ? cases : "", more, modified + 1);
    return text;
}

START_TEST(pages_follow_the_status_rules)
{
    int64_t next;
    char *out;
    /* Strongest of its cases. */
    ck_assert_int_eq(import_text(bank, "s",
                                 page_of(1, 10, "Received",
                                         "{\"a\":\"Received\",\"b\":\"Active\",\"c\":\"Odd\"}",
                                         ", \"regions\": [\"UK\"]"),
                                 &result),
                     PHASH_OK);
    ck_assert_int_eq(result.kind, PHASH_BANK_KIND_PAGES);
    out = export_all(bank, 0, 800, &next);
    ck_assert_ptr_nonnull(strstr(out, "\"hashStatus\":\"Active\""));
    ck_assert_ptr_nonnull(
        strstr(out, "\"caseNumbers\":{\"a\":\"Received\",\"b\":\"Active\",\"c\":\"Odd\"}"));
    ck_assert_ptr_nonnull(strstr(out, ",\"regions\":[\"UK\"]"));
    free(out);
    /* Again: nothing changes, and the export behind it is empty. */
    ck_assert_int_eq(import_text(bank, "s",
                                 page_of(1, 10, "Received",
                                         "{\"a\":\"Received\",\"b\":\"Active\",\"c\":\"Odd\"}",
                                         ", \"regions\": [\"UK\"]"),
                                 &result),
                     PHASH_OK);
    ck_assert_uint_eq(result.added + result.changed, 0);
    int64_t same;
    out = export_all(bank, next, 800, &same);
    ck_assert_ptr_nonnull(strstr(out, "\"count\":0"));
    ck_assert_int_eq(same, next);
    free(out);
    /* An older record is passed over, a later one replaces; a case it does not name is let go. */
    ck_assert_int_eq(
        import_text(bank, "s", page_of(1, 9, "Received", "{\"z\":\"Active\"}", ""), &result),
        PHASH_OK);
    ck_assert_uint_eq(result.skipped, 1);
    ck_assert_int_eq(
        import_text(bank, "s",
                    page_of(1, 11, "Received", "{\"a\":\"Received\",\"d\":\"Received\"}", ""),
                    &result),
        PHASH_OK);
    ck_assert_uint_eq(result.changed, 1);
    out = export_all(bank, next, 800, &next);
    ck_assert_ptr_nonnull(strstr(
        out,
        "\"hashStatus\":\"Received\",\"caseNumbers\":{\"a\":\"Received\",\"d\":\"Received\"}"));
    ck_assert_ptr_null(strstr(out, "regions"));
    free(out);
    /* Withdrawn by one of two, then by both. */
    ck_assert_int_eq(
        import_text(bank, "s",
                    page_of(1, 12, "Received", "{\"a\":\"Withdrawn\",\"d\":\"Received\"}", ""),
                    &result),
        PHASH_OK);
    ck_assert_uint_eq(result.withdrawn, 1);
    ck_assert_uint_eq(result.erased, 0);
    ck_assert_int_eq(
        import_text(bank, "s", page_of(1, 13, "Deleted", "{\"d\":\"Deleted\"}", ""), &result),
        PHASH_OK);
    ck_assert_uint_eq(result.erased, 1);
    ck_assert(!bank_holds(in_dir("a.db"), 1));
    /* Neither an old page nor a new one brings it back under those numbers. */
    ck_assert_int_eq(
        import_text(bank, "s", page_of(1, 14, "Active", "{\"a\":\"Active\",\"d\":\"Active\"}", ""),
                    &result),
        PHASH_OK);
    ck_assert_uint_eq(info_of(bank).signals, 0);
    ck_assert(!bank_holds(in_dir("a.db"), 1));
}
END_TEST

START_TEST(other_types_and_feedback_pass_through)
{
    static const char in[] =
        "{\"hashRecords\":[{\"signalType\":\"URL\",\"hashValue\":\"http://a/"
        "\\u00e9\",\"hashStatus\":"
        "\"Active\",\"CSPFeedbacks\":[{\"source\":\"P\",\"feedbackValue\":\"Novel\",\"tags\":["
        "\"t\"],"
        "\"q\":2}]},{\"signalType\":\"VideoMD5\",\"hashValue\":\"00ff\"},{\"hashValue\":3}]}";
    int64_t next;
    ck_assert_int_eq(import_text(bank, "s", in, &result), PHASH_OK);
    ck_assert_uint_eq(result.added, 2);
    ck_assert_uint_eq(result.bad, 1);
    ck_assert_uint_eq(result.feedback, 1);
    char *out = export_all(bank, 0, 800, &next);
    ck_assert_ptr_nonnull(
        strstr(out, "\"signalType\":\"URL\",\"hashValue\":\"http://a/\xc3\xa9\""));
    ck_assert_ptr_nonnull(
        strstr(out, "{\"source\":\"P\",\"feedbackValue\":\"Novel\",\"tags\":[\"t\"],\"q\":2}"));
    ck_assert_ptr_nonnull(strstr(out, "\"signalType\":\"VideoMD5\",\"hashValue\":\"00ff\""));
    free(out);
    ck_assert_uint_eq(info_of(bank).images, 0);
    /* Feedback for a hash that is there, and for one that is not. */
    char text[500], hex[65];
    char *list = list_of(0, 3);
    ck_assert_int_eq(import_text(bank, "l", list, &result), PHASH_OK);
    free(list);
    snprintf(text, sizeof text,
             "{\"count\":2,\"hashFeedbacks\":[{\"hashValue\":\"%s\",\"feedbackValue\":\"Blocked\","
             "\"tags\":[\"n\"]},{\"hashValue\":\"0\",\"feedbackValue\":\"Blocked\"}]}",
             hex_of(1, hex));
    ck_assert_int_eq(import_text(bank, "partner", text, &result), PHASH_OK);
    ck_assert_uint_eq(result.feedback, 1);
    ck_assert_uint_eq(result.skipped, 1);
    ck_assert_int_eq(import_text(bank, "partner", text, &result), PHASH_OK);
    ck_assert_uint_eq(result.feedback, 0);
    size_t length;
    ck_assert_int_eq(phash_bank_feedback_export(bank, "partner", &out, &length, NULL), PHASH_OK);
    ck_assert_ptr_nonnull(strstr(out, hex));
    ck_assert_ptr_nonnull(strstr(out, "\"count\":1"));
    phash_text_free(&out, length);
}
END_TEST

/* Two banks: what one exports the other imports, and withdrawals travel, with and without a case. */
START_TEST(withdrawals_travel)
{
    phash_bank *partner;
    char path[128], pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE];
    strcpy(path, in_dir("b.db"));
    ck_assert_int_eq(phash_bank_open(path, PHASH_BANK_CREATE, &partner, NULL), PHASH_OK);
    char *list = list_of(0, 50), *one = case_of(100, 150, pin, number, 0), *out;
    ck_assert_int_eq(import_text(bank, "list", list, &result), PHASH_OK);
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    int64_t next;
    out = export_all(bank, 0, 7, &next);
    ck_assert_int_eq(import_text(partner, "hotline", out, &result), PHASH_OK);
    ck_assert_uint_eq(result.added, 100);
    free(out);
    ck_assert_int_eq(phash_bank_case_withdraw(bank, number, pin, NULL, NULL), PHASH_OK);
    ck_assert_int_eq(phash_bank_purge(bank, "list", NULL, NULL), PHASH_OK);
    out = export_all(bank, next, 7, &next);
    for (uint64_t i = 0; i < 150; i++) {
        char hex[65];
        ck_assert_ptr_null(strstr(out, hex_of(i, hex)));
    }
    ck_assert_int_eq(import_text(partner, "hotline", out, &result), PHASH_OK);
    ck_assert_uint_eq(result.erased, 100);
    ck_assert_uint_eq(result.withdrawn, 1);
    ck_assert_uint_eq(info_of(partner).signals, 0);
    for (uint64_t i = 0; i < 150; i++)
        ck_assert(!bank_holds(path, i));
    free(out);
    free(list);
    phash_text_free(&one, 0);
    phash_bank_free(&partner);
}
END_TEST

/* A consumer that pages while others write, and keeps nextSetTimestamp only, ends up with all. */
START_TEST(export_misses_nothing_under_writes)
{
    uint64_t state = test_seed();
    enum { TOTAL = 3000 };
    static uint8_t seen[TOTAL];
    memset(seen, 0, sizeof seen);
    uint64_t written = 0;
    int64_t since = 0;
    char token[512] = "";
    phash_exchange_page page = PHASH_EXCHANGE_PAGE_INIT;
    for (int round = 0; round < 4000; round++) {
        if (written < TOTAL && test_random(&state) % 2) {
            const uint64_t n = 1 + test_random(&state) % 40;
            const uint64_t to = written + n < TOTAL ? written + n : TOTAL;
            char *list = list_of(written, to);
            ck_assert_int_eq(import_text(bank, "w", list, &result), PHASH_OK);
            free(list);
            written = to;
        }
        char *text;
        size_t length;
        const bool fresh = !token[0];
        ck_assert_int_eq(phash_bank_export(bank, since, token, 1 + test_random(&state) % 60, &text,
                                           &length, &page, NULL),
                         PHASH_OK);
        for (uint64_t i = 0; i < written; i++) {
            char hex[65];
            if (!seen[i] && strstr(text, hex_of(i, hex)))
                seen[i] = 1;
        }
        phash_text_free(&text, length);
        strcpy(token, page.next_token);
        /* Sometimes it forgets the token, and goes on from what it stored. */
        if (!page.has_more || test_random(&state) % 50 == 0) {
            since = page.next;
            token[0] = '\0';
        }
        if (written == TOTAL && fresh && !page.has_more)
            break;
    }
    ck_assert_uint_eq(written, TOTAL);
    for (int i = 0; i < TOTAL; i++)
        ck_assert_msg(seen[i], "hash %d was missed", i);
    char *text;
    size_t length;
    ck_assert_int_eq(phash_bank_export(bank, 0, "1.9.0.0.0", 5, &text, &length, NULL, NULL),
                     PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bank_export(bank, 0, "x", 5, &text, &length, NULL, NULL),
                     PHASH_E_ARGUMENT);
}
END_TEST

START_TEST(change_feed)
{
    phash_bank_position position = {0, 0, 0};
    phash_bank_change changes[64];
    char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE];
    char *list = list_of(0, 100), *one = case_of(200, 220, pin, number, 0);
    size_t n, total = 0;
    static uint8_t live[1000];
    memset(live, 0, sizeof live);
    ck_assert_int_eq(import_text(bank, "l", list, &result), PHASH_OK);
    ck_assert_int_eq(import_text(bank, "people", one, &result), PHASH_OK);
    for (int part = 0; part < 2; part++) {
        do {
            ck_assert_int_eq(phash_bank_follow(bank, &position, changes, 64, &n, NULL), PHASH_OK);
            for (size_t i = 0; i < n; i++) {
                ck_assert_uint_lt(changes[i].id, 1000);
                live[changes[i].id] = !changes[i].erased;
            }
        } while (n);
        total = 0;
        for (int i = 0; i < 1000; i++)
            total += live[i];
        ck_assert_uint_eq(total, part ? 105u : 120u);
        if (part == 0) {
            ck_assert_int_eq(phash_bank_case_withdraw(bank, number, pin, NULL, NULL), PHASH_OK);
            free(list);
            list = list_of(300, 305);
            ck_assert_int_eq(import_text(bank, "l", list, &result), PHASH_OK);
        }
    }
    char cases[64];
    ck_assert_int_eq(phash_bank_signal_cases(bank, 1, cases, sizeof cases, NULL), PHASH_OK);
    ck_assert_str_eq(cases, "");
    ck_assert_int_eq(phash_bank_signal_cases(bank, 101, cases, sizeof cases, NULL),
                     PHASH_E_NOT_FOUND);
    free(list);
    phash_text_free(&one, 0);
}
END_TEST

/* Nothing of a file that is broken somewhere comes in. */
START_TEST(hostile_files)
{
    static const char *const texts[] = {
        "{\"hashRecords\":[{\"signalType\":\"ImagePDQ\",\"hashValue\":"
        "\"f8f8f0cee0f4a84f06370a22038f63"
        "f0b36e2ed596621e1d33e6b39c4e9c9b22\"},",
        "{\"format\": \"phash-case\", \"version\": 1}",
        "{\"format\": \"phash-sealed\", \"version\": 1, \"box\": \"AAAA\"}",
        "{\"format\": \"phash-case\"",
        "{\"count\": 1",
        "[[[[[[[[[",
        "{{{{{{{{{",
        "\x89PNG\r\n\x1a\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_int_ne(import_text(bank, "s", texts[i], &result), PHASH_OK);
    /* A stranger's case with the number of one that is there. */
    char pin[2][PHASH_CASE_PIN_SIZE], number[2][PHASH_CASE_NUMBER_SIZE];
    char *one = case_of(0, 1, pin[0], number[0], 0), *two = case_of(5, 6, pin[1], number[1], 0);
    ck_assert_int_eq(import_text(bank, "s", one, &result), PHASH_OK);
    memcpy(strstr(two, number[1]), number[0], 21);
    ck_assert_int_eq(import_text(bank, "s", two, &result), PHASH_E_EXISTS);
    /* A page cannot end a case that came with a PIN. */
    char cases[100];
    snprintf(cases, sizeof cases, "{\"%s\":\"Withdrawn\"}", number[0]);
    ck_assert_int_eq(import_text(bank, "t", page_of(9, 1, "Withdrawn", cases, ""), &result),
                     PHASH_OK);
    phash_bank_case info = {.size = sizeof info};
    ck_assert_int_eq(phash_bank_case_status(bank, number[0], pin[0], &info, NULL), PHASH_OK);
    ck_assert_uint_eq(info.signals, 1);
    ck_assert_uint_eq(info_of(bank).signals, 1);
    phash_text_free(&one, 0);
    phash_text_free(&two, 0);
}
END_TEST

/* Imports while others import and read: everybody gets through. */
START_TEST(two_handles)
{
    phash_bank *other;
    ck_assert_int_eq(phash_bank_open(in_dir("a.db"), PHASH_BANK_WRITE, &other, NULL), PHASH_OK);
    for (uint64_t i = 0; i < 50; i++) {
        char *list = list_of(i * 10, i * 10 + 10);
        ck_assert_int_eq(import_text(i % 2 ? bank : other, "s", list, &result), PHASH_OK);
        ck_assert_uint_eq(info_of(i % 2 ? other : bank).signals, i * 10 + 10);
        free(list);
    }
    phash_bank_free(&other);
}
END_TEST

/* Processor time, which a busy machine does not stretch. */
static double status_seconds(const char *number, const char *pin)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        struct timespec a, b;
        phash_bank_case info = {.size = sizeof info};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        (void)phash_bank_case_status(bank, number, pin, &info, NULL);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        const double t = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        best = t < best ? t : best;
    }
    return best;
}

START_TEST(wrong_takes_as_long_as_unknown)
{
    char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE];
    char *one = case_of(0, 3, pin, number, 0);
    ck_assert_int_eq(import_text(bank, "s", one, &result), PHASH_OK);
    const double times[] = {status_seconds(number, pin), status_seconds(number, "0000-0000"),
                            status_seconds(number, "no pin"),
                            status_seconds("0000-0000-0000-0000-0", pin), status_seconds("x", "")};
    /* Left out, the verifier's work would show as a factor of a thousand. */
    for (size_t i = 1; i < sizeof times / sizeof times[0] && !cheap_pins; i++) {
        ck_assert_msg(times[i] > times[0] / 2 && times[i] < times[0] * 2, "%zu: %g s and %g s", i,
                      times[i], times[0]);
    }
    phash_text_free(&one, 0);
}
END_TEST

int main(void)
{
    const char *pins = getenv("PHASH_TEST_PINS");
    cheap_pins = pins && strcmp(pins, "cheap") == 0;
    Suite *s = suite_create("bank");
    TCase *t = tcase_create("bank");
    tcase_set_timeout(t, 200);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, opening);
    tcase_add_test(t, lists_are_idempotent);
    tcase_add_test(t, case_life);
    tcase_add_test(t, erased_among_many);
    tcase_add_test(t, pages_follow_the_status_rules);
    tcase_add_test(t, other_types_and_feedback_pass_through);
    tcase_add_test(t, withdrawals_travel);
    tcase_add_test(t, export_misses_nothing_under_writes);
    tcase_add_test(t, change_feed);
    tcase_add_test(t, hostile_files);
    tcase_add_test(t, two_handles);
    tcase_add_test(t, wrong_takes_as_long_as_unknown);
    suite_add_tcase(s, t);
    return test_main(s);
}
