/* Writes pages of the hash exchange. */
#include "core/internal.h"
#include "exchange/text.h"

#include <phash/exchange.h>

#include <string.h>

struct phash_exchange_writer {
    phash_text records;
    size_t count;
    int is_feedback;
};

phash_status phash_exchange_writer_new(phash_exchange_writer **out)
{
    if (!out)
        return PHASH_E_ARGUMENT;
    *out = phash_alloc_zero(1, sizeof **out);
    return *out ? PHASH_OK : PHASH_E_MEMORY;
}

void phash_exchange_writer_free(phash_exchange_writer **writer)
{
    if (!writer || !*writer)
        return;
    phash_text_drop(&(*writer)->records);
    phash_wipe_free(*writer, sizeof **writer);
    *writer = NULL;
}

size_t phash_exchange_writer_count(const phash_exchange_writer *writer)
{
    return writer ? writer->count : 0;
}

/* Names are texts from outside too: a case's number is one. */
static void field(phash_text *t, const char *name, const char *value)
{
    if (t->failed)
        return;
    if (t->bytes[t->length - 1] != '{')
        phash_text_puts(t, ",");
    phash_text_json(t, name, strlen(name));
    phash_text_puts(t, ":");
    phash_text_json(t, value, strlen(value));
}

/* The unknown fields of `other`, "{…}", behind those that stand there already. */
static void other_fields(phash_text *t, const char *other)
{
    const size_t length = other ? strlen(other) : 0;
    if (length <= 2)
        return;
    phash_text_puts(t, ",");
    phash_text_add(t, other + 1, length - 2);
}

static void feedback(phash_text *t, const phash_exchange_feedback *f)
{
    if (f->source)
        field(t, "source", f->source);
    field(t, "feedbackValue", f->value ? f->value : "Unknown");
    phash_text_puts(t, ",\"tags\":");
    phash_text_puts(t, f->tags ? f->tags : "[]");
    other_fields(t, f->other);
    phash_text_puts(t, "}");
}

static void hash_record(phash_text *t, const phash_exchange_record *r)
{
    phash_text_puts(t, "{\"lastModtimestamp\":");
    phash_text_int(t, r->modified);
    field(t, "signalType", r->signal_type);
    field(t, "hashValue", r->hash_value);
    if (r->hash_sha256)
        field(t, "hashSHA256", r->hash_sha256);
    if (r->hash_status)
        field(t, "hashStatus", r->hash_status);
    if (r->has_cases) {
        phash_text_puts(t, ",\"caseNumbers\":{");
        for (size_t i = 0; i < r->case_count; i++)
            field(t, r->cases[i].number, r->cases[i].status);
        phash_text_puts(t, "}");
    }
    if (r->feedback_count || r->hash_status) {
        phash_text_puts(t, ",\"CSPFeedbacks\":[");
        for (size_t i = 0; i < r->feedback_count; i++) {
            phash_text_puts(t, i ? ",{" : "{");
            feedback(t, &r->feedbacks[i]);
        }
        phash_text_puts(t, "]");
    }
    other_fields(t, r->other);
    phash_text_puts(t, "}");
}

phash_status phash_exchange_writer_add(phash_exchange_writer *w, const phash_exchange_record *r)
{
    if (!w || !r || r->size < sizeof *r || !r->hash_value ||
        (r->is_feedback ? r->feedback_count != 1 : !r->signal_type))
        return PHASH_E_ARGUMENT;
    if (w->count && w->is_feedback != !!r->is_feedback)
        return PHASH_E_KIND;
    const size_t before = w->records.length;
    w->is_feedback = !!r->is_feedback;
    phash_text_puts(&w->records, w->count ? ",\n" : "\n");
    if (r->is_feedback) {
        phash_text_puts(&w->records, "{");
        field(&w->records, "hashValue", r->hash_value);
        feedback(&w->records, &r->feedbacks[0]);
    } else {
        hash_record(&w->records, r);
    }
    if (w->records.failed) {
        /* The record is taken back; those before it are whole. */
        w->records.failed = false;
        w->records.length = before;
        return PHASH_E_MEMORY;
    }
    w->count++;
    return PHASH_OK;
}

phash_status phash_exchange_writer_take(phash_exchange_writer *w, const phash_exchange_page *page,
                                        char **text, size_t *length)
{
    if (text)
        *text = NULL;
    if (!w || !text || !length || (page && page->size < sizeof *page))
        return PHASH_E_ARGUMENT;
    phash_text t = {0};
    phash_text_puts(&t, "{\"count\":");
    phash_text_int(&t, (int64_t)w->count);
    if (page) {
        phash_text_puts(&t, ",\"nextPageToken\":");
        phash_text_json(&t, page->next_token, strlen(page->next_token));
        phash_text_puts(&t, ",\"nextSetTimestamp\":");
        phash_text_int(&t, page->next);
        phash_text_puts(&t, ",\"hasMoreRecords\":");
        phash_text_puts(&t, page->has_more ? "true" : "false");
    }
    phash_text_puts(&t, w->is_feedback ? ",\"hashFeedbacks\":[" : ",\"hashRecords\":[");
    phash_text_add(&t, w->records.bytes, w->records.length);
    phash_text_puts(&t, "]}\n");
    if (t.failed) {
        phash_text_drop(&t);
        return PHASH_E_MEMORY;
    }
    phash_text_clear(&w->records);
    w->count = 0;
    w->is_feedback = 0;
    *text = t.bytes;
    *length = t.length;
    return PHASH_OK;
}
