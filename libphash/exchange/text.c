/* A growing text that is wiped wherever it was, and JSON written into it. */
#include "exchange/text.h"

#include <phash/exchange.h>

#include "core/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool reserve(phash_text *text, size_t more)
{
    if (text->failed || more >= SIZE_MAX / 4 - text->length) {
        text->failed = true;
        return false;
    }
    const size_t need = text->length + more + 1;
    if (need <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < need)
        capacity *= 2;
    char *bytes = phash_alloc(capacity, 1);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    if (text->length)
        memcpy(bytes, text->bytes, text->length);
    phash_wipe_free(text->bytes, text->capacity);
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void phash_text_add(phash_text *text, const void *bytes, size_t length)
{
    if (!reserve(text, length))
        return;
    if (length)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void phash_text_puts(phash_text *text, const char *s)
{
    phash_text_add(text, s, strlen(s));
}

void phash_text_int(phash_text *text, int64_t value)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRId64, value);
    phash_text_add(text, digits, (size_t)n);
}

void phash_text_hex(phash_text *text, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    if (length > SIZE_MAX / 8 || !reserve(text, 2 * length))
        return;
    for (size_t i = 0; i < length; i++) {
        text->bytes[text->length++] = digits[bytes[i] >> 4];
        text->bytes[text->length++] = digits[bytes[i] & 15];
    }
    text->bytes[text->length] = '\0';
}

void phash_text_json(phash_text *text, const char *s, size_t length)
{
    phash_text_add(text, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        phash_text_add(text, s + from, i - from);
        from = i + 1;
        char escape[8];
        const int n = c == '"' || c == '\\' ? snprintf(escape, sizeof escape, "\\%c", c)
                                            : snprintf(escape, sizeof escape, "\\u%04x", c);
        phash_text_add(text, escape, (size_t)n);
    }
    phash_text_add(text, s + from, length - from);
    phash_text_add(text, "\"", 1);
}

void phash_text_clear(phash_text *text)
{
    phash_wipe(text->bytes, text->length);
    text->length = 0;
    text->failed = false;
}

void phash_text_drop(phash_text *text)
{
    phash_wipe_free(text->bytes, text->capacity);
    *text = (phash_text){0};
}

void phash_text_free(char **text, size_t length)
{
    if (!text)
        return;
    phash_wipe_free(*text, length);
    *text = NULL;
}
