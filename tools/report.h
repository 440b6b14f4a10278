/* report.h: what `phash scan` found, as one HTML page that needs nothing else and can be printed. */
#ifndef PHASH_TOOLS_REPORT_H
#define PHASH_TOOLS_REPORT_H

#include "text.h"
#include "thumbnail.h"

#include <stdbool.h>
#include <stddef.h>
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

/* What the page says besides its rows. */
struct report_facts {
    char *const *folders;
    int folder_count;
    struct report_counts counts;
    unsigned radius;
    time_t started;
    bool pictures; /* each row begins with a cell for one */
};

/* Adds one row. `pictures`: with a first cell for a picture; gives where in `rows` its content goes. */
size_t report_add(struct text *rows, const struct report_match *match, bool pictures);

/* Adds a picture: as much of it as there is in the thumbnail, in the page itself. */
void report_picture(struct text *t, const struct thumbnail *thumbnail);

/* Puts the page together and writes it beside `path`, then under that name. False after a message.
 */
bool report_write(const char *path, const struct report_facts *facts, const struct text *rows);

#endif
