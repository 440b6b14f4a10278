/* store.h: small files read whole, and files that are written once: case files, keys, pages. */
#ifndef PHASH_TOOLS_STORE_H
#define PHASH_TOOLS_STORE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a regular file or pipe of at most `most` bytes; "-" is stdin. NULL after a message. Free it
 * with store_free. */
char *store_read(const char *path, size_t most, size_t *bytes);
/* Wipes and frees. */
void store_free(char *data, size_t bytes);

/* Whether a file may be made under this name; says so if not. */
bool store_is_free(const char *path);

/* Makes a file that must not exist, readable by its owner alone, and syncs it. On failure a message,
 * and nothing is left. */
bool store_create(const char *path, const void *data, size_t bytes);

/* Reads a PIN: from the terminal, which does not show it, or else one line of stdin. */
bool store_ask_pin(char *pin, size_t size);

#endif
