/* Takes pages of records apart without holding a page.
 *
 * jansson wants a whole text, and a page may be of any length. So brackets and quotes are followed
 * here, just enough to find where a record starts and ends; jansson then says whether it is sound.
 */
#include "exchange/split.h"

#include "core/internal.h"
#include "exchange/json.h"

#include <string.h>

/* The next byte without taking it; -1 at the end. */
static phash_status peek(phash_split *s, int *c, phash_error *error)
{
    if (s->begin == s->end && !s->at_eof) {
        size_t got = 0;
        const phash_status status = s->read(s->context, s->buffer, sizeof s->buffer, &got, error);
        if (status)
            return status;
        if (got > sizeof s->buffer)
            return phash_fail(error, PHASH_E_ARGUMENT, "more was read than was asked for");
        s->begin = 0;
        s->end = got;
        s->at_eof = got == 0;
    }
    *c = s->begin == s->end ? -1 : (unsigned char)s->buffer[s->begin];
    return PHASH_OK;
}

/* The next byte that is no blank, without taking it. */
static phash_status peek_token(phash_split *s, int *c, phash_error *error)
{
    for (;;) {
        const phash_status status = peek(s, c, error);
        if (status || (*c != ' ' && *c != '\n' && *c != '\r' && *c != '\t'))
            return status;
        while (s->begin < s->end && (s->buffer[s->begin] == ' ' || s->buffer[s->begin] == '\n' ||
                                     s->buffer[s->begin] == '\r' || s->buffer[s->begin] == '\t'))
            s->begin++;
    }
}

static phash_status truncated(phash_error *error)
{
    return phash_fail(error, PHASH_E_TRUNCATED, "the input ends inside a page");
}

static phash_status wrong_token(phash_error *error)
{
    return phash_fail(error, PHASH_E_FORMAT, "not a page of the hash exchange");
}

/* How deep a value is open, and by which brackets. */
typedef struct {
    bool in_string, escaped;
    size_t depth;
    char open[PHASH_JSON_DEPTH];
} nesting;

/* Follows one byte. Returns true where the value ends in front of it. */
static bool follow(nesting *n, char c, const char **wrong)
{
    if (n->in_string) {
        if (n->escaped)
            n->escaped = false;
        else if (c == '\\')
            n->escaped = true;
        else if (c == '"')
            n->in_string = false;
        return false;
    }
    switch (c) {
    case '"':
        n->in_string = true;
        return false;
    case '[':
    case '{':
        if (n->depth < PHASH_JSON_DEPTH)
            n->open[n->depth] = c;
        else
            *wrong = "nests too deeply";
        n->depth++;
        return false;
    case ']':
    case '}':
        if (!n->depth)
            return true;
        n->depth--;
        /* A bracket of the other kind: close what was forgotten if that helps, else drop it, so that
         * one broken record does not take its neighbours with it. */
        if (n->depth < PHASH_JSON_DEPTH && n->open[n->depth] != (c == ']' ? '[' : '{')) {
            *wrong = "not valid JSON";
            if (n->depth && n->open[n->depth - 1] == (c == ']' ? '[' : '{'))
                n->depth--;
            else
                n->depth++;
        }
        return false;
    case ',':
        return n->depth == 0;
    default:
        return false;
    }
}

/* Takes one value into `raw`, up to the comma or bracket behind it. */
static phash_status take_value(phash_split *s, phash_error *error)
{
    nesting n = {0};
    phash_text_clear(&s->raw);
    s->wrong = NULL;
    for (;;) {
        int c;
        const phash_status status = peek(s, &c, error);
        if (status)
            return status;
        if (c < 0)
            return truncated(error);
        const size_t from = s->begin;
        bool ended = false;
        while (s->begin < s->end && !(ended = follow(&n, s->buffer[s->begin], &s->wrong)))
            s->begin++;
        if (s->raw.length + (s->begin - from) > SPLIT_RAW_MAX)
            s->wrong = "too long";
        if (!s->wrong)
            phash_text_add(&s->raw, s->buffer + from, s->begin - from);
        if (s->raw.failed)
            return phash_fail(error, PHASH_E_MEMORY, "out of memory");
        if (ended)
            return PHASH_OK;
    }
}

/* Takes a key and the colon behind it. Escapes are left as they are: no key of ours has any. */
static phash_status take_key(phash_split *s, phash_error *error)
{
    size_t length = 0;
    bool escaped = false;
    int c;
    phash_status status;
    s->begin++;
    for (;;) {
        if ((status = peek(s, &c, error)) != PHASH_OK)
            return status;
        if (c < 0)
            return truncated(error);
        s->begin++;
        if (c == '"' && !escaped)
            break;
        escaped = c == '\\' && !escaped;
        if (length < SPLIT_KEY_MAX)
            s->key[length++] = (char)c;
    }
    s->key[length < SPLIT_KEY_MAX ? length : 0] = '\0';
    if ((status = peek_token(s, &c, error)) != PHASH_OK)
        return status;
    if (c < 0)
        return truncated(error);
    if (c != ':')
        return wrong_token(error);
    s->begin++;
    return peek_token(s, &c, error);
}

static bool is_of_pages(const char *key)
{
    static const char *const keys[] = {"hashRecords",      "hashFeedbacks",  "count",
                                       "nextSetTimestamp", "hasMoreRecords", "nextPageToken"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static phash_status next_in_page(phash_split *s, phash_split_event *event, bool *again,
                                 phash_error *error)
{
    int c;
    phash_status status = peek_token(s, &c, error);
    if (status)
        return status;
    if (c == '}' || c == ',') {
        /* Some other program's JSON: better an error than a page of nothing. */
        if (c == '}' && s->has_keys && !s->is_page)
            return wrong_token(error);
        s->begin++;
        *again = c == ',';
        *event = SPLIT_PAGE_END;
        s->state = c == '}' ? AT_TOP : s->state;
        return PHASH_OK;
    }
    if (c != '"')
        return c < 0 ? truncated(error) : wrong_token(error);
    status = take_key(s, error);
    if (!status)
        status = peek(s, &c, error);
    if (status)
        return status;
    s->has_keys = true;
    s->is_page = s->is_page || is_of_pages(s->key);
    const bool records = !strcmp(s->key, "hashRecords"),
               feedbacks = !strcmp(s->key, "hashFeedbacks");
    if (c == '[' && (records || feedbacks)) {
        s->begin++;
        s->state = records ? AT_RECORDS : AT_FEEDBACKS;
        *again = true;
        return PHASH_OK;
    }
    *event = SPLIT_FIELD;
    return take_value(s, error);
}

static phash_status next_in_list(phash_split *s, phash_split_event *event, bool *again,
                                 phash_error *error)
{
    int c;
    const phash_status status = peek_token(s, &c, error);
    if (status)
        return status;
    if (c < 0)
        return truncated(error);
    if (c == '}')
        return wrong_token(error);
    if (c == ']' || c == ',') {
        s->begin++;
        s->state = c == ']' ? AT_FIELD : s->state;
        *again = true;
        return PHASH_OK;
    }
    *event = s->state == AT_RECORDS ? SPLIT_RECORD : SPLIT_FEEDBACK;
    return take_value(s, error);
}

/* Passes over a byte order mark. It may come in pieces; nothing else that begins as it does is JSON. */
static phash_status skip_mark(phash_split *s, phash_error *error)
{
    static const int mark[] = {0xef, 0xbb, 0xbf};
    for (size_t i = 0; i < sizeof mark / sizeof mark[0]; i++) {
        int c;
        const phash_status status = peek(s, &c, error);
        if (status)
            return status;
        if (c != mark[i])
            return i ? wrong_token(error) : PHASH_OK;
        s->begin++;
    }
    return PHASH_OK;
}

static phash_status next_page(phash_split *s, phash_split_event *event, bool *again,
                              phash_error *error)
{
    int c;
    phash_status status = s->at_start ? skip_mark(s, error) : PHASH_OK;
    s->at_start = false;
    if (!status)
        status = peek_token(s, &c, error);
    if (status)
        return status;
    if (c < 0) {
        *event = SPLIT_END;
        return PHASH_OK;
    }
    if (c != '{')
        return wrong_token(error);
    s->begin++;
    s->state = AT_FIELD;
    s->has_keys = s->is_page = false;
    *again = true;
    return PHASH_OK;
}

phash_status phash_split_next(phash_split *s, phash_split_event *event, phash_error *error)
{
    phash_status status;
    bool again;
    do {
        again = false;
        status = s->state == AT_TOP     ? next_page(s, event, &again, error)
                 : s->state == AT_FIELD ? next_in_page(s, event, &again, error)
                                        : next_in_list(s, event, &again, error);
    } while (!status && again);
    return status;
}
