/* bench.h: the table of phash-bench's subcommands, and what they share. */
#ifndef PHASH_BENCH_BENCH_H
#define PHASH_BENCH_BENCH_H

#include <stdint.h>

enum { BENCH_DONE = 0, BENCH_FAILED = 2 };

/* One subcommand. argv[0] is its name; options are read with getopt_long. */
struct bench_command {
    const char *name;
    const char *summary; /* one line */
    int (*run)(int argc, char **argv);
};

extern const struct bench_command bench_hash, bench_search, bench_live, bench_robustness, bench_fpr,
    bench_report;

/* The subcommand of that name, or NULL. */
const struct bench_command *bench_find(const char *name);

/* The path that this program was started with, to name commands that repeat a result. */
extern const char *bench_program;

/* One line on stderr, after "phash-bench: ". Returns BENCH_FAILED. */
__attribute__((format(printf, 1, 2))) int bench_fail(const char *format, ...);

/* A whole number from `low` to `high`; ends the program with a message that names `option` when
 * `text` is none. */
uint64_t bench_number(const char *option, const char *text, uint64_t low, uint64_t high);

#endif
