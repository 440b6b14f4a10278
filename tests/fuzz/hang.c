/* A target that misbehaves: "loop" never ends, "wait" passes time without using the processor. */
#define _XOPEN_SOURCE 700
#include "target.h"

#include <time.h>

int fuzz_input(const uint8_t *data, size_t size)
{
    const struct timespec wait = {.tv_sec = 2};
    volatile int on = size >= 4 && !memcmp(data, "loop", 4);
    while (on)
        continue;
    if (size >= 4 && !memcmp(data, "wait", 4))
        nanosleep(&wait, NULL);
    return 0;
}
