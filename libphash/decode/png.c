/* PNG by libpng. The only file that sees png.h.
 *
 * Rows come out as 8-bit grey for the two grey colour types and as 8-bit RGB for the others; alpha,
 * tRNS, gamma and profiles are left out of account, as the reference's decoding does. Only the
 * critical chunks and eXIf are looked at. A wrong checksum or structure in a critical chunk ends
 * the image; damage in the other chunks touches no pixel and is passed over.
 */
#include "decode/limits.h"
#include "decode/orientation.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

typedef struct png_state {
    png_structp png;
    png_infop info;
    phash_image *image;
    jmp_buf escape;
    /* Why the jump, or that an allocation failed which libpng would get over. PHASH_OK after a
     * jump: libpng's own error, in `message`. */
    phash_status failure;
    uint64_t refused; /* bytes that the memory limit did not allow */
    const char *where;
    char message[128];
    char warning[128]; /* the last one */

    /* Arguments of png_rows, kept here because locals do not survive a jump. */
    uint8_t *rows;
    size_t count, stride;
} png_state;

/* ---- errors ---- */

_Noreturn static void on_error(png_structp png, png_const_charp message)
{
    png_state *s = png_get_error_ptr(png);
    (void)snprintf(s->message, sizeof s->message, "%s", message ? message : "unknown error");
    longjmp(s->escape, 1);
}

/* Warnings are about chunks that are not used, or values that libpng has put right; what is wrong
 * with an IHDR comes as a warning too, before an error that does not say it. */
static void on_warning(png_structp png, png_const_charp message)
{
    png_state *s = png_get_error_ptr(png);
    (void)snprintf(s->warning, sizeof s->warning, "%s", message ? message : "");
}

static const char *reason(const png_state *s)
{
    const bool header = strcmp(s->message, "Invalid IHDR data") == 0;
    return header && s->warning[0] ? s->warning : s->message;
}

static phash_status describe(const png_state *s, phash_error *error)
{
    switch (s->failure) {
    case PHASH_OK:
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, source_offset(&s->image->source),
                             "corrupt: libpng: %s", reason(s));
    case PHASH_E_MEMORY:
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    case PHASH_E_LIMIT_MEMORY:
        return limits_fail_memory(s->image, s->refused, error);
    default:
        return source_fail(&s->image->source, s->where, error);
    }
}

/* The only place that is jumped to. */
static phash_status guarded(png_state *s, void (*body)(png_state *s), phash_error *error)
{
    if (setjmp(s->escape) != 0)
        return describe(s, error);
    body(s);
    return s->failure == PHASH_OK ? PHASH_OK : describe(s, error);
}

/* ---- memory and input ---- */

/* Each block is preceded by its size, so that it can be counted and wiped: they hold pixels. */
enum { PREFIX = 64 };

static png_voidp on_malloc(png_structp png, png_alloc_size_t bytes)
{
    png_state *s = png_get_mem_ptr(png);
    const size_t size = bytes;
    if (size > SIZE_MAX / 2 || !limits_take_memory(s->image, size)) {
        s->failure = PHASH_E_LIMIT_MEMORY;
        s->refused = size;
        return NULL;
    }
    uint8_t *block = phash_alloc(size + PREFIX, 1);
    if (!block) {
        limits_give_memory(s->image, size);
        s->failure = PHASH_E_MEMORY;
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + PREFIX;
}

static void on_free(png_structp png, png_voidp memory)
{
    if (!memory)
        return;
    png_state *s = png_get_mem_ptr(png);
    uint8_t *block = (uint8_t *)memory - PREFIX;
    size_t size;
    memcpy(&size, block, sizeof size);
    phash_wipe_free(block, size + PREFIX);
    limits_give_memory(s->image, size);
}

static void on_read(png_structp png, png_bytep out, size_t bytes)
{
    png_state *s = png_get_io_ptr(png);
    decode_source *in = &s->image->source;
    while (bytes > 0) {
        if (in->left == 0 && !source_next(in)) {
            s->failure = in->stopped;
            png_error(png, "input");
        }
        const size_t n = bytes < in->left ? bytes : in->left;
        memcpy(out, in->next, n);
        in->next += n;
        in->left -= n;
        out += n;
        bytes -= n;
    }
}

/* ---- header ---- */

/* Of the chunks that are looked at, only eXIf may be of any length, and an EXIF block that is used
 * is under 64 KiB (orientation.c). */
enum { CHUNK_BYTES = 1 << 20, CHUNKS = 16 };

static void restrict_chunks(png_structp png)
{
    /* The caller's limits are checked as soon as the header is known, by our own message; libpng's
     * smaller default would come first. */
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_crc_action(png, PNG_CRC_DEFAULT, PNG_CRC_WARN_DISCARD);
    png_set_chunk_malloc_max(png, CHUNK_BYTES);
    png_set_chunk_cache_max(png, CHUNKS);
    /* -1: every chunk that libpng knows but IHDR, PLTE, tRNS, IDAT and IEND. */
    static const png_byte exif[] = "eXIf";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, exif, 1);
}

static void read_header(png_state *s)
{
    s->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, s, on_error, on_warning, s, on_malloc,
                                      on_free);
    if (!s->png) {
        if (s->failure == PHASH_OK)
            s->failure = PHASH_E_MEMORY;
        return;
    }
    s->info = png_create_info_struct(s->png);
    if (!s->info)
        return;
    restrict_chunks(s->png);
    png_set_read_fn(s->png, s, on_read);
    png_read_info(s->png, s->info);
}

/* Asks for 8-bit grey or RGB, whatever is stored. */
static void choose_format(png_state *s)
{
    const int colour = png_get_color_type(s->png, s->info);
    const int depth = png_get_bit_depth(s->png, s->info);
    phash_image *image = s->image;
    image->format = colour & PNG_COLOR_MASK_COLOR ? PHASH_PIXEL_RGB8 : PHASH_PIXEL_GREY8;
    image->whole = png_get_interlace_type(s->png, s->info) != PNG_INTERLACE_NONE;
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(s->png);
    else if (depth < 8)
        png_set_expand_gray_1_2_4_to_8(s->png);
    if (depth == 16)
        png_set_strip_16(s->png);
    /* Also undoes that the palette's expansion takes tRNS in. */
    png_set_strip_alpha(s->png);
    if (image->whole)
        (void)png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    if (png_get_rowbytes(s->png, s->info) !=
        (size_t)image->width * phash_pixel_bytes(image->format))
        png_error(s->png, "unexpected row size");
}

static phash_status read_orientation(png_state *s, phash_error *error)
{
    png_uint_32 bytes;
    png_bytep exif;
    if (!png_get_eXIf_1(s->png, s->info, &bytes, &exif))
        return PHASH_OK;
    if (orientation_of_exif(exif, bytes, &s->image->orientation) != PHASH_OK)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    return PHASH_OK;
}

static phash_status png_open(phash_image *image, phash_error *error)
{
    png_state *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    image->state = s;
    s->image = image;
    s->where = "the header";
    phash_status status = guarded(s, read_header, error);
    if (status != PHASH_OK)
        return status;
    image->width = png_get_image_width(s->png, s->info);
    image->height = png_get_image_height(s->png, s->info);
    status = limits_check_shape(&image->options, image->width, image->height, error);
    if (status == PHASH_OK)
        status = guarded(s, choose_format, error);
    if (status == PHASH_OK)
        status = read_orientation(s, error);
    s->where = "the image data";
    return status;
}

static void png_close(phash_image *image)
{
    png_state *s = image->state;
    if (!s)
        return;
    png_destroy_read_struct(&s->png, &s->info, NULL);
    phash_wipe_free(s, sizeof *s);
    image->state = NULL;
}

/* ---- rows ---- */

static void read_rows(png_state *s)
{
    /* Adam7: seven passes over all rows, each adding pixels to what is there. */
    const int passes = s->image->whole ? 7 : 1;
    for (int pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < s->count; i++)
            png_read_row(s->png, s->rows + i * s->stride, NULL);
    if (s->image->stored + s->count < s->image->height)
        return;
    s->where = "the chunks after the image data";
    png_read_end(s->png, NULL);
}

static phash_status png_rows(phash_image *image, uint8_t *rows, size_t count, size_t stride,
                             phash_error *error)
{
    png_state *s = image->state;
    s->rows = rows;
    s->count = count;
    s->stride = stride;
    return guarded(s, read_rows, error);
}

const decode_ops decode_png = {png_open, png_rows, png_close, NULL};
