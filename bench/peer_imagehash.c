#include "peer_imagehash.h"

#include "bench.h"
#include "config.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct peer_imagehash {
    pid_t child;
    FILE *ask, *answer;
};

/* A Python with its standard input and output at our ends; what it says on standard error is lost. */
static pid_t start(char *const arguments[], int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions))
        return -1;
    const int failed =
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) ||
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) ||
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) ||
        posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : child;
}

static pid_t start_with(const char *python, int picture, const uint32_t numbers[4], int in, int out)
{
    char path[32], text[4][16];
    snprintf(path, sizeof path, "/dev/fd/%d", picture);
    for (size_t i = 0; i < 4; i++)
        snprintf(text[i], sizeof text[i], "%u", numbers[i]);
    char name[32], script[] = BENCH_SOURCE_DIR "/imagehash_steps.py";
    snprintf(name, sizeof name, "%s", python);
    char *const arguments[] = {name, script, path, text[0], text[1], text[2], text[3], NULL};
    return start(arguments, in, out);
}

/* The pixels, in memory that a child can open by its descriptor; -1 without. */
static int lend(const uint8_t *pixels, size_t bytes)
{
    const int fd = memfd_create("picture", 0);
    for (size_t done = 0; fd >= 0 && done < bytes;) {
        const ssize_t n = write(fd, pixels + done, bytes - done);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static struct peer_imagehash *start_python(const char *python, int picture,
                                           const uint32_t numbers[4])
{
    struct peer_imagehash *peer = calloc(1, sizeof *peer);
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    char line[16];
    if (!peer || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
        const int fds[4] = {to[0], to[1], from[0], from[1]};
        close_all(fds, 4);
        free(peer);
        return NULL;
    }
    peer->child = start_with(python, picture, numbers, to[0], from[1]);
    peer->ask = fdopen(to[1], "w");
    peer->answer = fdopen(from[0], "r");
    close_all((const int[]){to[0], from[1]}, 2);
    if (peer->child < 0 || !peer->ask || !peer->answer || !fgets(line, sizeof line, peer->answer) ||
        strcmp(line, "ready\n") != 0) {
        peer_imagehash_stop(peer);
        return NULL;
    }
    return peer;
}

struct peer_imagehash *peer_imagehash_start(const uint8_t *pixels, uint32_t width, uint32_t height,
                                            uint32_t hash_size, uint32_t factor)
{
    const uint32_t numbers[4] = {width, height, hash_size, factor};
    const int picture = lend(pixels, (size_t)width * height * 3);
    if (picture < 0)
        return NULL;
    /* The system's packages are not those of a Python that stands before it in the path. */
    struct peer_imagehash *peer = start_python("python3", picture, numbers);
    if (!peer)
        peer = start_python("/usr/bin/python3", picture, numbers);
    close(picture);
    return peer;
}

double peer_imagehash_time(struct peer_imagehash *peer, unsigned calls, char *hex, size_t size)
{
    char line[2048], *end = NULL;
    fprintf(peer->ask, "%u\n", calls);
    if (fflush(peer->ask) || !fgets(line, sizeof line, peer->answer))
        exit(bench_fail("imagehash's steps in Python ended"));
    const double seconds = strtod(line, &end);
    if (!(seconds > 0) || *end != ' ')
        exit(bench_fail("imagehash's steps in Python answered '%s'", line));
    snprintf(hex, size, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
    return seconds;
}

void peer_imagehash_stop(struct peer_imagehash *peer)
{
    if (!peer)
        return;
    if (peer->ask)
        fclose(peer->ask);
    if (peer->answer)
        fclose(peer->answer);
    if (peer->child > 0)
        waitpid(peer->child, NULL, 0);
    free(peer);
}
