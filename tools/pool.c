/* The parent's side of the worker pool. */
#include "pool.h"

#include "cli.h"
#include "descriptor.h"
#include "nursery.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Slots per worker. One photo may take as long as a hundred thumbnails; the other workers go on
 * meanwhile, until the window is full. */
#define WINDOW 128
/* Jobs that may be at one worker, so that it need not wait for the parent between small images.
 * Behind a large image nothing queues: another worker may be free before. */
#define QUEUE       4
#define QUEUE_BYTES (256 * 1024)
#define TICK_MS     200
/* How long to wait for the nursery to say what a worker died of. */
#define REPORT_MS 2000

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_SENT, SLOT_DONE };

struct slot {
    enum slot_state state;
    struct pool_job job;
    struct worker_record record;
};

struct worker {
    pid_t pid; /* 0: none was made yet, or it died */
    int socket;
    bool reported; /* the nursery said that it died, of `death` */
    int death;
    const char *killed_for; /* why the pool ended it */
    uint64_t queue[QUEUE];  /* numbers of the jobs it has, the one it works on first */
    unsigned queued;
    uint64_t queued_bytes;
    clockid_t clock;    /* its processor time */
    double cpu_started; /* of the job it works on */
    double waited;      /* seconds since then */
};

struct pool {
    struct nursery nursery;
    struct pool_limits limits;
    struct worker *workers;
    struct slot *slots;
    struct pollfd *polled;
    size_t window;
    uint64_t head, tail;  /* jobs head to tail - 1 are in the window; number % window is the slot */
    uint64_t first_ready; /* no ready job is before this number */
    size_t ready;         /* slots that wait for a worker */
    double ticked;
    int failure;       /* ends the run */
    int spawn_failure; /* no more workers can be made; those that live do the work */
    char reasons[2][96];
};

static double clock_seconds(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct slot *slot_of(struct pool *pool, uint64_t number)
{
    return &pool->slots[number % pool->window];
}

unsigned pool_processors(void)
{
    long count = 0;
    /* The kernel's mask may be longer than cpu_set_t has bits. */
    for (int bits = 1024; bits <= 65536 && count == 0; bits *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)bits);
        const size_t size = CPU_ALLOC_SIZE((size_t)bits);
        if (set && sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
    }
    if (count < 1)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : (unsigned)count;
}

/* Every waiting or queued job is an open file; folders that are walked are open too. */
static void raise_file_limit(unsigned workers)
{
    struct rlimit limit;
    const rlim_t want = 4096 + (rlim_t)workers * (QUEUE + 3);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int pool_start(struct pool **out, const struct pool_limits *limits)
{
    struct pool *pool = cli_allocate(1, sizeof *pool);
    *out = NULL;
    pool->limits = *limits;
    pool->window = (size_t)limits->workers * WINDOW;
    snprintf(pool->reasons[0], sizeof pool->reasons[0],
             "gave up after %u seconds of processor time (--max-time)", limits->cpu_seconds);
    snprintf(pool->reasons[1], sizeof pool->reasons[1],
             "gave up after %u seconds without an answer", limits->wall_seconds);
    fflush(NULL);
    const int failure = nursery_start(&pool->nursery);
    if (failure) {
        free(pool);
        return failure;
    }
    raise_file_limit(limits->workers);
    pool->workers = cli_allocate(limits->workers, sizeof *pool->workers);
    pool->polled = cli_allocate(limits->workers + 2, sizeof *pool->polled);
    pool->slots = cli_allocate(pool->window, sizeof *pool->slots);
    *out = pool;
    return 0;
}

/* The job's answer is "no" without a worker's record. */
static void fail_slot(struct slot *slot, phash_status status, const char *reason)
{
    slot->record.status = (int32_t)status;
    slot->record.error = (phash_error)PHASH_ERROR_INIT;
    slot->record.error.status = status;
    snprintf(slot->record.error.message, sizeof slot->record.error.message, "%s", reason);
    slot->state = SLOT_DONE;
    if (slot->job.fd >= 0)
        close(slot->job.fd);
    slot->job.fd = -1;
}

/* Takes one report of the nursery. `spawned` receives the answer to a request for a worker. False
 * when there was none, or the nursery is gone (pool->failure is set then). */
static bool take_report(struct pool *pool, struct worker *spawned, bool *answered, int flags)
{
    struct nursery_message message;
    int fd;
    const int failure =
        descriptor_receive(pool->nursery.socket, &message, sizeof message, &fd, flags);
    if (failure == EAGAIN || failure == EINTR)
        return false;
    if (failure) {
        pool->failure = failure;
        return false;
    }
    if (message.kind == NURSERY_DIED) {
        for (unsigned i = 0; i < pool->limits.workers; i++)
            if (pool->workers[i].pid == message.pid) {
                pool->workers[i].reported = true;
                pool->workers[i].death = message.value;
            }
    } else if (message.kind == NURSERY_SPAWNED && spawned) {
        *answered = true;
        if (message.pid > 0 && fd >= 0) {
            memset(spawned, 0, sizeof *spawned);
            spawned->pid = message.pid;
            spawned->socket = fd;
            return true;
        }
        pool->spawn_failure = message.value ? message.value : EPROTO;
    }
    if (fd >= 0)
        close(fd);
    return true;
}

static void ask_nursery(struct pool *pool, int kind, pid_t pid)
{
    const struct nursery_message request = {kind, pid, 0};
    const int failure = descriptor_send(pool->nursery.socket, &request, sizeof request, -1, 0);
    if (failure)
        pool->failure = failure;
}

static bool spawn(struct pool *pool, struct worker *worker)
{
    ask_nursery(pool, NURSERY_SPAWN, 0);
    for (bool answered = false; !answered && !pool->failure;)
        take_report(pool, worker, &answered, 0);
    if (!worker->pid)
        return false;
    if (clock_getcpuclockid(worker->pid, &worker->clock) != 0)
        worker->clock = CLOCK_MONOTONIC; /* then wall time has to do */
    return true;
}

/* A worker begins with the job at the front of its queue. */
static void start_clock(struct worker *worker)
{
    worker->waited = 0;
    worker->cpu_started = clock_seconds(worker->clock);
}

static void describe_death(const struct worker *worker, char *reason, size_t size)
{
    if (worker->killed_for)
        snprintf(reason, size, "%s", worker->killed_for);
    else if (worker->reported && WIFSIGNALED(worker->death))
        snprintf(reason, size, "the decoder died (signal %d%s)", WTERMSIG(worker->death),
                 WTERMSIG(worker->death) == SIGKILL ? ", perhaps for want of memory" : "");
    else if (worker->reported)
        snprintf(reason, size, "the decoder died (exit status %d)", WEXITSTATUS(worker->death));
    else
        snprintf(reason, size, "the decoder died");
}

/* Buries a worker: the job that it was working on fails, the others wait for another worker. */
static void bury(struct pool *pool, struct worker *worker)
{
    const double until = clock_seconds(CLOCK_MONOTONIC) + REPORT_MS / 1000.0;
    while (!worker->reported && !worker->killed_for && !pool->failure) {
        struct pollfd wait = {pool->nursery.socket, POLLIN, 0};
        const double left = until - clock_seconds(CLOCK_MONOTONIC);
        if (left <= 0 || (poll(&wait, 1, (int)(left * 1000) + 1) <= 0 && errno != EINTR))
            break;
        take_report(pool, NULL, NULL, MSG_DONTWAIT);
    }
    if (!worker->reported && !worker->killed_for)
        ask_nursery(pool, NURSERY_KILL, worker->pid); /* it closed its socket and lives on */
    char reason[128];
    describe_death(worker, reason, sizeof reason);
    for (unsigned i = 0; i < worker->queued; i++) {
        struct slot *slot = slot_of(pool, worker->queue[i]);
        if (i == 0) {
            fail_slot(slot, PHASH_E_STATE, reason);
            continue;
        }
        slot->state = SLOT_READY;
        pool->ready++;
        if (worker->queue[i] < pool->first_ready)
            pool->first_ready = worker->queue[i];
        /* The dead one had a look at the descriptor too, if it was so minded. */
        lseek(slot->job.fd, 0, SEEK_SET);
    }
    close(worker->socket);
    memset(worker, 0, sizeof *worker);
}

/* Ends a worker and does not wait for it: one that hangs in the kernel may take long to die. */
static void put_down(struct pool *pool, struct worker *worker, const char *reason)
{
    ask_nursery(pool, NURSERY_KILL, worker->pid);
    worker->killed_for = reason;
    bury(pool, worker);
}

/* Profile fast gives full where it cannot be had. */
static bool profile_fits(phash_pdq_profile given, phash_pdq_profile wanted)
{
    return given == wanted || (wanted == PHASH_PDQ_FAST && given == PHASH_PDQ_FULL);
}

/* What a worker says is as trustworthy as the image that it read. */
static bool record_is_sane(struct worker_record *record, const struct slot *slot)
{
    record->error.size = sizeof record->error;
    record->error.message[sizeof record->error.message - 1] = '\0';
    for (char *p = record->error.message; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7F)
            *p = '?';
    if (record->status != PHASH_OK)
        return true;
    const phash_pdq_result *result = &record->result;
    return result->size == sizeof *result && result->quality >= 0 && result->quality <= 100 &&
           profile_fits(result->profile, slot->job.work.pdq.profile) &&
           !!result->has_dihedral == !!slot->job.work.pdq.dihedral;
}

static void hear(struct pool *pool, struct worker *worker)
{
    struct worker_record record;
    const int failure =
        descriptor_receive(worker->socket, &record, sizeof record, NULL, MSG_DONTWAIT);
    /* The kernel tells ECONNRESET once, ahead of records that the worker sent before it died. */
    if (failure == EAGAIN || failure == EINTR || failure == ECONNRESET)
        return;
    if (failure && failure != EPROTO) {
        bury(pool, worker);
        return;
    }
    struct slot *slot = worker->queued ? slot_of(pool, worker->queue[0]) : NULL;
    if (failure || !slot || record.number != worker->queue[0] || !record_is_sane(&record, slot)) {
        put_down(pool, worker, "the decoder gave an answer that makes no sense");
        return;
    }
    slot->record = record;
    slot->state = SLOT_DONE;
    close(slot->job.fd);
    slot->job.fd = -1;
    worker->queued--;
    worker->queued_bytes -= slot->job.bytes;
    memmove(worker->queue, worker->queue + 1, worker->queued * sizeof worker->queue[0]);
    start_clock(worker);
}

/* The worker that should have the next job: one that idles, else a new one, else the one with the
 * fewest of only small jobs; NULL when it has to wait. */
static struct worker *choose(struct pool *pool, uint64_t bytes)
{
    struct worker *none = NULL, *few = NULL;
    unsigned living = 0;
    for (unsigned i = 0; i < pool->limits.workers; i++) {
        struct worker *worker = &pool->workers[i];
        if (!worker->pid) {
            none = none ? none : worker;
            continue;
        }
        living++;
        if (worker->queued == 0)
            return worker;
        if (worker->queued < QUEUE && worker->queued_bytes + bytes <= QUEUE_BYTES &&
            (!few || worker->queued < few->queued))
            few = worker;
    }
    if (none && !pool->spawn_failure && spawn(pool, none))
        return none;
    if (living == 0 && !pool->failure)
        pool->failure = pool->spawn_failure;
    return few;
}

static void dispatch(struct pool *pool)
{
    while (pool->ready && !pool->failure) {
        uint64_t number = pool->first_ready;
        while (slot_of(pool, number)->state != SLOT_READY)
            number++;
        pool->first_ready = number;
        struct slot *slot = slot_of(pool, number);
        struct worker *worker = choose(pool, slot->job.bytes);
        if (!worker)
            return;
        slot->job.work.number = number;
        /* If it cannot be sent now, it will be later: the worker died, of which hear() learns after
         * its last record, or the system's table of travelling descriptors is full. */
        if (descriptor_send(worker->socket, &slot->job.work, sizeof slot->job.work, slot->job.fd,
                            MSG_DONTWAIT) != 0)
            return;
        slot->state = SLOT_SENT;
        pool->ready--;
        worker->queue[worker->queued++] = number;
        worker->queued_bytes += slot->job.bytes;
        if (worker->queued == 1)
            start_clock(worker);
    }
}

/* Takes jobs from the client while a worker may soon want one. */
static enum pool_next take_jobs(struct pool *pool, const struct pool_client *client)
{
    while (pool->ready < pool->limits.workers && pool->tail - pool->head < pool->window) {
        struct slot *slot = slot_of(pool, pool->tail);
        memset(slot, 0, sizeof *slot);
        slot->job.fd = -1;
        const enum pool_next next = client->next(client->context, &slot->job);
        if (next != POOL_JOB)
            return next;
        if (slot->job.fd < 0) {
            slot->record.status = (int32_t)slot->job.error.status;
            slot->record.error = slot->job.error;
            slot->state = SLOT_DONE;
        } else {
            /* The disk can be busy while the workers are. */
            posix_fadvise(slot->job.fd, 0, 0, POSIX_FADV_WILLNEED);
            slot->state = SLOT_READY;
            if (pool->ready++ == 0)
                pool->first_ready = pool->tail;
        }
        pool->tail++;
    }
    return POOL_JOB;
}

static bool give_records(struct pool *pool, const struct pool_client *client)
{
    while (pool->head != pool->tail && slot_of(pool, pool->head)->state == SLOT_DONE) {
        struct slot *slot = slot_of(pool, pool->head);
        void *tag = slot->job.tag;
        slot->job.tag = NULL;
        pool->head++;
        if (!client->done(client->context, tag, &slot->record))
            return false;
    }
    return true;
}

/* Ends workers that take too long, and lets the client draw its progress. Time is counted in ticks,
 * so that a run that was suspended for an hour is not a worker that hung for one. */
static void watch(struct pool *pool, const struct pool_client *client)
{
    const double now = clock_seconds(CLOCK_MONOTONIC), passed = now - pool->ticked;
    if (passed < TICK_MS / 1000.0)
        return;
    pool->ticked = now;
    for (unsigned i = 0; i < pool->limits.workers; i++) {
        struct worker *worker = &pool->workers[i];
        if (!worker->pid || !worker->queued)
            continue;
        worker->waited += passed < 1 ? passed : 1;
        if (clock_seconds(worker->clock) - worker->cpu_started > pool->limits.cpu_seconds)
            put_down(pool, worker, pool->reasons[0]);
        else if (worker->waited > pool->limits.wall_seconds)
            put_down(pool, worker, pool->reasons[1]);
    }
    if (client->tick)
        client->tick(client->context);
}

/* Waits until a worker, the nursery, or the client's input has something. */
static void wait_for_news(struct pool *pool, const struct pool_client *client, bool input)
{
    const unsigned workers = pool->limits.workers;
    for (unsigned i = 0; i < workers; i++) {
        const struct worker *worker = &pool->workers[i];
        pool->polled[i] = (struct pollfd){worker->pid ? worker->socket : -1, POLLIN, 0};
    }
    pool->polled[workers] = (struct pollfd){pool->nursery.socket, POLLIN, 0};
    pool->polled[workers + 1] = (struct pollfd){input ? client->wait_fd : -1, POLLIN, 0};
    if (poll(pool->polled, workers + 2, TICK_MS) <= 0)
        return;
    if (pool->polled[workers].revents)
        take_report(pool, NULL, NULL, MSG_DONTWAIT);
    for (unsigned i = 0; i < workers; i++)
        if (pool->polled[i].revents && pool->workers[i].pid)
            hear(pool, &pool->workers[i]);
}

/* Gives every job up that is not done. */
static void abandon(struct pool *pool, const struct pool_client *client)
{
    for (; pool->head != pool->tail; pool->head++) {
        struct slot *slot = slot_of(pool, pool->head);
        if (slot->job.fd >= 0)
            close(slot->job.fd);
        client->done(client->context, slot->job.tag, NULL);
    }
    for (unsigned i = 0; i < pool->limits.workers; i++)
        if (pool->workers[i].pid) {
            ask_nursery(pool, NURSERY_KILL, pool->workers[i].pid);
            close(pool->workers[i].socket);
            memset(&pool->workers[i], 0, sizeof pool->workers[i]);
        }
    pool->ready = 0;
}

int pool_run(struct pool *pool, const struct pool_client *client)
{
    pool->failure = 0;
    pool->ticked = clock_seconds(CLOCK_MONOTONIC);
    while (!pool->failure && !progress_stopped()) {
        const enum pool_next more = take_jobs(pool, client);
        dispatch(pool);
        if (!give_records(pool, client))
            break;
        watch(pool, client);
        if (pool->head == pool->tail) {
            if (more == POOL_END)
                return 0;
            if (more == POOL_JOB)
                continue;
        } else if (slot_of(pool, pool->head)->state == SLOT_DONE) {
            continue;
        }
        wait_for_news(pool, client, more == POOL_WAIT);
    }
    abandon(pool, client);
    return pool->failure;
}

void pool_stop(struct pool **out)
{
    struct pool *pool = *out;
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->limits.workers; i++)
        if (pool->workers[i].pid)
            close(pool->workers[i].socket);
    nursery_stop(&pool->nursery);
    free(pool->workers);
    free(pool->polled);
    free(pool->slots);
    free(pool);
    *out = NULL;
}
