/* cli.h: what the subcommands of `phash` share: the table, options, messages, exit codes.
 *
 * stdout is data, stderr is messages. Everything here belongs to the parent process; the workers
 * that see strangers' bytes use none of it.
 */
#ifndef PHASH_TOOLS_CLI_H
#define PHASH_TOOLS_CLI_H

#include <phash/phash.h>

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_NO_MATCH = 1, EXIT_FAILED = 2 };

struct command {
    const char *name;
    const char *summary; /* half a line for the list of subcommands */
    const char *help;    /* what --help prints */
    int (*run)(const struct command *self, int argc, char **argv); /* gives the exit code */
};

extern const struct command command_hash;
extern const struct command command_compare;
extern const struct command command_index;
extern const struct command command_match;
extern const struct command command_doctor;
#if PHASH_HAS_BANK
extern const struct command command_case;
extern const struct command command_bank;
extern const struct command command_guide;
extern const struct command command_keygen;
extern const struct command command_scan;
#endif

/* The pieces of the sandbox (sandbox.h) that the program itself is in; main sets them. */
extern unsigned cli_sandbox;
/* To be called before strangers' files are given to workers that may use `memory` bytes each: says in
 * one line what this system cannot enforce, and ends the program then under --require-sandbox. */
void cli_check_sandbox(uint64_t memory);

/* The arguments that the program was started with; main sets them. Worker processes wipe them. */
extern int cli_argc;
extern char **cli_argv;

/* Prints one line "phash: ..." on stderr, clear of the progress line. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for one file: "phash: PATH: REASON", with what could forge lines or drive a terminal
 * escaped. */
void cli_path_message(const char *path, const char *reason);
/* One line and a hint to --help, then exit 2. */
_Noreturn void cli_usage(const struct command *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Says that memory ran out and exits 2. */
_Noreturn void cli_no_memory(void);
void *cli_allocate(size_t count, size_t size); /* zeroed; never NULL */

/* The reason in an error struct, for a person. */
const char *cli_reason(const phash_error *error);

/* Options that every subcommand has; the rest of its table starts at OPTION_OWN. */
enum { OPTION_HELP = 256, OPTION_CPUMASK, OPTION_SANDBOX, OPTION_DECODE, OPTION_OWN = 300 };
#define CLI_COMMON_OPTIONS                                                                         \
    {"help", no_argument, NULL, OPTION_HELP},                                                      \
        {"cpumask", required_argument, NULL, OPTION_CPUMASK},                                      \
    {                                                                                              \
        "require-sandbox", no_argument, NULL, OPTION_SANDBOX                                       \
    }

/* getopt_long with our messages: handles -h, --help and --cpumask, refuses what is not in the
 * tables. `shorts` begins with ":h". Gives the next option's value, -1 at the end. */
int cli_option(const struct command *self, int argc, char **argv, const char *shorts,
               const struct option *longs);

/* Reads a whole decimal number from `minimum` to `maximum`, with one of the suffixes K, M, G
 * (powers of 1024) where `suffixes`; anything else ends the program with a line that names the
 * option. */
uint64_t cli_number(const struct command *self, const char *option, const char *text, bool suffixes,
                    uint64_t minimum, uint64_t maximum);

/* Writes to stdout at once. After the first failure (full disk, closed pipe), of which it tells
 * once, it gives false and writes no more. */
bool cli_write(const void *data, size_t bytes);
bool cli_stdout_failed(void);
bool cli_stdout_is_terminal(void);

/* Shares of quiet and verbose: -q silences notes and progress, -v adds notes. */
struct cli_voice {
    bool quiet;
    bool verbose;
};
#define CLI_VOICE_OPTIONS                                                                          \
    {"quiet", no_argument, NULL, 'q'},                                                             \
    {                                                                                              \
        "verbose", no_argument, NULL, 'v'                                                          \
    }
/* Takes one of them; false if `option` is neither. */
bool cli_voice_take(struct cli_voice *voice, int option);
/* Whether to say what is no error: with -v, or to a person at a terminal, unless -q. */
bool cli_notes(const struct cli_voice *voice);

#endif
