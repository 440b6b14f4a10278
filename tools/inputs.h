/* inputs.h: the files that a command line names: arguments, lists on stdin, folders and all that is
 * in them, one after the other, in an order that does not depend on the disk.
 *
 * Folders are walked by descriptor, each opened relative to the one above it, so a folder that is
 * swapped for a link meanwhile leads nowhere; no recursion, so depth costs no stack. Memory holds
 * the names in the folders from the top to the current one, nothing else.
 */
#ifndef PHASH_TOOLS_INPUTS_H
#define PHASH_TOOLS_INPUTS_H

#include <phash/status.h>

#include <stdbool.h>
#include <stdint.h>

struct inputs;

struct inputs_options {
    char **paths; /* arguments; "-" is a list of paths on stdin */
    int count;
    bool recursive;  /* walk folders; otherwise a folder is an error */
    bool nul;        /* entries of the list end with NUL, not newline */
    bool only_count; /* open no files */
};

enum inputs_next { INPUTS_FILE, INPUTS_WAIT, INPUTS_END };

struct input {
    char *path; /* for people and output; the caller frees it */
    int fd;     /* open at the first byte of a regular file, the caller closes it; -1: `error` */
    uint64_t bytes;
    phash_error error;
};

struct inputs *inputs_open(const struct inputs_options *options);
/* INPUTS_WAIT: ask again when stdin is readable. */
enum inputs_next inputs_next(struct inputs *inputs, struct input *input);
void inputs_free(struct inputs *inputs);

/* Opens one regular file, relative to `folder` (or AT_FDCWD). Links are followed. On failure fd is
 * -1 and `error` tells why. Gives false, without an error, for a folder. */
bool inputs_open_file(int folder, const char *name, struct input *input);

#endif
