#include "parallel.h"
#include "progress.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define JOBS_MAX 256

struct batch {
    atomic_size_t next;
    size_t count;
    void (*work)(size_t i, void *arg);
    void *arg;
};

static void *run(void *arg)
{
    struct batch *batch = arg;
    for (size_t i; (i = atomic_fetch_add(&batch->next, 1)) < batch->count;) {
        batch->work(i, batch->arg);
        progress_add();
    }
    return NULL;
}

void parallel_run(unsigned jobs, size_t count, const char *what, void (*work)(size_t i, void *arg),
                  void *arg)
{
    struct batch batch = {0, count, work, arg};
    pthread_t threads[JOBS_MAX];
    unsigned started = 0;
    progress_start(what, count);
    while (started + 1 < jobs && started < JOBS_MAX &&
           !pthread_create(&threads[started], NULL, run, &batch))
        started++;
    run(&batch); /* this thread is one of them, and the only one where none could be made */
    while (started)
        pthread_join(threads[--started], NULL);
    progress_end();
}

unsigned parallel_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    const int cores = CPU_COUNT(&set);
    return cores < 1 ? 1 : (unsigned)cores;
}
