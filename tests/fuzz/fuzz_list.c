/* Any bytes as a hash list: every call ends, lines only go up, and pieces of any size give the same
 * records. */
#include "target.h"

#include <phash/exchange.h>

#include <stdbool.h>

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

/* A digest of everything a reader says. */
static uint64_t read_all(phash_list *list)
{
    uint64_t digest = 0, line = 0;
    bool good = false; /* there was a record */
    phash_list_record r = PHASH_LIST_RECORD_INIT;
    phash_error error = PHASH_ERROR_INIT;
    for (;;) {
        const phash_status status = phash_list_next(list, &r, &error);
        if (status == PHASH_E_NOT_FOUND)
            break;
        digest = digest * 1099511628211u + (uint64_t)status;
        if (status == PHASH_OK) {
            REQUIRE(r.line > line && r.quality >= -1 && r.quality <= 100);
            line = r.line;
            good = true;
            for (size_t i = 0; i < sizeof r.hash; i++)
                digest = (digest ^ r.hash.bytes[i]) * 1099511628211u;
            for (size_t i = 0; i < r.extra_length; i++)
                digest = (digest ^ (uint8_t)r.extra[i]) * 1099511628211u;
        } else {
            REQUIRE(error.message[0]);
            REQUIRE(phash_list_failed(list) == (status == PHASH_E_KIND && !good));
            if (phash_list_failed(list))
                break;
        }
    }
    return digest;
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    const size_t most = fuzz_take(&in, 1) + 1;
    phash_list_options options = PHASH_LIST_OPTIONS_INIT;
    options.max_line = 65 + fuzz_take(&in, 1) * 4;
    if (most % 2 == 0) {
        options.bits = 64;
        memcpy(options.algorithm, "dct-8x4", sizeof "dct-8x4");
    }
    phash_list *whole, *split;
    pieces p = {in, most};
    REQUIRE(phash_list_open_memory(in.data, in.size, &options, &whole, NULL) == PHASH_OK);
    REQUIRE(phash_list_open_reader(read_piece, &p, &options, &split, NULL) == PHASH_OK);
    const uint64_t a = read_all(whole), b = read_all(split);
    REQUIRE(a == b);
    REQUIRE(phash_list_format_get(whole) == phash_list_format_get(split));
    phash_list_free(&whole);
    phash_list_free(&split);
    return 0;
}
