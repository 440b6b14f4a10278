/* Where the bytes of an image come from: a file descriptor or memory.
 *
 * Files are read through one small buffer and never mapped, so that a photo's bytes do not count as
 * the process's memory and a file that shrinks meanwhile cannot raise SIGBUS. Decoders work on the
 * window [next, next + left) and ask for the following one when it is used up.
 */
#ifndef PHASH_DECODE_SOURCE_H
#define PHASH_DECODE_SOURCE_H

#include "core/internal.h"

typedef struct decode_source {
    const uint8_t *next; /* the window */
    size_t left;

    int fd; /* -1 for memory */
    bool owns_fd;
    uint8_t *buffer; /* of a descriptor's source; wiped when it is freed */

    const uint8_t *data; /* memory that has not been in a window yet */
    size_t data_left;

    uint64_t taken; /* bytes that have been in a window */
    uint64_t max_input;

    /* Why there is no further window: PHASH_E_TRUNCATED at the end of the input, which is an error
     * only if somebody asks for more; PHASH_E_READ; PHASH_E_LIMIT_INPUT. PHASH_OK before. */
    phash_status stopped;
    int sys_errno;
} decode_source;

phash_status source_open_path(decode_source *s, const char *path, uint64_t max_input,
                              phash_error *error);
phash_status source_open_fd(decode_source *s, int fd, uint64_t max_input, phash_error *error);
void source_open_memory(decode_source *s, const void *data, size_t bytes, uint64_t max_input);
void source_close(decode_source *s);

/* Puts at least `bytes` (at most 64) of the next bytes into the window where the input has them. */
void source_peek(decode_source *s, size_t bytes);

/* Replaces a window that is used up by the next one. False when there is none: `stopped` says why.
 */
bool source_next(decode_source *s);

/* Whether the source can be read once more: memory and regular files can, pipes cannot. */
bool source_can_rewind(const decode_source *s);

/* Goes back to the first byte. Errors: PHASH_E_READ. */
phash_status source_rewind(decode_source *s, phash_error *error);

/* Position of the window's first byte in the input. */
uint64_t source_offset(const decode_source *s);

/* Fills `error` for a source that stopped. `where` says what the input ends inside of. */
phash_status source_fail(const decode_source *s, const char *where, phash_error *error);

#endif
