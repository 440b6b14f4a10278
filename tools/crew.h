/* crew.h: the worker processes as the parent sees them: made when needed, given jobs, heard, timed,
 * buried.
 *
 * The crew knows jobs by number only. What becomes of each is told to a listener: answered, lost
 * with a worker, or handed back untouched.
 */
#ifndef PHASH_TOOLS_CREW_H
#define PHASH_TOOLS_CREW_H

#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

struct crew;

struct crew_limits {
    unsigned workers;
    unsigned cpu_seconds;  /* of processor time for one job */
    unsigned wall_seconds; /* without an answer for one job; time while suspended not counted */
    uint64_t memory;       /* bytes that a worker may use for one job */
};

struct crew_listener {
    void *context;
    /* An answer, checked as far as it can be without knowing the job. False: it makes no sense. */
    bool (*answered)(void *context, uint64_t number, const struct worker_record *record);
    void (*lost)(void *context, uint64_t number, const char *reason);
    void (*returned)(void *context, uint64_t number);
};

/* 0, or an errno. The listener is copied. */
int crew_start(struct crew **crew, const struct crew_limits *limits,
               const struct crew_listener *listener);
/* Ends all processes; NULL is fine. */
void crew_stop(struct crew **crew);

/* Gives a job to a worker that can begin soon. `bytes` tells how large the input is. False when all
 * are busy: try again after crew_wait. */
bool crew_give(struct crew *crew, const struct worker_job *job, int fd, uint64_t bytes);

/* Waits, 200 ms at most, until a worker or `extra_fd` (-1: none) has something, and takes it. */
void crew_wait(struct crew *crew, int extra_fd);

/* Ends workers that take too long. Gives whether a tick (200 ms) passed since the last one. */
bool crew_watch(struct crew *crew);

/* Ends all workers; nothing is told about their jobs. */
void crew_dismiss(struct crew *crew);

/* 0, or the errno that makes going on impossible. */
int crew_failure(const struct crew *crew);

#endif
