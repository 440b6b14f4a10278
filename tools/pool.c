/* The window of jobs between the client and the crew. */
#include "pool.h"

#include "cli.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Slots per worker. One photo may take as long as a hundred thumbnails; the other workers go on
 * meanwhile, until the window is full. */
#define WINDOW 128

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_SENT, SLOT_DONE };

struct slot {
    enum slot_state state;
    struct pool_job job;
    struct worker_record record;
};

struct pool {
    struct crew *crew;
    unsigned workers;
    struct slot *slots;
    size_t window;
    uint64_t head, tail;  /* jobs head to tail - 1 are in the window; number % window is the slot */
    uint64_t first_ready; /* no ready job is before this number */
    size_t ready;         /* slots that wait for a worker */
};

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
    const rlim_t want = 4096 + (rlim_t)workers * 8;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static struct slot *slot_of(struct pool *pool, uint64_t number)
{
    return &pool->slots[number % pool->window];
}

static void close_input(struct slot *slot)
{
    if (slot->job.fd >= 0)
        close(slot->job.fd);
    slot->job.fd = -1;
}

/* Profile fast gives full where it cannot be had. */
static bool profile_fits(phash_pdq_profile given, phash_pdq_profile wanted)
{
    return given == wanted || (wanted == PHASH_PDQ_FAST && given == PHASH_PDQ_FULL);
}

/* What a worker says is as trustworthy as the image that it read. */
static bool result_is_sane(const struct worker_record *record, const struct worker_job *work)
{
    if (work->thumbnail)
        return thumbnail_is_sane(&record->thumbnail);
    if (work->algorithm.kind != ALGORITHM_PDQ)
        return algorithm_hashes_are_sane(&work->algorithm, work->pdq.dihedral != 0,
                                         &record->hashes);
    const phash_pdq_result *result = &record->result;
    return result->size == sizeof *result && result->quality >= 0 && result->quality <= 100 &&
           profile_fits(result->profile, work->pdq.profile) &&
           !!result->has_dihedral == !!work->pdq.dihedral;
}

static bool on_answer(void *context, uint64_t number, const struct worker_record *record)
{
    struct slot *slot = slot_of(context, number);
    if (record->status == PHASH_OK && !result_is_sane(record, &slot->job.work))
        return false;
    slot->record = *record;
    slot->state = SLOT_DONE;
    close_input(slot);
    return true;
}

static void on_loss(void *context, uint64_t number, const char *reason)
{
    struct slot *slot = slot_of(context, number);
    slot->record.status = PHASH_E_STATE;
    slot->record.error = (phash_error)PHASH_ERROR_INIT;
    slot->record.error.status = PHASH_E_STATE;
    snprintf(slot->record.error.message, sizeof slot->record.error.message, "%s", reason);
    slot->state = SLOT_DONE;
    close_input(slot);
}

/* A worker that is being killed may still read from the descriptor that it was given, and two
 * descriptors of one opening share their place in the file. So the job gets an opening of its own;
 * without /proc the place is put back, which is right if the worker is dead by now. */
static void open_anew(struct slot *slot)
{
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", slot->job.fd);
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fresh = open(name, flags | O_NOATIME);
    if (fresh < 0 && errno == EPERM)
        fresh = open(name, flags);
    if (fresh < 0) {
        lseek(slot->job.fd, 0, SEEK_SET);
        return;
    }
    close(slot->job.fd);
    slot->job.fd = fresh;
}

static void on_return(void *context, uint64_t number)
{
    struct pool *pool = context;
    struct slot *slot = slot_of(pool, number);
    slot->state = SLOT_READY;
    if (pool->ready++ == 0 || number < pool->first_ready)
        pool->first_ready = number;
    open_anew(slot);
}

int pool_start(struct pool **out, const struct crew_limits *limits)
{
    struct pool *pool = cli_allocate(1, sizeof *pool);
    const struct crew_listener listener = {pool, on_answer, on_loss, on_return};
    *out = NULL;
    const int failure = crew_start(&pool->crew, limits, &listener);
    if (failure) {
        free(pool);
        return failure;
    }
    raise_file_limit(limits->workers);
    pool->workers = limits->workers;
    pool->window = (size_t)limits->workers * WINDOW;
    pool->slots = cli_allocate(pool->window, sizeof *pool->slots);
    *out = pool;
    return 0;
}

void pool_stop(struct pool **out)
{
    struct pool *pool = *out;
    if (!pool)
        return;
    crew_stop(&pool->crew);
    free(pool->slots);
    free(pool);
    *out = NULL;
}

/* Takes jobs from the client while a worker may soon want one. */
static enum pool_next take_jobs(struct pool *pool, const struct pool_client *client)
{
    while (pool->ready < pool->workers && pool->tail - pool->head < pool->window) {
        struct slot *slot = slot_of(pool, pool->tail);
        memset(slot, 0, sizeof *slot);
        slot->job.fd = -1;
        const enum pool_next next = client->next(client->context, &slot->job);
        if (next != POOL_JOB)
            return next;
        slot->job.work.number = pool->tail;
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

static void give_jobs(struct pool *pool)
{
    while (pool->ready) {
        while (slot_of(pool, pool->first_ready)->state != SLOT_READY)
            pool->first_ready++;
        struct slot *slot = slot_of(pool, pool->first_ready);
        if (!crew_give(pool->crew, &slot->job.work, slot->job.fd, slot->job.bytes))
            return;
        slot->state = SLOT_SENT;
        pool->ready--;
    }
}

static bool give_records(struct pool *pool, const struct pool_client *client)
{
    while (pool->head != pool->tail && slot_of(pool, pool->head)->state == SLOT_DONE) {
        struct slot *slot = slot_of(pool, pool->head++);
        if (!client->done(client->context, slot->job.tag, &slot->record))
            return false;
    }
    return true;
}

/* Gives every job up that is not done. */
static void abandon(struct pool *pool, const struct pool_client *client)
{
    crew_dismiss(pool->crew);
    for (; pool->head != pool->tail; pool->head++) {
        struct slot *slot = slot_of(pool, pool->head);
        close_input(slot);
        client->done(client->context, slot->job.tag, NULL);
    }
    pool->ready = 0;
}

int pool_run(struct pool *pool, const struct pool_client *client)
{
    while (!crew_failure(pool->crew) && !progress_stopped()) {
        const enum pool_next more = take_jobs(pool, client);
        give_jobs(pool);
        if (!give_records(pool, client))
            break;
        if (crew_watch(pool->crew) && client->tick)
            client->tick(client->context);
        if (pool->head == pool->tail) {
            if (more == POOL_END)
                return 0;
            if (more == POOL_JOB)
                continue;
        } else if (slot_of(pool, pool->head)->state == SLOT_DONE) {
            continue;
        }
        crew_wait(pool->crew, more == POOL_WAIT ? client->wait_fd : -1);
    }
    abandon(pool, client);
    return crew_failure(pool->crew);
}
