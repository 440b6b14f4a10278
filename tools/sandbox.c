/* Putting up the walls: see sandbox.h. */
#include "sandbox.h"

#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if PHASH_TOOLS_SECCOMP
#include <seccomp.h>
#endif

/* Address sanitizer maps terabytes of shadow memory, which a limit on address space would end, and
 * traces its own process when it looks for leaks. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static bool no_core(void)
{
    const struct rlimit none = {0, 0};
    /* Not dumpable also keeps other programs of the same user from reading this one's memory. */
    return setrlimit(RLIMIT_CORE, &none) == 0 &&
           (SANITIZED || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

#if PHASH_TOOLS_SECCOMP

/* Refused with EPERM, not killed: libc may try some of these for its own ends (name services) and
 * copes without. SOCKETPAIR stays: it is how workers are spoken to, and reaches nobody else. */
static bool deny_network_and_programs(void)
{
    static const int denied[] = {
        SCMP_SYS(socket),
        SCMP_SYS(connect),
        SCMP_SYS(bind),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(bpf),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(pidfd_getfd),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof denied / sizeof denied[0]; i++)
        ok = (SANITIZED && denied[i] == SCMP_SYS(ptrace)) || /* how leaks are looked for */
             seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0) == 0;
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

/* What reading a descriptor, decoding, and answering take. No memory may become executable; the only
 * descriptors there are were handed in. */
static bool allow_decoding_only(void)
{
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(pread64),
        SCMP_SYS(write),
        SCMP_SYS(writev),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(close),
        SCMP_SYS(lseek),
        SCMP_SYS(fstat),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(brk),
        SCMP_SYS(madvise),
        SCMP_SYS(futex),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(getrandom),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(sched_yield),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(getrusage),
        SCMP_SYS(pause),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(sched_getaffinity),
    };
    /* The same, for certain values of one argument. */
    const struct {
        int call;
        struct scmp_arg_cmp when;
    } allowed_when[] = {
        /* glibc's fstat is newfstatat with an empty path. */
        {SCMP_SYS(newfstatat), {3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0}},
        {SCMP_SYS(mmap), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
        {SCMP_SYS(mprotect), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
        {SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, F_GETFL, 0}},
        {SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, F_SETFL, 0}},
        /* stdio asks whether a stream is a terminal. */
        {SCMP_SYS(ioctl), {1, SCMP_CMP_EQ, TCGETS, 0}},
        /* abort() raises a signal in its own process. */
        {SCMP_SYS(tgkill), {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0}},
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof allowed / sizeof allowed[0]; i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
    for (size_t i = 0; ok && i < sizeof allowed_when / sizeof allowed_when[0]; i++)
        ok = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed_when[i].call, 1,
                                    &allowed_when[i].when) == 0;
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

#else

static bool deny_network_and_programs(void)
{
    return false;
}

static bool allow_decoding_only(void)
{
    return false;
}

#endif

/* The resources a worker can use. Its descriptors are those it holds and one for the file. */
static bool limit_resources(uint64_t memory)
{
    const struct rlimit none = {0, 0}, files = {64, 64};
    bool ok = setrlimit(RLIMIT_FSIZE, &none) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0;
    if (!SANITIZED) {
        /* What is mapped already (program, libraries) counts too, so it is allowed for. */
        const uint64_t have = UINT64_C(256) << 20;
        const rlim_t space =
            memory > RLIM_INFINITY - have ? RLIM_INFINITY : (rlim_t)(memory + have);
        const struct rlimit limit = {space, space};
        ok = setrlimit(RLIMIT_AS, &limit) == 0 && ok;
    }
    return ok;
}

/* Where the system lets it, pages never go to swap. Under a small limit this would make allocations
 * fail, so it is all or nothing. */
static bool lock_memory(void)
{
    struct rlimit limit;
    if (SANITIZED || getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY)
        return false;
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

unsigned sandbox_enter_program(void)
{
#ifdef PHASH_TOOLS_TEST_HOOKS
    if (getenv("PHASH_TEST_NO_SANDBOX"))
        return 0;
#endif
    unsigned have = 0;
    if (no_core())
        have |= SANDBOX_NO_CORE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        have |= SANDBOX_NO_NEW_PRIVS;
    if ((have & SANDBOX_NO_NEW_PRIVS) && deny_network_and_programs())
        have |= SANDBOX_NO_NETWORK;
    return have;
}

unsigned sandbox_enter_worker(unsigned program, uint64_t memory)
{
#ifdef PHASH_TOOLS_TEST_HOOKS
    if (getenv("PHASH_TEST_NO_SANDBOX"))
        return 0;
#endif
    unsigned have = program;
    if (lock_memory())
        have |= SANDBOX_LOCKED;
    if (landlock_deny_all())
        have |= SANDBOX_LANDLOCK;
    if (limit_resources(memory))
        have |= SANDBOX_LIMITS;
    /* Last, because it forbids the calls above. */
    if (allow_decoding_only())
        have |= SANDBOX_SYSCALLS;
    return have;
}

unsigned sandbox_try_worker(unsigned program, uint64_t memory)
{
    /* The pieces fit into an exit status; 0 is what a child that never got so far would give. */
    const pid_t child = fork();
    if (child == 0)
        _exit((int)sandbox_enter_worker(program, memory));
    int status;
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return program;
    return child > 0 && WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : program;
}

static const struct {
    unsigned piece;
    const char *name;
} pieces[] = {
    {SANDBOX_NO_NEW_PRIVS, "no new privileges"},        {SANDBOX_NO_CORE, "no core dumps"},
    {SANDBOX_NO_NETWORK, "no network (seccomp)"},       {SANDBOX_LANDLOCK, "no files (Landlock)"},
    {SANDBOX_SYSCALLS, "allowed calls only (seccomp)"}, {SANDBOX_LIMITS, "resource limits"},
    {SANDBOX_LOCKED, "memory kept out of swap"},
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

const char *sandbox_piece_name(unsigned piece)
{
    for (size_t i = 0; i < PIECES; i++)
        if (pieces[i].piece == piece)
            return pieces[i].name;
    return "?";
}

bool sandbox_missing(unsigned wanted, unsigned have, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < PIECES; i++)
        if ((wanted & pieces[i].piece) && !(have & pieces[i].piece) && used < size) {
            const int n =
                snprintf(out + used, size - used, "%s%s", used ? ", " : "", pieces[i].name);
            used += n > 0 ? (size_t)n : 0;
        }
    return used > 0;
}
