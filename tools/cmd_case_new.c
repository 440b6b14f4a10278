/* phash case new: pictures to a case file. Nothing else is written, and the PIN is shown once. */
#include "cmd_case.h"
#include "decode_args.h"
#include "guide.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPTION_SEAL_TO = OPTION_OWN, OPTION_DIHEDRAL, OPTION_LANG, OPTION_JSON };

static const char help[] =
    "Usage: phash case new -o FILE [OPTION]... PICTURE...\n"
    "Hashes your pictures on this device and writes a case file of the hashes. Nothing of the\n"
    "pictures leaves the device, and nothing else is written. Prints the number of the case and a\n"
    "PIN: write both down. With them you can ask how your case stands, and withdraw it.\n"
    "\n"
    "  -o, --output FILE      the case file; must not exist\n"
    "      --seal-to KEYFILE  seal it to a hotline's public key (NAME.pub): nobody else can read "
    "it,\n"
    "                         and you cannot either\n"
    "  -r, --recursive        all pictures in folders, and in folders therein\n"
    "      --dihedral         also what finds turned and mirrored copies\n"
    "      --lang LANGUAGE    en or ms; default by the locale\n"
    "      --json             print number, PIN and counts as a JSON object, and no advice\n"
    "      --help             this text\n"
    "\n"
    "Exit status: 0 the case file is written, 2 it is not, or a picture could not be read.\n";

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        {"output", required_argument, NULL, 'o'},
                                        {"seal-to", required_argument, NULL, OPTION_SEAL_TO},
                                        {"recursive", no_argument, NULL, 'r'},
                                        {"dihedral", no_argument, NULL, OPTION_DIHEDRAL},
                                        {"lang", required_argument, NULL, OPTION_LANG},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {NULL, 0, NULL, 0}};

struct run {
    struct decode_args args; /* profile full, always: what partners compute */
    struct inputs_options what;
    struct inputs *inputs;
    const char *output, *seal_to, *language;
    bool json;
    phash_case *c;
    /* The case, with its PIN, is made when the workers that read the pictures are gone: they are
     * copies of this process. */
    phash_case_signal *signals;
    size_t count, capacity;
    size_t failed, featureless;
};

static void parse(const struct command *self, struct run *run, int argc, char **argv)
{
    for (int c; (c = cli_option(self, argc, argv, ":ho:r", options)) != -1;) {
        switch (c) {
        case 'o':
            run->output = optarg;
            break;
        case 'r':
            run->what.recursive = true;
            break;
        case OPTION_SEAL_TO:
            run->seal_to = optarg;
            break;
        case OPTION_DIHEDRAL:
            run->args.pdq.dihedral = 1;
            break;
        case OPTION_LANG:
            run->language = optarg;
            break;
        default:
            run->json = true;
        }
    }
    if (!guide_text(run->language))
        cli_usage(self, "--lang: en and ms are there");
    if (!run->output)
        cli_usage(self, "say -o FILE: where the case file shall be written");
    if (optind == argc)
        cli_usage(self, "name the pictures, or folders with -r");
    run->what.paths = argv + optind;
    run->what.count = argc - optind;
}

static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct run *run = context;
    return decode_args_next(&run->args, run->inputs, job);
}

static void keep(struct run *run, const phash_pdq_result *result)
{
    if (run->count == run->capacity) {
        const size_t capacity = run->capacity ? 2 * run->capacity : 16;
        phash_case_signal *grown = cli_allocate(capacity, sizeof *grown);
        if (run->count)
            memcpy(grown, run->signals, run->count * sizeof *grown);
        store_free((char *)run->signals, run->count * sizeof *grown);
        run->signals = grown;
        run->capacity = capacity;
    }
    phash_case_signal *signal = &run->signals[run->count++];
    *signal = (phash_case_signal)PHASH_CASE_SIGNAL_INIT;
    signal->hash = result->hash;
    signal->quality = result->quality;
    signal->has_dihedral = result->has_dihedral;
    memcpy(signal->dihedral, result->dihedral, sizeof signal->dihedral);
    signal->dihedral[0] = signal->hash;
}

static bool take_result(void *context, void *tag, const struct worker_record *record)
{
    struct run *run = context;
    char *path = tag;
    if (record && record->status != PHASH_OK) {
        run->failed++;
        cli_path_message(path, cli_reason(&record->error));
    } else if (record && record->result.quality < PHASH_PDQ_QUALITY_MIN) {
        run->featureless++;
        cli_path_message(path, guide_featureless(run->language));
    } else if (record) {
        keep(run, &record->result);
    }
    free(path);
    return true;
}

/* Hashes all pictures into the case; false when the run broke off. */
static bool hash_all(struct run *run)
{
    struct pool *pool = decode_args_pool(&run->args, pool_processors());
    progress_catch_signals();
    run->inputs = inputs_open(&run->what);
    const struct pool_client client = {run, next_job, take_result, NULL, STDIN_FILENO};
    const int failure = pool_run(pool, &client);
    pool_stop(&pool);
    inputs_free(run->inputs);
    if (failure)
        cli_message("the worker processes are gone: %s", strerror(failure));
    return !failure && !progress_stopped();
}

static bool make_case(struct run *run, char pin[PHASH_CASE_PIN_SIZE])
{
    phash_error error = PHASH_ERROR_INIT;
    if (run->count == 0) {
        cli_message("no picture could be taken, so no case file was written");
        return false;
    }
    phash_status status = phash_case_new((int64_t)time(NULL), pin, &run->c, &error);
    for (size_t i = 0; i < run->count && !status; i++)
        status = phash_case_add(run->c, &run->signals[i], &error);
    if (status)
        cli_message("%s", cli_reason(&error));
    return !status;
}

static bool write_case(const struct run *run)
{
    char *text, *sealed = NULL;
    size_t length, sealed_length = 0;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_case_write(run->c, &text, &length, &error) != PHASH_OK) {
        cli_message("%s", cli_reason(&error));
        return false;
    }
    if (run->seal_to)
        sealed = case_seal_text(run->seal_to, text, length, &sealed_length);
    const bool good = run->seal_to ? sealed && store_create(run->output, sealed, sealed_length)
                                   : store_create(run->output, text, length);
    phash_text_free(&sealed, sealed_length);
    phash_text_free(&text, length);
    return good;
}

static bool print_case(const struct run *run, const char *pin)
{
    const bool malay = !strcmp(run->language, "ms");
    char line[600];
    if (run->json)
        snprintf(line, sizeof line,
                 "{\"caseNumber\":\"%s\",\"pin\":\"%s\",\"images\":%zu,\"leftOut\":%zu,"
                 "\"failed\":%zu}\n",
                 phash_case_number(run->c), pin, phash_case_count(run->c), run->featureless,
                 run->failed);
    else
        snprintf(line, sizeof line,
                 malay
                     ? "nombor kes: %s\nPIN: %s\ngambar: %zu\n\nTulis nombor dan PIN ini sekarang. "
                       "PIN tidak disimpan di mana-mana dan tidak\nditunjukkan lagi. Jangan "
                       "hantar PIN bersama fail kes.\n\n"
                     : "case: %s\nPIN: %s\nimages: %zu\n\nWrite number and PIN down now. The PIN "
                       "is stored nowhere and will not be shown\nagain. Do not send it along with "
                       "the case file.\n\n",
                 phash_case_number(run->c), pin, phash_case_count(run->c));
    bool good = cli_write(line, strlen(line));
    explicit_bzero(line, sizeof line);
    const char *advice = guide_text(run->language);
    if (good && !run->json)
        good = cli_write(advice, strlen(advice));
    return good;
}

static int new_run(const struct command *self, int argc, char **argv)
{
    struct run run = {.args = DECODE_ARGS_INIT, .language = guide_language()};
    char pin[PHASH_CASE_PIN_SIZE];
    parse(self, &run, argc, argv);
    if (!store_is_free(run.output))
        return EXIT_FAILED;
    const bool good =
        hash_all(&run) && make_case(&run, pin) && write_case(&run) && print_case(&run, pin);
    explicit_bzero(pin, sizeof pin);
    phash_case_free(&run.c);
    store_free((char *)run.signals, run.count * sizeof *run.signals);
    return good && !run.failed ? EXIT_DONE : EXIT_FAILED;
}

const struct command case_new = {"case new", "pictures to a case file", help, new_run};
