/* Every system call on a file fails once, in turn, or is the last thing that a process does.
 *
 * The calls are taken over in this program, in front of libc's, so the library meets the failure
 * where a full disk or a kill would bring it. After each: what was acknowledged is there, and what
 * failed is not. Also a real limit on the size of files.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* both names of each call are defined below */
#include "check_main.h"
#include "live_model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the calls ---- */

static atomic_long countdown = -1; /* < 0: let all calls through */
static atomic_bool fired;
static enum { FAIL, HALF, DIE } manner;

/* Whether this call is the one. */
static bool hit(void)
{
    if (atomic_load(&countdown) < 0 || atomic_fetch_sub(&countdown, 1) != 0)
        return false;
    atomic_store(&fired, true);
    if (manner == DIE)
        _exit(7);
    errno = ENOSPC;
    return true;
}

static ssize_t write_at(int fd, const void *data, size_t n, off_t at)
{
    if (hit()) {
        if (manner == HALF && n > 1)
            (void)!syscall(SYS_pwrite64, fd, data, n / 2, at);
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *data, size_t n, off_t at);
int ftruncate64(int fd, off_t bytes);

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return write_at(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
    return write_at(fd, data, n, at);
}

int fsync(int fd)
{
    return hit() ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return hit() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat(int a, const char *from, int b, const char *to)
{
    return hit() ? -1 : (int)syscall(SYS_renameat2, a, from, b, to, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    return hit() ? -1 : (int)syscall(SYS_unlinkat, folder, name, flags);
}

/* ---- what is done ---- */

enum { STEPS = 7, N = 40 };

static uint64_t seed;

static phash_hash256 hash_of(uint64_t id)
{
    uint64_t state = seed + id * 31;
    phash_hash256 hash;
    random_hash(&state, &hash);
    return hash;
}

/* Step by step, the same each time. */
static phash_status step(phash_index *index, unsigned number, phash_error *error)
{
    phash_hash256 hashes[N];
    uint64_t ids[N];
    for (uint64_t i = 0; i < N; i++) {
        ids[i] = number * 100 + i;
        hashes[i] = hash_of(ids[i]);
    }
    switch (number) {
    case 0:
    case 1:
    case 4:
    case 6:
        return phash_index_add(index, hashes, ids, NULL, N, error);
    case 2:
        return phash_index_compact(index, 0, error);
    case 3:
        for (uint64_t i = 0; i < 5; i++)
            ids[i] = 100 + i;
        return phash_index_remove(index, ids, 5, 0, NULL, error);
    default:
        for (uint64_t i = 0; i < 5; i++)
            ids[i] = 10 + i;
        return phash_index_remove(index, ids, 5, PHASH_REMOVE_ERASE, NULL, error);
    }
}

static void step_model(model *m, unsigned number)
{
    if (number == 3 || number == 5) {
        for (uint64_t i = 0; i < 5; i++)
            model_remove(m, (number == 3 ? 100 : 10) + i);
    } else if (number != 2) {
        for (uint64_t i = 0; i < N; i++) {
            const phash_hash256 hash = hash_of(number * 100 + i);
            model_add(m, &hash, number * 100 + i);
        }
    }
}

static phash_status open_it(phash_index **index, phash_error *error)
{
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    options.flags = PHASH_INDEX_CREATE | PHASH_INDEX_MANUAL;
    return phash_index_open(in_folder("i"), &options, index, error);
}

/* Whether the index has the steps in `done`; with `maybe` set, that step may be there or not. */
static bool has_steps(unsigned done, int maybe)
{
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    const phash_status status = open_it(&index, &error);
    if (status != PHASH_OK) {
        printf("open: %s\n", error.message);
        return false;
    }
    bool good = false;
    for (int with = 0; with < 2 && !good; with++) {
        model m = {NULL, 0, 0};
        for (unsigned i = 0; i < STEPS; i++)
            if (done >> i & 1 || (with && (int)i == maybe))
                step_model(&m, i);
        good = model_same_pairs(&m, index);
        model_free(&m);
        if (maybe < 0)
            break;
    }
    phash_index_free(&index);
    if (good && phash_index_verify(in_folder("i"), &error) != PHASH_OK) {
        printf("verify: %s\n", error.message);
        good = false;
    }
    return good;
}

/* ---- failing ---- */

static void each_call_fails(int how)
{
    long n = 0;
    for (;; n++) {
        folder_new();
        phash_index *index = NULL;
        phash_error error = PHASH_ERROR_INIT;
        manner = how;
        fired = false;
        unsigned done = 0, tried = 0;
        int maybe = -1;
        atomic_store(&countdown, n);
        if (open_it(&index, &error) == PHASH_OK)
            for (unsigned i = 0; i < STEPS; i++) {
                const bool before = fired;
                const phash_status status = step(index, i, &error);
                tried++;
                if (status == PHASH_OK)
                    done |= 1u << i;
                else if (!before)
                    maybe = (int)i; /* an erasure that failed has removed; a sync may have worked */
                else
                    ck_assert_int_eq(status, PHASH_E_STATE);
            }
        const bool was_fired = fired;
        phash_index_free(&index);
        atomic_store(&countdown, -1);
        ck_assert_msg(has_steps(done, maybe), "call %ld, steps %x, in doubt %d", n, done, maybe);
        folder_remove();
        if (!was_fired)
            break;
    }
    printf("%ld calls\n", n);
    ck_assert_int_gt(n, 30);
}

START_TEST(failing_calls)
{
    each_call_fails(FAIL);
}
END_TEST

START_TEST(half_written)
{
    each_call_fails(HALF);
}
END_TEST

START_TEST(dying_at_each_call)
{
    unsigned *done =
        mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long n = 0;
    for (;; n++) {
        folder_new();
        *done = 0;
        fflush(NULL);
        const pid_t child = fork();
        if (!child) {
            manner = DIE;
            atomic_store(&countdown, n);
            phash_index *index;
            if (open_it(&index, NULL) == PHASH_OK) {
                for (unsigned i = 0; i < STEPS; i++) {
                    if (step(index, i, NULL) != PHASH_OK)
                        _exit(1);
                    *done |= 1u << i;
                }
                phash_index_free(&index);
                _exit(0);
            }
            _exit(1);
        }
        int how;
        ck_assert_int_eq(waitpid(child, &how, 0), child);
        ck_assert(WIFEXITED(how) && WEXITSTATUS(how) != 1);
        int next = 0;
        while (next < STEPS && *done >> next & 1)
            next++;
        ck_assert_msg(has_steps(*done, next < STEPS ? next : -1), "call %ld, steps %x", n, *done);
        folder_remove();
        if (WEXITSTATUS(how) == 0)
            break;
    }
    printf("%ld moments\n", n);
    ck_assert_int_gt(n, 30);
}
END_TEST

/* ---- a limit on the size of files, as a full disk has it ---- */

START_TEST(no_room)
{
    folder_new();
    signal(SIGXFSZ, SIG_IGN);
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    ck_assert_int_eq(open_it(&index, &error), PHASH_OK);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(step(index, i, &error), PHASH_OK);
    size_t bytes, after;
    uint8_t *before = file_read(in_folder("i"), &bytes);
    struct rlimit old, small = {1000, RLIM_INFINITY};
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(phash_index_compact(index, 0, &error), PHASH_E_WRITE);
    ck_assert_int_eq(error.sys_errno, EFBIG);
    ck_assert_int_eq(step(index, 4, &error), PHASH_E_WRITE);
    ck_assert_int_eq(phash_index_save(index, in_folder("other"), 0, &error), PHASH_E_WRITE);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    uint8_t *now = file_read(in_folder("i"), &after);
    ck_assert_uint_eq(bytes, after);
    ck_assert_int_eq(memcmp(before, now, bytes), 0);
    ck_assert_int_ne(access(in_folder("other"), F_OK), 0);
    ck_assert_int_ne(access(in_folder("i.new"), F_OK), 0);
    /* There is room again. */
    for (unsigned i = 4; i < STEPS; i++)
        ck_assert_int_eq(step(index, i, &error), PHASH_OK);
    phash_index_free(&index);
    ck_assert(has_steps((1u << STEPS) - 1, -1));
    free(before);
    free(now);
    folder_remove();
}
END_TEST

int main(void)
{
    seed = test_seed();
    Suite *s = suite_create("io");
    TCase *t = tcase_create("io");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, failing_calls);
    tcase_add_test(t, half_written);
    tcase_add_test(t, dying_at_each_call);
    tcase_add_test(t, no_room);
    suite_add_tcase(s, t);
    return test_main(s);
}
