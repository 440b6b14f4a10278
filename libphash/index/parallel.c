/* A loop on several threads: each takes the next task until none is left. */
#define _DEFAULT_SOURCE /* _SC_NPROCESSORS_ONLN */

#include "index/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

typedef struct loop {
    void (*fn)(void *context, size_t task);
    void *context;
    size_t tasks;
    atomic_size_t next;
} loop;

static void *run(void *argument)
{
    loop *l = argument;
    for (;;) {
        const size_t task = atomic_fetch_add(&l->next, 1);
        if (task >= l->tasks)
            return NULL;
        l->fn(l->context, task);
    }
}

void phash_parallel(uint32_t threads, size_t tasks, void (*fn)(void *context, size_t task),
                    void *context)
{
    loop l = {.fn = fn, .context = context, .tasks = tasks};
    pthread_t others[THREADS_MAX];
    size_t started = 0;
    while (started + 1 < threads && started + 1 < tasks && started < THREADS_MAX &&
           pthread_create(&others[started], NULL, run, &l) == 0)
        started++;
    run(&l);
    for (size_t i = 0; i < started; i++)
        pthread_join(others[i], NULL);
}

uint32_t phash_processors(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (uint32_t)n;
}
