/* Any bytes as a case file, a sealed file and a key: every call ends; a case that was read is written
 * and read again as the same text; a sealed file opens as what was sealed, or, changed in any bit
 * that counts, not at all. */
#include "target.h"

#include <phash/exchange.h>

/* One key pair for the whole run; the promise does not depend on which. */
static char *public_key, *secret_key;
static size_t public_length, secret_length;

static void read_case(fuzz_bytes in)
{
    phash_case *c, *again;
    char *text, *twice;
    size_t length, twice_length;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_case_read(in.data, in.size, &c, &error) != PHASH_OK) {
        REQUIRE(c == NULL && error.message[0]);
        return;
    }
    for (size_t i = 0; i < phash_case_count(c); i++) {
        phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
        REQUIRE(phash_case_signal_get(c, i, &s) == PHASH_OK);
        REQUIRE(s.quality >= 0 && s.quality <= 100);
    }
    REQUIRE(phash_case_write(c, &text, &length, NULL) == PHASH_OK);
    REQUIRE(phash_case_read(text, length, &again, NULL) == PHASH_OK);
    REQUIRE(phash_case_write(again, &twice, &twice_length, NULL) == PHASH_OK);
    REQUIRE(length == twice_length && memcmp(text, twice, length) == 0);
    phash_text_free(&text, length);
    phash_text_free(&twice, twice_length);
    phash_case_free(&again);
    phash_case_free(&c);
}

static void unseal(const void *sealed, size_t bytes, fuzz_bytes original)
{
    char *text;
    size_t length;
    if (phash_unseal(sealed, bytes, secret_key, secret_length, &text, &length, NULL) != PHASH_OK) {
        REQUIRE(text == NULL);
        return;
    }
    /* Nobody makes a file by chance that opens: it is the one that was sealed. */
    REQUIRE(length == original.size && memcmp(text, original.data, length) == 0);
    phash_text_free(&text, length);
}

/* Seals the bytes, and changes the sealed text where they say. */
static void seal_and_change(fuzz_bytes in, size_t changes)
{
    char *sealed;
    size_t length;
    const fuzz_bytes original = in;
    if (phash_seal(in.data, in.size, public_key, public_length, &sealed, &length, NULL) != PHASH_OK)
        return;
    for (size_t i = 0; i < changes; i++) {
        const size_t at = fuzz_take(&in, 2) % length;
        sealed[at] = (char)fuzz_take(&in, 1);
    }
    unseal(sealed, length, original);
    phash_text_free(&sealed, length);
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    char fingerprint[PHASH_FINGERPRINT_SIZE];
    if (!public_key)
        REQUIRE(phash_keys_new(&public_key, &public_length, &secret_key, &secret_length, NULL) ==
                PHASH_OK);
    read_case(in);
    unseal(in.data, in.size, (fuzz_bytes){NULL, 0});
    (void)phash_key_fingerprint(in.data, in.size, fingerprint, NULL);
    const size_t changes = fuzz_take(&in, 1) % 4;
    if (in.size)
        seal_and_change(in, changes);
    return 0;
}
