#include "timing.h"

#include <time.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double timing_thread(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

double timing_wall(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void timing_pin(cpu_set_t *before)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_ZERO(before);
    if (!sched_getaffinity(0, sizeof *before, before)) {
        int cpu = 0;
        while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, before))
            cpu++;
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
    }
}

void timing_unpin(const cpu_set_t *before)
{
    sched_setaffinity(0, sizeof *before, before);
}

double timing_spread(const double *sorted, size_t n)
{
    return (sorted[n * 3 / 4] - sorted[n / 4]) / sorted[n / 2];
}
