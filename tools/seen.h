/* seen.h: what `phash scan --cache FILE` remembers of files it has looked at, so that a scan that was
 * interrupted, or is made again, need not decode them again.
 *
 * One SQLite file (WAL, application_id 0x70685343 "phSC", user_version 1), made for its owner alone:
 *
 *     meta     the seed of the content sums, random
 *     state    what was searched, and how: a bank or index, and every option that has a say
 *     file     device, inode, times and size of a file -> the XXH3-128 of its content
 *     content  XXH3-128 of content, state -> which ids matched, with distance and orientation
 *
 * There is no perceptual hash, path, name or case number in it: what is withdrawn from a bank need
 * not be looked for here. A verdict holds while no signal was added to the bank since; the ids in it
 * that the bank erased meanwhile are for the caller to drop. Verdicts are written in transactions of
 * a second's work: a run that is killed loses no more than that.
 *
 * Whoever can write the file can hide matches, and whoever can read it can tell whether a file of
 * theirs was looked at.
 */
#ifndef PHASH_TOOLS_SEEN_H
#define PHASH_TOOLS_SEEN_H

#include <phash/index.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct seen;

enum { SEEN_SUM = 16 };

/* A file on its way from seen_find to seen_add. */
struct seen_file {
    struct stat status;
    bool known; /* `status` holds */
    bool summed;
    uint8_t sum[SEEN_SUM];
};

struct seen_matches {
    phash_match *items;
    size_t count;
};

/* Opens a cache, or makes it.
 *   state  what verdicts depend on, but for `position`
 * NULL after a message. */
struct seen *seen_open(const char *path, const char *state);
/* Writes what waits. NULL and pointers to NULL are fine. */
void seen_close(struct seen **seen);

/* Looks for a file's verdict.
 *   fd        open for reading; its place is not moved
 *   position  how far the bank was searched, at least: verdicts of less do not count
 *   file      filled, for seen_add
 *   found     receives the matches, sorted as a search gives them; to be freed with
 *             seen_matches_free
 * False when there is none. */
bool seen_find(struct seen *seen, int fd, int64_t position, struct seen_file *file,
               struct seen_matches *found);
void seen_matches_free(struct seen_matches *found);

/* Notes a verdict, unless the file was changed since seen_find or just before: then its times could
 * not tell. A cache that cannot be written any more is told of once, and used no more. */
void seen_add(struct seen *seen, int fd, int64_t position, struct seen_file *file,
              const struct seen_matches *found);

/* To be called now and then. */
void seen_tick(struct seen *seen);

#endif
