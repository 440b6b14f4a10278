/* timing.h: the clocks of the bench, and one core to measure on. */
#ifndef PHASH_BENCH_TIMING_H
#define PHASH_BENCH_TIMING_H

#include <sched.h>
#include <stddef.h>

/* Processor time of this thread, seconds: what work costs, whatever else the machine does. */
double timing_thread(void);

/* Time as it passes, seconds: for what several threads do together. */
double timing_wall(void);

/* Keeps this thread, and those it starts, on the first core that it may use; `before` receives what
 * timing_unpin gives back. */
void timing_pin(cpu_set_t *before);
void timing_unpin(const cpu_set_t *before);

/* The distance between the quartiles of sorted times, as a share of the median. */
double timing_spread(const double *sorted, size_t n);

#endif
