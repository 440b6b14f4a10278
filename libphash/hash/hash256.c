/* The 256-bit hash as a value: strict hex, distance. */
#include <phash/hash.h>

#include <string.h>

/* A digit's value, plus one, so that every other byte is 0. A table and not comparisons: which of
 * 0-9 and a-f comes next cannot be predicted, and lists hold millions of hashes. */
static const uint8_t digits_plus_one[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

phash_status phash_hash256_from_hex(const char *text, size_t length, phash_hash256 *hash)
{
    if (!text || !hash || length != PHASH_HASH256_HEX)
        return PHASH_E_HEX;
    phash_hash256 h;
    for (size_t i = 0; i < PHASH_HASH256_BYTES; i++) {
        const unsigned hi = digits_plus_one[(unsigned char)text[2 * i]],
                       lo = digits_plus_one[(unsigned char)text[2 * i + 1]];
        if (!hi || !lo)
            return PHASH_E_HEX;
        h.bytes[i] = (uint8_t)((hi - 1) << 4 | (lo - 1));
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
