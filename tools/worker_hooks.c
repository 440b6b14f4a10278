/* Misbehaviour on request, for tests of the pool. Not in the program that is installed. */
#include "worker.h"

#include "descriptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void spin(void)
{
    for (volatile unsigned i = 0;; i++) {
    }
}

static bool reach_out(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct sockaddr_in nobody = {.sin_family = AF_INET};
    if (fd < 0)
        return false;
    (void)connect(fd, (const struct sockaddr *)&nobody, sizeof nobody);
    close(fd);
    return true;
}

static void say(struct worker_record *record, const char *what)
{
    record->status = PHASH_E_STATE;
    snprintf(record->error.message, sizeof record->error.message, "%s", what);
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
    } else if (!strncmp(what, "open", 4)) {
        if (open("/dev/null", O_RDONLY) >= 0)
            say(record, "the decoder opened a file");
    } else if (!strncmp(what, "connect", 7)) {
        if (reach_out())
            say(record, "the decoder made a socket");
    } else if (!strncmp(what, "fork", 4)) {
        if (fork() >= 0)
            say(record, "the decoder made a process");
    } else if (!strncmp(what, "memory", 6)) {
        /* Touched, so that the compiler does not drop the allocation. */
        volatile char *memory = malloc((size_t)10 << 30);
        if (memory)
            *memory = 1;
        say(record, memory ? "the decoder got ten gigabytes" : "out of memory");
        free((void *)memory);
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
