/* Opening and reading: sources, file types, limits, orientation, the contract of the calls. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, mkfifo, pipes */

#include "encode.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static blob some_jpeg(jpeg_script script, const uint8_t *exif, size_t exif_bytes)
{
    const jpeg_spec spec = {.width = 70,
                            .height = 50,
                            .in = JCS_RGB,
                            .stored = JCS_YCbCr,
                            .h = 2,
                            .v = 2,
                            .script = script,
                            .exif = exif,
                            .exif_bytes = exif_bytes};
    uint8_t *pixels = test_pixels(3, 70, 50, 3);
    const blob file = encode_jpeg(&spec, pixels);
    free(pixels);
    return file;
}

/* ---- sources ---- */

/* A file in the memory of the kernel, or of the disk under /tmp. */
static char folder[] = "/tmp/phash-test-XXXXXX";
static char path[sizeof folder + 8];

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const blob *file)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, file->p, file->n), (ssize_t)file->n);
    close(fd);
}

/* A pipe that gives the file in pieces of one and more bytes. */
static int open_pipe(const blob *file, pid_t *writer)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    *writer = fork();
    ck_assert_int_ge(*writer, 0);
    if (*writer == 0) {
        close(ends[0]);
        for (size_t i = 0, n = 1; i < file->n; i += n, n = n * 2 % 4093) {
            n = n < file->n - i ? n : file->n - i;
            if (write(ends[1], file->p + i, n) != (ssize_t)n)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void assert_same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    ck_assert_mem_eq(&a->hash, &b->hash, sizeof a->hash);
    ck_assert_int_eq(a->quality, b->quality);
}

START_TEST(path_descriptor_pipe_and_memory_agree)
{
    make_folder();
    uint8_t *expected;
    const png_spec spec = {.width = 300, .height = 500, .colour = PNG_COLOR_TYPE_RGB, .depth = 16};
    const blob files[] = {encode_png(&spec, 1, &expected), some_jpeg(SCRIPT_ONE, NULL, 0),
                          some_jpeg(SCRIPT_SUCCESSIVE, NULL, 0)};
    ck_assert_uint_gt(files[0].n, 200000); /* several of the source's buffers */
    for (size_t i = 0; i < 3; i++) {
        phash_pdq_result memory = PHASH_PDQ_RESULT_INIT, r = PHASH_PDQ_RESULT_INIT;
        phash_error e = PHASH_ERROR_INIT;
        ck_assert_int_eq(phash_pdq_memory(files[i].p, files[i].n, NULL, NULL, &memory, &e), 0);
        write_file(&files[i]);
        ck_assert_int_eq(phash_pdq_path(path, NULL, NULL, &r, &e), PHASH_OK);
        assert_same(&r, &memory);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(phash_pdq_fd(fd, NULL, NULL, &r, &e), PHASH_OK);
        assert_same(&r, &memory);
        ck_assert_int_eq(close(fd), 0); /* it is still the caller's */
        pid_t writer;
        const int pipe_fd = open_pipe(&files[i], &writer);
        ck_assert_int_eq(phash_pdq_fd(pipe_fd, NULL, NULL, &r, &e), PHASH_OK);
        assert_same(&r, &memory);
        close(pipe_fd);
        waitpid(writer, NULL, 0);
        free(files[i].p);
    }
    free(expected);
    remove_folder();
}
END_TEST

/* ---- profile fast ---- */

enum { SIDE = 1152 }; /* read as means of 8x8 pixels first */

typedef enum content {
    TEXTURE, /* tiles of 9x9 pixels: too fine for these means */
    BARS, /* nearly all coefficients are next to nothing: too many bits in doubt at any resolution */
    CONTENTS
} content;

static blob fine_jpeg(content what, jpeg_script script)
{
    static uint8_t pixels[SIDE * SIDE], tiles[SIDE / 9][SIDE / 9];
    uint64_t state = 1;
    for (size_t i = 0; i < SIDE / 9; i++)
        for (size_t j = 0; j < SIDE / 9; j++)
            tiles[i][j] = (uint8_t)(80 + test_random(&state) % 100);
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            pixels[y * SIDE + x] = tiles[what == BARS ? 0 : y / 9][x / 9];
    const jpeg_spec spec = {.width = SIDE,
                            .height = SIDE,
                            .in = JCS_GRAYSCALE,
                            .stored = JCS_GRAYSCALE,
                            .script = script};
    return encode_jpeg(&spec, pixels);
}

static void hash_fast(const blob *file, int fd, phash_pdq_result *r)
{
    phash_error e = PHASH_ERROR_INIT;
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    o.profile = PHASH_PDQ_FAST;
    *r = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
    if (fd >= 0)
        ck_assert_int_eq(phash_pdq_fd(fd, NULL, &o, r, &e), PHASH_OK);
    else if (file)
        ck_assert_int_eq(phash_pdq_memory(file->p, file->n, NULL, &o, r, &e), PHASH_OK);
    else
        ck_assert_int_eq(phash_pdq_path(path, NULL, &o, r, &e), PHASH_OK);
}

/* A descriptor of a file in which the image does not stand at the beginning. */
static int open_behind(const blob *file)
{
    enum { BEFORE = 100 };
    blob longer = {calloc(file->n + BEFORE, 1), file->n + BEFORE};
    ck_assert_ptr_nonnull(longer.p);
    memcpy(longer.p + BEFORE, file->p, file->n);
    write_file(&longer);
    free(longer.p);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(lseek(fd, BEFORE, SEEK_SET), BEFORE);
    return fd;
}

START_TEST(bits_in_doubt_are_looked_at_again)
{
    make_folder();
    for (content what = 0; what < CONTENTS; what++)
        for (int script = 0; script < 2; script++) {
            const blob file = fine_jpeg(what, script ? SCRIPT_SUCCESSIVE : SCRIPT_ONE);
            phash_pdq_result full = PHASH_PDQ_RESULT_INIT, memory, r;
            phash_error e = PHASH_ERROR_INIT;
            ck_assert_int_eq(phash_pdq_memory(file.p, file.n, NULL, NULL, &full, &e), PHASH_OK);
            hash_fast(&file, -1, &memory);
            ck_assert_int_eq(memory.profile, what == BARS ? PHASH_PDQ_FULL : PHASH_PDQ_FAST);
            ck_assert_int_le(phash_hash256_distance(&memory.hash, &full.hash),
                             what == BARS ? 0 : 6);
            write_file(&file);
            hash_fast(NULL, -1, &r);
            assert_same(&r, &memory);
            int fd = open_behind(&file);
            hash_fast(NULL, fd, &r);
            assert_same(&r, &memory);
            close(fd);
            /* A pipe gives its bytes once. */
            pid_t writer;
            fd = open_pipe(&file, &writer);
            hash_fast(NULL, fd, &r);
            ck_assert_int_eq(r.profile, PHASH_PDQ_FAST);
            if (what != BARS)
                ck_assert_int_le(phash_hash256_distance(&r.hash, &full.hash), 6);
            close(fd);
            waitpid(writer, NULL, 0);
            free(file.p);
        }
    remove_folder();
}
END_TEST

/* What a closer look needs must be there. */
START_TEST(a_closer_look_can_fail)
{
    const blob file = fine_jpeg(TEXTURE, SCRIPT_SUCCESSIVE);
    size_t n = 0;
    for (int scans = 0; scans < 2; n++) {
        ck_assert_uint_lt(n + 1, file.n);
        scans += file.p[n] == 0xFF && file.p[n + 1] == 0xDA;
    }
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    o.profile = PHASH_PDQ_FAST;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    const phash_pdq_result none = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_int_eq(phash_pdq_memory(file.p, n + 100, NULL, &o, &r, &e), PHASH_E_TRUNCATED);
    assert_same(&r, &none);
    free(file.p);
}
END_TEST

static void assert_path(const char *name, phash_status status, const char *message)
{
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_int_eq(phash_pdq_path(name, NULL, NULL, &r, &e), status);
    ck_assert_str_eq(e.message, message);
}

START_TEST(what_cannot_be_opened_has_a_reason)
{
    make_folder();
    assert_path(path, PHASH_E_OPEN, "cannot open: No such file or directory");
    assert_path("", PHASH_E_OPEN, "cannot open: No such file or directory");
    assert_path(folder, PHASH_E_OPEN, "cannot open: it is a directory");
    assert_path("/dev/null", PHASH_E_OPEN, "cannot open: it is not a regular file");
    assert_path("/dev/zero", PHASH_E_OPEN, "cannot open: it is not a regular file");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_path(path, PHASH_E_OPEN, "cannot open: it is not a regular file"); /* at once */
    unlink(path);
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    const int fd = open(folder, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(phash_pdq_fd(fd, NULL, NULL, &r, &e), PHASH_E_READ);
    ck_assert_int_eq(e.sys_errno, EISDIR);
    close(fd);
    ck_assert_int_eq(phash_pdq_fd(fd, NULL, NULL, &r, &e), PHASH_E_READ);
    ck_assert_int_eq(e.sys_errno, EBADF);
    remove_folder();
}
END_TEST

START_TEST(no_descriptor_is_left_open)
{
    make_folder();
    const blob file = some_jpeg(SCRIPT_ONE, NULL, 0), bad = {file.p, 300};
    const int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    for (int i = 0; i < 2; i++) {
        write_file(i ? &bad : &file);
        phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
        ck_assert_int_eq(phash_pdq_path(path, NULL, NULL, &r, NULL),
                         i ? PHASH_E_TRUNCATED : PHASH_OK);
        (void)phash_pdq_path(folder, NULL, NULL, &r, NULL);
    }
    const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    ck_assert_int_eq(before, after);
    free(file.p);
    remove_folder();
}
END_TEST

/* ---- file types ---- */

START_TEST(type_is_told_by_content)
{
    static const struct {
        const char *bytes;
        size_t n;
        phash_status status;
        const char *looks_like;
    } cases[] = {
        {"", 0, PHASH_E_NOT_IMAGE, " (the file is empty)"},
        {"\xff", 1, PHASH_E_NOT_IMAGE, ""},
        {"text, and more of it, and more of it", 36, PHASH_E_NOT_IMAGE, ""},
        {"GIF89a\1\0\1\0", 10, PHASH_E_NOT_IMAGE, " (looks like GIF)"},
        {"GIF8", 4, PHASH_E_NOT_IMAGE, ""},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         16, PHASH_E_NOT_IMAGE, " (looks like HEIC)"},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0",
         16, PHASH_E_NOT_IMAGE, " (looks like HEIF)"},
        {"\0\0\0\x18"
         "ftypavif\0\0\0\0",
         16, PHASH_E_NOT_IMAGE, " (looks like AVIF)"},
        {"\0\0\0\x18"
         "ftypisom\0\0\0\0",
         16, PHASH_E_NOT_IMAGE, " (looks like a video or another ISO media file)"},
        {"RIFF\1\2\3\4WEBPVP8 ", 16, PHASH_E_NOT_IMAGE, " (looks like WebP)"},
        {"BM\1\2\3\4\0\0\0\0\x36\0\0\0", 14, PHASH_E_NOT_IMAGE, " (looks like BMP)"},
        {"II*\0\x08\0\0\0", 8, PHASH_E_NOT_IMAGE, " (looks like TIFF)"},
        {"MM\0*\0\0\0\x08", 8, PHASH_E_NOT_IMAGE, " (looks like TIFF)"},
        {"\xff\x0a\1\2", 4, PHASH_E_NOT_IMAGE, " (looks like JPEG XL)"},
        {"\0\0\0\x0cjP  \r\n\x87\n", 12, PHASH_E_NOT_IMAGE, " (looks like JPEG 2000)"},
        {"%PDF-1.4", 8, PHASH_E_NOT_IMAGE, " (looks like PDF)"},
        {"\xff\xd8", 2, PHASH_E_TRUNCATED, NULL},
        {"\xff\xd8\xff", 3, PHASH_E_TRUNCATED, NULL},
        {"\x89PNG", 4, PHASH_E_TRUNCATED, NULL},
        {"\x89PNG\r\n\x1a\n", 8, PHASH_E_TRUNCATED, NULL},
        {"\x89PNG\n\n\x1a\n", 8, PHASH_E_NOT_IMAGE, ""}, /* sent as text */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[192] = "truncated: the file ends inside the header";
        if (cases[i].looks_like)
            snprintf(message, sizeof message, "not an image that this build reads%s",
                     cases[i].looks_like);
        /* A copy of just that size, so that a sanitizer sees a byte too many. */
        const blob file = {malloc(cases[i].n + !cases[i].n), cases[i].n};
        ck_assert_ptr_nonnull(file.p);
        memcpy(file.p, cases[i].bytes, cases[i].n);
        assert_fails(&file, NULL, cases[i].status, message);
        free(file.p);
    }
    ck_assert_uint_eq(phash_decode_formats(), 1u << PHASH_FILE_JPEG | 1u << PHASH_FILE_PNG);
    ck_assert_ptr_nonnull(strstr(phash_decode_libraries(), "libjpeg"));
    ck_assert_ptr_nonnull(strstr(phash_decode_libraries(), "libpng"));
}
END_TEST

/* ---- limits ---- */

START_TEST(limits_are_exact)
{
    make_folder();
    const blob file = some_jpeg(SCRIPT_ONE, NULL, 0);
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    phash_error e = PHASH_ERROR_INIT;
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    o.max_dimension = 70;
    o.max_pixels = 70 * 50;
    o.max_input = file.n;
    ck_assert_int_eq(phash_pdq_memory(file.p, file.n, &o, NULL, &r, NULL), PHASH_OK);
    write_file(&file);
    ck_assert_int_eq(phash_pdq_path(path, &o, NULL, &r, NULL), PHASH_OK);
    o.max_pixels--;
    assert_fails(&file, &o, PHASH_E_LIMIT_PIXELS,
                 "too large: 70x50 is over the limit of 3499 pixels");
    o.max_dimension--;
    assert_fails(&file, &o, PHASH_E_LIMIT_DIMENSION,
                 "too large: 70x50 is over the limit of 69 pixels on a side");
    char message[100];
    for (o.max_input = 0; o.max_input < file.n; o.max_input += 1 + o.max_input / 2) {
        o.max_dimension = 70;
        o.max_pixels = 70 * 50;
        snprintf(message, sizeof message, "too large: the input is over the limit of %d bytes",
                 (int)o.max_input);
        assert_fails(&file, &o, PHASH_E_LIMIT_INPUT, message);
        ck_assert_int_eq(phash_pdq_path(path, &o, NULL, &r, &e), PHASH_E_LIMIT_INPUT);
        ck_assert_str_eq(e.message, message);
    }
    o.max_input = file.n - 1;
    assert_fails(&file, &o, PHASH_E_LIMIT_INPUT, NULL);
    free(file.p);
    remove_folder();
}
END_TEST

START_TEST(a_side_under_five_is_too_small)
{
    uint8_t *expected;
    const png_spec spec = {.width = 4, .height = 9, .colour = PNG_COLOR_TYPE_GRAY, .depth = 8};
    const blob file = encode_png(&spec, 1, &expected);
    assert_fails(&file, NULL, PHASH_E_TOO_SMALL,
                 "too small: 4x9; a side under 5 pixels has no hash");
    free(expected);
    free(file.p);
}
END_TEST

/* ---- orientation ---- */

/* The stored pixel that is seen at (x, y), from the table of EXIF 2.3: where the 0th row and the 0th
 * column of the stored picture are seen. `w` and `h` are stored sides. */
static void seen_from(unsigned orientation, uint32_t w, uint32_t h, uint32_t x, uint32_t y,
                      uint32_t *sx, uint32_t *sy)
{
    switch (orientation) {
    case 1: /* row 0 top, column 0 left */
        *sx = x, *sy = y;
        break;
    case 2: /* top, right */
        *sx = w - 1 - x, *sy = y;
        break;
    case 3: /* bottom, right */
        *sx = w - 1 - x, *sy = h - 1 - y;
        break;
    case 4: /* bottom, left */
        *sx = x, *sy = h - 1 - y;
        break;
    case 5: /* left, top */
        *sx = y, *sy = x;
        break;
    case 6: /* right, top */
        *sx = y, *sy = h - 1 - x;
        break;
    case 7: /* right, bottom */
        *sx = w - 1 - y, *sy = h - 1 - x;
        break;
    default: /* 8: left, bottom */
        *sx = w - 1 - y, *sy = x;
    }
}

static uint8_t *turned(const uint8_t *stored, uint32_t w, uint32_t h, unsigned channels,
                       unsigned orientation)
{
    uint8_t *out = malloc((size_t)w * h * channels);
    ck_assert_ptr_nonnull(out);
    const uint32_t tw = orientation > 4 ? h : w, th = orientation > 4 ? w : h;
    for (uint32_t y = 0; y < th; y++)
        for (uint32_t x = 0; x < tw; x++) {
            uint32_t sx, sy;
            seen_from(orientation, w, h, x, y, &sx, &sy);
            memcpy(out + ((size_t)y * tw + x) * channels, stored + ((size_t)sy * w + sx) * channels,
                   channels);
        }
    return out;
}

/* Decoded as seen, as stored, and hashed: the hash is that of the turned raster. */
static void check_turned(const blob *file, phash_file_type type, uint32_t w, uint32_t h,
                         unsigned channels, const uint8_t *stored, unsigned orientation)
{
    uint8_t *seen = turned(stored, w, h, channels, orientation);
    const uint32_t tw = orientation > 4 ? h : w, th = orientation > 4 ? w : h;
    assert_pixels(file, NULL, type, tw, th, channels, seen);
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    o.ignore_orientation = 1;
    assert_pixels(file, &o, type, w, h, channels, stored);

    phash_image *image;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    ck_assert_int_eq(phash_image_open_memory(file->p, file->n, &o, &image, NULL), PHASH_OK);
    ck_assert_int_eq(phash_image_info_get(image, &info), PHASH_OK);
    ck_assert_uint_eq(info.orientation, orientation);
    phash_image_free(&image);

    const phash_pdq_image raster = {seen,
                                    (ptrdiff_t)(tw * channels),
                                    {tw, th, channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8}};
    phash_pdq_result a = PHASH_PDQ_RESULT_INIT, b = PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(phash_pdq(&raster, NULL, &a), PHASH_OK);
    ck_assert_int_eq(phash_pdq_memory(file->p, file->n, NULL, NULL, &b, NULL), PHASH_OK);
    assert_same(&a, &b);
    free(seen);
}

START_TEST(pictures_are_seen_as_exif_says)
{
    for (unsigned o = 1; o <= 8; o++)
        for (int form = 0; form < 8; form++) {
            uint8_t exif[EXIF_BYTES];
            test_exif(exif, o, form & 1);
            uint8_t *stored;
            const png_spec png = {.width = 75,
                                  .height = 131,
                                  .colour = form & 2 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                                  .depth = 8,
                                  .interlaced = form & 4,
                                  .exif = exif + 6,
                                  .exif_bytes = EXIF_BYTES - 6};
            blob file = encode_png(&png, test_seed(), &stored);
            check_turned(&file, PHASH_FILE_PNG, 75, 131, form & 2 ? 3 : 1, stored, o);
            free(stored);
            free(file.p);

            file = some_jpeg(form & 2 ? SCRIPT_SUCCESSIVE : SCRIPT_ONE, exif, sizeof exif);
            unsigned channels;
            stored = reference_jpeg(&file, &channels);
            check_turned(&file, PHASH_FILE_JPEG, 70, 50, 3, stored, o);
            free(stored);
            free(file.p);
        }
}
END_TEST

static uint32_t orientation_of(const uint8_t *exif, size_t bytes)
{
    const blob file = some_jpeg(SCRIPT_ONE, exif, bytes);
    phash_image *image;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    ck_assert_int_eq(phash_image_open_memory(file.p, file.n, NULL, &image, NULL), PHASH_OK);
    ck_assert_int_eq(phash_image_info_get(image, &info), PHASH_OK);
    phash_image_free(&image);
    free(file.p);
    return info.orientation;
}

START_TEST(broken_exif_turns_nothing)
{
    uint8_t exif[EXIF_BYTES];
    for (unsigned value = 0; value < 300; value++) {
        test_exif(exif, value, value & 1);
        ck_assert_uint_eq(orientation_of(exif, sizeof exif), value >= 1 && value <= 8 ? value : 1);
    }
    /* Cut anywhere, and with bits flipped: some orientation, never an error. */
    test_exif(exif, 6, false);
    for (size_t n = 1; n < sizeof exif; n++)
        ck_assert_uint_le(orientation_of(exif, n), 8);
    uint64_t state = test_seed();
    for (int i = 0; i < 2000; i++) {
        test_exif(exif, 6, i & 1);
        for (uint64_t flips = 1 + test_random(&state) % 6; flips > 0; flips--)
            exif[6 + test_random(&state) % (EXIF_BYTES - 6)] ^=
                (uint8_t)(1u << test_random(&state) % 8);
        const uint32_t o = orientation_of(exif, sizeof exif);
        ck_assert(o >= 1 && o <= 8);
    }
    /* An XMP segment of the same marker is not EXIF. */
    ck_assert_uint_eq(orientation_of((const uint8_t *)"http://ns.adobe.com/xap/1.0/\0<x/>", 33), 1);
}
END_TEST

START_TEST(a_held_raster_is_counted)
{
    uint8_t exif[EXIF_BYTES];
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    o.max_memory = 10000; /* the raster alone is 70 * 50 * 3 */
    test_exif(exif, 2, true);
    blob file = some_jpeg(SCRIPT_ONE, exif, sizeof exif);
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(phash_pdq_memory(file.p, file.n, &o, NULL, &r, NULL), PHASH_OK);
    free(file.p);
    test_exif(exif, 6, true);
    file = some_jpeg(SCRIPT_ONE, exif, sizeof exif);
    assert_fails(&file, &o, PHASH_E_LIMIT_MEMORY, NULL);
    free(file.p);
}
END_TEST

/* ---- contract ---- */

START_TEST(arguments_and_states_are_checked)
{
    const blob file = some_jpeg(SCRIPT_ONE, NULL, 0);
    phash_image *image = (phash_image *)&file;
    phash_error e = PHASH_ERROR_INIT;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT, small = PHASH_PDQ_RESULT_INIT;
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    o.size = 4;
    small.size = 4;
    ck_assert_int_eq(phash_image_open_memory(file.p, file.n, &o, &image, &e), PHASH_E_ARGUMENT);
    ck_assert_ptr_null(image);
    ck_assert_int_eq(phash_image_open_memory(file.p, file.n, NULL, NULL, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_open_memory(NULL, 1, NULL, &image, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_open_path(NULL, NULL, &image, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_open_fd(-1, NULL, &image, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_pdq_memory(NULL, 0, NULL, NULL, &r, &e), PHASH_E_NOT_IMAGE);
    ck_assert_int_eq(phash_pdq_memory(file.p, file.n, NULL, NULL, &small, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_pdq_memory(file.p, file.n, NULL, NULL, NULL, &e), PHASH_E_ARGUMENT);
    phash_pdq_options p = PHASH_PDQ_OPTIONS_INIT;
    p.profile = (phash_pdq_profile)9;
    ck_assert_int_eq(phash_pdq_memory(file.p, file.n, NULL, &p, &r, &e), PHASH_E_ARGUMENT);

    uint8_t rows[60 * 70 * 3];
    ck_assert_int_eq(phash_image_open_memory(file.p, file.n, NULL, &image, &e), PHASH_OK);
    ck_assert_int_eq(phash_image_info_get(image, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 1, 209, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_read_rows(image, NULL, 1, 210, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_read_rows(NULL, rows, 1, 210, &e), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 51, 210, &e), PHASH_E_STATE);
    ck_assert_int_eq(phash_image_read_rows(image, NULL, 0, 0, &e), PHASH_OK);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 50, 210, &e), PHASH_OK);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 1, 210, &e), PHASH_E_STATE);
    phash_image_free(&image);
    phash_image_free(&image);
    phash_image_free(NULL);

    /* After a failure nothing more comes. */
    ck_assert_int_eq(phash_image_open_memory(file.p, file.n - 2, NULL, &image, &e), PHASH_OK);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 30, 210, &e), PHASH_OK);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 20, 210, &e), PHASH_E_TRUNCATED);
    ck_assert_int_eq(phash_image_read_rows(image, rows, 1, 210, &e), PHASH_E_STATE);
    phash_image_free(&image);
    free(file.p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image");
    TCase *t = tcase_create("image");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, path_descriptor_pipe_and_memory_agree);
    tcase_add_test(t, bits_in_doubt_are_looked_at_again);
    tcase_add_test(t, a_closer_look_can_fail);
    tcase_add_test(t, what_cannot_be_opened_has_a_reason);
    tcase_add_test(t, no_descriptor_is_left_open);
    tcase_add_test(t, type_is_told_by_content);
    tcase_add_test(t, limits_are_exact);
    tcase_add_test(t, a_side_under_five_is_too_small);
    tcase_add_test(t, pictures_are_seen_as_exif_says);
    tcase_add_test(t, broken_exif_turns_nothing);
    tcase_add_test(t, a_held_raster_is_counted);
    tcase_add_test(t, arguments_and_states_are_checked);
    suite_add_tcase(s, t);
    return test_main(s);
}
