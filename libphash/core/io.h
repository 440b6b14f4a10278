/* Files: every operation on one goes through here.
 *
 * Short counts and EINTR are dealt with here and nowhere else, and a test can make any of them fail
 * in one place. Files are named by a folder's descriptor and a name in it, so that a program may
 * change its working directory, and the folder its name, while an index is open.
 *
 * Functions return 0 or an errno value.
 */
#ifndef PHASH_CORE_IO_H
#define PHASH_CORE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PHASH_IO_NAME_MAX = 240 }; /* leaves room for suffixes under the usual limit of 255 */

/* A folder and the name of a file in it, which need not exist. */
typedef struct phash_io_place {
    int folder;
    char name[PHASH_IO_NAME_MAX + 1];
} phash_io_place;

/* Finds the place of `path`; follows symbolic links, so that a file replaced by rename is the one
 * that they lead to. */
int phash_io_place_open(const char *path, phash_io_place *place);
int phash_io_place_copy(const phash_io_place *from, phash_io_place *to);
void phash_io_place_close(phash_io_place *place);

typedef enum phash_io_mode {
    PHASH_IO_READ,   /* an existing file, for reading */
    PHASH_IO_CHANGE, /* an existing file, for reading and writing */
    PHASH_IO_KEEP,   /* for reading and writing, made if it is not there */
    PHASH_IO_NEW     /* for reading and writing, made anew: what has the name is unlinked first */
} phash_io_mode;

/* Opens a regular file; anything else is EINVAL. A new file is for its owner only (hashes are
 * secrets). */
int phash_io_open(int folder, const char *name, phash_io_mode mode, int *fd);
void phash_io_close(int *fd); /* sets -1; -1 is fine */

int phash_io_size(int fd, uint64_t *bytes);
/* Whether the name still leads to the file that is open. */
int phash_io_same(int fd, int folder, const char *name, bool *same);
/* Gives `to` the access rights of `from`. */
int phash_io_copy_rights(int from, int to);

/* Reads until `n` bytes are there or the file ends. */
int phash_io_read(int fd, void *data, size_t n, uint64_t offset, size_t *got);
/* Writes all or fails. */
int phash_io_write(int fd, const void *data, size_t n, uint64_t offset);
int phash_io_truncate(int fd, uint64_t bytes);
int phash_io_sync(int fd);
int phash_io_sync_data(int fd); /* without times and the like */

int phash_io_rename(int folder, const char *from, const char *to);
int phash_io_unlink(int folder, const char *name); /* a file that is not there is fine */

/* Overwrites every byte with zero and waits until the disk has it. What a copy-on-write file
 * system, a solid-state disk or a backup keeps of the old bytes is out of reach. */
int phash_io_overwrite(int fd);

/* A lock that goes with the open file and ends with its last descriptor; never waits: EWOULDBLOCK.
 */
int phash_io_lock(int fd, bool exclusive);

/* Maps a file for reading, shared. A mapped file must not become shorter. */
int phash_io_map(int fd, uint64_t bytes, const void **map);
void phash_io_unmap(const void *map, uint64_t bytes);

/* Random bytes from the system. */
int phash_io_random(void *data, size_t n);

#endif
