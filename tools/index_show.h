/* index_show.h: telling what is in an index. */
#ifndef PHASH_TOOLS_INDEX_SHOW_H
#define PHASH_TOOLS_INDEX_SHOW_H

#include "cli.h"

#include <jansson.h>

/* These give exit codes. */
int index_show_info(const char *path, bool json);
int index_show_list(const char *path);
int index_show_failure(const char *path, const phash_error *error);

void index_show_put(json_t *object, const char *key, uint64_t value);
bool index_show_print(json_t *object); /* frees it */

#endif
