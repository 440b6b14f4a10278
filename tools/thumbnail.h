/* thumbnail.h: a picture reduced to so few cells that it tells two files apart and shows nothing.
 *
 * Each cell is the mean of a rectangle of the picture; the longer side has twelve of them. That is
 * all that leaves the worker: there is nothing sharper to be had from it. (PDQ itself keeps a
 * 16x16 block of frequencies.)
 */
#ifndef PHASH_TOOLS_THUMBNAIL_H
#define PHASH_TOOLS_THUMBNAIL_H

#include <phash/phash.h>

#include <stdbool.h>
#include <stdint.h>

enum { THUMBNAIL_CELLS = 12 };

struct thumbnail {
    uint8_t columns, rows;                              /* 1 to THUMBNAIL_CELLS */
    uint8_t rgb[THUMBNAIL_CELLS * THUMBNAIL_CELLS * 3]; /* columns * 3 bytes a row, top first */
};

/* In a worker: decodes a picture and reduces it. Errors: those of opening and decoding. */
phash_status thumbnail_make(int fd, const phash_decode_options *decode, struct thumbnail *out,
                            phash_error *error);

/* Whether what a worker sent can be a thumbnail. */
bool thumbnail_is_sane(const struct thumbnail *thumbnail);

#endif
