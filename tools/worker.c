/* The worker's loop. */
#include "worker.h"

#include "descriptor.h"

#include <string.h>
#include <unistd.h>

static void serve(const struct worker_job *job, int input, struct worker_record *record)
{
    /* Padding too: what the parent reads must not hold leftovers of an image. */
    memset(record, 0, sizeof *record);
    record->number = job->number;
    record->error = (phash_error)PHASH_ERROR_INIT;
    record->result = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
    if (input < 0) {
        record->status = record->error.status = PHASH_E_ARGUMENT;
        return;
    }
    if (job->thumbnail)
        record->status =
            (int32_t)thumbnail_make(input, &job->decode, &record->thumbnail, &record->error);
    else if (job->algorithm.kind != ALGORITHM_PDQ)
        record->status =
            (int32_t)algorithm_hash_fd(&job->algorithm, input, &job->decode, job->pdq.dihedral != 0,
                                       &record->hashes, &record->error);
    else
        record->status =
            (int32_t)phash_pdq_fd(input, &job->decode, &job->pdq, &record->result, &record->error);
}

void worker_run(int socket)
{
    struct worker_job job = {0};
    struct worker_record record;
    int input;
    while (descriptor_receive(socket, &job, sizeof job, &input, 0) == 0) {
        serve(&job, input, &record);
#ifdef PHASH_TOOLS_TEST_HOOKS
        worker_test_hook(socket, input, &record);
#endif
        if (input >= 0)
            close(input);
        if (descriptor_send(socket, &record, sizeof record, -1, 0) != 0)
            break;
    }
    _exit(0);
}
