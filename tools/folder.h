/* folder.h: walks folders and gives their files, sorted by name, by descriptor. */
#ifndef PHASH_TOOLS_FOLDER_H
#define PHASH_TOOLS_FOLDER_H

#include "inputs.h"

struct folder_walk;

struct folder_walk *folder_walk_new(void);
void folder_walk_free(struct folder_walk *walk);

/* Descends into a folder that the user named; 0 or an errno. A link to a folder is followed here,
 * and nowhere below. */
int folder_walk_enter(struct folder_walk *walk, const char *path);

/* Gives the next file below, opened if `open_files`, or an error (an unreadable folder is one);
 * false when the walk is over. Links to files are followed; links to folders, pipes, sockets and
 * devices are passed by, and so is the file that stdout or stderr writes to. */
bool folder_walk_next(struct folder_walk *walk, bool open_files, struct input *input);

/* Whether a walk is over or was not begun. */
bool folder_walk_empty(const struct folder_walk *walk);

#endif
