/* PIN verifiers: Argon2id (RFC 9106) by libsodium. */
#include "exchange/case.h"

#include "core/internal.h"
#include "exchange/crockford.h"

#include <sodium.h>
#include <string.h>

_Static_assert(PHASH_VERIFIER_SIZE >= crypto_pwhash_STRBYTES, "room for a verifier");

/* libsodium's interactive cost: 64 MiB, 2 passes, about a tenth of a second. With 40 random bits in
 * the PIN, trying half of them takes 1700 years on one core. */
#define OPS    crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEM    crypto_pwhash_MEMLIMIT_INTERACTIVE
#define PREFIX "$argon2id$v=19$m=65536,t=2,p=1$"

bool phash_verifier_new(const char *pin, char out[PHASH_VERIFIER_SIZE])
{
    memset(out, 0, PHASH_VERIFIER_SIZE);
    return crypto_pwhash_str(out, pin, strlen(pin), OPS, MEM) == 0;
}

bool phash_verifier_is_ours(const char *verifier)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum { SALT = 22, TAG = 43 }; /* 16 and 32 bytes, unpadded */
    const size_t prefix = sizeof PREFIX - 1;
    if (strncmp(verifier, PREFIX, prefix) != 0)
        return false;
    const char *salt = verifier + prefix;
    return strspn(salt, base64) == SALT && salt[SALT] == '$' &&
           strspn(salt + SALT + 1, base64) == TAG && salt[SALT + 1 + TAG] == '\0';
}

phash_status phash_verifier_check(const char *verifier, const char *pin)
{
    /* Of a random 32-byte tag, so that no PIN is known to fit. */
    static const char nothing[] =
        PREFIX "c29tZXNhbHRzb21lc2FsdA$0000000000000000000000000000000000000000000";
    char written[PHASH_CASE_PIN_SIZE] = "";
    const bool is_pin = phash_case_pin_parse(pin, written);
    const bool is_known = verifier && phash_verifier_is_ours(verifier);
    char padded[PHASH_VERIFIER_SIZE] = {0};
    memcpy(padded, is_known ? verifier : nothing, strlen(is_known ? verifier : nothing));
    const int fits = crypto_pwhash_str_verify(padded, written, strlen(written)) == 0;
    phash_wipe(written, sizeof written);
    phash_wipe(padded, sizeof padded);
    return is_pin && is_known && fits ? PHASH_OK : PHASH_E_NOT_FOUND;
}
