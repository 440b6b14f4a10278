/* Hashes of any length as values: strict hex, distance. */
#include <phash/bits.h>

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

static int valid(const phash_bits *hash)
{
    return hash && hash->length >= 1 && hash->length <= PHASH_BITS_MAX;
}

phash_status phash_bits_from_hex(const char *text, size_t length, uint32_t bits, phash_bits *out)
{
    if (!text || !out || bits < 1 || bits > PHASH_BITS_MAX)
        return PHASH_E_ARGUMENT;
    if (length != PHASH_BITS_HEX(bits))
        return PHASH_E_HEX;
    phash_bits h = PHASH_BITS_INIT;
    h.length = bits;
    /* An odd number of digits: the first one has a byte to itself. */
    const size_t pad = length & 1;
    for (size_t i = 0; i < length; i++) {
        const int d = digit(text[i]);
        if (d < 0)
            return PHASH_E_HEX;
        const size_t place = i + pad;
        h.bytes[place / 2] = (uint8_t)(h.bytes[place / 2] << 4 | d);
    }
    if (bits % 8 && h.bytes[0] >> bits % 8)
        return PHASH_E_HEX;
    *out = h;
    return PHASH_OK;
}

size_t phash_bits_to_hex(const phash_bits *hash, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const size_t need = valid(hash) ? PHASH_BITS_HEX(hash->length) : 0, pad = need & 1;
    if (!out || !size)
        return need;
    const size_t n = need < size ? need : size - 1;
    for (size_t i = 0; i < n; i++) {
        const size_t place = i + pad;
        out[i] = digits[place & 1 ? hash->bytes[place / 2] & 15 : hash->bytes[place / 2] >> 4];
    }
    out[n] = '\0';
    return need;
}

phash_status phash_bits_distance(const phash_bits *a, const phash_bits *b, unsigned *distance)
{
    if (!valid(a) || !valid(b) || !distance)
        return PHASH_E_ARGUMENT;
    if (a->length != b->length)
        return PHASH_E_KIND;
    /* Whole words: what lies behind the hash is zero in both. */
    const size_t bytes = (PHASH_BITS_BYTES(a->length) + 7) / 8 * 8;
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x, y;
        memcpy(&x, a->bytes + i, 8);
        memcpy(&y, b->bytes + i, 8);
        sum += (unsigned)__builtin_popcountll(x ^ y);
    }
    *distance = sum;
    return PHASH_OK;
}

phash_status phash_bits_from_hash256(const phash_hash256 *hash, phash_bits *out)
{
    if (!hash || !out)
        return PHASH_E_ARGUMENT;
    memset(out, 0, sizeof *out);
    out->length = PHASH_HASH256_BITS;
    memcpy(out->bytes, hash->bytes, PHASH_HASH256_BYTES);
    return PHASH_OK;
}

phash_status phash_bits_to_hash256(const phash_bits *hash, phash_hash256 *out)
{
    if (!valid(hash) || !out)
        return PHASH_E_ARGUMENT;
    if (hash->length != PHASH_HASH256_BITS)
        return PHASH_E_KIND;
    memcpy(out->bytes, hash->bytes, PHASH_HASH256_BYTES);
    return PHASH_OK;
}
