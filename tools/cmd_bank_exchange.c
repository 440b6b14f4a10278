/* phash bank import, export, feedback: what goes in and out. */
#include "cmd_bank.h"

#include "bank_index.h"
#include "cmd_case.h"
#include "rows.h"
#include "store.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of a million bad lines is told of in a few. */
enum { REPORTS_MAX = 20 };

struct reports {
    const char *path;
    unsigned count;
};

static void report(void *context, const phash_error *error)
{
    struct reports *reports = context;
    if (reports->count++ < REPORTS_MAX)
        cli_path_message(reports->path, error->message);
    else if (reports->count == REPORTS_MAX + 1)
        cli_path_message(reports->path, "more of it is bad, and is only counted from here on");
}

static void sum_up(const char *path, const phash_bank_import_result *r)
{
    char line[300];
    snprintf(line, sizeof line,
             "%llu good, %llu new, %llu changed, %llu erased, %llu cases over, %llu feedback, %llu "
             "passed over, %llu bad",
             (unsigned long long)r->records, (unsigned long long)r->added,
             (unsigned long long)r->changed, (unsigned long long)r->erased,
             (unsigned long long)r->withdrawn, (unsigned long long)r->feedback,
             (unsigned long long)r->skipped, (unsigned long long)r->bad);
    cli_path_message(path, line);
}

static bool import_one(phash_bank *bank, const char *path, const phash_bank_import_options *o,
                       bool quiet)
{
    const bool standard = !strcmp(path, "-");
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        cli_path_message(path, strerror(errno));
        return false;
    }
    phash_error error = PHASH_ERROR_INIT;
    phash_bank_import_result result = PHASH_BANK_IMPORT_RESULT_INIT;
    struct reports reports = {path, 0};
    phash_bank_import_options options = *o;
    options.context = &reports;
    const bool good = phash_bank_import_fd(bank, fd, &options, &result, &error) == PHASH_OK;
    if (!standard)
        close(fd);
    if (!good)
        bank_failed(path, &error);
    else if (!quiet)
        sum_up(path, &result);
    return good && !result.bad; /* what was bad is left out, and the exit status tells */
}

static int import_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_SOURCE, BANK_KEY, BANK_MIN_QUALITY, 0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    if (args.count == 0)
        cli_usage(self, "name the files to import, or - for stdin");
    phash_bank_import_options o = PHASH_BANK_IMPORT_OPTIONS_INIT;
    if (args.source)
        o.source = args.source;
    o.min_quality = args.min_quality;
    o.report = report;
    char *key = NULL;
    if (args.key && !(key = store_read(args.key, KEY_FILE_MAX, &o.secret_key_bytes)))
        return EXIT_FAILED;
    o.secret_key = key;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_WRITE);
    bool good = bank != NULL;
    for (int i = 0; bank && i < args.count; i++)
        good = import_one(bank, args.rest[i], &o, args.quiet) && good;
    /* Withdrawals may have come in. */
    good = bank && bank_index_follow(bank, args.path) && good;
    phash_bank_free(&bank);
    store_free(key, o.secret_key_bytes);
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* Output that takes its name only when it is whole. */
struct output {
    const char *path; /* NULL: stdout */
    char beside[4200];
    int fd;
};

static bool output_open(struct output *out, const char *path)
{
    out->path = path;
    out->fd = -1;
    if (!path)
        return true;
    snprintf(out->beside, sizeof out->beside, "%s.part.%d", path, (int)getpid());
    out->fd = open(out->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out->fd < 0)
        cli_path_message(path, strerror(errno));
    return out->fd >= 0;
}

static bool output_write(struct output *out, const char *data, size_t bytes)
{
    if (!out->path)
        return cli_write(data, bytes);
    while (bytes) {
        const ssize_t n = write(out->fd, data, bytes);
        if (n < 0 && errno != EINTR) {
            cli_path_message(out->path, strerror(errno));
            return false;
        }
        if (n > 0) {
            data += n;
            bytes -= (size_t)n;
        }
    }
    return true;
}

static bool output_close(struct output *out, bool good)
{
    if (!out->path || out->fd < 0)
        return good;
    bool done = good && fsync(out->fd) == 0;
    done = close(out->fd) == 0 && done;
    done = done && rename(out->beside, out->path) == 0;
    if (good && !done)
        cli_path_message(out->path, strerror(errno));
    if (!done)
        unlink(out->beside);
    return done;
}

static int export_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_SINCE, BANK_PAGE_SIZE, BANK_TOKEN, BANK_OUTPUT, 0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    if (args.count)
        cli_usage(self, "one bank at a time");
    struct output out;
    phash_error error = PHASH_ERROR_INIT;
    phash_exchange_page page = PHASH_EXCHANGE_PAGE_INIT;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_READ);
    bool good = bank && output_open(&out, args.output);
    const bool opened = good, single = args.token != NULL;
    char token[sizeof page.next_token] = "";
    if (single)
        snprintf(token, sizeof token, "%s", args.token);
    while (good) {
        char *text;
        size_t length;
        if (phash_bank_export(bank, args.since, token, args.page_size, &text, &length, &page,
                              &error) != PHASH_OK) {
            bank_failed(args.path, &error);
            good = false;
            break;
        }
        good = output_write(&out, text, length);
        phash_text_free(&text, length);
        memcpy(token, page.next_token, sizeof token);
        if (!page.has_more || single)
            break;
    }
    if (opened)
        good = output_close(&out, good);
    if (good && !args.quiet)
        cli_message("next time: --since %lld", (long long)page.next);
    phash_bank_free(&bank);
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* The tags as a JSON list; NULL for none. */
static char *tags_text(const struct command *self, const struct bank_args *args)
{
    if (!args->tag_count)
        return NULL;
    json_t *list = rows_made(json_array());
    for (size_t i = 0; i < args->tag_count; i++) {
        json_t *tag = json_string(args->tags[i]);
        if (!tag)
            cli_usage(self, "--tag: not UTF-8");
        json_array_append_new(list, tag);
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (!text)
        cli_no_memory();
    return text;
}

static bool submit(phash_bank *bank, const struct bank_args *args, const char *source)
{
    char *text = NULL;
    size_t length = 0;
    phash_error error = PHASH_ERROR_INIT;
    struct output out;
    if (phash_bank_feedback_export(bank, source, &text, &length, &error) != PHASH_OK) {
        bank_failed(args->path, &error);
        return false;
    }
    bool good = output_open(&out, args->output);
    if (good)
        good = output_close(&out, output_write(&out, text, length));
    phash_text_free(&text, length);
    return good;
}

static bool give(phash_bank *bank, const struct bank_args *args, const char *source,
                 const char *tags, const char *hex)
{
    phash_hash256 hash;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_hash256_from_hex(hex, strlen(hex), &hash) != PHASH_OK) {
        cli_message("a hash is exactly 64 hex digits");
        return false;
    }
    if (phash_bank_feedback(bank, &hash, source, args->value, tags, &error) == PHASH_OK)
        return true;
    cli_message("%s", cli_reason(&error));
    return false;
}

static int feedback_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_SOURCE, BANK_VALUE, BANK_TAG, BANK_OUTPUT, BANK_SUBMIT, 0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    if (args.submit == (args.value != NULL) || args.submit == (args.count > 0))
        cli_usage(self, "say --value VALUE and hashes, or --submit alone");
    const char *source = args.source ? args.source : "self";
    phash_bank *bank = bank_open(args.path, args.submit ? PHASH_BANK_READ : PHASH_BANK_WRITE);
    bool good = bank != NULL;
    if (good && args.submit) {
        good = submit(bank, &args, source);
    } else if (good) {
        char *tags = tags_text(self, &args), line[128];
        for (int i = 0; i < args.count; i++) {
            if (strcmp(args.rest[i], "-") != 0) {
                good = give(bank, &args, source, tags, args.rest[i]) && good;
                continue;
            }
            while (fgets(line, sizeof line, stdin)) {
                line[strcspn(line, "\r\n")] = '\0';
                good = give(bank, &args, source, tags, line) && good;
            }
        }
        free(tags);
    }
    phash_bank_free(&bank);
    return good ? EXIT_DONE : EXIT_FAILED;
}

const struct command bank_import = {
    "bank import", "take in lists, case files, pages and feedback",
    "Usage: phash bank import BANK [OPTION]... FILE...\n"
    "Imports hash lists, case files, sealed case files, and pages and feedback of the hash "
    "exchange,\n"
    "told apart by content. Each file is imported as a whole or not at all; importing it again\n"
    "changes nothing, so a run that was interrupted is simply run again. '-' is stdin.\n"
    "\n"
    "      --source NAME      who sent it; a record replaces earlier ones of the same source\n"
    "                         (default import)\n"
    "      --key KEYFILE      your secret key, for sealed case files\n"
    "      --min-quality N    pass over list and case entries of a known quality below N\n"
    "  -q, --quiet            no counts\n",
    import_run};
const struct command bank_export = {
    "bank export", "give out pages of the hash exchange",
    "Usage: phash bank export BANK [OPTION]...\n"
    "Writes everything that changed as FetchHashes pages, withdrawals included, one after the "
    "other.\n"
    "\n"
    "      --since STAMP      nextSetTimestamp of the last export (default 0: everything)\n"
    "      --page-size N      records in a page (default 800)\n"
    "      --page-token TOKEN this one page only, behind the page that gave the token\n"
    "  -o, --output FILE      write there, when all is there (default stdout)\n"
    "  -q, --quiet            do not tell the stamp for the next time\n",
    export_run};
const struct command bank_feedback = {
    "bank feedback", "say what was done about hashes",
    "Usage: phash bank feedback BANK --value VALUE [--tag TAG]... [--source NAME] HASH...\n"
    "       phash bank feedback BANK --submit [--source NAME] [-o FILE]\n"
    "Notes feedback on hashes ('-': one per line on stdin), or writes all of it as a "
    "SubmitFeedback\n"
    "page.\n"
    "\n"
    "      --value VALUE      None, QualityUnknown, PendingReview, Blocked, NotBlocked, "
    "Withdrawn,\n"
    "                         Deleted\n"
    "      --tag TAG          may be given several times\n"
    "      --source NAME      whose feedback it is (default self)\n"
    "      --submit           write the page\n"
    "  -o, --output FILE      write there (default stdout)\n",
    feedback_run};
