/* Case numbers and PINs in Crockford's base32. */
#include "exchange/crockford.h"

#include "core/internal.h"

#include <sodium.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
enum { NUMBER_CHARS = 16, PIN_CHARS = 8 };

static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L')
        return 1;
    if (c == 'O')
        return 0;
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

void phash_base32_bytes(char *out, size_t groups, const uint8_t *bytes)
{
    for (size_t i = 0; i < groups * 4; i++) {
        unsigned value = 0;
        for (size_t bit = i * 5; bit < i * 5 + 5; bit++)
            value = value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1u);
        if (i && i % 4 == 0)
            *out++ = '-';
        *out++ = alphabet[value];
    }
    *out = '\0';
}

void phash_base32_random(char *out, size_t groups)
{
    uint8_t bytes[16];
    randombytes_buf(bytes, sizeof bytes);
    phash_base32_bytes(out, groups, bytes);
    phash_wipe(bytes, sizeof bytes);
}

/* The number modulo 37, as Crockford's check symbol; 37 is prime, so a wrong or swapped character
 * always shows. */
static unsigned check_of(const char *chars)
{
    unsigned rest = 0;
    for (size_t i = 0; i < NUMBER_CHARS; i++)
        rest = (rest * 32 + (unsigned)value_of(chars[i])) % 37;
    return rest;
}

/* Takes `n` characters out of what was typed, dropping hyphens and blanks. */
static bool collect(const char *text, char *out, size_t n)
{
    size_t got = 0;
    for (; *text; text++) {
        if (*text == '-' || *text == ' ')
            continue;
        const int v = value_of(*text);
        if (v < 0 || got == n)
            return false;
        out[got++] = alphabet[v];
    }
    return got == n;
}

static void group(char *out, const char *chars, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i && i % 4 == 0)
            *out++ = '-';
        *out++ = chars[i];
    }
    *out = '\0';
}

void phash_case_number_random(char out[PHASH_CASE_NUMBER_SIZE])
{
    char written[PHASH_CASE_NUMBER_SIZE], chars[NUMBER_CHARS + 1];
    unsigned check;
    /* Five of the 37 check symbols are awkward to say: then draw again. */
    do {
        phash_base32_random(written, NUMBER_CHARS / 4);
        (void)collect(written, chars, NUMBER_CHARS);
        check = check_of(chars);
    } while (check >= 32);
    chars[NUMBER_CHARS] = alphabet[check];
    group(out, chars, NUMBER_CHARS + 1);
}

phash_status phash_case_number_parse(const char *text, char number[PHASH_CASE_NUMBER_SIZE])
{
    if (!text || !number)
        return PHASH_E_ARGUMENT;
    char chars[NUMBER_CHARS + 1];
    if (!collect(text, chars, NUMBER_CHARS + 1) ||
        check_of(chars) != (unsigned)value_of(chars[NUMBER_CHARS]))
        return PHASH_E_CORRUPT;
    group(number, chars, NUMBER_CHARS + 1);
    return PHASH_OK;
}

bool phash_case_pin_parse(const char *text, char pin[PHASH_CASE_PIN_SIZE])
{
    char chars[PIN_CHARS];
    const bool ok = collect(text, chars, PIN_CHARS);
    if (ok)
        group(pin, chars, PIN_CHARS);
    phash_wipe(chars, sizeof chars);
    return ok;
}
