/* Any bytes as pages of the hash exchange: every call ends, what a record promises holds, pieces of
 * any size give the same records, and a good record can be written and read again. */
#include "target.h"

#include <phash/exchange.h>

typedef struct pieces {
    fuzz_bytes left;
    size_t most;
} pieces;

static phash_status read_piece(void *context, void *buffer, size_t capacity, size_t *got,
                               phash_error *error)
{
    (void)error;
    pieces *p = context;
    size_t n = p->most < capacity ? p->most : capacity;
    n = n < p->left.size ? n : p->left.size;
    memcpy(buffer, p->left.data, n);
    p->left.data += n;
    p->left.size -= n;
    *got = n;
    return PHASH_OK;
}

static uint64_t mix(uint64_t digest, const char *text)
{
    for (; text && *text; text++)
        digest = (digest ^ (uint8_t)*text) * 1099511628211u;
    return digest * 31 + (text != NULL);
}

static uint64_t mix_record(uint64_t digest, const phash_exchange_record *r)
{
    digest = mix(digest, r->signal_type);
    digest = mix(digest, r->hash_value);
    digest = mix(digest, r->hash_status);
    digest = mix(digest, r->hash_sha256);
    digest = mix(digest, r->other);
    for (size_t i = 0; i < r->case_count; i++)
        digest = mix(mix(digest, r->cases[i].number), r->cases[i].status);
    for (size_t i = 0; i < r->feedback_count; i++) {
        digest = mix(mix(digest, r->feedbacks[i].source), r->feedbacks[i].value);
        digest = mix(mix(digest, r->feedbacks[i].tags), r->feedbacks[i].other);
    }
    return digest;
}

/* The record as a page; false when there is no memory for it. */
static int write_page(const phash_exchange_record *r, char **text, size_t *length)
{
    phash_exchange_writer *writer;
    phash_exchange_page page = PHASH_EXCHANGE_PAGE_INIT;
    if (phash_exchange_writer_new(&writer) != PHASH_OK)
        return 0;
    REQUIRE(phash_exchange_writer_add(writer, r) == PHASH_OK);
    REQUIRE(phash_exchange_writer_take(writer, &page, text, length) == PHASH_OK);
    phash_exchange_writer_free(&writer);
    return 1;
}

/* What a reader accepted, a writer must take and a reader must accept again, as the same record. */
static void write_again(const phash_exchange_record *r)
{
    phash_exchange *again = NULL;
    phash_exchange_record copy = PHASH_EXCHANGE_RECORD_INIT;
    char *text = NULL, *twice = NULL;
    size_t length = 0, twice_length = 0;
    if (!write_page(r, &text, &length))
        return;
    pieces p = {{(const uint8_t *)text, length}, length};
    REQUIRE(phash_exchange_open(read_piece, &p, &again, NULL) == PHASH_OK);
    REQUIRE(phash_exchange_next(again, &copy, NULL) == PHASH_OK);
    REQUIRE(copy.is_feedback == r->is_feedback);
    if (write_page(&copy, &twice, &twice_length))
        REQUIRE(twice_length == length && memcmp(text, twice, length) == 0);
    phash_text_free(&twice, twice_length);
    REQUIRE(phash_exchange_next(again, &copy, NULL) == PHASH_E_NOT_FOUND);
    phash_exchange_free(&again);
    phash_text_free(&text, length);
}

static uint64_t read_all(fuzz_bytes in, size_t most, int write)
{
    phash_exchange *reader;
    phash_exchange_record r = PHASH_EXCHANGE_RECORD_INIT;
    phash_error error = PHASH_ERROR_INIT;
    pieces p = {in, most};
    uint64_t digest = 0;
    REQUIRE(phash_exchange_open(read_piece, &p, &reader, NULL) == PHASH_OK);
    for (;;) {
        const phash_status status = phash_exchange_next(reader, &r, &error);
        if (status == PHASH_E_NOT_FOUND)
            break;
        digest = digest * 1099511628211u + (uint64_t)status;
        if (status == PHASH_OK) {
            REQUIRE(r.hash_value && (r.is_feedback || r.signal_type));
            digest = mix_record(digest, &r);
            if (write)
                write_again(&r);
        } else {
            REQUIRE(error.message[0]);
            if (phash_exchange_failed(reader))
                break;
        }
    }
    phash_exchange_free(&reader);
    return digest;
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    const size_t most = fuzz_take(&in, 1) + 1;
    const uint64_t whole = read_all(in, size + 1, 1), split = read_all(in, most, 0);
    REQUIRE(whole == split);
    return 0;
}
