/* index_open.h: opening an index for hashes of the kind that the command line asks for. */
#ifndef PHASH_TOOLS_INDEX_OPEN_H
#define PHASH_TOOLS_INDEX_OPEN_H

#include "decode_args.h"

#include <phash/index.h>

/* Opens `path`. Where no algorithm was named, it becomes the index's; where another was, that is an
 * error. Tells of what fails.
 *   options  its flags get PHASH_INDEX_MANUAL and PHASH_INDEX_ANY_KIND besides
 *   args     algorithm is settled afterwards */
bool index_open(const struct command *self, const char *path, phash_index_options options,
                struct decode_args *args, phash_index **index);

/* After the last option, where there is no index yet: refuses what does not go together, and hashes
 * of a length that no index takes. */
void index_settle(const struct command *self, struct decode_args *args);

/* Refuses a distance over the length of the hashes. */
void index_check_distance(const struct command *self, const struct decode_args *args,
                          const char *option, uint32_t distance);

#endif
