/* phash/hash.h: the 256-bit hash as a value: text form and distance. */
#ifndef PHASH_HASH_H
#define PHASH_HASH_H

#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHASH_HASH256_BITS  256
#define PHASH_HASH256_BYTES 32
#define PHASH_HASH256_HEX   64 /* hex digits, without the terminating NUL */

/* 32 bytes in the order of the text form: bytes[0] holds the first two hex digits. Bit k of PDQ
 * (the DCT coefficient of row k / 16, column k % 16) is bit k % 8 of bytes[31 - k / 8]. A plain
 * value: copy and compare it with memcpy and memcmp; its layout is the same on every machine. */
typedef struct phash_hash256 {
    uint8_t bytes[PHASH_HASH256_BYTES];
} phash_hash256;

/* Reads exactly 64 hex digits, upper or lower case; no sign, space, or 0x.
 *   text    need not be NUL-terminated
 *   length  bytes in text; anything but 64 is an error
 *   hash    receives the hash; untouched on failure
 * Errors: PHASH_E_HEX. Thread-safe. */
PHASH_API phash_status phash_hash256_from_hex(const char *text, size_t length, phash_hash256 *hash);

/* Writes 64 lower-case hex digits and a NUL. Thread-safe. */
PHASH_API void phash_hash256_to_hex(const phash_hash256 *hash, char out[PHASH_HASH256_HEX + 1]);

/* Hamming distance: the number of bits that differ, 0 to 256. Thread-safe. */
PHASH_API unsigned phash_hash256_distance(const phash_hash256 *a, const phash_hash256 *b);

#ifdef __cplusplus
}
#endif
#endif
