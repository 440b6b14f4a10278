/* worker.h: the process that sees strangers' bytes, and the two messages it knows.
 *
 * A worker gets a job with an open descriptor, decodes and hashes it, and answers with a record of
 * fixed size, until its socket closes. It knows no path: it inherits none, its arguments are wiped,
 * its working directory is the root. Sender and receiver are the same program image, so the structs
 * travel as they are.
 */
#ifndef PHASH_TOOLS_WORKER_H
#define PHASH_TOOLS_WORKER_H

#include "algorithm.h"
#include "thumbnail.h"

#include <phash/phash.h>

#include <stdint.h>

struct worker_job {
    uint64_t number; /* comes back in the record */
    phash_decode_options decode;
    struct algorithm algorithm;
    phash_pdq_options pdq; /* `dihedral` counts for every algorithm */
    bool thumbnail;        /* make that, and no hash */
};

struct worker_record {
    uint64_t number;
    int32_t status;                 /* phash_status; PHASH_OK: `result` holds, otherwise `error` */
    phash_error error;              /* message for a person: one line */
    phash_pdq_result result;        /* of PDQ */
    struct algorithm_hashes hashes; /* of any other algorithm */
    struct thumbnail thumbnail;     /* where it was asked for */
};

/* Serves jobs from `socket` (the only descriptor above 2) until it closes, then ends the process.
 * A sandbox belongs at its top: nothing has been read from any input then. */
_Noreturn void worker_run(int socket);

#ifdef PHASH_TOOLS_TEST_HOOKS
/* In the program that the tests run, files with certain contents make a worker misbehave. */
void worker_test_hook(int socket, int input, struct worker_record *record);
#endif

#endif
