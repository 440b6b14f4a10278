/* cmd_bank.h: the parts of `phash bank`. */
#ifndef PHASH_TOOLS_CMD_BANK_H
#define PHASH_TOOLS_CMD_BANK_H

#include "cli.h"

#include <phash/bank.h>

extern const struct command bank_import, bank_export, bank_feedback;
extern const struct command bank_list, bank_status, bank_withdraw, bank_purge, bank_info;

/* Opens a bank; NULL after a message. */
phash_bank *bank_open(const char *path, phash_bank_mode mode);

/* What every part takes; options that a part does not name are refused by `allowed`. */
enum {
    BANK_SOURCE = OPTION_OWN,
    BANK_KEY,
    BANK_MIN_QUALITY,
    BANK_SINCE,
    BANK_PAGE_SIZE,
    BANK_TOKEN,
    BANK_OUTPUT,
    BANK_VALUE,
    BANK_TAG,
    BANK_CASE,
    BANK_JSON,
    BANK_SUBMIT
};

enum { BANK_TAGS = 64 };

struct bank_args {
    const char *path; /* the bank */
    char **rest;      /* arguments behind it */
    int count;
    const char *source, *key, *token, *output, *value, *number;
    const char *tags[BANK_TAGS];
    size_t tag_count;
    int64_t since;
    size_t page_size;
    int min_quality;
    bool json, quiet, submit;
};

/* Parses; `allowed` is a list of the values above, ended by 0. */
void bank_parse(const struct command *self, struct bank_args *args, const int *allowed, int argc,
                char **argv);

/* Prints the reason and gives EXIT_FAILED. */
int bank_failed(const char *path, const phash_error *error);

/* A time as people read it, or "-" for 0. */
const char *bank_time(int64_t seconds, char out[32]);

#endif
