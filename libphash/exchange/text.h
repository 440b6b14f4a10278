/* A growing text that is wiped wherever it was, and JSON written into it. */
#ifndef PHASH_EXCHANGE_TEXT_H
#define PHASH_EXCHANGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *bytes; /* NUL-terminated once anything was added */
    size_t length, capacity;
    bool failed; /* an allocation failed; everything later is ignored */
} phash_text;

void phash_text_add(phash_text *text, const void *bytes, size_t length);
void phash_text_puts(phash_text *text, const char *s);
void phash_text_int(phash_text *text, int64_t value);
/* Lower-case hex of `length` bytes. */
void phash_text_hex(phash_text *text, const uint8_t *bytes, size_t length);
/* A JSON string with its quotes. `s` is UTF-8. */
void phash_text_json(phash_text *text, const char *s, size_t length);
/* Empties, keeping the memory. */
void phash_text_clear(phash_text *text);
void phash_text_drop(phash_text *text);

#endif
