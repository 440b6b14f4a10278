/* Bytes from a file descriptor, through a small buffer, or from memory, up to the input limit. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC, strerror_r as POSIX has it */

#include "decode/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024 };

static phash_status fail_errno(phash_error *error, phash_status status, int number)
{
    char text[96];
    if (strerror_r(number, text, sizeof text) != 0)
        text[0] = '\0';
    return phash_fail_at(error, status, number, UINT64_MAX, "%s: %s", phash_status_text(status),
                         text);
}

phash_status source_open_fd(decode_source *s, int fd, uint64_t max_input, phash_error *error)
{
    *s = (decode_source){.fd = fd, .max_input = max_input};
    s->buffer = phash_alloc(BUFFER, 1);
    return s->buffer ? PHASH_OK : phash_fail(error, PHASH_E_MEMORY, "out of memory");
}

/* Opens without waiting: a FIFO in a folder must not stop a batch until somebody writes to it. Only
 * then is it known what was opened, and that it was this that was opened. */
static phash_status open_regular(const char *path, int *out, phash_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(error, PHASH_E_OPEN, errno);
    struct stat st;
    phash_status status = PHASH_OK;
    int flags;
    if (fstat(fd, &st) != 0)
        status = fail_errno(error, PHASH_E_OPEN, errno);
    else if (S_ISDIR(st.st_mode))
        status = phash_fail_at(error, PHASH_E_OPEN, EISDIR, UINT64_MAX,
                               "cannot open: it is a directory");
    else if (!S_ISREG(st.st_mode))
        status = phash_fail(error, PHASH_E_OPEN, "cannot open: it is not a regular file");
    else if ((flags = fcntl(fd, F_GETFL)) == -1 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == -1)
        status = fail_errno(error, PHASH_E_OPEN, errno);
    if (status != PHASH_OK) {
        close(fd);
        return status;
    }
    *out = fd;
    return PHASH_OK;
}

phash_status source_open_path(decode_source *s, const char *path, uint64_t max_input,
                              phash_error *error)
{
    int fd = -1;
    phash_status status = open_regular(path, &fd, error);
    if (status != PHASH_OK)
        return status;
    status = source_open_fd(s, fd, max_input, error);
    if (status != PHASH_OK) {
        close(fd);
        return status;
    }
    s->owns_fd = true;
    return PHASH_OK;
}

void source_open_memory(decode_source *s, const void *data, size_t bytes, uint64_t max_input)
{
    *s = (decode_source){.fd = -1, .data = data, .data_left = bytes, .max_input = max_input};
}

void source_close(decode_source *s)
{
    phash_wipe_free(s->buffer, BUFFER);
    if (s->owns_fd)
        close(s->fd);
    *s = (decode_source){.fd = -1};
}

static size_t read_some(decode_source *s, uint8_t *to, size_t most)
{
    ssize_t n;
    do
        n = read(s->fd, to, most);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        s->stopped = PHASH_E_READ;
        s->sys_errno = errno;
        return 0;
    }
    return (size_t)n;
}

/* Adds up to `room` bytes behind the window. At the limit one byte more is looked for, because an
 * input of exactly the limit is not over it. */
static bool extend(decode_source *s, uint8_t *to, size_t room)
{
    if (s->stopped != PHASH_OK)
        return false;
    const uint64_t allowed = s->max_input - s->taken;
    const bool at_limit = allowed == 0;
    const size_t most = at_limit ? 1 : room < allowed ? room : (size_t)allowed;
    size_t n;
    if (s->fd >= 0) {
        n = read_some(s, to, most);
    } else {
        n = s->data_left < most ? s->data_left : most;
        if (n > 0 && !at_limit) {
            s->next = s->data;
            s->data += n;
            s->data_left -= n;
        }
    }
    if (n == 0 || at_limit) {
        if (s->stopped == PHASH_OK)
            s->stopped = n == 0 ? PHASH_E_TRUNCATED : PHASH_E_LIMIT_INPUT;
        return false;
    }
    s->taken += n;
    s->left += n;
    return true;
}

bool source_next(decode_source *s)
{
    s->left = 0;
    if (s->fd < 0)
        return extend(s, NULL, SIZE_MAX);
    s->next = s->buffer;
    return extend(s, s->buffer, BUFFER);
}

void source_peek(decode_source *s, size_t bytes)
{
    if (s->fd < 0) {
        /* The first window has all there is; asking again tells whether that is the end. */
        if ((s->left > 0 || source_next(s)) && s->left < bytes)
            (void)extend(s, NULL, SIZE_MAX);
        return;
    }
    if (s->left == 0)
        s->next = s->buffer;
    while (s->left < bytes && extend(s, s->buffer + s->left, BUFFER - s->left))
        ; /* a pipe gives what it has */
}

bool source_can_rewind(const decode_source *s)
{
    struct stat st;
    return s->fd < 0 || (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode));
}

phash_status source_rewind(decode_source *s, phash_error *error)
{
    if (s->fd < 0) {
        s->data -= s->taken;
        s->data_left += (size_t)s->taken;
    } else if (lseek(s->fd, -(off_t)s->taken, SEEK_CUR) < 0) {
        return fail_errno(error, PHASH_E_READ, errno);
    }
    s->next = NULL;
    s->left = 0;
    s->taken = 0;
    s->stopped = PHASH_OK;
    return PHASH_OK;
}

uint64_t source_offset(const decode_source *s)
{
    return s->taken - s->left;
}

phash_status source_fail(const decode_source *s, const char *where, phash_error *error)
{
    switch (s->stopped) {
    case PHASH_E_READ:
        return fail_errno(error, PHASH_E_READ, s->sys_errno);
    case PHASH_E_LIMIT_INPUT:
        return phash_fail_at(error, PHASH_E_LIMIT_INPUT, 0, s->taken,
                             "too large: the input is over the limit of %" PRIu64 " bytes",
                             s->max_input);
    default:
        return phash_fail_at(error, PHASH_E_TRUNCATED, 0, s->taken,
                             "truncated: the file ends inside %s", where);
    }
}
