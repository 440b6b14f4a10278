/* The peak memory of hashing large pictures: 48 megapixels of baseline JPEG and 24 of PNG, streamed,
 * in at most 24 MB of the whole process. Each file is written, and hashed, in a process of its own.
 * A sanitizer's own memory would be measured with it: the test is skipped then. */
#define _DEFAULT_SOURCE /* wait4 */

#include "../faults/alloc_fault.h"

#include <phash/decode.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

enum { LIMIT_KIB = 24 * 1024 };

static void make_row(uint8_t *row, unsigned width, unsigned y)
{
    for (unsigned x = 0; x < width; x++)
        for (unsigned c = 0; c < 3; c++)
            row[x * 3 + c] = (uint8_t)(((x >> 7 ^ y >> 7) & 1) * 90 + (x * (c + 1) + y) % 97 +
                                       (x * y >> 5) % 23);
}

static int write_jpeg(FILE *f, unsigned width, unsigned height, uint8_t *row)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr err;
    c.err = jpeg_std_error(&err);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = width;
    c.image_height = height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c); /* 2x2 subsampling, as cameras do */
    jpeg_start_compress(&c, TRUE);
    for (unsigned y = 0; y < height; y++) {
        make_row(row, width, y);
        JSAMPROW r = row;
        jpeg_write_scanlines(&c, &r, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return 0;
}

static int write_png(FILE *f, unsigned width, unsigned height, uint8_t *row)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png)))
        return 1;
    png_init_io(png, f);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < height; y++) {
        make_row(row, width, y);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 0;
}

static int write_picture(int is_png, const char *path, unsigned width, unsigned height)
{
    FILE *f = fopen(path, "wb");
    uint8_t *row = malloc((size_t)width * 3);
    if (!f || !row)
        return 1;
    const int failed =
        is_png ? write_png(f, width, height, row) : write_jpeg(f, width, height, row);
    free(row);
    return fclose(f) != 0 || failed;
}

static int hash_picture(const char *path)
{
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    if (phash_pdq_path(path, NULL, NULL, &r, &e) == PHASH_OK)
        return 0;
    fprintf(stderr, "%s\n", e.message);
    return 1;
}

/* In a process of its own, because peak memory is counted per process: KiB, or -1. */
static long peak_of_child(const char *path, int write, int is_png, unsigned width, unsigned height)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(write ? write_picture(is_png, path, width, height) : hash_picture(path));
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0)
        return -1;
    return usage.ru_maxrss;
}

static int check(const char *name, int is_png, unsigned width, unsigned height)
{
    char path[] = "/tmp/phash-memory-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    long peak = peak_of_child(path, 1, is_png, width, height);
    if (peak >= 0)
        peak = peak_of_child(path, 0, is_png, width, height);
    unlink(path);
    printf("%s, %ux%u: peak %ld KiB of %d\n", name, width, height, peak, LIMIT_KIB);
    return peak < 0 || peak > LIMIT_KIB;
}

int main(void)
{
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer's memory would be measured too");
        return 77;
    }
    const int jpeg = check("baseline JPEG", 0, 8000, 6000), png = check("PNG", 1, 6000, 4000);
    return jpeg || png;
}
