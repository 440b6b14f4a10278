/* Pages of the hash exchange: what comes in goes out again, what is broken is named and passed over.
 */
#include "check_main.h"

#include <phash/exchange.h>

#include <stdbool.h>
#include <string.h>

#define H1 "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
#define H2 "d8f8f0cee0f4a84f0637022a078f67f0b36e2ed596621e1d33e6339c4e9c9b22"

typedef struct {
    const char *text;
    size_t bytes, at, step;
    size_t blanks; /* given before the text */
} source;

static phash_status read_source(void *context, void *buffer, size_t capacity, size_t *got,
                                phash_error *error)
{
    (void)error;
    source *s = context;
    size_t n = s->blanks ? s->blanks : s->bytes - s->at;
    n = n < s->step ? n : s->step;
    n = n < capacity ? n : capacity;
    if (s->blanks) {
        memset(buffer, ' ', n);
        s->blanks -= n;
    } else {
        memcpy(buffer, s->text + s->at, n);
        s->at += n;
    }
    *got = n;
    return PHASH_OK;
}

/* Reads everything; records go into one page that is written, errors are listed. */
static phash_status copy(const char *text, size_t bytes, size_t step, size_t blanks, char **written,
                         char *errors, size_t size, phash_exchange_page *page)
{
    source s = {text, bytes, 0, step, blanks};
    phash_exchange *r;
    phash_exchange_writer *w;
    ck_assert_int_eq(phash_exchange_open(read_source, &s, &r, NULL), PHASH_OK);
    ck_assert_int_eq(phash_exchange_writer_new(&w), PHASH_OK);
    errors[0] = '\0';
    phash_status status;
    for (;;) {
        phash_exchange_record record = PHASH_EXCHANGE_RECORD_INIT;
        phash_error e = PHASH_ERROR_INIT;
        status = phash_exchange_next(r, &record, &e);
        if (status == PHASH_OK) {
            ck_assert_int_eq(phash_exchange_writer_add(w, &record), PHASH_OK);
            continue;
        }
        if (status == PHASH_E_NOT_FOUND || phash_exchange_failed(r))
            break;
        ck_assert_int_eq(status, PHASH_E_CORRUPT);
        const size_t used = strlen(errors);
        snprintf(errors + used, size - used, "%d ", (int)e.offset);
        ck_assert_ptr_null(strstr(e.message, "f8f8"));
    }
    size_t length;
    *page = (phash_exchange_page)PHASH_EXCHANGE_PAGE_INIT;
    ck_assert_int_eq(phash_exchange_page_get(r, page), PHASH_OK);
    ck_assert_int_eq(phash_exchange_writer_take(w, NULL, written, &length), PHASH_OK);
    ck_assert_uint_eq(strlen(*written), length);
    phash_exchange_free(&r);
    phash_exchange_writer_free(&w);
    return status;
}

static const char page[] =
    "\xef\xbb\xbf {\"count\": 9, \"nextPageToken\": \"to\\\"ken\", \"x\": {\"hashRecords\": [1]},\n"
    "\"nextSetTimestamp\": 1625175071, \"hasMoreRecords\": true, \"hashRecords\": [\n"
    "{\"lastModtimestamp\": 1625167804, \"hashValue\": \"" H1
    "\", \"hashStatus\": \"Received\", \"caseNumbers\": {\"a-1\": \"Received\", "
    "\"b\\\"\\\\\\u0001\": \"Frozen\"}, \"signalType\": \"ImagePDQ\", \"hashRegions\": [\"UK\", "
    "{\"y\": null}]},\n"
    "{\"hashValue\": \"0123\", \"signalType\": \"VideoMD5\", \"hashStatus\": null},\n"
    "{\"hashValue\": \"abc\", \"signalType\": \"ImagePDQ\"},\n"        /* 3: no PDQ hash */
    "{\"hashValue\": 5},\n"                                            /* 4 */
    "{\"hashValue\": \"a\", \"hashValue\": \"b\"},\n"                  /* 5: twice */
    "{\"hashValue\": \"\xff\"},\n"                                     /* 6: not UTF-8 */
    "{\"hashValue\": \"a\\u0000b\"},\n"                                /* 7: NUL */
    "{\"hashValue\": \"a\", \"n\": 123456789012345678901234567890},\n" /* 8: huge number */
    "{\"hashValue\": \"a\", \"n\": [},\n"            /* 9: broken, neighbours live */
    "{\"hashValue\": \"a\", \"n\": ]},\n"            /* 10 */
    "7, \"x\", ,\n"                                  /* 11, 12 */
    "{\"hashValue\": \"a\", \"caseNumbers\": []},\n" /* 13 */
    "{\"hashValue\": \"a\", \"CSPFeedbacks\": [{\"tags\": [1]}]},\n" /* 14 */
    "{\"hashValue\": \"http://x/?a=\\\"1\\\"\\n\", \"signalType\": \"URL\", \"hashStatus\": "
    "\"Active\", \"caseNumbers\": {}, \"CSPFeedbacks\": [{\"source\": \"S\", \"feedbackValue\": "
    "\"Undefined\", \"tags\": [\"t\", \"\xc3\xa9\"], \"z\": 1.5}, {}]}\n"
    "], \"tail\": [] }\n"
    "{\"hashRecords\": [{\"hashValue\": \"\", \"signalType\": \"ImagePDQ\", \"hashSHA256\": \"" H1
    "\", \"caseNumbers\": {\"c\": \"Withdrawn\"}}], \"nextSetTimestamp\": 7}";

static const char copied[] =
    "{\"count\":4,\"hashRecords\":[\n"
    "{\"lastModtimestamp\":1625167804,\"signalType\":\"ImagePDQ\",\"hashValue\":\"" H1
    "\",\"hashStatus\":\"Received\",\"caseNumbers\":{\"a-1\":\"Received\","
    "\"b\\\"\\\\\\u0001\":\"Frozen\"},"
    "\"CSPFeedbacks\":[],\"hashRegions\":[\"UK\",{\"y\":null}]},\n"
    "{\"lastModtimestamp\":0,\"signalType\":\"VideoMD5\",\"hashValue\":\"0123\"},\n"
    "{\"lastModtimestamp\":0,\"signalType\":\"URL\",\"hashValue\":\"http://x/?a=\\\"1\\\"\\u000a\","
    "\"hashStatus\":\"Active\",\"caseNumbers\":{},\"CSPFeedbacks\":[{\"source\":\"S\","
    "\"feedbackValue\":\"Undefined\",\"tags\":[\"t\",\"\xc3\xa9\"],\"z\":1.5},"
    "{\"feedbackValue\":\"Unknown\",\"tags\":[]}]},\n"
    "{\"lastModtimestamp\":0,\"signalType\":\"ImagePDQ\",\"hashValue\":\"\",\"hashSHA256\":\"" H1
    "\",\"caseNumbers\":{\"c\":\"Withdrawn\"}}]}\n";

START_TEST(records_pass_through)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, SIZE_MAX};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char *written, errors[256];
        phash_exchange_page last;
        /* A byte order mark that comes in pieces is not worth the trouble. */
        const size_t mark = steps[i] < 3 ? 3 : 0;
        ck_assert_int_eq(copy(page + mark, sizeof page - 1 - mark, steps[i], 0, &written, errors,
                              sizeof errors, &last),
                         PHASH_E_NOT_FOUND);
        ck_assert_str_eq(written, copied);
        ck_assert_str_eq(errors, "3 4 5 6 7 8 9 10 11 12 13 14 ");
        ck_assert_uint_eq(last.pages, 2);
        ck_assert_int_eq(last.next, 7);
        ck_assert_int_eq(last.has_more, 0);
        phash_text_free(&written, 0);
    }
    /* What was written reads the same. */
    char *written, errors[256];
    phash_exchange_page last;
    ck_assert_int_eq(copy(copied, sizeof copied - 1, 1, 0, &written, errors, sizeof errors, &last),
                     PHASH_E_NOT_FOUND);
    ck_assert_str_eq(written, copied);
    ck_assert_str_eq(errors, "");
    phash_text_free(&written, 0);
}
END_TEST

START_TEST(feedback_passes_through)
{
    static const char in[] =
        "{\"count\": 1, \"hashFeedbacks\": [{\"tags\": [\"Nude\"], "
        "\"feedbackValue\": \"Blocked\", \"hashValue\": \"" H2 "\", \"k\": 1}]}";
    static const char out[] = "{\"count\":1,\"hashFeedbacks\":[\n{\"hashValue\":\"" H2
                              "\",\"feedbackValue\":\"Blocked\",\"tags\":[\"Nude\"],\"k\":1}]}\n";
    char *written, errors[256];
    phash_exchange_page last;
    ck_assert_int_eq(copy(in, sizeof in - 1, 5, 0, &written, errors, sizeof errors, &last),
                     PHASH_E_NOT_FOUND);
    ck_assert_str_eq(written, out);
    phash_text_free(&written, 0);
}
END_TEST

START_TEST(broken_pages)
{
    static const struct {
        const char *text;
        phash_status status;
    } rows[] = {
        {"", PHASH_E_NOT_FOUND},
        {"{}", PHASH_E_NOT_FOUND},
        {"{} {}\n", PHASH_E_NOT_FOUND},
        {"[]", PHASH_E_FORMAT},
        {"{\"key\":1}", PHASH_E_FORMAT},
        {"{\"count\":0}", PHASH_E_NOT_FOUND},
        {"{\"count\":0} {\"key\":[]}", PHASH_E_FORMAT},
        {"{", PHASH_E_TRUNCATED},
        {"{\"a", PHASH_E_TRUNCATED},
        {"{\"a\"", PHASH_E_TRUNCATED},
        {"{\"a\":", PHASH_E_TRUNCATED},
        {"{\"a\":1", PHASH_E_TRUNCATED},
        {"{\"a\" 1}", PHASH_E_FORMAT},
        {"{a:1}", PHASH_E_FORMAT},
        {"{\"hashRecords\":[", PHASH_E_TRUNCATED},
        {"{\"hashRecords\":[{\"hashValue\":\"", PHASH_E_TRUNCATED},
        {"{\"hashRecords\":[}", PHASH_E_FORMAT},
        {"{\"hashRecords\":{}}", PHASH_E_NOT_FOUND},
        {"\x89PNG", PHASH_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *written, errors[256];
        phash_exchange_page last;
        ck_assert_msg(copy(rows[i].text, strlen(rows[i].text), SIZE_MAX, 0, &written, errors,
                           sizeof errors, &last) == rows[i].status,
                      "%s", rows[i].text);
        phash_text_free(&written, 0);
    }
    /* Every cut of a page says so. */
    for (size_t n = 5; n < sizeof page - 1; n++) {
        char *written, errors[256];
        phash_exchange_page last;
        const phash_status status =
            copy(page, n, SIZE_MAX, 0, &written, errors, sizeof errors, &last);
        const bool between = last.pages == 1 && n <= (size_t)(strstr(page, "tail") + 12 - page);
        ck_assert_int_eq(status, between ? PHASH_E_NOT_FOUND : PHASH_E_TRUNCATED);
        phash_text_free(&written, 0);
    }
}
END_TEST

/* Sizes and depths that would hurt a reader that holds what it reads. */
START_TEST(monstrous_pages)
{
    /* More than the longest record in any case. */
    const size_t size = (size_t)((2 << 20) + test_share(6 << 20));
    const size_t blanks = (size_t)test_share(1 << 28);
    char *text = malloc(size + 1000), *written, errors[256];
    ck_assert_ptr_nonnull(text);
    phash_exchange_page last;
    static const char *const fills[] = {"[", "{\"a\":", "x", "\\\"", " "};
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++) {
        size_t n = (size_t)sprintf(text, "{\"hashRecords\":[{\"hashValue\":\"a\",\"b\":%s",
                                   f == 3 ? "\"" : "");
        const size_t start = n;
        for (size_t i = 0; n < size; i++)
            text[n++] = fills[f][i % strlen(fills[f])];
        size_t closing = 0;
        if (f >= 2) {
            n = start + (n - start) / 2 * 2;
            closing = (size_t)sprintf(text + n, "%s},{\"hashValue\":\"b\"}]}", f == 3 ? "\"" : "1");
        }
        const phash_status status =
            copy(text, n + closing, SIZE_MAX, 0, &written, errors, sizeof errors, &last);
        ck_assert_int_eq(status, f < 2 ? PHASH_E_TRUNCATED : PHASH_E_NOT_FOUND);
        ck_assert_str_eq(errors, f < 2 ? "" : "1 ");
        ck_assert_int_eq(strstr(written, "\"b\"") != NULL, f >= 2);
        phash_text_free(&written, 0);
    }
    ck_assert_int_eq(copy("{}", 2, SIZE_MAX, blanks, &written, errors, sizeof errors, &last),
                     PHASH_E_NOT_FOUND);
    phash_text_free(&written, 0);
    free(text);
}
END_TEST

START_TEST(writer_contract)
{
    phash_exchange_writer *w;
    phash_exchange_record r = PHASH_EXCHANGE_RECORD_INIT;
    phash_exchange_feedback f = {NULL, "Blocked", NULL, NULL};
    ck_assert_int_eq(phash_exchange_writer_new(&w), PHASH_OK);
    ck_assert_int_eq(phash_exchange_writer_add(w, &r), PHASH_E_ARGUMENT);
    r.hash_value = "a";
    r.signal_type = "Text";
    ck_assert_int_eq(phash_exchange_writer_add(w, &r), PHASH_OK);
    r.is_feedback = 1;
    ck_assert_int_eq(phash_exchange_writer_add(w, &r), PHASH_E_ARGUMENT);
    r.feedbacks = &f;
    r.feedback_count = 1;
    ck_assert_int_eq(phash_exchange_writer_add(w, &r), PHASH_E_KIND);
    phash_exchange_page p = PHASH_EXCHANGE_PAGE_INIT;
    p.next = 5;
    p.has_more = 1;
    strcpy(p.next_token, "t");
    char *text;
    size_t length;
    ck_assert_int_eq(phash_exchange_writer_take(w, &p, &text, &length), PHASH_OK);
    ck_assert_str_eq(text, "{\"count\":1,\"nextPageToken\":\"t\",\"nextSetTimestamp\":5,"
                           "\"hasMoreRecords\":true,\"hashRecords\":[\n{\"lastModtimestamp\":0,"
                           "\"signalType\":\"Text\",\"hashValue\":\"a\"}]}\n");
    phash_text_free(&text, length);
    ck_assert_int_eq(phash_exchange_writer_take(w, NULL, &text, &length), PHASH_OK);
    ck_assert_str_eq(text, "{\"count\":0,\"hashRecords\":[]}\n");
    phash_text_free(&text, length);
    phash_exchange_writer_free(&w);
    phash_exchange_writer_free(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("exchange");
    TCase *t = tcase_create("exchange");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, records_pass_through);
    tcase_add_test(t, feedback_passes_through);
    tcase_add_test(t, broken_pages);
    tcase_add_test(t, monstrous_pages);
    tcase_add_test(t, writer_contract);
    suite_add_tcase(s, t);
    return test_main(s);
}
