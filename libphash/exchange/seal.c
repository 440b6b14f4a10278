/* Key files, and sealing to them: libsodium's sealed boxes, as JSON with base64 inside. */
#include "core/internal.h"
#include "exchange/crockford.h"
#include "exchange/json.h"
#include "exchange/text.h"

#include <phash/exchange.h>

#include <sodium.h>
#include <string.h>

#define PUBLIC "phash-public-key"
#define SECRET "phash-secret-key"

enum { VARIANT = sodium_base64_VARIANT_ORIGINAL, KEY_FILE_MAX = 4096 };
_Static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32, "key length");

static phash_status write_file(const char *format, const char *field, const void *data,
                               size_t bytes, char **out, size_t *length, phash_error *error)
{
    const size_t size = sodium_base64_ENCODED_LEN(bytes, VARIANT);
    char *encoded = phash_alloc(size, 1);
    phash_text t = {0};
    if (encoded) {
        sodium_bin2base64(encoded, size, data, bytes, VARIANT);
        phash_text_puts(&t, "{\"format\": \"");
        phash_text_puts(&t, format);
        phash_text_puts(&t, "\", \"version\": 1, \"");
        phash_text_puts(&t, field);
        phash_text_puts(&t, "\": \"");
        phash_text_puts(&t, encoded);
        phash_text_puts(&t, "\"}\n");
        phash_wipe_free(encoded, size);
    }
    if (!encoded || t.failed) {
        phash_text_drop(&t);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    *out = t.bytes;
    *length = t.length;
    return PHASH_OK;
}

/* Takes the base64 of `field` apart.
 *   bytes   at most *length; receives how many there were */
static bool decode(const json_t *object, const char *field, uint8_t *bytes, size_t *length)
{
    const json_t *value = json_object_get(object, field);
    return json_is_string(value) && json_object_size(object) == 3 &&
           sodium_base642bin(bytes, *length, json_string_value(value), json_string_length(value),
                             NULL, length, NULL, VARIANT) == 0;
}

static phash_status read_key(const void *data, size_t bytes, const char *format, const char *other,
                             uint8_t key[32], phash_error *error)
{
    if (!data)
        return phash_fail(error, PHASH_E_ARGUMENT, "no key");
    if (bytes > KEY_FILE_MAX)
        return phash_fail(error, PHASH_E_FORMAT, "not a key file");
    json_t *object;
    phash_status status = phash_json_file(data, bytes, format, &object, error);
    if (status == PHASH_E_FORMAT &&
        phash_json_file(data, bytes, other, &object, NULL) == PHASH_OK) {
        phash_json_wipe(object);
        return phash_fail(error, PHASH_E_KIND, "the key file is a %s, and this needs a %s", other,
                          format);
    }
    if (status)
        return status;
    size_t length = 32;
    if (!decode(object, "key", key, &length) || length != 32) {
        phash_wipe(key, 32);
        status = phash_fail(error, PHASH_E_CORRUPT, "the key is damaged");
    }
    phash_json_wipe(object);
    return status;
}

phash_status phash_keys_new(char **public_key, size_t *public_length, char **secret_key,
                            size_t *secret_length, phash_error *error)
{
    if (public_key)
        *public_key = NULL;
    if (secret_key)
        *secret_key = NULL;
    if (!public_key || !public_length || !secret_key || !secret_length)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (sodium_init() < 0)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "no random source");
    uint8_t pk[32], sk[32];
    crypto_box_keypair(pk, sk);
    phash_status status =
        write_file(PUBLIC, "key", pk, sizeof pk, public_key, public_length, error);
    if (!status)
        status = write_file(SECRET, "key", sk, sizeof sk, secret_key, secret_length, error);
    phash_wipe(sk, sizeof sk);
    if (status)
        phash_text_free(public_key, *public_key ? *public_length : 0);
    return status;
}

phash_status phash_key_fingerprint(const void *key, size_t bytes,
                                   char fingerprint[PHASH_FINGERPRINT_SIZE], phash_error *error)
{
    if (!fingerprint)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    uint8_t pk[32], sk[32];
    phash_status status = read_key(key, bytes, PUBLIC, SECRET, pk, error);
    if (status == PHASH_E_KIND && (status = read_key(key, bytes, SECRET, PUBLIC, sk, error)) == 0) {
        crypto_scalarmult_base(pk, sk);
        phash_wipe(sk, sizeof sk);
    }
    if (status)
        return status;
    uint8_t digest[16];
    crypto_generichash(digest, sizeof digest, pk, sizeof pk, NULL, 0);
    phash_base32_bytes(fingerprint, 4, digest);
    return PHASH_OK;
}

phash_status phash_seal(const void *data, size_t bytes, const void *public_key, size_t key_bytes,
                        char **sealed, size_t *length, phash_error *error)
{
    if (sealed)
        *sealed = NULL;
    if ((!data && bytes) || !sealed || !length)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (bytes > PHASH_CASE_FILE_MAX / 2)
        return phash_fail(error, PHASH_E_LIMIT_INPUT, "too long to be sealed");
    if (sodium_init() < 0)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "no random source");
    uint8_t pk[32];
    phash_status status = read_key(public_key, key_bytes, PUBLIC, SECRET, pk, error);
    if (status)
        return status;
    const size_t size = bytes + crypto_box_SEALBYTES;
    uint8_t *box = phash_alloc(size, 1);
    if (!box)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    status = crypto_box_seal(box, data ? data : (const void *)"", bytes, pk) == 0
                 ? write_file(PHASH_JSON_SEALED, "box", box, size, sealed, length, error)
                 : phash_fail(error, PHASH_E_CORRUPT, "the key is no valid key");
    phash_wipe_free(box, size);
    return status;
}

phash_status phash_unseal(const void *sealed, size_t bytes, const void *secret_key,
                          size_t key_bytes, char **text, size_t *length, phash_error *error)
{
    if (text)
        *text = NULL;
    if (!sealed || !text || !length)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (bytes > PHASH_CASE_FILE_MAX)
        return phash_fail(error, PHASH_E_LIMIT_INPUT, "longer than a sealed file can be");
    if (sodium_init() < 0)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "no random source");
    uint8_t sk[32], pk[32];
    phash_status status = read_key(secret_key, key_bytes, SECRET, PUBLIC, sk, error);
    if (status)
        return status;
    json_t *object = NULL;
    uint8_t *box = NULL, *plain = NULL;
    size_t box_length = bytes, size = 0;
    status = phash_json_file(sealed, bytes, PHASH_JSON_SEALED, &object, error);
    if (status)
        goto done;
    box = phash_alloc(bytes, 1);
    if (!box || !decode(object, "box", box, &box_length) || box_length < crypto_box_SEALBYTES) {
        status = box ? phash_fail(error, PHASH_E_CORRUPT, "the sealed box is damaged")
                     : phash_fail(error, PHASH_E_MEMORY, "out of memory");
        goto done;
    }
    size = box_length - crypto_box_SEALBYTES;
    plain = phash_alloc(size + 1, 1);
    if (!plain) {
        status = phash_fail(error, PHASH_E_MEMORY, "out of memory");
        goto done;
    }
    crypto_scalarmult_base(pk, sk);
    if (crypto_box_seal_open(plain, box, box_length, pk, sk) != 0) {
        status = phash_fail(error, PHASH_E_CORRUPT, "sealed to another key, or changed on the way");
        goto done;
    }
    plain[size] = '\0';
    *text = (char *)plain;
    *length = size;
    plain = NULL;
done:
    phash_wipe(sk, sizeof sk);
    phash_wipe_free(plain, size + 1);
    phash_wipe_free(box, bytes);
    phash_json_wipe(object);
    return status;
}
