/* Every allocation of lists, pages, case files, sealing and the bank fails once, in turn: the call
 * says so or does without, leaks nothing, and the bank is sound afterwards. */
#define _GNU_SOURCE

#include "../faults/alloc_fault.h"
#include "bank_help.h"
#include "cheap_pins.h"

#include <fcntl.h>

enum { MOST = 100000 };

static char bank_path[128];
static phash_error last = PHASH_ERROR_INIT;
static long count_memory; /* failures that were told as such */
static char page[1000], list[200];
static char *case_text, *public_key, *secret_key, *sealed;
static int list_fd;
static size_t case_length, public_length, secret_length, sealed_length;

typedef phash_status (*call_fn)(void);

/* One in `stride` of them, others each time: SQLite makes thousands in a long call. */
static long allocations_fail_by(call_fn call, long stride)
{
    uint64_t state = test_seed();
    ck_assert_msg(call() == PHASH_OK, "%s", last.message);
    for (long n = (long)(test_random(&state) % (uint64_t)stride); n < MOST; n += stride) {
        alloc_fault_arm(n);
        const phash_status status = call();
        const bool fired = alloc_fault_disarm();
        ck_assert_msg(alloc_fault_balance() == 0, "allocation %ld: %ld blocks leak", n,
                      alloc_fault_balance());
        if (!fired) {
            ck_assert_int_eq(status, PHASH_OK);
            return n;
        }
        /* Any error will do, and no error where SQLite does without: jansson cuts a text short
         * when memory for it runs out, which is then told as a value that is not valid. */
        count_memory += status == PHASH_E_MEMORY;
    }
    ck_abort_msg("no end of allocations");
    return 0;
}

static long each_allocation_fails(call_fn call)
{
    return allocations_fail_by(call, 1);
}

static phash_status read_list(void)
{
    phash_list *l;
    phash_list_record r = PHASH_LIST_RECORD_INIT;
    phash_status status = phash_list_open_memory(list, strlen(list), NULL, &l, &last);
    while (!status)
        status = phash_list_next(l, &r, &last);
    phash_list_free(&l);
    return status == PHASH_E_NOT_FOUND ? PHASH_OK : status;
}

static phash_status read_rest(phash_status status, phash_list *l)
{
    phash_list_record r = PHASH_LIST_RECORD_INIT;
    if (status)
        return l ? PHASH_E_STATE : status;
    while (!status)
        status = phash_list_next(l, &r, &last);
    if (status == PHASH_E_NOT_FOUND &&
        (phash_list_failed(l) || phash_list_format_get(l) != PHASH_LIST_CSV))
        status = PHASH_E_STATE;
    phash_list_free(&l);
    return status == PHASH_E_NOT_FOUND ? PHASH_OK : status;
}

/* The same list through the two other doors. */
static phash_status read_list_fd(void)
{
    phash_list *l;
    memory m = {list, strlen(list), 0};
    if (lseek(list_fd, 0, SEEK_SET) != 0)
        return PHASH_E_STATE;
    phash_status status = phash_list_open_fd(list_fd, NULL, &l, &last);
    status = read_rest(status, l);
    if (status)
        return status;
    status = phash_list_open_reader(read_memory, &m, NULL, &l, &last);
    return read_rest(status, l);
}

static phash_status copy_page(void)
{
    memory m = {page, strlen(page), 0};
    phash_exchange *r = NULL;
    phash_exchange_writer *w = NULL;
    char *text = NULL;
    size_t length = 0;
    phash_status status = phash_exchange_writer_new(&w);
    if (!status)
        status = phash_exchange_open(read_memory, &m, &r, &last);
    while (!status) {
        phash_exchange_record record = PHASH_EXCHANGE_RECORD_INIT;
        status = phash_exchange_next(r, &record, &last);
        if (!status)
            status = phash_exchange_writer_add(w, &record);
    }
    if (status == PHASH_E_NOT_FOUND) {
        phash_exchange_page told = PHASH_EXCHANGE_PAGE_INIT;
        status = phash_exchange_page_get(r, &told);
        if (!status && (phash_exchange_failed(r) || phash_exchange_writer_count(w) != 1))
            status = PHASH_E_STATE;
    }
    if (!status)
        status = phash_exchange_writer_take(w, NULL, &text, &length);
    phash_text_free(&text, length);
    phash_exchange_writer_free(&w);
    phash_exchange_free(&r);
    return status;
}

static phash_status read_case(void)
{
    phash_case *c = NULL;
    char *text = NULL;
    size_t length = 0;
    phash_status status = phash_case_read(case_text, case_length, &c, &last);
    phash_case_signal signal = PHASH_CASE_SIGNAL_INIT;
    char number[PHASH_CASE_NUMBER_SIZE];
    if (!status && (phash_case_count(c) != 1 || phash_case_created(c) != 5 ||
                    !phash_case_verifier(c)[0] || phash_case_signal_get(c, 0, &signal) ||
                    phash_case_number_parse(phash_case_number(c), number)))
        status = PHASH_E_STATE;
    if (!status)
        status = phash_case_write(c, &text, &length, &last);
    phash_case_free(&c);
    phash_text_free(&text, length);
    return status;
}

static phash_status seal(void)
{
    char *text = NULL;
    size_t length = 0;
    phash_status status = phash_seal("x", 1, public_key, public_length, &text, &length, &last);
    phash_text_free(&text, length);
    if (!status)
        status =
            phash_unseal(sealed, sealed_length, secret_key, secret_length, &text, &length, &last);
    phash_text_free(&text, length);
    return status;
}

static phash_status fingerprint(void)
{
    char text[PHASH_FINGERPRINT_SIZE];
    phash_status status = phash_key_fingerprint(public_key, public_length, text, &last);
    if (!status)
        status = phash_key_fingerprint(secret_key, secret_length, text, &last);
    return status;
}

/* A list from a descriptor, which is erased again. */
static phash_status import_fd(void)
{
    phash_bank *bank;
    phash_bank_import_options options = PHASH_BANK_IMPORT_OPTIONS_INIT;
    phash_bank_import_result result = PHASH_BANK_IMPORT_RESULT_INIT;
    uint64_t erased;
    options.source = "fd";
    if (lseek(list_fd, 0, SEEK_SET) != 0)
        return PHASH_E_STATE;
    phash_status status = phash_bank_open(bank_path, PHASH_BANK_WRITE, &bank, &last);
    if (!status)
        status = phash_bank_import_fd(bank, list_fd, &options, &result, &last);
    if (!status)
        status = phash_bank_purge(bank, "fd", &erased, &last);
    phash_bank_free(&bank);
    return status;
}

/* Opens, imports a page that differs each time, exports, follows, closes. */
static phash_status use_bank(void)
{
    static uint64_t round;
    phash_bank *bank;
    phash_bank_import_result result = PHASH_BANK_IMPORT_RESULT_INIT;
    char text[1200], hex[65], *out = NULL;
    size_t length = 0, n;
    phash_bank_position position = {0, 0, 0};
    phash_bank_change changes[4];
    snprintf(text, sizeof text,
             "{\"hashRecords\":[{\"signalType\":\"ImagePDQ\",\"hashValue\":\"%s\",\"caseNumbers\":{"
             "\"c%d\":\"Received\"},\"z\":1,\"CSPFeedbacks\":[{\"source\":\"s\"}]},{\"signalType\":"
             "\"ImagePDQ\",\"hashValue\":\"\",\"caseNumbers\":{\"c%d\":\"Withdrawn\"}}]}",
             hex_of(round, hex), (int)round, (int)round - 1);
    round++;
    memory m = {text, strlen(text), 0};
    phash_status status = phash_bank_open(bank_path, PHASH_BANK_WRITE, &bank, &last);
    if (!status)
        status = phash_bank_import(bank, read_memory, &m, NULL, &result, &last);
    if (!status)
        status = phash_bank_export(bank, 0, NULL, 5, &out, &length, NULL, &last);
    if (!status)
        status = phash_bank_follow(bank, &position, changes, 4, &n, &last);
    phash_text_free(&out, length);
    phash_bank_free(&bank);
    return status;
}

static int count_case(void *context, const phash_bank_case *info)
{
    (void)info;
    ++*(int *)context;
    return 0;
}

static int count_source(void *context, const char *name, int64_t next, const char *token)
{
    (void)name, (void)next, (void)token;
    ++*(int *)context;
    return 0;
}

/* What only reads. */
static phash_status look_at_bank(void)
{
    phash_bank *bank;
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_bank_position position = {0, 0, 0};
    phash_bank_change change;
    char cases[100], *text = NULL;
    size_t length = 0, n = 0;
    int count = 0;
    phash_status status = phash_bank_open(bank_path, PHASH_BANK_READ, &bank, &last);
    if (!status)
        status = phash_bank_info_get(bank, &info, &last);
    if (!status)
        status = phash_bank_case_list(bank, count_case, &count, &last);
    if (!status)
        status = phash_bank_source_list(bank, count_source, &count, &last);
    if (!status)
        status = phash_bank_follow(bank, &position, &change, 1, &n, &last);
    if (!status && n)
        status = phash_bank_signal_cases(bank, change.id, cases, sizeof cases, &last);
    if (status == PHASH_E_NOT_FOUND)
        status = PHASH_OK;
    if (!status)
        status = phash_bank_feedback_export(bank, "s", &text, &length, &last);
    phash_text_free(&text, length);
    phash_bank_free(&bank);
    return status;
}

/* A case comes in, gets feedback, is looked at and withdrawn; a list comes in and is purged. */
static phash_status withdraw(void)
{
    phash_bank *bank = NULL;
    phash_case *c = NULL;
    phash_bank_import_result result;
    phash_bank_case info = {.size = sizeof info};
    phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
    char pin[PHASH_CASE_PIN_SIZE], number[PHASH_CASE_NUMBER_SIZE] = "", *text = NULL;
    size_t length = 0;
    uint64_t erased;
    s.hash = hash_of(9);
    s.quality = 90;
    phash_status status = phash_bank_open(bank_path, PHASH_BANK_WRITE, &bank, &last);
    if (!status)
        status = phash_case_new(5, pin, &c, &last);
    if (!status)
        status = phash_case_add(c, &s, &last);
    if (!status)
        status = phash_case_write(c, &text, &length, &last);
    if (!status) {
        snprintf(number, sizeof number, "%s", phash_case_number(c));
        status = import_bytes(bank, "s", text, length, &result);
    }
    if (!status)
        status = phash_bank_feedback(bank, &s.hash, "s", "Blocked", "[\"a\"]", &last);
    if (!status)
        status = phash_bank_case_status(bank, number, pin, &info, &last);
    if (!status)
        status = phash_bank_case_withdraw(bank, number, pin, &erased, &last);
    if (!status)
        status = import_text(bank, "other", list, &result);
    if (!status)
        status = phash_bank_purge(bank, "other", &erased, &last);
    phash_text_free(&text, length);
    phash_case_free(&c);
    phash_bank_free(&bank);
    return status;
}

static void write_list(void)
{
    list_fd = open(in_dir("list"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(list_fd, 0);
    ck_assert_int_eq(write(list_fd, list, strlen(list)), (ssize_t)strlen(list));
}

START_TEST(allocations_fail)
{
    char hex[65];
    snprintf(list, sizeof list, "%s,5,a\n%s,,\"b\"\n", hex_of(1, hex), hex_of(1, hex));
    snprintf(page, sizeof page,
             "{\"hashRecords\":[{\"hashValue\":\"%s\",\"signalType\":\"ImagePDQ\",\"caseNumbers\":{"
             "\"a\":\"b\"},\"o\":[1],\"CSPFeedbacks\":[{\"tags\":[\"t\"],\"p\":2}]}]}",
             hex_of(2, hex));
    char pin[PHASH_CASE_PIN_SIZE];
    phash_case *c;
    phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
    s.quality = 77;
    ck_assert_int_eq(phash_case_new(5, pin, &c, &last), PHASH_OK);
    ck_assert_int_eq(phash_case_add(c, &s, NULL), PHASH_OK);
    ck_assert_int_eq(phash_case_write(c, &case_text, &case_length, NULL), PHASH_OK);
    phash_case_free(&c);
    ck_assert_int_eq(phash_keys_new(&public_key, &public_length, &secret_key, &secret_length, NULL),
                     PHASH_OK);
    ck_assert_int_eq(phash_seal(case_text, case_length, public_key, public_length, &sealed,
                                &sealed_length, NULL),
                     PHASH_OK);
    ck_assert_int_ge(each_allocation_fails(read_list), 2);
    make_dir();
    write_list();
    ck_assert_int_ge(each_allocation_fails(read_list_fd), 4);
    ck_assert_int_ge(each_allocation_fails(copy_page), 10);
    ck_assert_int_ge(each_allocation_fails(read_case), 10);
    ck_assert_int_ge(each_allocation_fails(seal), 10);
    ck_assert_int_ge(each_allocation_fails(fingerprint), 6);
    strcpy(bank_path, in_dir("b.db"));
    phash_bank *bank;
    ck_assert_int_eq(phash_bank_open(bank_path, PHASH_BANK_CREATE, &bank, &last), PHASH_OK);
    phash_bank_free(&bank);
    ck_assert_int_ge(each_allocation_fails(use_bank), 100);
    ck_assert_int_ge(each_allocation_fails(look_at_bank), 50);
    ck_assert_int_ge(allocations_fail_by(import_fd, 9), 100);
    ck_assert_int_ge(allocations_fail_by(withdraw, 9), 100);
    ck_assert_int_ge(count_memory, 100);
    ck_assert_int_eq(phash_bank_open(bank_path, PHASH_BANK_READ, &bank, NULL), PHASH_OK);
    phash_bank_free(&bank);
    close(list_fd);
    drop_dir();
}
END_TEST

int main(void)
{
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer has the allocator");
        return 77;
    }
    cheap_pins = true; /* the memory that Argon2 asks for is what matters, not the time */
    Suite *s = suite_create("alloc-bank");
    TCase *t = tcase_create("alloc");
    tcase_set_timeout(t, 290);
    tcase_add_test(t, allocations_fail);
    suite_add_tcase(s, t);
    return test_main(s);
}
