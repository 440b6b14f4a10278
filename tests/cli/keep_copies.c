/* Preloaded into a program: what a careless change to the decoder would do, for the test that looks
 * for what is left of a picture.
 *
 * PHASH_KEEP=pixels  keeps the beginning of each row that libpng gives
 * PHASH_KEEP=file    keeps what is read from files
 * PHASH_KEEP=all     wipes nothing: explicit_bzero leaves memory as it is, and free too */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ROW = 64, ROOM = 1 << 20 };

static bool pixels, file, all;
static unsigned char kept[ROOM];
static size_t used;

typedef void read_row_fn(void *png, unsigned char *row, unsigned char *display);
static read_row_fn *read_row;

void png_read_row(void *png, unsigned char *row, unsigned char *display);

__attribute__((constructor)) static void start(void)
{
    const char *what = getenv("PHASH_KEEP");
    pixels = what && !strcmp(what, "pixels");
    file = what && !strcmp(what, "file");
    all = what && !strcmp(what, "all");
    void *found = dlsym(RTLD_NEXT, "png_read_row");
    memcpy(&read_row, &found, sizeof read_row);
}

static void keep(const void *data, size_t bytes)
{
    if (bytes > sizeof kept - used)
        bytes = sizeof kept - used;
    memcpy(kept + used, data, bytes);
    used += bytes;
}

void png_read_row(void *png, unsigned char *row, unsigned char *display)
{
    read_row(png, row, display);
    if (pixels)
        keep(row, ROW);
}

ssize_t read(int fd, void *data, size_t n)
{
    const ssize_t got = syscall(SYS_read, fd, data, n);
    if (file && got > 0)
        keep(data, (size_t)got);
    return got;
}

void explicit_bzero(void *data, size_t bytes)
{
    if (all)
        return;
    memset(data, 0, bytes);
    __asm__ volatile("" : : "r"(data) : "memory");
}

/* What a worker sets with it is that freed memory is overwritten. */
int mallopt(int what, int value)
{
    static int (*real)(int, int);
    void *found = dlsym(RTLD_NEXT, "mallopt");
    memcpy(&real, &found, sizeof real);
    return all || !real ? 1 : real(what, value);
}
