/* Forks workers for the parent, and reaps them. */
#include "nursery.h"

#include "cli.h"
#include "descriptor.h"
#include "sandbox.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SOCKET = 3, SIGNALS = 4 }; /* where the nursery keeps its descriptors */

static uint64_t worker_memory; /* bytes that one worker may use */

/* Sanitizers report on stderr; a build with them must not swallow what they say. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEP_STDERR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define KEEP_STDERR 1
#endif
#endif
#ifndef KEEP_STDERR
#define KEEP_STDERR 0
#endif

/* Dies when the process that made it does, also if that happened before the kernel was asked. */
static void die_with(pid_t maker)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != maker)
        _exit(0);
}

/* The arguments hold paths. They are overwritten in place, which also changes what ps shows. */
static void wipe_arguments(const char *title)
{
    for (int i = 0; i < cli_argc; i++) {
        const size_t length = strlen(cli_argv[i]);
        memset(cli_argv[i], 0, length);
        if (i == 0)
            snprintf(cli_argv[0], length + 1, "%s", title);
    }
    prctl(PR_SET_NAME, title);
}

/* Leaves the world that the parent lives in: its terminal's signals, files, folder. */
static void leave_home(int socket)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN); /* the parent decides; a terminal's Ctrl-C reaches all */
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0 ||
        (!KEEP_STDERR && dup2(nowhere, 2) < 0) || dup2(socket, SOCKET) < 0)
        _exit(1);
    descriptor_close_from(SOCKET + 1);
    if (chdir("/") != 0)
        _exit(1);
}

/* What the decoding libraries free would keep pixels until the worker ends, or until the next picture.
 * glibc can overwrite what is freed; our own buffers are wiped everywhere. */
static void overwrite_freed_memory(void)
{
#ifdef M_PERTURB
    mallopt(M_PERTURB, 0xa5);
#endif
}

static _Noreturn void become_worker(int socket, pid_t nursery)
{
    overwrite_freed_memory();
    die_with(nursery);
    if (dup2(socket, SOCKET) < 0)
        _exit(1);
    descriptor_close_from(SOCKET + 1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "phash-worker");
    (void)sandbox_enter_worker(cli_sandbox, worker_memory); /* what is missing was told already */
    worker_run(SOCKET);
}

static _Noreturn void end_all(void);

static void report(int kind, pid_t pid, int value, int fd)
{
    const struct nursery_message message = {kind, pid, value};
    if (descriptor_send(SOCKET, &message, sizeof message, fd, 0) != 0)
        end_all(); /* the parent wants no more reports */
}

/* Workers that live, or died and were not waited for: only such a pid is ever killed. */
static pid_t children[4096];
static size_t child_count;

static void spawn(void)
{
    int ends[2];
    const pid_t self = getpid();
    if (child_count == sizeof children / sizeof children[0]) {
        report(NURSERY_SPAWNED, -1, EAGAIN, -1);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        report(NURSERY_SPAWNED, -1, errno, -1);
        return;
    }
    const pid_t pid = fork();
    if (pid == 0)
        become_worker(ends[1], self);
    const int failure = errno;
    close(ends[1]);
    if (pid > 0)
        children[child_count++] = pid;
    report(NURSERY_SPAWNED, pid, pid < 0 ? failure : 0, pid < 0 ? -1 : ends[0]);
    close(ends[0]);
}

static void reap(bool tell)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < child_count; i++)
            if (children[i] == pid)
                children[i--] = children[--child_count];
        if (tell)
            report(NURSERY_DIED, pid, status, -1);
    }
}

static void kill_child(pid_t pid)
{
    for (size_t i = 0; i < child_count; i++)
        if (pid == 0 || children[i] == pid)
            kill(children[i], SIGKILL);
}

static sigset_t signals_of_death(void)
{
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    return deaths;
}

/* A worker that hangs in the kernel (a network disk that is gone) may not die for long; the
 * program does not wait for it. */
static _Noreturn void end_all(void)
{
    const struct timespec patience = {1, 0};
    const sigset_t deaths = signals_of_death();
    kill_child(0);
    /* The signal is blocked: one that comes between the look and the wait is waited for no more. */
    for (reap(false); child_count > 0; reap(false))
        if (sigtimedwait(&deaths, NULL, &patience) < 0 && errno == EAGAIN)
            break;
    _exit(0);
}

static _Noreturn void nursery_run(pid_t parent, int socket)
{
    die_with(parent);
    leave_home(socket);
    wipe_arguments("phash-nursery");
    const sigset_t deaths = signals_of_death();
    sigprocmask(SIG_SETMASK, &deaths, NULL);
    signal(SIGCHLD, SIG_DFL); /* if it was inherited as ignored, nothing could be reaped */
    if (signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK) != SIGNALS)
        _exit(1);
    for (;;) {
        struct pollfd polled[2] = {{SOCKET, POLLIN, 0}, {SIGNALS, POLLIN, 0}};
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if (polled[1].revents) {
            struct signalfd_siginfo info;
            while (read(SIGNALS, &info, sizeof info) == (ssize_t)sizeof info) {
            }
            reap(true);
        }
        if (!polled[0].revents)
            continue;
        struct nursery_message request = {0};
        if (descriptor_receive(SOCKET, &request, sizeof request, NULL, 0) != 0)
            end_all();
        if (request.kind == NURSERY_SPAWN)
            spawn();
        else if (request.kind == NURSERY_KILL && request.pid > 0)
            kill_child(request.pid);
    }
}

int nursery_start(struct nursery *nursery, uint64_t memory)
{
    worker_memory = memory;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    const pid_t parent = getpid();
    nursery->pid = fork();
    if (nursery->pid == 0)
        nursery_run(parent, ends[1]);
    const int failure = errno;
    close(ends[1]);
    nursery->socket = ends[0];
    if (nursery->pid > 0)
        return 0;
    close(ends[0]);
    return failure;
}

void nursery_stop(struct nursery *nursery)
{
    close(nursery->socket);
    while (waitpid(nursery->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    nursery->pid = -1;
}
