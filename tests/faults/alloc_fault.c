/* malloc and its kin over glibc's own, with a counter in front: see alloc_fault.h. */
#include "alloc_fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static atomic_bool armed;
static atomic_bool fired;
static atomic_long countdown;
static atomic_long balance;

void alloc_fault_arm(long n)
{
    countdown = n;
    fired = false;
    balance = 0;
    armed = true;
}

bool alloc_fault_disarm(void)
{
    armed = false;
    return fired;
}

long alloc_fault_balance(void)
{
    return balance;
}

#if ALLOC_FAULT_AVAILABLE

/* glibc exports its allocator under these names too, for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static bool fails(void)
{
    if (!armed || atomic_fetch_sub(&countdown, 1) != 0)
        return false;
    fired = true;
    errno = ENOMEM;
    return true;
}

static void *given(void *memory)
{
    if (armed && memory)
        balance++;
    return memory;
}

void *malloc(size_t size)
{
    return fails() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : given(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (fails())
        return NULL;
    void *memory = __libc_realloc(old, size);
    if (!old)
        given(memory);
    return memory;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : given(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);

void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : given(__libc_memalign(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = fails() ? NULL : given(__libc_memalign(alignment, size));
    if (!memory)
        return ENOMEM;
    *out = memory;
    return 0;
}

void free(void *memory)
{
    if (armed && memory)
        balance--;
    __libc_free(memory);
}

#endif
