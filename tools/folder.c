/* The walk: a stack of open folders, each with its sorted names. */
#include "folder.h"

#include "cli.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each level costs a descriptor; no path that the system takes whole is deeper. */
#define DEPTH_MAX 2048

struct level {
    int fd;
    size_t path_length; /* of walk->path, up to and with this folder */
    char *names;        /* NUL-terminated, one after the other */
    size_t *order;      /* offsets in names, sorted */
    size_t count, next;
    int failure; /* errno of a listing that broke off; told after its last name */
};

struct folder_walk {
    struct level *levels;
    size_t depth;
    struct text path; /* of the folder on top */
};

struct folder_walk *folder_walk_new(void)
{
    return cli_allocate(1, sizeof(struct folder_walk));
}

bool folder_walk_empty(const struct folder_walk *walk)
{
    return walk->depth == 0;
}

static void leave(struct folder_walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    close(level->fd);
    free(level->names);
    free(level->order);
    if (walk->depth)
        walk->path.length = walk->levels[walk->depth - 1].path_length;
}

void folder_walk_free(struct folder_walk *walk)
{
    while (walk->depth)
        leave(walk);
    free(walk->levels);
    text_free(&walk->path);
    free(walk);
}

static int by_name(const void *a, const void *b, void *names)
{
    return strcmp((char *)names + *(const size_t *)a, (char *)names + *(const size_t *)b);
}

/* The type is kept in front of each name, so that most entries need no stat. */
static void list(struct level *level)
{
    struct text names = {0};
    size_t size = 0;
    const int copy = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        level->failure = errno;
        if (copy >= 0)
            close(copy);
        return;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry)
            break;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (level->count == size) {
            size = size ? size * 2 : 64;
            level->order = realloc(level->order, size * sizeof *level->order);
            if (!level->order)
                cli_no_memory();
        }
        const char type = (char)entry->d_type;
        text_bytes(&names, &type, 1);
        level->order[level->count++] = names.length;
        text_bytes(&names, entry->d_name, strlen(entry->d_name) + 1);
    }
    level->failure = errno;
    closedir(stream);
    level->names = names.data;
    if (level->count)
        qsort_r(level->order, level->count, sizeof *level->order, by_name, level->names);
}

static void push(struct folder_walk *walk, int fd)
{
    if (!walk->levels)
        walk->levels = cli_allocate(DEPTH_MAX, sizeof *walk->levels);
    struct level *level = &walk->levels[walk->depth++];
    memset(level, 0, sizeof *level);
    level->fd = fd;
    level->path_length = walk->path.length;
    list(level);
}

static int open_folder(int folder, const char *name, int extra)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | extra;
    const int fd = openat(folder, name, flags | O_NOATIME);
    return fd < 0 && errno == EPERM ? openat(folder, name, flags) : fd;
}

int folder_walk_enter(struct folder_walk *walk, const char *path)
{
    const int fd = open_folder(AT_FDCWD, path, 0);
    if (fd < 0)
        return errno;
    text_clear(&walk->path);
    text_string(&walk->path, path);
    push(walk, fd);
    return 0;
}

static void set_path(struct folder_walk *walk, const char *name)
{
    const size_t length = walk->levels[walk->depth - 1].path_length;
    walk->path.length = length;
    if (length && walk->path.data[length - 1] != '/')
        text_string(&walk->path, "/");
    text_string(&walk->path, name);
}

static bool give_error(struct folder_walk *walk, int failure, const char *what, struct input *input)
{
    input->fd = -1;
    input->error = (phash_error)PHASH_ERROR_INIT;
    input->error.status = PHASH_E_OPEN;
    input->error.sys_errno = failure;
    snprintf(input->error.message, sizeof input->error.message, "%s: %s", what, strerror(failure));
    input->path = strdup(walk->path.data);
    if (!input->path)
        cli_no_memory();
    return true;
}

/* Goes into a folder; true if that failed and `input` tells why. */
static bool descend(struct folder_walk *walk, const char *name, struct input *input)
{
    const int above = walk->levels[walk->depth - 1].fd;
    set_path(walk, name);
    const int fd = walk->depth == DEPTH_MAX ? -1 : open_folder(above, name, O_NOFOLLOW);
    if (fd >= 0) {
        push(walk, fd);
        return false;
    }
    give_error(walk, walk->depth == DEPTH_MAX ? ELOOP : errno,
               walk->depth == DEPTH_MAX ? "folders are nested too deeply"
                                        : "cannot open the folder",
               input);
    walk->path.length = walk->levels[walk->depth - 1].path_length;
    return true;
}

/* What an entry is: 'd' to walk, 'f' to give, 0 to pass by. */
static int kind_of(int folder, const char *name, unsigned char type)
{
    struct stat status;
    if (type == DT_UNKNOWN) {
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            return 'f'; /* opening it will tell what is wrong */
        type = IFTODT(status.st_mode);
    }
    if (type == DT_DIR)
        return 'd';
    if (type == DT_REG)
        return 'f';
    if (type != DT_LNK)
        return 0;
    return fstatat(folder, name, &status, 0) != 0 || S_ISREG(status.st_mode) ? 'f' : 0;
}

/* Whether a file is where our own output goes: `phash hash -r . > hashes.csv`. */
static bool is_output(int fd)
{
    struct stat file, output;
    if (fd < 0 || fstat(fd, &file) != 0)
        return false;
    for (int out = STDOUT_FILENO; out <= STDERR_FILENO; out++)
        if (fstat(out, &output) == 0 && output.st_dev == file.st_dev &&
            output.st_ino == file.st_ino)
            return true;
    return false;
}

bool folder_walk_next(struct folder_walk *walk, bool open_files, struct input *input)
{
    while (walk->depth) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->count) {
            const int failure = level->failure;
            level->failure = 0;
            if (failure) {
                walk->path.length = level->path_length;
                walk->path.data[level->path_length] = '\0';
                return give_error(walk, failure, "cannot read the whole folder", input);
            }
            leave(walk);
            continue;
        }
        const char *name = level->names + level->order[level->next++];
        const int kind = kind_of(level->fd, name, (unsigned char)name[-1]);
        if (kind == 'd') {
            if (descend(walk, name, input))
                return true;
        } else if (kind == 'f') {
            if (open_files) {
                if (!inputs_open_file(level->fd, name, input))
                    continue; /* it was a file a moment ago */
                if (is_output(input->fd)) {
                    close(input->fd);
                    input->fd = -1;
                    continue;
                }
                set_path(walk, name);
                input->path = strdup(walk->path.data);
                if (!input->path)
                    cli_no_memory();
            }
            return true;
        }
    }
    return false;
}
