/* Preloaded into a program: reads and writes that are cut short, as signals, pipes, network and full
 * disks cut them. libc's read, write and their kin are taken over.
 *
 * PHASH_SHORT=all      every call of more than one byte, in every process and on every kind of file,
 *                      is made for half of it
 * PHASH_SHORT=N        only write number N (from 1) of the first thread to a regular file
 * PHASH_SHORT=N,ERRNO  that one, and the next write to the same file fails with the error
 * PHASH_SHORT_LOG      where the calls that were cut are told, a line each: "write 100 NAME" */
#define _GNU_SOURCE
/* With it, headers would call pread by the name pread64, and both are defined here. */
#undef _FILE_OFFSET_BITS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOG_FD = 200 };

static bool every, is_child;
static long chosen, seen;
static int then, fails_fd = -1;
static _Thread_local bool is_first;

static void in_child(void)
{
    is_child = true;
}

__attribute__((constructor)) static void start(void)
{
    const char *what = getenv("PHASH_SHORT"), *name = getenv("PHASH_SHORT_LOG");
    if (!what || !name)
        return;
    char *end;
    every = !strcmp(what, "all");
    chosen = every ? 0 : strtol(what, &end, 10);
    then = chosen && *end == ',' ? atoi(end + 1) : 0;
    is_first = true;
    /* A child in its sandbox may ask neither for its number nor for a file's name. */
    if (pthread_atfork(NULL, NULL, in_child) != 0)
        abort();
    const int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup3(fd, LOG_FD, O_CLOEXEC) < 0)
        abort();
    close(fd);
}

static void tell(const char *call, int fd, size_t n)
{
    const int before = errno;
    char from[40], line[400], name[300];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(from, name, sizeof name - 1);
    name[length < 0 ? 0 : length] = '\0';
    length = snprintf(line, sizeof line, "%s %zu %s\n", call, n, name);
    if (syscall(SYS_write, LOG_FD, line, length) != length)
        abort();
    errno = before;
}

static bool is_chosen(const char *call, int fd, size_t n)
{
    struct stat st;
    if (!chosen || call[0] == 'r' || is_child || !is_first || fstat(fd, &st) != 0 ||
        !S_ISREG(st.st_mode) || ++seen != chosen)
        return false;
    tell(call, fd, n);
    fails_fd = then ? fd : -1;
    return true;
}

/* How much of a call is made; 0 when it is to fail, and errno says why. */
static size_t cut(const char *call, int fd, size_t n)
{
    if (call[0] == 'w' && fd == fails_fd) {
        fails_fd = -1;
        errno = then;
        return 0;
    }
    if (n < 2)
        return n;
    if (every) {
        if (!is_child)
            tell(call, fd, n);
        return n / 2;
    }
    return is_chosen(call, fd, n) ? n / 2 : n;
}

ssize_t read(int fd, void *data, size_t n)
{
    return syscall(SYS_read, fd, data, cut("read", fd, n));
}

ssize_t pread64(int fd, void *data, size_t n, off64_t at)
{
    return syscall(SYS_pread64, fd, data, cut("read at", fd, n), at);
}

ssize_t pread(int fd, void *data, size_t n, off_t at)
{
    return pread64(fd, data, n, at);
}

ssize_t write(int fd, const void *data, size_t n)
{
    const size_t some = n ? cut("write", fd, n) : 0;
    return n && !some ? -1 : syscall(SYS_write, fd, data, some);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    const size_t some = n ? cut("write at", fd, n) : 0;
    return n && !some ? -1 : syscall(SYS_pwrite64, fd, data, some, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return pwrite64(fd, data, n, at);
}
