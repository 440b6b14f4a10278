/* phash/bits.h: hashes of any length as values: text form and distance.
 *
 * PDQ hashes are phash_hash256. Other families have other lengths: 64 bits, 144, 1024. A phash_bits
 * is such a hash together with its length, so that hashes of different lengths are never compared
 * by mistake.
 */
#ifndef PHASH_BITS_H
#define PHASH_BITS_H

#include <phash/hash.h>
#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHASH_BITS_MAX       4096
#define PHASH_BITS_BYTES_MAX (PHASH_BITS_MAX / 8)
#define PHASH_BITS_HEX_MAX   (PHASH_BITS_MAX / 4) /* hex digits, without the terminating NUL */

/* Bytes of a hash of so many bits, and digits of its text form. */
#define PHASH_BITS_BYTES(bits) (((size_t)(bits) + 7) / 8)
#define PHASH_BITS_HEX(bits)   (((size_t)(bits) + 3) / 4)

/* A hash of `length` bits, 1 to PHASH_BITS_MAX. The hash is one number, its first bit the most
 * significant, and stands in the first PHASH_BITS_BYTES(length) bytes, most significant byte first.
 * Where length is no multiple of 8 the upper bits of bytes[0] are zero; the bytes behind the hash
 * are zero too, so values may be compared with memcmp. For a length that is a multiple of 8 the
 * bytes are in the order of the text form, as those of phash_hash256 are and as an index takes
 * them. The layout is the same on every machine. */
typedef struct phash_bits {
    uint32_t length;
    uint8_t bytes[PHASH_BITS_BYTES_MAX];
} phash_bits;

#define PHASH_BITS_INIT                                                                            \
    {                                                                                              \
        0,                                                                                         \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Reads exactly PHASH_BITS_HEX(bits) hex digits, upper or lower case; no sign, space, or 0x. This
 * is the text that Python's imagehash prints: the number, padded with zeros.
 *   text    need not be NUL-terminated
 *   length  bytes in text
 *   bits    the hash's length, which the text does not tell (9 bits and 12 are three digits both)
 *   out     receives the hash; untouched on failure
 * Errors: PHASH_E_ARGUMENT for NULL, and for bits that are not 1 to PHASH_BITS_MAX; PHASH_E_HEX for
 * anything but so many digits, and for a number that needs more than `bits` bits. Thread-safe. */
PHASH_API phash_status phash_bits_from_hex(const char *text, size_t length, uint32_t bits,
                                           phash_bits *out);

/* Writes PHASH_BITS_HEX(hash->length) lower-case hex digits and a NUL.
 *   out    receives at most `size` bytes, always NUL-terminated when size > 0;
 *          PHASH_BITS_HEX_MAX + 1 are always enough
 * Returns the length that was needed, without the NUL; 0 (and an empty text) for a struct that
 * holds no hash. Thread-safe. */
PHASH_API size_t phash_bits_to_hex(const phash_bits *hash, char *out, size_t size);

/* Hamming distance: the number of bits that differ, 0 to the length.
 *   distance  receives it; untouched on failure
 * Errors: PHASH_E_ARGUMENT for NULL and for a struct that holds no hash; PHASH_E_KIND when the
 * lengths differ. Thread-safe. */
PHASH_API phash_status phash_bits_distance(const phash_bits *a, const phash_bits *b,
                                           unsigned *distance);

/* The same hash as the other type.
 * Errors: PHASH_E_ARGUMENT for NULL; PHASH_E_KIND when a hash that is to become a phash_hash256 has
 * another length than 256 bits. The result is untouched on failure. Thread-safe. */
PHASH_API phash_status phash_bits_from_hash256(const phash_hash256 *hash, phash_bits *out);
PHASH_API phash_status phash_bits_to_hash256(const phash_bits *hash, phash_hash256 *out);

#ifdef __cplusplus
}
#endif
#endif
