/* Aligned buffers that are wiped when they are freed. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "dct/stages.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

void *dct_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT);
}

void dct_wipe(void *memory, size_t bytes)
{
    if (memory && bytes)
        explicit_bzero(memory, bytes);
}

void dct_wipe_free(void *memory, size_t bytes)
{
    dct_wipe(memory, bytes);
    free(memory);
}
