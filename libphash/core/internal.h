/* What every room of the library shares: filling errors, wiped memory. */
#ifndef PHASH_CORE_INTERNAL_H
#define PHASH_CORE_INTERNAL_H

#include <phash/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills `error` (which may be NULL) and returns `status`, so that a failing function ends in
 * `return phash_fail(error, …)`. phash_fail_at adds errno and the place. */
phash_status phash_fail_at(phash_error *error, phash_status status, int sys_errno, uint64_t offset,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
#define phash_fail(error, status, ...) phash_fail_at((error), (status), 0, UINT64_MAX, __VA_ARGS__)

/* Memory. Buffers start at a multiple of 64 bytes (a cache line, and the widest vector), and are
 * zeroed when they are freed: they hold pixels, or hashes. phash_alloc returns NULL for a size that
 * overflows or is not to be had; the content is not initialised. */
void *phash_alloc(size_t count, size_t size);
void *phash_alloc_zero(size_t count, size_t size);
void phash_wipe_free(void *memory, size_t bytes);

/* Zeroes memory in a way that the compiler may not drop. */
void phash_wipe(void *memory, size_t bytes);

static inline bool phash_mul_overflows(size_t a, size_t b, size_t *product)
{
    return __builtin_mul_overflow(a, b, product);
}

#endif
