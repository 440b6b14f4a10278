/* Makes the n-th allocation of the process fail, whoever asks for it: the library, libjpeg, libpng,
 * SQLite, libc. Works by defining malloc and its kin in the test program, so it cannot be had
 * together with a sanitizer: ALLOC_FAULT_AVAILABLE is 0 then and the suite is skipped. */
#ifndef PHASH_TESTS_ALLOC_FAULT_H
#define PHASH_TESTS_ALLOC_FAULT_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOC_FAULT_AVAILABLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define ALLOC_FAULT_AVAILABLE 0
#endif
#endif
#ifndef ALLOC_FAULT_AVAILABLE
#define ALLOC_FAULT_AVAILABLE 1
#endif

/* From now on allocations are counted, and number `n` (from 0) fails, once. */
void alloc_fault_arm(long n);

/* Ends counting. Returns whether the allocation failed, that is, whether there were more than n. */
bool alloc_fault_disarm(void);

/* Blocks allocated and not freed since arming. */
long alloc_fault_balance(void);

#endif
