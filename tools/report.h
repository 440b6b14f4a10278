/* report.h: what `phash scan` found, as one HTML page that needs nothing else and can be printed. */
#ifndef PHASH_TOOLS_REPORT_H
#define PHASH_TOOLS_REPORT_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct report_match {
    const char *path;
    time_t modified;
    const char *sha256; /* hex, or "" */
    uint64_t bytes;
    unsigned distance;
    const char *orientation;
    const char *label; /* case numbers, or what the index calls it; may be "" */
};

struct report_counts {
    uint64_t files, images, matching, not_images, failed;
};

/* Adds one row. */
void report_add(struct text *rows, const struct report_match *match);
/* Puts the page together and writes it beside `path`, then under that name. False after a message.
 */
bool report_write(const char *path, char *const *folders, int count, const struct text *rows,
                  const struct report_counts *counts, unsigned radius, time_t started);

#endif
