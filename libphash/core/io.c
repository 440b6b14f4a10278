/* The only file that calls the system about files. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700 /* realpath */

#include "core/io.h"
#include "core/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* No system call is given more at a time: Linux stops at 2 GiB, others at INT_MAX. */
enum { CALL_MAX = 1 << 30 };

int phash_io_place_open(const char *path, phash_io_place *place)
{
    place->folder = -1;
    char *real = realpath(path, NULL);
    if (!real && errno != ENOENT)
        return errno;
    const char *full = real ? real : path;
    const char *slash = strrchr(full, '/');
    const char *base = slash ? slash + 1 : full;
    const size_t length = strlen(base);
    int error = 0;
    if (!length || length > PHASH_IO_NAME_MAX || !strcmp(base, ".") || !strcmp(base, "..")) {
        error = length > PHASH_IO_NAME_MAX ? ENAMETOOLONG : EINVAL;
    } else {
        memcpy(place->name, base, length + 1);
        char *folder = slash ? strndup(full, (size_t)(slash - full) + 1) : strdup(".");
        if (folder) {
            place->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            error = place->folder < 0 ? errno : 0;
            free(folder);
        } else {
            error = ENOMEM;
        }
    }
    free(real);
    return error;
}

int phash_io_place_copy(const phash_io_place *from, phash_io_place *to)
{
    *to = *from;
    to->folder = fcntl(from->folder, F_DUPFD_CLOEXEC, 0);
    return to->folder < 0 ? errno : 0;
}

void phash_io_place_close(phash_io_place *place)
{
    phash_io_close(&place->folder);
}

int phash_io_open(int folder, const char *name, phash_io_mode mode, int *fd)
{
    /* O_NONBLOCK: a FIFO must not hold the open up; regular files do not know it. */
    int flags = O_CLOEXEC | O_NONBLOCK | (mode == PHASH_IO_READ ? O_RDONLY : O_RDWR);
    *fd = -1;
    if (mode == PHASH_IO_NEW) {
        const int error = phash_io_unlink(folder, name);
        if (error)
            return error;
        flags |= O_CREAT | O_EXCL;
    } else if (mode == PHASH_IO_KEEP) {
        flags |= O_CREAT;
    }
    int opened;
    do
        opened = openat(folder, name, flags, 0600);
    while (opened < 0 && errno == EINTR);
    if (opened < 0)
        return errno;
    struct stat st;
    int error = fstat(opened, &st) ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (error)
        close(opened);
    else
        *fd = opened;
    return error;
}

void phash_io_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int phash_io_size(int fd, uint64_t *bytes)
{
    struct stat st;
    if (fstat(fd, &st))
        return errno;
    *bytes = (uint64_t)st.st_size;
    return 0;
}

int phash_io_same(int fd, int folder, const char *name, bool *same)
{
    struct stat mine, named;
    *same = false;
    if (fstat(fd, &mine))
        return errno;
    if (fstatat(folder, name, &named, 0))
        return errno == ENOENT ? 0 : errno;
    *same = mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
    return 0;
}

int phash_io_copy_rights(int from, int to)
{
    struct stat st;
    if (fstat(from, &st))
        return errno;
    /* Only root may give a file away; where the owner stays the same this changes nothing. */
    if (fchown(to, st.st_uid, st.st_gid) && errno != EPERM)
        return errno;
    return fchmod(to, st.st_mode & 0777) ? errno : 0;
}

int phash_io_read(int fd, void *data, size_t n, uint64_t offset, size_t *got)
{
    *got = 0;
    while (*got < n) {
        const size_t left = n - *got;
        const ssize_t r = pread(fd, (char *)data + *got, left < CALL_MAX ? left : CALL_MAX,
                                (off_t)(offset + *got));
        if (r < 0 && errno != EINTR)
            return errno;
        if (r == 0)
            break;
        if (r > 0)
            *got += (size_t)r;
    }
    return 0;
}

int phash_io_write(int fd, const void *data, size_t n, uint64_t offset)
{
    size_t done = 0;
    while (done < n) {
        const size_t left = n - done;
        const ssize_t r = pwrite(fd, (const char *)data + done, left < CALL_MAX ? left : CALL_MAX,
                                 (off_t)(offset + done));
        if (r < 0 && errno != EINTR)
            return errno;
        if (r == 0)
            return ENOSPC;
        if (r > 0)
            done += (size_t)r;
    }
    return 0;
}

int phash_io_truncate(int fd, uint64_t bytes)
{
    int r;
    do
        r = ftruncate(fd, (off_t)bytes);
    while (r && errno == EINTR);
    return r ? errno : 0;
}

int phash_io_sync(int fd)
{
    int r;
    do
        r = fsync(fd);
    while (r && errno == EINTR);
    return r ? errno : 0;
}

int phash_io_sync_data(int fd)
{
    int r;
    do
        r = fdatasync(fd);
    while (r && errno == EINTR);
    return r ? errno : 0;
}

int phash_io_rename(int folder, const char *from, const char *to)
{
    return renameat(folder, from, folder, to) ? errno : 0;
}

int phash_io_unlink(int folder, const char *name)
{
    return unlinkat(folder, name, 0) && errno != ENOENT ? errno : 0;
}

int phash_io_overwrite(int fd)
{
    enum { PIECE = 1 << 20 };
    uint64_t bytes;
    int error = phash_io_size(fd, &bytes);
    if (error)
        return error;
    void *zeros = phash_alloc_zero(1, PIECE);
    if (!zeros)
        return ENOMEM;
    for (uint64_t at = 0; at < bytes && !error; at += PIECE)
        error = phash_io_write(fd, zeros, bytes - at < PIECE ? (size_t)(bytes - at) : PIECE, at);
    phash_wipe_free(zeros, 0);
    return error ? error : phash_io_sync(fd);
}

int phash_io_lock(int fd, bool exclusive)
{
    int r;
    do
        r = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    while (r && errno == EINTR);
    return r ? errno : 0;
}

int phash_io_map(int fd, uint64_t bytes, const void **map)
{
    *map = NULL;
    if (!bytes || bytes > SIZE_MAX / 2)
        return bytes ? EFBIG : EINVAL;
    void *p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return errno;
    *map = p;
    return 0;
}

void phash_io_unmap(const void *map, uint64_t bytes)
{
    if (map)
        munmap((void *)(uintptr_t)map, (size_t)bytes);
}

int phash_io_random(void *data, size_t n)
{
    size_t done = 0;
    while (done < n) {
        const ssize_t r = getrandom((char *)data + done, n - done, 0);
        if (r < 0 && errno != EINTR)
            return errno;
        if (r > 0)
            done += (size_t)r;
    }
    return 0;
}
