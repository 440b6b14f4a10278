/* scan_output.h: what `phash scan` says of a file that matches: a JSON object for each match, and a
 * row of the report. */
#ifndef PHASH_TOOLS_SCAN_OUTPUT_H
#define PHASH_TOOLS_SCAN_OUTPUT_H

#include "pool.h"
#include "report.h"
#include "text.h"

#include <phash/bank.h>
#include <phash/index.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* A file that matched, and where in the rows its picture goes. */
struct scan_file {
    char *path;
    struct stat status;
    size_t at;
};

struct scan_output {
    phash_bank *bank;   /* or NULL; whose the ids are */
    phash_index *index; /* whose labels are shown where there is no bank */
    bool report;        /* rows are wanted */
    bool pictures;      /* the rows have room for them */
    struct text rows;
    uint64_t matching;       /* files that matched */
    struct scan_file *files; /* the same, where pictures are wanted */
    size_t file_count, file_capacity;
};

/* Prints and keeps the matches of one file.
 *   fd       of what was hashed, or -1
 *   matches  ids that the bank holds no more are passed over: what is withdrawn is not found,
 *            whenever it was
 * False when nothing more can be written. */
bool scan_output_add(struct scan_output *out, const char *path, int fd, const phash_match *matches,
                     size_t count);

/* Puts a picture into the rows of each file that matched: opens it again, if it is still the same
 * file, and has a worker reduce it. A file without one gets none. 0, or the errno of pool_run. */
int scan_thumbnails(struct scan_output *out, struct pool *pool, const phash_decode_options *decode);

void scan_output_free(struct scan_output *out);

#endif
