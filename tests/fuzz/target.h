/* What every fuzz target shares. A target is one function that takes any bytes; whatever breaks a
 * promise of the public headers ends the process. */
#ifndef PHASH_TESTS_FUZZ_TARGET_H
#define PHASH_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a target is; limit.c calls it. Returns 0. */
int fuzz_input(const uint8_t *data, size_t size);

/* What libFuzzer, AFL++ and replay.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #what);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Numbers taken from the front of the input; zeros when it is used up. */
typedef struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
} fuzz_bytes;

static inline uint32_t fuzz_take(fuzz_bytes *in, size_t bytes)
{
    uint32_t value = 0;
    for (; bytes && in->size; bytes--, in->size--)
        value = value << 8 | *in->data++;
    return value;
}

#endif
