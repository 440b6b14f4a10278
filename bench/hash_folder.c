/* phash-bench hash: a folder of pictures, by the library alone and by the command.
 *
 * The library's part is a process that opens each file, decodes and hashes it, one after another; the
 * command's is `phash hash -r`, with its walk, workers, sandbox, wiping and output. Processor time
 * of a process and all it started is what the system counted. Which share of the command's is decoding
 * and hashing follows; and from the wall's clock, what two workers gain.
 */
#include "hash_folder.h"

#include "bench.h"
#include "progress.h"
#include "stats.h"
#include "timing.h"

#include <phash/decode.h>
#include <phash/pdq.h>

#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* nftw has no place for a context. */
static char **files;
static size_t file_count, file_room;

static bool hash_file(const char *path)
{
    const phash_decode_options decode = PHASH_DECODE_OPTIONS_INIT;
    const phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool done = fd >= 0 && phash_pdq_fd(fd, &decode, &options, &result, NULL) == PHASH_OK;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Hashing it once tells whether it is a picture, and brings it into the system's cache. */
static int note_file(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)place;
    if (type != FTW_F || !hash_file(path))
        return 0;
    if (file_count == file_room) {
        file_room = file_room ? 2 * file_room : 256;
        files = realloc(files, file_room * sizeof *files);
    }
    char *copy = strdup(path);
    if (!files || !copy)
        exit(bench_fail("no memory"));
    files[file_count++] = copy;
    return 0;
}

static void forget_files(void)
{
    for (size_t i = 0; i < file_count; i++)
        free(files[i]);
    free(files);
    files = NULL;
    file_count = file_room = 0;
}

struct took {
    double wall, processor; /* seconds */
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Waits for a process that was started at `start`. False if it failed; a command that skipped what is
 * no picture ends with 2. */
static bool wait_for(pid_t child, double start, struct took *took)
{
    struct rusage usage;
    int status;
    if (wait4(child, &status, 0, &usage) != child)
        return false;
    took->wall = timing_wall() - start;
    took->processor = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
}

static bool run_alone(struct took *took)
{
    const double start = timing_wall();
    const pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < file_count; i++)
            if (!hash_file(files[i]))
                _exit(1);
        _exit(0);
    }
    return child > 0 && wait_for(child, start, took);
}

static bool run_command(const char *program, const char *folder, char *jobs, struct took *took)
{
    char hash[] = "hash", recursive[] = "-r", end[] = "--", name[4096], path[4096];
    snprintf(name, sizeof name, "%s", program);
    snprintf(path, sizeof path, "%s", folder);
    char *const arguments[] = {name, hash, recursive, jobs, end, path, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions))
        return false;
    const double start = timing_wall();
    const int failed =
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) ||
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) ||
        posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return !failed && wait_for(child, start, took);
}

/* Numbers of each round. */
struct rounds {
    double *alone, *one, *share, *wall_one, *wall_two, *gain;
};

static bool run_round(const char *folder, const char *program, struct rounds *r, unsigned i)
{
    char one[] = "-j1", two[] = "-j2";
    struct took alone, with_one, with_two;
    if (!run_alone(&alone) || !run_command(program, folder, one, &with_one) ||
        !run_command(program, folder, two, &with_two))
        return false;
    r->alone[i] = alone.processor;
    r->one[i] = with_one.processor;
    r->share[i] = alone.processor / with_one.processor;
    r->wall_one[i] = with_one.wall;
    r->wall_two[i] = with_two.wall;
    r->gain[i] = with_one.wall / with_two.wall;
    return true;
}

static json_t *show(struct rounds *r, unsigned rounds)
{
    const double alone = stats_median(r->alone, rounds), one = stats_median(r->one, rounds);
    const double share = stats_median(r->share, rounds), gain = stats_median(r->gain, rounds);
    const double wall_one = stats_median(r->wall_one, rounds);
    const double wall_two = stats_median(r->wall_two, rounds);
    printf("a folder of %zu pictures, decoded and hashed in full\n"
           "  library alone      %8.3f s processor time\n"
           "  phash hash -r -j1  %8.3f s, %.1f %% of it decode and hash; it takes %.3f s\n"
           "  phash hash -r -j2  takes %.3f s, %.3fx as fast\n",
           file_count, alone, one, share * 100, wall_one, wall_two, gain);
    return json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "pictures", (int)file_count,
                     "rounds", (int)rounds, "library_processor_s", alone, "j1_processor_s", one,
                     "decode_and_hash_share", share, "j1_s", wall_one, "j2_s", wall_two,
                     "j2_times_j1", gain);
}

static json_t *measure(const char *folder, const char *program, unsigned rounds)
{
    double *numbers = calloc((size_t)rounds * 6, sizeof *numbers);
    if (!numbers)
        exit(bench_fail("no memory"));
    struct rounds r = {numbers,
                       numbers + rounds,
                       numbers + 2 * (size_t)rounds,
                       numbers + 3 * (size_t)rounds,
                       numbers + 4 * (size_t)rounds,
                       numbers + 5 * (size_t)rounds};
    bool done = true;
    progress_start("measuring", rounds);
    for (unsigned i = 0; i < rounds && done; i++) {
        done = run_round(folder, program, &r, i);
        progress_add();
    }
    progress_end();
    json_t *result = done ? show(&r, rounds) : NULL;
    if (!done)
        bench_fail("%s hash -r %s: it does not run", program, folder);
    free(numbers);
    return result;
}

json_t *hash_folder(const char *folder, const char *program, unsigned rounds)
{
    enum { OPEN_FOLDERS = 16 };
    json_t *result = NULL;
    const int walked = nftw(folder, note_file, OPEN_FOLDERS, FTW_PHYS);
    if (walked != 0)
        bench_fail("%s: cannot be read", folder);
    else if (!file_count)
        bench_fail("%s: no pictures", folder);
    else
        result = measure(folder, program, rounds);
    forget_files();
    return result;
}
