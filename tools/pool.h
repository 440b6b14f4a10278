/* pool.h: images in, records out, in order, by worker processes on every core.
 *
 *     client.next -> window of slots -> crew of workers -> the slots again -> client.done, in order
 *
 * A job waits in a slot until a worker is free, and its record waits there until all earlier ones
 * are out. The window bounds both, so memory does not grow with the number of inputs. A worker that
 * dies, breaks the protocol, or takes too long costs the one job that it was working on; the jobs
 * behind that one go to another worker.
 *
 * The pool starts before the program opens any input. It knows nothing of what the images are for.
 */
#ifndef PHASH_TOOLS_POOL_H
#define PHASH_TOOLS_POOL_H

#include "crew.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;

#define POOL_WORKERS_MAX 1024
#define POOL_CPU_SECONDS 60

enum pool_next { POOL_JOB, POOL_WAIT, POOL_END };

struct pool_job {
    int fd;                 /* open for reading; the pool closes it. -1: `error` is the record */
    uint64_t bytes;         /* size of the file, a hint for spreading the work */
    void *tag;              /* the caller's name for it */
    struct worker_job work; /* number is the pool's */
    phash_error error;
};

struct pool_client {
    void *context;
    /* Gives the next job. POOL_WAIT: none yet, ask again when wait_fd is readable. */
    enum pool_next (*next)(void *context, struct pool_job *job);
    /* Takes the record of the oldest job; false ends the run. record is NULL for jobs that were
     * given up because the run ended: only the tag is to be freed then. */
    bool (*done)(void *context, void *tag, const struct worker_record *record);
    /* Called some times a second; may be NULL. */
    void (*tick)(void *context);
    int wait_fd;
};

/* Prepares worker processes; they are forked when there is work. 0, or an errno. */
int pool_start(struct pool **pool, const struct crew_limits *limits);

/* Runs until the client has no more jobs and every record is out, or done() gave false, or a signal
 * came (progress_stopped). 0, or an errno when no worker could be made any more. */
int pool_run(struct pool *pool, const struct pool_client *client);

/* Ends all processes of the pool; NULL is fine. */
void pool_stop(struct pool **pool);

/* The number of processors that this process may run on. */
unsigned pool_processors(void);

#endif
