/* Reads the records of the hash exchange: split.c finds them, jansson parses each alone. */
#include "core/internal.h"
#include "exchange/json.h"
#include "exchange/split.h"

#include <inttypes.h>
#include <string.h>

struct phash_exchange {
    phash_split split;
    phash_status failed;
    uint64_t number; /* of records so far */
    phash_exchange_page page, done;
    /* The record that was given last, and what it points into. */
    json_t *object;
    phash_exchange_case *cases;
    size_t case_capacity;
    phash_exchange_feedback *feedbacks;
    size_t feedback_capacity;
    char **dumps; /* texts that jansson made */
    size_t dump_count, dump_capacity;
};

phash_status phash_exchange_open(phash_read_fn read, void *context, phash_exchange **out,
                                 phash_error *error)
{
    if (out)
        *out = NULL;
    if (!read || !out)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    phash_exchange *r = phash_alloc_zero(1, sizeof *r);
    if (!r)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    r->split.read = read;
    r->split.context = context;
    r->split.at_start = true;
    r->page = r->done = (phash_exchange_page)PHASH_EXCHANGE_PAGE_INIT;
    *out = r;
    return PHASH_OK;
}

static void drop_record(phash_exchange *r)
{
    for (size_t i = 0; i < r->dump_count; i++)
        phash_wipe_free(r->dumps[i], strlen(r->dumps[i]));
    r->dump_count = 0;
    phash_json_wipe(r->object);
    r->object = NULL;
}

void phash_exchange_free(phash_exchange **reader)
{
    if (!reader || !*reader)
        return;
    phash_exchange *r = *reader;
    drop_record(r);
    phash_text_drop(&r->split.raw);
    phash_wipe_free(r->cases, r->case_capacity * sizeof *r->cases);
    phash_wipe_free(r->feedbacks, r->feedback_capacity * sizeof *r->feedbacks);
    phash_wipe_free(r->dumps, r->dump_capacity * sizeof *r->dumps);
    phash_wipe_free(r, sizeof *r);
    *reader = NULL;
}

int phash_exchange_failed(const phash_exchange *reader)
{
    return reader && reader->failed != PHASH_OK;
}

phash_status phash_exchange_page_get(const phash_exchange *reader, phash_exchange_page *page)
{
    if (!reader || !page || page->size < sizeof *page)
        return PHASH_E_ARGUMENT;
    *page = reader->done;
    return PHASH_OK;
}

/* Makes room for `need` elements, losing what was there. */
static bool room(void **array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return true;
    void *grown = phash_alloc(need, size);
    if (!grown)
        return false;
    phash_wipe_free(*array, *capacity * size);
    *array = grown;
    *capacity = need;
    return true;
}

static bool dump(phash_exchange *r, const json_t *value, phash_exchange_text *out)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return false;
    if (r->dump_count == r->dump_capacity) {
        const size_t capacity = r->dump_capacity ? 2 * r->dump_capacity : 16;
        char **grown = phash_alloc(capacity, sizeof *grown);
        if (!grown) {
            phash_wipe_free(text, strlen(text));
            return false;
        }
        if (r->dump_count)
            memcpy(grown, r->dumps, r->dump_count * sizeof *grown);
        phash_wipe_free(r->dumps, r->dump_capacity * sizeof *r->dumps);
        r->dumps = grown;
        r->dump_capacity = capacity;
    }
    r->dumps[r->dump_count++] = text;
    *out = text;
    return true;
}

/* The fields of `object` that are not in `known`, as a text; NULL when there are none. */
static bool dump_other(phash_exchange *r, json_t *object, const char *const *known,
                       phash_exchange_text *out)
{
    const char *key;
    json_t *value, *other = NULL;
    *out = NULL;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (known[i])
            continue;
        if ((!other && !(other = json_object())) || json_object_set(other, key, value) != 0) {
            json_decref(other);
            return false;
        }
    }
    const bool ok = !other || dump(r, other, out);
    json_decref(other);
    return ok;
}

/* A string, or NULL where there is none or null. False for another type. */
static bool get_text(const json_t *object, const char *key, phash_exchange_text *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_string_value(value);
    return !value || json_is_null(value) || *out;
}

static phash_status take_cases(phash_exchange *r, json_t *object, phash_exchange_record *out,
                               const char **why)
{
    json_t *cases = json_object_get(object, "caseNumbers");
    if (!cases || json_is_null(cases))
        return PHASH_OK;
    if (!json_is_object(cases)) {
        *why = "caseNumbers is not an object";
        return PHASH_E_CORRUPT;
    }
    if (!room((void **)&r->cases, &r->case_capacity, json_object_size(cases), sizeof *r->cases))
        return PHASH_E_MEMORY;
    const char *key;
    json_t *value;
    json_object_foreach(cases, key, value)
    {
        if (!json_is_string(value) || !*key) {
            *why = "the status of a case is not a text";
            return PHASH_E_CORRUPT;
        }
        r->cases[out->case_count++] = (phash_exchange_case){key, json_string_value(value)};
    }
    out->has_cases = 1;
    out->cases = r->cases;
    return PHASH_OK;
}

static phash_status take_feedback(phash_exchange *r, json_t *object, const char *const *known,
                                  phash_exchange_record *out, const char **why)
{
    phash_exchange_feedback *f = &r->feedbacks[out->feedback_count++];
    *f = (phash_exchange_feedback){0};
    if (!json_is_object(object) || !get_text(object, "source", &f->source) ||
        !get_text(object, "feedbackValue", &f->value)) {
        *why = "a feedback is not valid";
        return PHASH_E_CORRUPT;
    }
    const json_t *tags = json_object_get(object, "tags");
    if (tags && !json_is_null(tags)) {
        size_t i;
        const json_t *tag;
        bool ok = json_is_array(tags);
        json_array_foreach(tags, i, tag) ok = ok && json_is_string(tag);
        if (!ok) {
            *why = "tags is not a list of texts";
            return PHASH_E_CORRUPT;
        }
        if (!dump(r, tags, &f->tags))
            return PHASH_E_MEMORY;
    }
    return dump_other(r, object, known, &f->other) ? PHASH_OK : PHASH_E_MEMORY;
}

static phash_status take_feedbacks(phash_exchange *r, json_t *object, phash_exchange_record *out,
                                   const char **why)
{
    static const char *const known[] = {"source", "feedbackValue", "tags", NULL};
    const json_t *list = json_object_get(object, "CSPFeedbacks");
    if (!list || json_is_null(list))
        return PHASH_OK;
    if (!json_is_array(list)) {
        *why = "CSPFeedbacks is not a list";
        return PHASH_E_CORRUPT;
    }
    if (!room((void **)&r->feedbacks, &r->feedback_capacity, json_array_size(list),
              sizeof *r->feedbacks))
        return PHASH_E_MEMORY;
    out->feedbacks = r->feedbacks;
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const phash_status status = take_feedback(r, one, known, out, why);
        if (status)
            return status;
    }
    return PHASH_OK;
}

static phash_status check_value(const phash_exchange_record *out, const char **why)
{
    phash_hash256 hash;
    if (!out->hash_value) {
        *why = "hashValue is missing";
        return PHASH_E_CORRUPT;
    }
    const bool is_pdq = !out->is_feedback && !strcmp(out->signal_type, "ImagePDQ");
    if (is_pdq && *out->hash_value &&
        phash_hash256_from_hex(out->hash_value, strlen(out->hash_value), &hash)) {
        *why = "hashValue is not 64 hex digits";
        return PHASH_E_CORRUPT;
    }
    if (out->hash_sha256 &&
        (strlen(out->hash_sha256) != 64 || strspn(out->hash_sha256, "0123456789abcdef") != 64)) {
        *why = "hashSHA256 is not 64 hex digits";
        return PHASH_E_CORRUPT;
    }
    phash_wipe(&hash, sizeof hash);
    return PHASH_OK;
}

static phash_status take_record(phash_exchange *r, json_t *object, phash_exchange_record *out,
                                const char **why)
{
    static const char *const known[] = {"lastModtimestamp", "signalType",  "hashValue",
                                        "hashStatus",       "caseNumbers", "CSPFeedbacks",
                                        "hashSHA256",       NULL};
    static const char *const known_feedback[] = {"hashValue", "source", "feedbackValue", "tags",
                                                 NULL};
    *why = "a field is not of its type";
    if (!json_is_object(object) || !get_text(object, "hashValue", &out->hash_value))
        return PHASH_E_CORRUPT;
    if (out->is_feedback) {
        if (!room((void **)&r->feedbacks, &r->feedback_capacity, 1, sizeof *r->feedbacks))
            return PHASH_E_MEMORY;
        out->feedbacks = r->feedbacks;
        const phash_status status = take_feedback(r, object, known_feedback, out, why);
        return status ? status : check_value(out, why);
    }
    const json_t *modified = json_object_get(object, "lastModtimestamp");
    if ((modified && !json_is_null(modified) && !json_is_integer(modified)) ||
        !get_text(object, "signalType", &out->signal_type) ||
        !get_text(object, "hashStatus", &out->hash_status) ||
        !get_text(object, "hashSHA256", &out->hash_sha256))
        return PHASH_E_CORRUPT;
    out->modified = json_integer_value(modified);
    if (!out->signal_type)
        out->signal_type = "Unknown";
    phash_status status = check_value(out, why);
    if (!status)
        status = take_cases(r, object, out, why);
    if (!status)
        status = take_feedbacks(r, object, out, why);
    if (!status && !dump_other(r, object, known, &out->other))
        status = PHASH_E_MEMORY;
    return status;
}

/* A field of the page itself. What cannot be read is as good as missing. */
static void take_field(phash_exchange *r)
{
    const phash_split *s = &r->split;
    if (s->wrong)
        return;
    json_t *value =
        json_loadb(s->raw.bytes ? s->raw.bytes : "", s->raw.length, JSON_DECODE_ANY, NULL);
    if (!strcmp(s->key, "nextSetTimestamp") && json_is_integer(value))
        r->page.next = json_integer_value(value);
    else if (!strcmp(s->key, "hasMoreRecords"))
        r->page.has_more = json_is_true(value);
    else if (!strcmp(s->key, "nextPageToken") && json_is_string(value) &&
             json_string_length(value) < sizeof r->page.next_token)
        strcpy(r->page.next_token, json_string_value(value));
    json_decref(value);
}

static phash_status give_up(phash_exchange *r, phash_status status)
{
    r->failed = status;
    return status;
}

static phash_status bad_record(phash_exchange *r, const char *why, phash_error *error)
{
    drop_record(r);
    return phash_fail_at(error, PHASH_E_CORRUPT, 0, r->number, "record %" PRIu64 ": %s", r->number,
                         why);
}

phash_status phash_exchange_next(phash_exchange *r, phash_exchange_record *record,
                                 phash_error *error)
{
    if (!r || !record || record->size < sizeof *record)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (r->failed)
        return phash_fail(error, r->failed, "the page cannot be read any further");
    drop_record(r);
    phash_split_event event;
    for (;;) {
        const phash_status status = phash_split_next(&r->split, &event, error);
        if (status)
            return give_up(r, status);
        if (event == SPLIT_END)
            return phash_fail(error, PHASH_E_NOT_FOUND, "end of the pages");
        if (event == SPLIT_FIELD)
            take_field(r);
        if (event == SPLIT_PAGE_END) {
            r->page.pages++;
            r->done = r->page;
            r->page.next = -1;
            r->page.has_more = 0;
            r->page.next_token[0] = '\0';
        }
        if (event == SPLIT_RECORD || event == SPLIT_FEEDBACK)
            break;
    }
    r->number++;
    if (r->split.wrong)
        return bad_record(r, r->split.wrong, error);
    phash_error details = PHASH_ERROR_INIT;
    phash_status status = phash_json_parse(r->split.raw.bytes ? r->split.raw.bytes : "",
                                           r->split.raw.length, &r->object, &details);
    phash_exchange_record out = PHASH_EXCHANGE_RECORD_INIT;
    out.number = r->number;
    out.is_feedback = event == SPLIT_FEEDBACK;
    const char *why = details.message;
    if (!status)
        status = take_record(r, r->object, &out, &why);
    if (status == PHASH_E_MEMORY)
        return give_up(r, phash_fail(error, status, "out of memory"));
    if (status)
        return bad_record(r, why, error);
    *record = out;
    return PHASH_OK;
}
