/* phash: dispatch to the subcommands, and what is asked of the program itself. */
#include "cli.h"
#include "progress.h"
#include "sandbox.h"
#include "text.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_hash,   &command_compare, &command_index,  &command_match,
#if PHASH_HAS_BANK
    &command_case,   &command_bank,    &command_keygen, &command_guide, &command_scan,
#endif
    &command_doctor,
};
#define COMMANDS (sizeof commands / sizeof commands[0])

/* A program that is started with a closed stdout must not get an input under that number. What is
 * opened in its place fails on use, the other way around. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_FAILED);
}

static int print(struct text *t)
{
    const bool done = cli_write(t->data, t->length);
    text_free(t);
    return done ? EXIT_DONE : EXIT_FAILED;
}

static int print_help(void)
{
    struct text t = {0};
    text_string(&t, "Usage: phash SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
                    "Perceptual hashes of images: computed here, on your own computer. An image "
                    "never leaves it.\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        char line[128];
        snprintf(line, sizeof line, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
        text_string(&t, line);
    }
    text_string(&t, "\n'phash SUBCOMMAND --help' tells more about one of them, and so does\n"
                    "'man phash-SUBCOMMAND'. 'phash --version' tells what this program was made "
                    "of.\n"
                    "Exit status: 0 done, 1 no match, 2 something failed.\n");
    return print(&t);
}

static int print_version(void)
{
    struct text t = {0};
    char line[512], active[64], detected[64];
    phash_cpu_names(phash_cpu_active(), active, sizeof active);
    phash_cpu_names(phash_cpu_detected(), detected, sizeof detected);
    snprintf(line, sizeof line,
             "phash %d.%d.%d\n"
             "libphash %s\n"
             "decoders: %s\n"
             "json: jansson %s\n"
             "instruction sets: %s (this machine has %s)\n",
             PHASH_VERSION_MAJOR, PHASH_VERSION_MINOR, PHASH_VERSION_PATCH, phash_version(),
             phash_decode_libraries(), JANSSON_VERSION, active, detected);
    text_string(&t, line);
    return print(&t);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    struct text shown = {0};
    text_escaped(&shown, name);
    if (access(name, F_OK) == 0)
        cli_usage(NULL, "'%.200s' is no subcommand; to hash a picture: phash hash PICTURE",
                  shown.data);
    cli_usage(NULL, "'%.200s' is no subcommand", shown.data);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        cli_usage(NULL, "say what to do, such as: phash hash PICTURE");
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return print_help();
    if (!strcmp(word, "--version") || !strcmp(word, "-V"))
        return print_version();
    if (!strcmp(word, "help")) {
        if (argc == 2)
            return print_help();
        const char *help = find(argv[2])->help;
        return cli_write(help, strlen(help)) ? EXIT_DONE : EXIT_FAILED;
    }
    if (word[0] == '-') {
        struct text shown = {0};
        text_escaped(&shown, word);
        cli_usage(NULL, "'%.200s' is no option here", shown.data);
    }
    const struct command *command = find(word);
    return command->run(command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is told as an error, in words */
    cli_sandbox = sandbox_enter_program();
    cli_argc = argc;
    cli_argv = argv;
    const int code = dispatch(argc, argv);
    progress_die();
    return code;
}
