/* phash bank: a hotline's or partner's side. Options, init, info, list. */
#include "cmd_bank.h"

#include "cmd_case.h"
#include "rows.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct option options[] = {CLI_COMMON_OPTIONS,
                                        {"source", required_argument, NULL, BANK_SOURCE},
                                        {"key", required_argument, NULL, BANK_KEY},
                                        {"min-quality", required_argument, NULL, BANK_MIN_QUALITY},
                                        {"since", required_argument, NULL, BANK_SINCE},
                                        {"page-size", required_argument, NULL, BANK_PAGE_SIZE},
                                        {"page-token", required_argument, NULL, BANK_TOKEN},
                                        {"output", required_argument, NULL, BANK_OUTPUT},
                                        {"value", required_argument, NULL, BANK_VALUE},
                                        {"tag", required_argument, NULL, BANK_TAG},
                                        {"case", required_argument, NULL, BANK_CASE},
                                        {"json", no_argument, NULL, BANK_JSON},
                                        {"submit", no_argument, NULL, BANK_SUBMIT},
                                        {"quiet", no_argument, NULL, 'q'},
                                        {NULL, 0, NULL, 0}};

static void check_allowed(const struct command *self, const int *allowed, int c)
{
    while (*allowed && *allowed != c)
        allowed++;
    if (*allowed || c == 'q')
        return;
    for (const struct option *o = options; o->name; o++)
        if (o->val == c)
            cli_usage(self, "--%s has no meaning here", o->name);
}

static void take(const struct command *self, struct bank_args *args, int c)
{
    switch (c) {
    case BANK_SOURCE:
        args->source = optarg;
        break;
    case BANK_KEY:
        args->key = optarg;
        break;
    case BANK_MIN_QUALITY:
        args->min_quality = (int)cli_number(self, "--min-quality", optarg, false, 0, 100);
        break;
    case BANK_SINCE:
        args->since = (int64_t)cli_number(self, "--since", optarg, false, 0, INT64_MAX);
        break;
    case BANK_PAGE_SIZE:
        args->page_size = (size_t)cli_number(self, "--page-size", optarg, false, 1, 100000);
        break;
    case BANK_TOKEN:
        args->token = optarg;
        break;
    case BANK_OUTPUT:
        args->output = optarg;
        break;
    case BANK_VALUE:
        args->value = optarg;
        break;
    case BANK_TAG:
        if (args->tag_count == BANK_TAGS)
            cli_usage(self, "--tag: %d at most", BANK_TAGS);
        args->tags[args->tag_count++] = optarg;
        break;
    case BANK_CASE:
        args->number = optarg;
        break;
    case BANK_JSON:
        args->json = true;
        break;
    case BANK_SUBMIT:
        args->submit = true;
        break;
    default:
        args->quiet = true;
    }
}

void bank_parse(const struct command *self, struct bank_args *args, const int *allowed, int argc,
                char **argv)
{
    *args = (struct bank_args){.page_size = 800};
    for (int c; (c = cli_option(self, argc, argv, ":ho:q", options)) != -1;) {
        if (c == 'o')
            c = BANK_OUTPUT;
        check_allowed(self, allowed, c);
        take(self, args, c);
    }
    if (args->source && !*args->source)
        cli_usage(self, "--source: a name is needed");
    if (optind == argc)
        cli_usage(self, "name the bank");
    args->path = argv[optind];
    args->rest = argv + optind + 1;
    args->count = argc - optind - 1;
}

int bank_failed(const char *path, const phash_error *error)
{
    cli_path_message(path, cli_reason(error));
    return EXIT_FAILED;
}

phash_bank *bank_open(const char *path, phash_bank_mode mode)
{
    phash_bank *bank;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_bank_open(path, mode, &bank, &error) != PHASH_OK)
        bank_failed(path, &error);
    return bank;
}

const char *bank_time(int64_t seconds, char out[32])
{
    const time_t t = (time_t)seconds;
    struct tm tm;
    if (!seconds || !gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
        strcpy(out, "-");
    return out;
}

static int init_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    if (args.count)
        cli_usage(self, "name one bank");
    phash_bank *bank = bank_open(args.path, PHASH_BANK_CREATE);
    const int code = bank ? EXIT_DONE : EXIT_FAILED;
    phash_bank_free(&bank);
    return code;
}

static int print_source(void *context, const char *name, int64_t next, const char *token)
{
    json_t *list = context;
    json_t *one = rows_made(json_object());
    json_t *text = json_string(name);
    json_object_set_new(one, "source", text ? text : rows_made(json_string("?")));
    if (next >= 0)
        json_object_set_new(one, "nextSetTimestamp", rows_made(json_integer(next)));
    if (*token)
        json_object_set_new(one, "nextPageToken", rows_made(json_string(token)));
    json_array_append_new(list, one);
    return 0;
}

static void set_count(json_t *o, const char *name, uint64_t value)
{
    json_object_set_new(o, name, rows_made(json_integer((json_int_t)value)));
}

static int info_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_JSON, 0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    phash_bank_info info = PHASH_BANK_INFO_INIT;
    phash_error error = PHASH_ERROR_INIT;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_READ);
    if (!bank)
        return EXIT_FAILED;
    json_t *o = rows_made(json_object()), *sources = rows_made(json_array());
    int code = EXIT_DONE;
    if (phash_bank_info_get(bank, &info, &error) != PHASH_OK ||
        phash_bank_source_list(bank, print_source, sources, &error) != PHASH_OK)
        code = bank_failed(args.path, &error);
    set_count(o, "signals", info.signals);
    set_count(o, "images", info.images);
    set_count(o, "cases", info.cases);
    set_count(o, "withdrawn", info.withdrawn);
    set_count(o, "feedback", info.feedback);
    set_count(o, "lastChange", (uint64_t)info.clock);
    json_object_set_new(o, "sources", sources);
    struct text out = {0};
    char *dump = json_dumps(o, args.json ? JSON_COMPACT : JSON_INDENT(2));
    if (dump) {
        text_string(&out, dump);
        text_string(&out, "\n");
    }
    if (code == EXIT_DONE && (!dump || !cli_write(out.data, out.length)))
        code = EXIT_FAILED;
    free(dump);
    text_free(&out);
    json_decref(o);
    phash_bank_free(&bank);
    return code;
}

static int print_case(void *context, const phash_bank_case *info)
{
    char line[256], created[32], received[32];
    (void)context;
    const int n = snprintf(line, sizeof line, "%s,%s,%llu,%s,%s\n", info->number, info->status,
                           (unsigned long long)info->signals, bank_time(info->created, created),
                           bank_time(info->received, received));
    return !cli_write(line, (size_t)n);
}

static int list_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {0};
    static const char heading[] = "number,status,hashes,created,received\n";
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    phash_error error = PHASH_ERROR_INIT;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_READ);
    if (!bank)
        return EXIT_FAILED;
    int code = EXIT_DONE;
    cli_write(heading, sizeof heading - 1);
    if (phash_bank_case_list(bank, print_case, NULL, &error) != PHASH_OK)
        code = bank_failed(args.path, &error);
    phash_bank_free(&bank);
    return cli_stdout_failed() ? EXIT_FAILED : code;
}

static const struct command bank_init = {
    "bank init", "make an empty bank",
    "Usage: phash bank init BANK\nMakes an empty bank, readable by its owner alone.\n", init_run};
const struct command bank_info = {"bank info", "what a bank holds",
                                  "Usage: phash bank info [--json] BANK\n"
                                  "Prints counts, and where each source stands, as JSON.\n",
                                  info_run};
const struct command bank_list = {"bank list", "the cases in a bank",
                                  "Usage: phash bank list BANK\nPrints number, status, count of "
                                  "hashes, and times of each case, as "
                                  "csv.\n",
                                  list_run};

static const struct command *const verbs[] = {
    &bank_init,     &bank_import,   &bank_export, &bank_list, &bank_status,
    &bank_withdraw, &bank_feedback, &bank_purge,  &bank_info, NULL};

static int bank_run(const struct command *self, int argc, char **argv)
{
    return cli_verbs(self, verbs, argc, argv);
}

const struct command command_bank = {
    "bank", "keep, exchange and withdraw cases and hashes",
    "Usage: phash bank init BANK\n"
    "       phash bank import BANK [--source NAME] [--key KEYFILE] FILE...\n"
    "       phash bank export BANK [--since STAMP] [--page-size N] [-o FILE]\n"
    "       phash bank list BANK\n"
    "       phash bank status BANK --case NUMBER      (PIN on stdin)\n"
    "       phash bank withdraw BANK --case NUMBER    (PIN on stdin)\n"
    "       phash bank feedback BANK --value VALUE [--tag TAG]... HASH...\n"
    "       phash bank purge BANK [--source NAME]\n"
    "       phash bank info BANK\n"
    "\n"
    "A bank is a file that holds the hashes, cases and feedback of a hotline or partner.\n"
    "'phash bank import --help' and the like tell more.\n",
    bank_run};
