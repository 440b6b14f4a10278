/* Small files read whole, and files that are written once. */
#include "store.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

void store_free(char *data, size_t bytes)
{
    if (data)
        explicit_bzero(data, bytes);
    free(data);
}

char *store_read(const char *path, size_t most, size_t *bytes)
{
    const bool standard = !strcmp(path, "-");
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *data = cli_allocate(most + 2, 1);
    size_t used = 0;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && used <= most) {
        n = read(fd, data + used, most + 1 - used);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            used += (size_t)n;
    }
    const int failure = errno;
    if (fd >= 0 && !standard)
        close(fd);
    if (n >= 0 && used <= most) {
        *bytes = used;
        return data;
    }
    cli_path_message(path, n < 0 ? strerror(failure) : "too long for a file of this kind");
    store_free(data, most + 2);
    return NULL;
}

bool store_is_free(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return true;
    cli_path_message(path, "exists already; name another file");
    return false;
}

bool store_create(const char *path, const void *data, size_t bytes)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        cli_path_message(path, strerror(errno));
        return false;
    }
    const char *p = data;
    int failure = 0;
    while (bytes && !failure) {
        const ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno != EINTR)
            failure = errno;
        else if (n > 0) {
            p += n;
            bytes -= (size_t)n;
        }
    }
    /* Pipes and the like cannot be synced. */
    if (!failure && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        failure = errno;
    if (close(fd) != 0 && !failure)
        failure = errno;
    if (!failure)
        return true;
    cli_path_message(path, strerror(failure));
    unlink(path);
    return false;
}

bool store_ask_pin(char *pin, size_t size)
{
    struct termios before, silent;
    const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("PIN: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    size_t used = 0;
    char c = '\0';
    /* Byte by byte: what is behind the line is not ours. */
    while (used + 1 < size && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        pin[used++] = c;
    const bool too_long = used + 1 == size && c != '\n';
    pin[used] = '\0';
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputs("\n", stderr);
    }
    if (used == 0)
        cli_message("no PIN was given; it is read from stdin");
    if (too_long)
        cli_message("too long for a PIN");
    return used > 0 && !too_long;
}
