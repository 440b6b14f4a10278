/* Arguments, the list on stdin, and opening files. */
#include "inputs.h"

#include "cli.h"
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest entry of a list; the system takes no path longer than PATH_MAX (4096). */
#define LIST_BUFFER 65536

struct inputs {
    struct inputs_options options;
    int argument; /* the next one */
    struct folder_walk *walk;
    bool in_list, list_used;
    struct {
        char *data;
        size_t start, end; /* what was read and not yet used */
        bool ended;
        bool skipping; /* inside an entry that was too long */
    } list;
};

struct inputs *inputs_open(const struct inputs_options *options)
{
    struct inputs *inputs = cli_allocate(1, sizeof *inputs);
    inputs->options = *options;
    inputs->walk = folder_walk_new();
    return inputs;
}

void inputs_free(struct inputs *inputs)
{
    if (!inputs)
        return;
    folder_walk_free(inputs->walk);
    free(inputs->list.data);
    free(inputs);
}

static bool refuse(struct input *input, int sys_errno, const char *reason)
{
    input->fd = -1;
    input->error = (phash_error)PHASH_ERROR_INIT;
    input->error.status = PHASH_E_OPEN;
    input->error.sys_errno = sys_errno;
    snprintf(input->error.message, sizeof input->error.message, "cannot open: %s", reason);
    return true;
}

static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode)   ? "a pipe, not a file"
           : S_ISSOCK(mode) ? "a socket, not a file"
           : S_ISCHR(mode)  ? "a device, not a file"
           : S_ISBLK(mode)  ? "a disk, not a file"
                            : "not a regular file";
}

bool inputs_open_file(int folder, const char *name, struct input *input)
{
    struct stat status;
    input->fd = -1;
    /* Looked at before it is opened, because opening alone can act on a device. */
    if (fstatat(folder, name, &status, 0) != 0)
        return refuse(input, errno, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return false;
    if (!S_ISREG(status.st_mode))
        return refuse(input, 0, kind_of(status.st_mode));
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    /* That a file was looked at should not show in its time of access; only its owner may ask. */
    int fd = openat(folder, name, flags | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = openat(folder, name, flags);
    if (fd < 0)
        return refuse(input, errno, strerror(errno));
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return refuse(input, 0, "not a regular file");
    }
    input->fd = fd;
    input->bytes = (uint64_t)status.st_size;
    return true;
}

/* Begins with one path of the arguments or the list; false when it was a folder whose files come
 * next. */
static bool begin(struct inputs *inputs, const char *path, struct input *input)
{
    if (inputs->options.only_count) {
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode) && inputs->options.recursive &&
            folder_walk_enter(inputs->walk, path) == 0)
            return false;
        return true;
    }
    if (!inputs_open_file(AT_FDCWD, path, input)) {
        if (!inputs->options.recursive)
            refuse(input, EISDIR, "a folder; -r hashes what is in it");
        else {
            const int failure = folder_walk_enter(inputs->walk, path);
            if (!failure)
                return false;
            refuse(input, failure, strerror(failure));
        }
    }
    input->path = strdup(path);
    if (!input->path)
        cli_no_memory();
    return true;
}

/* Reads more of the list; false when nothing is there yet. */
static bool read_list(struct inputs *inputs)
{
    if (inputs->list.start) {
        memmove(inputs->list.data, inputs->list.data + inputs->list.start,
                inputs->list.end - inputs->list.start);
        inputs->list.end -= inputs->list.start;
        inputs->list.start = 0;
    }
    struct pollfd polled = {STDIN_FILENO, POLLIN, 0};
    if (poll(&polled, 1, 0) == 0)
        return false;
    const ssize_t n = read(STDIN_FILENO, inputs->list.data + inputs->list.end,
                           LIST_BUFFER - 1 - inputs->list.end);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    if (n <= 0)
        inputs->list.ended = true;
    else
        inputs->list.end += (size_t)n;
    return true;
}

static bool bad_entry(struct input *input, const char *reason)
{
    refuse(input, EINVAL, reason);
    input->path = strdup("(list on standard input)");
    if (!input->path)
        cli_no_memory();
    return true;
}

/* The next entry of the list. */
static enum inputs_next next_in_list(struct inputs *inputs, struct input *input)
{
    const int end = inputs->options.nul ? '\0' : '\n';
    for (;;) {
        char *entry = inputs->list.data + inputs->list.start;
        const size_t length = inputs->list.end - inputs->list.start;
        char *stop = memchr(entry, end, length);
        if (!stop && length == LIST_BUFFER - 1) {
            const bool told = inputs->list.skipping;
            inputs->list.skipping = true;
            inputs->list.start = inputs->list.end = 0;
            if (!told && bad_entry(input, "an entry is longer than any path can be"))
                return INPUTS_FILE;
            continue;
        }
        if (!stop && !inputs->list.ended) {
            if (!read_list(inputs))
                return INPUTS_WAIT;
            continue;
        }
        if (!stop && length == 0) {
            inputs->in_list = false;
            return INPUTS_END;
        }
        if (!stop)
            stop = entry + length; /* the last one, without its end; the buffer has room */
        *stop = '\0';
        inputs->list.start = (size_t)(stop - inputs->list.data) + (stop != entry + length);
        if (inputs->list.skipping) {
            inputs->list.skipping = false;
            continue;
        }
        if (strlen(entry) != (size_t)(stop - entry)) {
            bad_entry(input, "an entry has a NUL in it (a list made with -print0 needs -0)");
            return INPUTS_FILE;
        }
        if (!*entry)
            continue; /* an empty line */
        return begin(inputs, entry, input) ? INPUTS_FILE : INPUTS_WAIT;
    }
}

enum inputs_next inputs_next(struct inputs *inputs, struct input *input)
{
    for (;;) {
        memset(input, 0, sizeof *input);
        input->fd = -1;
        if (folder_walk_next(inputs->walk, !inputs->options.only_count, input))
            return INPUTS_FILE;
        if (inputs->in_list) {
            const enum inputs_next next = next_in_list(inputs, input);
            if (next == INPUTS_FILE)
                return next;
            if (next == INPUTS_WAIT && folder_walk_empty(inputs->walk))
                return next;
            continue;
        }
        if (inputs->argument == inputs->options.count)
            return INPUTS_END;
        const char *path = inputs->options.paths[inputs->argument++];
        if (strcmp(path, "-") != 0) {
            if (begin(inputs, path, input))
                return INPUTS_FILE;
        } else if (!inputs->list_used && !inputs->options.only_count) {
            inputs->in_list = inputs->list_used = true;
            inputs->list.data = cli_allocate(LIST_BUFFER, 1);
        }
    }
}
