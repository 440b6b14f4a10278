/* phash doctor: what protects the person who opens strangers' files on this machine.
 *
 * Nothing is taken on trust: each promise is tried out by a process that has entered the sandbox and
 * then does what must not be possible.
 */
#include "cli.h"
#include "landlock.h"
#include "sandbox.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each attempt gives true when it got through. Most do not return at all. */
static bool try_open(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 || open("/", O_RDONLY | O_DIRECTORY) >= 0;
}

static bool try_create(void)
{
    return open("/tmp", O_TMPFILE | O_WRONLY, 0600) >= 0;
}

static bool try_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}

static bool try_local_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool try_program(void)
{
    char *const arguments[] = {(char *)"true", NULL}, *const environment[] = {NULL};
    execve("/bin/true", arguments, environment);
    return errno == ENOENT; /* it was the file that was missing, not the right to run it */
}

static bool try_process(void)
{
    return fork() >= 0;
}

static bool try_memory(void)
{
    enum { TEN_GIB_SHIFT = 30 };
    return mmap(NULL, (size_t)10 << TEN_GIB_SHIFT, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

static bool try_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

/* The message of the program's own sandbox is EPERM; a worker is killed. Either is a refusal. */
static bool refused(bool worker, bool (*attempt)(void))
{
    const pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        enum { MEMORY = 1 << 30, GOT_THROUGH = 3 };
        const unsigned program = sandbox_enter_program();
        if (worker)
            (void)sandbox_enter_worker(program, MEMORY);
        _exit(attempt() ? GOT_THROUGH : 0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
}

static const struct {
    bool worker;
    bool (*attempt)(void);
    const char *promise;
} promises[] = {
    {false, try_network, "the program cannot reach a network"},
    {false, try_program, "the program cannot run other programs"},
    {true, try_network, "a decoder cannot reach a network"},
    {true, try_local_socket, "a decoder cannot talk to other programs"},
    {true, try_open, "a decoder cannot open a file or folder"},
    {true, try_create, "a decoder cannot write a file"},
    {true, try_process, "a decoder cannot start a process"},
    {true, try_executable_memory, "a decoder cannot make memory executable"},
    {true, try_memory, "a decoder cannot take all memory"},
};

static int run_doctor(const struct command *self, int argc, char **argv)
{
    static const struct option longs[] = {CLI_COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    if (cli_option(self, argc, argv, ":", longs) != -1 || optind != argc)
        cli_usage(self, "doctor takes no arguments");
    bool all = true;
    struct text t = {0};
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++) {
        const bool kept = refused(promises[i].worker, promises[i].attempt);
        all = all && kept;
        text_string(&t, kept ? "yes  " : "NO   ");
        text_string(&t, promises[i].promise);
        text_string(&t, "\n");
    }
    char sets[64], line[512];
    (void)phash_cpu_names(phash_cpu_active(), sets, sizeof sets);
    snprintf(line, sizeof line, "\nLandlock version %d; decoders: %s; instruction sets: %s\n",
             landlock_version(), phash_decode_libraries(), sets);
    text_string(&t, line);
    if (!all)
        text_string(&t, "\nSome protections are missing on this system: an older or restricted "
                        "kernel.\n"
                        "Hashing works; with --require-sandbox it refuses to start instead.\n");
    const bool told = cli_write(t.data, t.length);
    text_free(&t);
    if (!told)
        return EXIT_FAILED;
    return all ? EXIT_DONE : EXIT_NO_MATCH;
}

const struct command command_doctor = {
    "doctor",
    "show what protects you",
    "Usage: phash doctor\n"
    "\n"
    "Tries out each protection on this machine and prints what holds. Pictures are read\n"
    "by separate processes that can neither open files nor reach a network; this shows\n"
    "whether the system really enforces it.\n"
    "\n"
    "Exit status: 0 all in force, 1 something is missing, 2 failed.\n",
    run_doctor,
};
