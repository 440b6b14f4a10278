/* phash case: a person's side of a takedown. Files: show, seal, open. */
#include "cmd_case.h"

#include "store.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int cli_verbs(const struct command *self, const struct command *const *verbs, int argc, char **argv)
{
    if (argc < 2)
        cli_usage(self, "say what to do");
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return cli_write(self->help, strlen(self->help)) ? EXIT_DONE : EXIT_FAILED;
    for (; *verbs; verbs++)
        if (!strcmp(strrchr((*verbs)->name, ' ') + 1, argv[1]))
            return (*verbs)->run(*verbs, argc - 1, argv + 1);
    struct text shown = {0};
    text_escaped(&shown, argv[1]);
    cli_usage(self, "'%.200s' is nothing it can do", shown.data);
}

char *case_seal_text(const char *path, const char *data, size_t bytes, size_t *length)
{
    size_t key_bytes;
    char *key = store_read(path, KEY_FILE_MAX, &key_bytes), *sealed = NULL;
    phash_error error = PHASH_ERROR_INIT;
    if (key && phash_seal(data, bytes, key, key_bytes, &sealed, length, &error) != PHASH_OK)
        cli_path_message(path, cli_reason(&error));
    store_free(key, key ? key_bytes : 0);
    return sealed;
}

/* Reads a case file's text, opening it where a key is given. */
static char *read_plain(const char *path, const char *key_path, size_t *bytes)
{
    char *data = store_read(path, PHASH_CASE_FILE_MAX, bytes);
    if (!data || !key_path)
        return data;
    size_t key_bytes, length = 0;
    char *key = store_read(key_path, KEY_FILE_MAX, &key_bytes), *text = NULL, *plain = NULL;
    phash_error error = PHASH_ERROR_INIT;
    if (key && phash_unseal(data, *bytes, key, key_bytes, &text, &length, &error) != PHASH_OK)
        cli_path_message(path, cli_reason(&error));
    if (text) {
        plain = cli_allocate(length + 1, 1);
        memcpy(plain, text, length);
    }
    store_free(key, key ? key_bytes : 0);
    store_free(data, *bytes);
    phash_text_free(&text, length);
    *bytes = length;
    return plain;
}

enum { OPTION_KEY = OPTION_OWN, OPTION_TO, OPTION_HASHES };

static const struct option file_options[] = {CLI_COMMON_OPTIONS,
                                             {"key", required_argument, NULL, OPTION_KEY},
                                             {"to", required_argument, NULL, OPTION_TO},
                                             {"hashes", no_argument, NULL, OPTION_HASHES},
                                             {"output", required_argument, NULL, 'o'},
                                             {NULL, 0, NULL, 0}};

struct file_run {
    const char *path, *key, *to, *output;
    bool hashes;
};

static void parse(const struct command *self, struct file_run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":ho:", file_options)) != -1;) {
        if (c == 'o')
            run->output = optarg;
        else if (c == OPTION_KEY)
            run->key = optarg;
        else if (c == OPTION_TO)
            run->to = optarg;
        else
            run->hashes = true;
    }
    if (argc - optind != 1)
        cli_usage(self, "name one case file");
    run->path = argv[optind];
}

static int show_run(const struct command *self, int argc, char **argv)
{
    struct file_run run = {0};
    parse(self, &run, argc, argv);
    if (run.to || run.output)
        cli_usage(self, "takes --key and --hashes only");
    size_t bytes;
    char *data = read_plain(run.path, run.key, &bytes);
    phash_case *c = NULL;
    phash_error error = PHASH_ERROR_INIT;
    if (!data)
        return EXIT_FAILED;
    if (phash_case_read(data, bytes, &c, &error) != PHASH_OK) {
        cli_path_message(run.path, cli_reason(&error));
        store_free(data, bytes);
        return EXIT_FAILED;
    }
    char line[160], when[40] = "";
    const time_t created = (time_t)phash_case_created(c);
    struct tm tm;
    if (gmtime_r(&created, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
    snprintf(line, sizeof line, "case: %s\ncreated: %s\nimages: %zu\n", phash_case_number(c), when,
             phash_case_count(c));
    bool good = cli_write(line, strlen(line));
    for (size_t i = 0; run.hashes && good && i < phash_case_count(c); i++) {
        phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
        char hex[PHASH_HASH256_HEX + 1];
        (void)phash_case_signal_get(c, i, &s);
        phash_hash256_to_hex(&s.hash, hex);
        snprintf(line, sizeof line, "%s,%d\n", hex, s.quality);
        good = cli_write(line, strlen(line));
    }
    phash_case_free(&c);
    store_free(data, bytes);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int seal_run(const struct command *self, int argc, char **argv)
{
    struct file_run run = {0};
    parse(self, &run, argc, argv);
    if (!run.to || !run.output || run.key)
        cli_usage(self, "say --to KEYFILE and -o FILE");
    size_t bytes, length = 0;
    char *data = store_read(run.path, PHASH_CASE_FILE_MAX / 2, &bytes);
    phash_case *c = NULL;
    phash_error error = PHASH_ERROR_INIT;
    char *sealed = NULL;
    if (data && phash_case_read(data, bytes, &c, &error) != PHASH_OK)
        cli_path_message(run.path, cli_reason(&error));
    else if (data)
        sealed = case_seal_text(run.to, data, bytes, &length);
    const bool good = sealed && store_create(run.output, sealed, length);
    phash_text_free(&sealed, length);
    phash_case_free(&c);
    store_free(data, data ? bytes : 0);
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int open_run(const struct command *self, int argc, char **argv)
{
    struct file_run run = {0};
    parse(self, &run, argc, argv);
    if (!run.key || !run.output || run.to)
        cli_usage(self, "say --key KEYFILE and -o FILE");
    size_t bytes;
    char *data = read_plain(run.path, run.key, &bytes);
    const bool good = data && store_create(run.output, data, bytes);
    store_free(data, data ? bytes : 0);
    return good ? EXIT_DONE : EXIT_FAILED;
}

const struct command case_show = {
    "case show", "what is in a case file",
    "Usage: phash case show [--key KEYFILE] [--hashes] FILE\n"
    "Prints the number, the creation time and the count of images of a case file.\n"
    "\n"
    "      --key KEYFILE      the secret key that opens a sealed file\n"
    "      --hashes           print the hashes too. Who sees them can make a likeness of the "
    "pictures\n",
    show_run};
const struct command case_seal = {
    "case seal", "seal a case file to a key",
    "Usage: phash case seal --to KEYFILE -o FILE CASEFILE\n"
    "Seals a case file so that only the owner of the key can read it. The plain file stays.\n"
    "\n"
    "      --to KEYFILE       the recipient's public key (NAME.pub)\n"
    "  -o, --output FILE      the sealed file; must not exist\n",
    seal_run};
const struct command case_open = {
    "case open", "open a sealed case file",
    "Usage: phash case open --key KEYFILE -o FILE SEALED\n"
    "Opens a sealed case file. 'phash bank import --key' does it without a plain file.\n"
    "\n"
    "      --key KEYFILE      your secret key (NAME.key)\n"
    "  -o, --output FILE      the plain file; must not exist\n",
    open_run};

static const struct command *const verbs[] = {&case_new, &case_show, &case_seal, &case_open, NULL};

static int case_run(const struct command *self, int argc, char **argv)
{
    return cli_verbs(self, verbs, argc, argv);
}

const struct command command_case = {
    "case", "make a case file of your pictures' hashes",
    "Usage: phash case new -o FILE [--seal-to KEYFILE] PICTURE...\n"
    "       phash case show FILE\n"
    "       phash case seal --to KEYFILE -o FILE CASEFILE\n"
    "       phash case open --key KEYFILE -o FILE SEALED\n"
    "\n"
    "A case file holds the hashes of your pictures, never the pictures, and no name, place or "
    "date.\n"
    "'phash case new --help' and the like tell more.\n",
    case_run};
