/* Runs the target with a limit on the processor time of one input: 20 s, or PHASH_FUZZ_SECONDS. Time
 * on the clock would call an input a hang when the machine is busy or stopped. */
#define _XOPEN_SOURCE 700
#include "target.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static void too_long(int number)
{
    static const char text[] = "broken promise: the input takes too much processor time\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(99);
    abort();
}

static void set_limit(long seconds)
{
    const struct itimerval limit = {.it_value.tv_sec = seconds};
    REQUIRE(setitimer(ITIMER_PROF, &limit, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static long seconds;
    if (!seconds) {
        const char *text = getenv("PHASH_FUZZ_SECONDS");
        const struct sigaction action = {.sa_handler = too_long};
        seconds = text ? strtol(text, NULL, 10) : 20;
        REQUIRE(seconds > 0);
        REQUIRE(sigaction(SIGPROF, &action, NULL) == 0);
    }
    set_limit(seconds);
    const int result = fuzz_input(data, size);
    set_limit(0);
    return result;
}
