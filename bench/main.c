/* phash-bench: measures speed, scale and robustness of perceptual hashes. Dispatch. */
#include "bench.h"
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line for each subcommand; those that need a library that was not found are not there. */
static const struct bench_command *const commands[] = {
    &bench_hash,
#if BENCH_HAS_VIPS
    &bench_robustness, &bench_fpr,  &bench_report,
#endif
    &bench_search,     &bench_live, NULL,
};

const char *bench_program = "phash-bench";

int bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("phash-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return BENCH_FAILED;
}

const struct bench_command *bench_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (!strcmp(name, commands[i]->name))
            return commands[i];
    return NULL;
}

uint64_t bench_number(const char *option, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    const bool digits = *text >= '0' && *text <= '9' && !*end;
    if (!digits || errno || value < low || value > high)
        exit(bench_fail("%s takes a whole number from %llu to %llu, not '%s'", option,
                        (unsigned long long)low, (unsigned long long)high, text));
    return value;
}

static int help(FILE *to)
{
    fputs("Usage: phash-bench SUBCOMMAND [OPTION]...\n"
          "Measures perceptual hashes: what they survive, how often they are wrong, what they "
          "cost.\n\n",
          to);
    for (size_t i = 0; commands[i]; i++)
        fprintf(to, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
#if !BENCH_HAS_VIPS
    fputs("\nThis build has no robustness, fpr and report: libvips was not found.\n", to);
#endif
    fputs("\n'phash-bench SUBCOMMAND --help' tells more about one of them.\n", to);
    return to == stdout ? BENCH_DONE : BENCH_FAILED;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    bench_program = argv[0];
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(stdout);
    const struct bench_command *command = bench_find(argv[1]);
    if (command)
        return command->run(argc - 1, argv + 1);
    return bench_fail("'%s' is no subcommand; see phash-bench --help", argv[1]);
}
