/* Misbehaviour on request, for tests of the pool. Not in the program that is installed. */
#include "worker.h"

#include "descriptor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void spin(void)
{
    for (volatile unsigned i = 0;; i++) {
    }
}

void worker_test_hook(int socket, int input, struct worker_record *record)
{
    char text[64] = "";
    const ssize_t n = pread(input, text, sizeof text - 1, 0);
    if (n < 0 || strncmp(text, "phash test: ", 12) != 0)
        return;
    const char *what = text + 12;
    if (!strncmp(what, "crash", 5)) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (!strncmp(what, "exit", 4)) {
        _exit(7);
    } else if (!strncmp(what, "spin", 4)) {
        spin();
    } else if (!strncmp(what, "hang", 4)) {
        for (;;)
            pause();
    } else if (!strncmp(what, "short", 5)) { /* a record of another length */
        descriptor_send(socket, record, sizeof *record - 1, -1, 0);
        pause();
    } else if (!strncmp(what, "other", 5)) { /* an answer to a job that it does not have */
        record->number += 1000;
    } else if (!strncmp(what, "forge", 5)) { /* a message that would write on the terminal */
        memset(&record->error.message, 'A', sizeof record->error.message);
        memcpy(record->error.message, "one\nphash: two\033[31m", 19);
        record->status = 12345;
    } else if (!strncmp(what, "slow", 4)) {
        usleep(300000);
        record->status = PHASH_OK;
    } else if (!strncmp(what, "print", 5)) {
        fprintf(stderr, "a line from the decoder\n");
        printf("a line of data\n");
        fflush(NULL);
    }
}
