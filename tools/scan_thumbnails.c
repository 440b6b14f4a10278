/* Pictures for a report: a second round of the workers, for files that matched alone. */
#include "scan_output.h"

#include "inputs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct round {
    struct scan_output *out;
    const phash_decode_options *decode;
    size_t next; /* file to ask for */
    size_t done; /* bytes of the old rows that are in the new ones */
    struct text rows;
};

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Whether a file that was opened again is what was hashed. */
static bool is_same(int fd, const struct stat *then)
{
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && same_time(now.st_mtim, then->st_mtim) &&
           same_time(now.st_ctim, then->st_ctim);
}

static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct round *round = context;
    if (round->next == round->out->file_count)
        return POOL_END;
    struct scan_file *file = &round->out->files[round->next++];
    struct input input = {0};
    job->tag = file;
    job->fd = -1;
    job->error = (phash_error)PHASH_ERROR_INIT;
    job->error.status = PHASH_E_OPEN;
    if (inputs_open_file(AT_FDCWD, file->path, &input) && input.fd >= 0) {
        if (is_same(input.fd, &file->status))
            job->fd = input.fd;
        else
            close(input.fd);
    }
    job->bytes = input.bytes;
    job->work.decode = *round->decode;
    job->work.thumbnail = true;
    return POOL_JOB;
}

static bool take_result(void *context, void *tag, const struct worker_record *record)
{
    struct round *round = context;
    const struct scan_file *file = tag;
    if (!record)
        return true;
    text_bytes(&round->rows, round->out->rows.data + round->done, file->at - round->done);
    round->done = file->at;
    if (record->status == PHASH_OK)
        report_picture(&round->rows, &record->thumbnail);
    return true;
}

int scan_thumbnails(struct scan_output *out, struct pool *pool, const phash_decode_options *decode)
{
    struct round round = {.out = out, .decode = decode};
    if (!out->file_count)
        return 0;
    const struct pool_client client = {&round, next_job, take_result, NULL, -1};
    const int failure = pool_run(pool, &client);
    text_bytes(&round.rows, out->rows.data + round.done, out->rows.length - round.done);
    text_free(&out->rows);
    out->rows = round.rows;
    return failure;
}
