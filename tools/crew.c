/* Worker processes, from the parent's side. */
#include "crew.h"

#include "cli.h"
#include "descriptor.h"
#include "nursery.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Jobs that may be at one worker, so that it need not wait for the parent between small images.
 * Behind a large image nothing queues: another worker may be free before. */
#define QUEUE       4
#define QUEUE_BYTES (256 * 1024)
#define TICK_MS     200
/* How long to wait for the nursery to say what a worker died of. */
#define REPORT_MS 2000

struct worker {
    pid_t pid; /* 0: none was made yet, or it died */
    int socket;
    bool reported; /* the nursery said that it died, of `death` */
    int death;
    const char *killed_for; /* why the crew ended it */
    struct {
        uint64_t number, bytes;
    } queue[QUEUE]; /* the jobs it has, the one it works on first */
    unsigned queued;
    uint64_t queued_bytes;
    clockid_t clock;    /* its processor time */
    double cpu_started; /* of the job it works on */
    double waited;      /* seconds since then */
};

struct crew {
    struct nursery nursery;
    struct crew_limits limits;
    struct crew_listener listener;
    struct worker *workers;
    struct pollfd *polled;
    double ticked;
    int failure;       /* no worker can be reached any more */
    int spawn_failure; /* no more workers can be made; those that live do the work */
    char reasons[2][96];
};

static double clock_seconds(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int crew_start(struct crew **out, const struct crew_limits *limits,
               const struct crew_listener *listener)
{
    struct crew *crew = cli_allocate(1, sizeof *crew);
    *out = NULL;
    crew->limits = *limits;
    crew->listener = *listener;
    snprintf(crew->reasons[0], sizeof crew->reasons[0],
             "gave up after %u seconds of processor time (--max-time)", limits->cpu_seconds);
    snprintf(crew->reasons[1], sizeof crew->reasons[1],
             "gave up after %u seconds without an answer", limits->wall_seconds);
    const int failure = nursery_start(&crew->nursery, limits->memory);
    if (failure) {
        free(crew);
        return failure;
    }
    crew->workers = cli_allocate(limits->workers, sizeof *crew->workers);
    crew->polled = cli_allocate(limits->workers + 2, sizeof *crew->polled);
    crew->ticked = clock_seconds(CLOCK_MONOTONIC);
    *out = crew;
    return 0;
}

void crew_stop(struct crew **out)
{
    struct crew *crew = *out;
    if (!crew)
        return;
    for (unsigned i = 0; i < crew->limits.workers; i++)
        if (crew->workers[i].pid)
            close(crew->workers[i].socket);
    nursery_stop(&crew->nursery);
    free(crew->workers);
    free(crew->polled);
    free(crew);
    *out = NULL;
}

int crew_failure(const struct crew *crew)
{
    return crew->failure;
}

static void ask_nursery(struct crew *crew, int kind, pid_t pid)
{
    const struct nursery_message request = {kind, pid, 0};
    const int failure = descriptor_send(crew->nursery.socket, &request, sizeof request, -1, 0);
    if (failure)
        crew->failure = failure;
}

/* Takes one report of the nursery. `spawned` and `answered`, where a worker was asked for, receive
 * the answer. crew->failure is set when the nursery is gone. */
static void take_report(struct crew *crew, struct worker *spawned, bool *answered, int flags)
{
    struct nursery_message message = {0};
    int fd;
    const int failure =
        descriptor_receive(crew->nursery.socket, &message, sizeof message, &fd, flags);
    if (failure == EAGAIN || failure == EINTR)
        return;
    if (failure) {
        crew->failure = failure;
        return;
    }
    if (message.kind == NURSERY_DIED) {
        for (unsigned i = 0; i < crew->limits.workers; i++)
            if (crew->workers[i].pid == message.pid) {
                crew->workers[i].reported = true;
                crew->workers[i].death = message.value;
            }
    } else if (message.kind == NURSERY_SPAWNED && spawned) {
        *answered = true;
        if (message.pid > 0 && fd >= 0) {
            memset(spawned, 0, sizeof *spawned);
            spawned->pid = message.pid;
            spawned->socket = fd;
            return;
        }
        crew->spawn_failure = message.value ? message.value : EPROTO;
    }
    if (fd >= 0)
        close(fd);
}

static bool spawn(struct crew *crew, struct worker *worker)
{
    ask_nursery(crew, NURSERY_SPAWN, 0);
    for (bool answered = false; !answered && !crew->failure;)
        take_report(crew, worker, &answered, 0);
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

/* The job that a dead worker was working on is lost; the others go back. */
static void bury(struct crew *crew, struct worker *worker)
{
    const double until = clock_seconds(CLOCK_MONOTONIC) + REPORT_MS / 1000.0;
    while (!worker->reported && !worker->killed_for && !crew->failure) {
        struct pollfd wait = {crew->nursery.socket, POLLIN, 0};
        const double left = until - clock_seconds(CLOCK_MONOTONIC);
        if (left <= 0 || (poll(&wait, 1, (int)(left * 1000) + 1) <= 0 && errno != EINTR))
            break;
        take_report(crew, NULL, NULL, MSG_DONTWAIT);
    }
    if (!worker->reported && !worker->killed_for)
        ask_nursery(crew, NURSERY_KILL, worker->pid); /* it closed its socket and lives on */
    char reason[128];
    describe_death(worker, reason, sizeof reason);
    for (unsigned i = 0; i < worker->queued; i++) {
        if (i == 0)
            crew->listener.lost(crew->listener.context, worker->queue[i].number, reason);
        else
            crew->listener.returned(crew->listener.context, worker->queue[i].number);
    }
    close(worker->socket);
    memset(worker, 0, sizeof *worker);
}

/* Ends a worker and does not wait for it: one that hangs in the kernel may take long to die. */
static void put_down(struct crew *crew, struct worker *worker, const char *reason)
{
    ask_nursery(crew, NURSERY_KILL, worker->pid);
    worker->killed_for = reason;
    bury(crew, worker);
}

/* What a worker says is as trustworthy as the image that it read. */
static void clean_message(struct worker_record *record)
{
    record->error.size = sizeof record->error;
    record->error.message[sizeof record->error.message - 1] = '\0';
    for (char *p = record->error.message; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7F)
            *p = '?';
}

static void hear(struct crew *crew, struct worker *worker)
{
    struct worker_record record = {0};
    const int failure =
        descriptor_receive(worker->socket, &record, sizeof record, NULL, MSG_DONTWAIT);
    /* The kernel tells ECONNRESET once, ahead of records that the worker sent before it died. */
    if (failure == EAGAIN || failure == EINTR || failure == ECONNRESET)
        return;
    if (failure && failure != EPROTO) {
        bury(crew, worker);
        return;
    }
    clean_message(&record);
    if (failure || !worker->queued || record.number != worker->queue[0].number ||
        !crew->listener.answered(crew->listener.context, record.number, &record)) {
        put_down(crew, worker, "the decoder gave an answer that makes no sense");
        return;
    }
    worker->queued--;
    worker->queued_bytes -= worker->queue[0].bytes;
    memmove(worker->queue, worker->queue + 1, worker->queued * sizeof worker->queue[0]);
    start_clock(worker);
}

/* The worker that should have the next job: one that idles, else a new one, else the one with the
 * fewest of only small jobs; NULL when it has to wait. */
static struct worker *choose(struct crew *crew, uint64_t bytes)
{
    struct worker *none = NULL, *few = NULL;
    unsigned living = 0;
    for (unsigned i = 0; i < crew->limits.workers; i++) {
        struct worker *worker = &crew->workers[i];
        if (!worker->pid) {
            none = none ? none : worker;
            continue;
        }
        living++;
        if (worker->queued == 0)
            return worker;
        if (worker->queued < QUEUE && worker->queued_bytes < QUEUE_BYTES &&
            bytes < QUEUE_BYTES - worker->queued_bytes && (!few || worker->queued < few->queued))
            few = worker;
    }
    if (none && !crew->spawn_failure && spawn(crew, none))
        return none;
    if (living == 0 && !crew->failure)
        crew->failure = crew->spawn_failure;
    return few;
}

bool crew_give(struct crew *crew, const struct worker_job *job, int fd, uint64_t bytes)
{
    struct worker *worker = crew->failure ? NULL : choose(crew, bytes);
    /* If it cannot be sent now, it will be later: the worker died, of which hear() learns after its
     * last record, or the system's table of travelling descriptors is full. */
    if (!worker || descriptor_send(worker->socket, job, sizeof *job, fd, MSG_DONTWAIT) != 0)
        return false;
    worker->queue[worker->queued].number = job->number;
    worker->queue[worker->queued++].bytes = bytes;
    worker->queued_bytes += bytes;
    if (worker->queued == 1)
        start_clock(worker);
    return true;
}

void crew_wait(struct crew *crew, int extra_fd)
{
    const unsigned workers = crew->limits.workers;
    for (unsigned i = 0; i < workers; i++) {
        const struct worker *worker = &crew->workers[i];
        crew->polled[i] = (struct pollfd){worker->pid ? worker->socket : -1, POLLIN, 0};
    }
    crew->polled[workers] = (struct pollfd){crew->nursery.socket, POLLIN, 0};
    crew->polled[workers + 1] = (struct pollfd){extra_fd, POLLIN, 0};
    if (poll(crew->polled, workers + 2, TICK_MS) <= 0)
        return;
    if (crew->polled[workers].revents)
        take_report(crew, NULL, NULL, MSG_DONTWAIT);
    for (unsigned i = 0; i < workers; i++)
        if (crew->polled[i].revents && crew->workers[i].pid)
            hear(crew, &crew->workers[i]);
}

/* Time is counted in ticks, so that a run that was suspended for an hour is not a worker that hung
 * for one. */
bool crew_watch(struct crew *crew)
{
    const double now = clock_seconds(CLOCK_MONOTONIC), passed = now - crew->ticked;
    if (passed < TICK_MS / 1000.0)
        return false;
    crew->ticked = now;
    for (unsigned i = 0; i < crew->limits.workers; i++) {
        struct worker *worker = &crew->workers[i];
        if (!worker->pid || !worker->queued)
            continue;
        worker->waited += passed < 1 ? passed : 1;
        if (clock_seconds(worker->clock) - worker->cpu_started > crew->limits.cpu_seconds)
            put_down(crew, worker, crew->reasons[0]);
        else if (worker->waited > crew->limits.wall_seconds)
            put_down(crew, worker, crew->reasons[1]);
    }
    return true;
}

void crew_dismiss(struct crew *crew)
{
    for (unsigned i = 0; i < crew->limits.workers; i++) {
        struct worker *worker = &crew->workers[i];
        if (!worker->pid)
            continue;
        ask_nursery(crew, NURSERY_KILL, worker->pid);
        close(worker->socket);
        memset(worker, 0, sizeof *worker);
    }
}
