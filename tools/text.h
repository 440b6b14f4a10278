/* text.h: building lines of output from names that may hold any bytes. */
#ifndef PHASH_TOOLS_TEXT_H
#define PHASH_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A growing string; all zeros to begin with, always NUL-terminated once something was added. */
struct text {
    char *data;
    size_t length;
    size_t size;
};

void text_bytes(struct text *t, const void *data, size_t bytes);
void text_string(struct text *t, const char *string);
void text_clear(struct text *t); /* keeps the memory */
void text_free(struct text *t);

/* For people: control characters, what turns the direction of writing, bytes that are not UTF-8,
 * and the backslash itself become \n, \x1b, \u202e, \\ and the like; the rest stays. No name can
 * end a line, colour it, or pass for another. */
void text_escaped(struct text *t, const char *string);

/* For RFC 4180: quoted where it holds a quote, comma, or line end; every byte passed on. */
void text_csv(struct text *t, const char *string);

/* As UTF-8, with U+FFFD for each byte that is none. Gives whether the string was UTF-8. */
bool text_utf8(struct text *t, const char *string);

void text_hex(struct text *t, const char *string);

#endif
