/* Messages, options, numbers and standard output for every subcommand. */
#include "cli.h"

#include "progress.h"
#include "sandbox.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_argc;
unsigned cli_sandbox;
static bool sandbox_required;
char **cli_argv;
static bool stdout_failed;

/* Writes all of it, also to a pipe or terminal that another process made non-blocking. False with
 * errno set when that failed; EINTR when a signal asks the program to end. */
static bool write_all(int fd, const char *data, size_t bytes)
{
    while (bytes) {
        const ssize_t n = write(fd, data, bytes);
        if (n >= 0) {
            data += n;
            bytes -= (size_t)n;
            continue;
        }
        if (errno == EAGAIN) {
            struct pollfd writable = {fd, POLLOUT, 0};
            poll(&writable, 1, 1000);
        } else if (errno != EINTR) {
            return false;
        }
        if (progress_stopped()) {
            errno = EINTR;
            return false;
        }
    }
    return true;
}

/* One write for the whole line, so that lines of several processes do not mix. */
static void say(const char *data, size_t bytes)
{
    progress_hide();
    if (!write_all(STDERR_FILENO, data, bytes)) {
        /* nobody is left to tell */
    }
}

void cli_message(const char *format, ...)
{
    struct text line = {0};
    char buffer[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    text_string(&line, "phash: ");
    text_string(&line, buffer);
    text_string(&line, "\n");
    say(line.data, line.length);
    text_free(&line);
}

void cli_path_message(const char *path, const char *reason)
{
    struct text line = {0};
    text_string(&line, "phash: ");
    text_escaped(&line, path);
    text_string(&line, ": ");
    text_string(&line, reason);
    text_string(&line, "\n");
    say(line.data, line.length);
    text_free(&line);
}

void cli_usage(const struct command *self, const char *format, ...)
{
    char buffer[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    const char *space = self ? " " : "", *name = self ? self->name : "";
    cli_message("%s%s%s; try 'phash%s%s --help'", name, self ? ": " : "", buffer, space, name);
    exit(EXIT_FAILED);
}

void cli_no_memory(void)
{
    static const char line[] = "phash: out of memory\n";
    progress_hide();
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) {
        /* nobody is left to tell */
    }
    exit(EXIT_FAILED);
}

void *cli_allocate(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        cli_no_memory();
    return p;
}

const char *cli_reason(const phash_error *error)
{
    return error->message[0] ? error->message : phash_status_text(error->status);
}

#define NO_OPTION "is no option (a file of that name is written ./-NAME)"

/* Why getopt did not like the long option `given` ("--name" or "--name=value"). */
static const char *refusal(const char *given, const struct option *longs)
{
    const size_t length = strcspn(given + 2, "=");
    int matches = 0;
    for (; longs->name; longs++) {
        if (strncmp(longs->name, given + 2, length) != 0)
            continue;
        if (strlen(longs->name) == length)
            return "takes no value";
        matches++;
    }
    return matches > 1 ? "is short for more than one option"
           : matches   ? "takes no value"
                       : NO_OPTION;
}

static _Noreturn void bad_option(const struct command *self, const char *given, int c,
                                 const struct option *longs)
{
    const bool is_long = given[0] == '-' && given[1] == '-';
    struct text shown = {0};
    if (is_long)
        text_escaped(&shown, given);
    else {
        const char option[3] = {'-', (char)optopt, '\0'};
        text_escaped(&shown, option);
    }
    if (c == ':')
        cli_usage(self, "%.200s needs a value", shown.data);
    cli_usage(self, "%.200s %s", shown.data, is_long ? refusal(given, longs) : NO_OPTION);
}

void cli_check_sandbox(uint64_t memory)
{
    char missing[256];
    const unsigned have = sandbox_try_worker(cli_sandbox, memory);
    if (!sandbox_missing(SANDBOX_WORKER, have, missing, sizeof missing))
        return;
    cli_message(sandbox_required ? "this system cannot enforce: %s (--require-sandbox)"
                                 : "note: this system cannot enforce: %s; see 'phash doctor'",
                missing);
    if (sandbox_required)
        exit(EXIT_FAILED);
}

int cli_option(const struct command *self, int argc, char **argv, const char *shorts,
               const struct option *longs)
{
    opterr = 0;
    for (;;) {
        const int c = getopt_long(argc, argv, shorts, longs, NULL);
        switch (c) {
        case '?':
        case ':':
            bad_option(self, argv[optind - 1], c, longs);
        case 'h':
        case OPTION_HELP:
            exit(cli_write(self->help, strlen(self->help)) ? EXIT_DONE : EXIT_FAILED);
        case OPTION_CPUMASK: {
            uint32_t mask;
            if (phash_cpu_parse(optarg, &mask) != PHASH_OK) {
                struct text shown = {0};
                text_escaped(&shown, optarg);
                cli_usage(self, "--cpumask: no instruction set is called '%.200s'", shown.data);
            }
            phash_cpu_mask(mask);
            break;
        }
        case OPTION_SANDBOX:
            sandbox_required = true;
            break;
        default:
            return c;
        }
    }
}

uint64_t cli_number(const struct command *self, const char *option, const char *text, bool suffixes,
                    uint64_t minimum, uint64_t maximum)
{
    const char *p = text;
    uint64_t value = 0;
    bool fits = true;
    for (; *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        fits = fits && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    const bool digits = p != text;
    unsigned shift = 0;
    if (suffixes && *p) {
        shift = *p == 'K' || *p == 'k'   ? 10
                : *p == 'M' || *p == 'm' ? 20
                : *p == 'G' || *p == 'g' ? 30
                                         : 0;
        p += shift != 0;
    }
    fits = fits && value <= UINT64_MAX >> shift;
    value <<= shift;
    if (digits && !*p && fits && value >= minimum && value <= maximum)
        return value;
    struct text shown = {0};
    text_escaped(&shown, text);
    cli_usage(self, "%s: '%.100s' is not a whole number from %llu to %llu%s", option, shown.data,
              (unsigned long long)minimum, (unsigned long long)maximum,
              suffixes ? " (K, M or G may follow)" : "");
}

bool cli_write(const void *data, size_t bytes)
{
    if (cli_stdout_is_terminal())
        progress_hide();
    if (stdout_failed || write_all(STDOUT_FILENO, data, bytes))
        return !stdout_failed;
    if (errno != EINTR) { /* else the signal is the reason */
        stdout_failed = true;
        cli_message("cannot write to standard output: %s", strerror(errno));
    }
    return false;
}

bool cli_stdout_failed(void)
{
    return stdout_failed;
}

bool cli_stdout_is_terminal(void)
{
    static int known = -1;
    if (known < 0)
        known = isatty(STDOUT_FILENO);
    return known;
}

bool cli_voice_take(struct cli_voice *voice, int option)
{
    voice->quiet |= option == 'q';
    voice->verbose |= option == 'v';
    return option == 'q' || option == 'v';
}

bool cli_notes(const struct cli_voice *voice)
{
    return !voice->quiet && (voice->verbose || isatty(STDERR_FILENO));
}
