/* phash bank status, withdraw, purge: what a person asks for, and cleaning up. */
#include "cmd_bank.h"

#include "bank_index.h"
#include "rows.h"
#include "store.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool print_status(const phash_bank_case *info, bool as_json)
{
    char times[2][32];
    bank_time(info->created, times[0]);
    bank_time(info->received, times[1]);
    struct text out = {0};
    char line[256];
    if (as_json) {
        json_t *o = rows_made(json_object()), *list = rows_made(json_array());
        json_object_set_new(o, "caseNumber", rows_made(json_string(info->number)));
        json_object_set_new(o, "status", rows_made(json_string(info->status)));
        json_object_set_new(o, "hashes", rows_made(json_integer((json_int_t)info->signals)));
        json_object_set_new(o, "created", rows_made(json_string(times[0])));
        json_object_set_new(o, "received", rows_made(json_string(times[1])));
        for (size_t i = 0; i < info->feedback_count; i++)
            json_array_append_new(
                list, rows_made(json_pack("{s:s, s:s, s:I}", "source", info->feedback[i].source,
                                          "feedbackValue", info->feedback[i].value, "hashes",
                                          (json_int_t)info->feedback[i].count)));
        json_object_set_new(o, "feedback", list);
        rows_add_json(&out, o, false);
        json_decref(o);
    } else {
        snprintf(line, sizeof line,
                 "case: %s\nstatus: %s\nhashes: %llu\ncreated: %s\nreceived: %s\n", info->number,
                 info->status, (unsigned long long)info->signals, times[0], times[1]);
        text_string(&out, line);
        for (size_t i = 0; i < info->feedback_count; i++) {
            text_string(&out, "feedback: ");
            text_escaped(&out, info->feedback[i].source);
            text_string(&out, ": ");
            text_escaped(&out, info->feedback[i].value);
            snprintf(line, sizeof line, " (%llu)\n", (unsigned long long)info->feedback[i].count);
            text_string(&out, line);
        }
    }
    const bool good = cli_write(out.data, out.length);
    text_free(&out);
    return good;
}

static int status_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_CASE, BANK_JSON, 0};
    struct bank_args args;
    char pin[64];
    bank_parse(self, &args, allowed, argc, argv);
    if (!args.number || args.count)
        cli_usage(self, "say --case NUMBER");
    phash_error error = PHASH_ERROR_INIT;
    phash_bank_case info = {.size = sizeof info};
    phash_bank *bank = bank_open(args.path, PHASH_BANK_READ);
    int code = EXIT_FAILED;
    if (bank && store_ask_pin(pin, sizeof pin)) {
        const phash_status status = phash_bank_case_status(bank, args.number, pin, &info, &error);
        explicit_bzero(pin, sizeof pin);
        if (status != PHASH_OK)
            cli_message("%s", cli_reason(&error));
        else if (print_status(&info, args.json))
            code = EXIT_DONE;
    }
    phash_bank_free(&bank);
    return code;
}

static int withdraw_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_CASE, 0};
    struct bank_args args;
    char pin[64];
    bank_parse(self, &args, allowed, argc, argv);
    if (!args.number || args.count)
        cli_usage(self, "say --case NUMBER");
    phash_error error = PHASH_ERROR_INIT;
    uint64_t erased = 0;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_WRITE);
    int code = EXIT_FAILED;
    if (bank && store_ask_pin(pin, sizeof pin)) {
        const phash_status status =
            phash_bank_case_withdraw(bank, args.number, pin, &erased, &error);
        explicit_bzero(pin, sizeof pin);
        if (status != PHASH_OK) {
            cli_message("%s", cli_reason(&error));
        } else {
            code = bank_index_follow(bank, args.path) ? EXIT_DONE : EXIT_FAILED;
            if (!args.quiet)
                cli_message("withdrawn; %llu hashes erased", (unsigned long long)erased);
        }
    }
    phash_bank_free(&bank);
    return code;
}

static int purge_run(const struct command *self, int argc, char **argv)
{
    static const int allowed[] = {BANK_SOURCE, 0};
    struct bank_args args;
    bank_parse(self, &args, allowed, argc, argv);
    if (args.count)
        cli_usage(self, "one bank at a time");
    phash_error error = PHASH_ERROR_INIT;
    uint64_t erased = 0;
    phash_bank *bank = bank_open(args.path, PHASH_BANK_WRITE);
    int code = bank ? EXIT_DONE : EXIT_FAILED;
    if (bank && phash_bank_purge(bank, args.source, &erased, &error) != PHASH_OK)
        code = bank_failed(args.path, &error);
    else if (bank && !bank_index_follow(bank, args.path))
        code = EXIT_FAILED;
    else if (bank && !args.quiet)
        cli_message("%llu hashes erased", (unsigned long long)erased);
    phash_bank_free(&bank);
    return code;
}

const struct command bank_status = {
    "bank status", "tell a person about their case",
    "Usage: phash bank status BANK --case NUMBER [--json]\n"
    "Prints status and feedback of a case for the person who knows its PIN. The PIN is read from\n"
    "stdin. A wrong PIN and an unknown number look the same, and take the same time.\n",
    status_run};
const struct command bank_withdraw = {
    "bank withdraw", "withdraw a case",
    "Usage: phash bank withdraw BANK --case NUMBER\n"
    "Withdraws a case for the person who knows its PIN, which is read from stdin: every hash that "
    "no\n"
    "other case holds is erased, from the file too. Partners erase it with your next export.\n",
    withdraw_run};
const struct command bank_purge = {
    "bank purge", "erase what a source gave",
    "Usage: phash bank purge BANK [--source NAME]\n"
    "Erases every hash that a source gave and no case holds, and rewrites the file so that "
    "nothing\n"
    "that was erased is left in it. Without --source it only rewrites the file.\n",
    purge_run};
