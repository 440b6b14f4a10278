/* cmd_case.h: the parts of `phash case`. */
#ifndef PHASH_TOOLS_CMD_CASE_H
#define PHASH_TOOLS_CMD_CASE_H

#include "cli.h"

extern const struct command case_new;
extern const struct command case_show;
extern const struct command case_seal;
extern const struct command case_open;

/* Room for the text of a key file. */
enum { KEY_FILE_MAX = 4096 };

/* Seals to the key file `path`; NULL after a message. Free with phash_text_free. */
char *case_seal_text(const char *path, const char *data, size_t bytes, size_t *length);

/* Runs the verb in argv[1] out of `verbs` (ends with NULL). */
int cli_verbs(const struct command *self, const struct command *const *verbs, int argc,
              char **argv);

#endif
