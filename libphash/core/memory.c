/* Aligned buffers that are wiped when they are freed. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "core/internal.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void *phash_alloc(size_t count, size_t size)
{
    size_t bytes;
    if (phash_mul_overflows(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    /* aligned_alloc wants a multiple of the alignment; zero bytes still get a pointer of their own.
     */
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, rounded ? rounded : ALIGNMENT);
}

void *phash_alloc_zero(size_t count, size_t size)
{
    void *memory = phash_alloc(count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void phash_wipe(void *memory, size_t bytes)
{
    if (memory && bytes)
        explicit_bzero(memory, bytes);
}

void phash_wipe_free(void *memory, size_t bytes)
{
    phash_wipe(memory, bytes);
    free(memory);
}
