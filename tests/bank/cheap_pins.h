/* PINs that are verified in no time, for tests that ask for them by the hundred or under valgrind.
 * Works by defining libsodium's functions in the test program. */
#ifndef PHASH_TESTS_CHEAP_PINS_H
#define PHASH_TESTS_CHEAP_PINS_H

#include <stdbool.h>

/* Set before the first PIN. */
extern bool cheap_pins;

#endif
