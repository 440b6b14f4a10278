/* The 256-bit hash as a value: strict hex, distance. */
#include <phash/hash.h>

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

phash_status phash_hash256_from_hex(const char *text, size_t length, phash_hash256 *hash)
{
    if (!text || !hash || length != PHASH_HASH256_HEX)
        return PHASH_E_HEX;
    phash_hash256 h;
    for (size_t i = 0; i < PHASH_HASH256_BYTES; i++) {
        const int hi = digit(text[2 * i]), lo = digit(text[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return PHASH_E_HEX;
        h.bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    *hash = h;
    return PHASH_OK;
}

void phash_hash256_to_hex(const phash_hash256 *hash, char out[PHASH_HASH256_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PHASH_HASH256_BYTES; i++) {
        out[2 * i] = digits[hash->bytes[i] >> 4];
        out[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    out[PHASH_HASH256_HEX] = '\0';
}

unsigned phash_hash256_distance(const phash_hash256 *a, const phash_hash256 *b)
{
    unsigned distance = 0;
    for (size_t i = 0; i < PHASH_HASH256_BYTES; i += 8) {
        uint64_t x, y;
        memcpy(&x, a->bytes + i, 8);
        memcpy(&y, b->bytes + i, 8);
        distance += (unsigned)__builtin_popcountll(x ^ y);
    }
    return distance;
}
