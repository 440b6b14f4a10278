/* Growing strings, and the three ways to show a name of any bytes. */
#include "text.h"

#include "cli.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_bytes(struct text *t, const void *data, size_t bytes)
{
    if (bytes >= SIZE_MAX / 2 - t->length)
        cli_no_memory();
    const size_t need = t->length + bytes + 1;
    if (need > t->size) {
        const size_t size = need < 128 ? 128 : need + need / 2;
        char *grown = realloc(t->data, size);
        if (!grown)
            cli_no_memory();
        t->data = grown;
        t->size = size;
    }
    if (bytes)
        memcpy(t->data + t->length, data, bytes);
    t->length += bytes;
    t->data[t->length] = '\0';
}

void text_string(struct text *t, const char *string)
{
    text_bytes(t, string, strlen(string));
}

void text_clear(struct text *t)
{
    t->length = 0;
    if (t->data)
        t->data[0] = '\0';
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

/* Length of the UTF-8 character at p (Unicode 15, table 3-7: no overlong forms, no surrogates), 0
 * where there is none. A NUL ends every sequence, so nothing behind it is read. */
static size_t utf8_character(const unsigned char *p, uint32_t *code)
{
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    const size_t length = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                          : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                          : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                         : 0;
    if (!length)
        return 0;
    uint32_t c = p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if ((length == 3 && c < 0x800) || (length == 4 && c < 0x10000) || c > 0x10FFFF ||
        (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *code = c;
    return length;
}

/* Characters that show nothing themselves but change what is around them: controls, line and
 * paragraph separators, direction marks and overrides, the byte order mark. */
static bool invisible(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void text_escaped(struct text *t, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    text_bytes(t, "", 0);
    while (*p) {
        uint32_t c = 0;
        const size_t length = utf8_character(p, &c);
        char escape[16];
        if (!length)
            snprintf(escape, sizeof escape, "\\x%02x", *p);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(escape, sizeof escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c == '\\')
            snprintf(escape, sizeof escape, "\\\\");
        else if (invisible(c))
            snprintf(escape, sizeof escape, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
        else {
            text_bytes(t, p, length);
            p += length;
            continue;
        }
        text_string(t, escape);
        p += length ? length : 1;
    }
}

void text_csv(struct text *t, const char *string)
{
    if (!string[strcspn(string, "\",\r\n")]) {
        text_string(t, string);
        return;
    }
    text_string(t, "\"");
    for (const char *quote; (quote = strchr(string, '"')); string = quote + 1) {
        text_bytes(t, string, (size_t)(quote - string));
        text_string(t, "\"\"");
    }
    text_string(t, string);
    text_string(t, "\"");
}

bool text_utf8(struct text *t, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    bool valid = true;
    text_bytes(t, "", 0);
    while (*p) {
        uint32_t c;
        const size_t length = utf8_character(p, &c);
        if (length)
            text_bytes(t, p, length);
        else
            text_string(t, "\xEF\xBF\xBD");
        valid = valid && length;
        p += length ? length : 1;
    }
    return valid;
}

void text_hex(struct text *t, const char *string)
{
    text_bytes(t, "", 0);
    for (const unsigned char *p = (const unsigned char *)string; *p; p++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", *p);
        text_bytes(t, digits, 2);
    }
}
