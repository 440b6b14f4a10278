/* JPEG by libjpeg-turbo. The only file that sees jpeglib.h.
 *
 * Pixels are those of libjpeg's defaults (islow DCT, fancy upsampling), because a platform's are.
 * libjpeg decodes damaged files as well as it can and warns; here a warning that means lost picture
 * data ends the image, and so does the end of the input. Files with several scans (progressive, or
 * one scan per component) are read to their end before the first row, the others as rows are asked
 * for.
 */
#include "decode/limits.h"
#include "decode/orientation.h"
#include "decode/ycc420.h"

#include <phash/cpu.h>

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#ifdef LIBJPEG_TURBO_VERSION_NUMBER
#define TURBO 1
#else
#define TURBO 0 /* upsamples in other ways */
#endif

enum { BATCH = 16 }; /* rows asked of libjpeg at once; it gives one iMCU row's worth at most */

typedef struct jpeg_state {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr err;
    struct jpeg_source_mgr src;
    struct jpeg_progress_mgr progress;
    phash_image *image;
    jmp_buf escape;
    phash_status failure; /* why the jump; PHASH_OK: libjpeg's own error, in err.msg_code */
    const char *where;    /* what the input would end inside of */
    int max_scans;
    bool incomplete; /* with failure PHASH_E_CORRUPT: a component is missing, not too many scans */

    uint8_t *exif; /* the first EXIF segment, with its "Exif\0\0" */
    size_t exif_bytes;
    uint8_t *cmyk; /* one row */
    size_t cmyk_bytes;
    ycc420_row_fn row_of_planes; /* set where planes are taken from libjpeg, not RGB */
    ycc420 planes;

    /* Arguments of jpeg_rows and jpeg_reduced, kept here because locals do not survive a jump. */
    uint8_t *rows;
    size_t count, stride;
    uint32_t pitch;
    decode_row_fn give_row;
    void *context;
    uint8_t *means; /* one row */
    size_t means_bytes;
} jpeg_state;

/* ---- errors ---- */

_Noreturn static void escape(jpeg_state *s, phash_status failure)
{
    s->failure = failure;
    longjmp(s->escape, 1);
}

_Noreturn static void on_error(j_common_ptr c)
{
    escape(c->client_data, PHASH_OK);
}

/* Warnings after which every pixel is still what the encoder meant. Junk between markers before the
 * first scan (wrong segment lengths, as some phones write) has cost no picture data: a table lost
 * with it is missed when the scan starts. Parameters that baseline fixes anyway are not used. */
static bool harmless(const jpeg_state *s)
{
    switch (s->err.msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
#ifdef LIBJPEG_TURBO_VERSION_NUMBER
    case JWRN_BOGUS_ICC:
#endif
        return true;
    case JWRN_EXTRANEOUS_DATA:
        return s->c.input_scan_number == 0;
    default:
        return false;
    }
}

static void on_message(j_common_ptr c, int level)
{
    jpeg_state *s = c->client_data;
    if (level < 0 && !harmless(s))
        escape(s, PHASH_OK);
}

static void on_output(j_common_ptr c)
{
    (void)c; /* never prints */
}

static phash_status not_read(phash_error *error, const char *what)
{
    return phash_fail(error, PHASH_E_NOT_IMAGE, "not an image that this build reads (%s)", what);
}

/* libjpeg's own limit, where the caller's lets more through. */
static phash_status fail_side(const jpeg_state *s, phash_error *error)
{
    const phash_status status =
        limits_check_shape(&s->image->options, s->c.image_width, s->c.image_height, error);
    if (status != PHASH_OK)
        return status;
    return phash_fail(error, PHASH_E_LIMIT_DIMENSION,
                      "too large: %ux%u is over libjpeg's limit of %ld pixels on a side",
                      s->c.image_width, s->c.image_height, JPEG_MAX_DIMENSION);
}

static phash_status fail_libjpeg(jpeg_state *s, phash_error *error)
{
    char text[JMSG_LENGTH_MAX];
    switch (s->err.msg_code) {
    case JERR_OUT_OF_MEMORY:
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    case JERR_NO_BACKING_STORE:
        return limits_fail_memory(s->image, 0, error);
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return fail_side(s, error);
    case JERR_EMPTY_IMAGE:
        return phash_fail(error, PHASH_E_CORRUPT, "corrupt: width or height is zero");
    case JERR_BAD_PRECISION:
        if (s->c.data_precision == 12)
            return not_read(error, "JPEG of 12 bits a sample");
        break;
    case JERR_SOF_UNSUPPORTED:
        return not_read(error, "JPEG, lossless or hierarchical");
    case JERR_ARITH_NOTIMPL:
        return not_read(error, "JPEG with arithmetic coding");
    default:
        break;
    }
    s->err.format_message((j_common_ptr)&s->c, text);
    return phash_fail_at(error, PHASH_E_CORRUPT, 0, s->image->source.taken - s->src.bytes_in_buffer,
                         "corrupt: libjpeg: %s", text);
}

static phash_status describe(jpeg_state *s, phash_error *error)
{
    switch (s->failure) {
    case PHASH_OK:
        return fail_libjpeg(s, error);
    case PHASH_E_MEMORY:
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    case PHASH_E_CORRUPT:
        if (s->incomplete)
            return phash_fail(error, PHASH_E_CORRUPT, "corrupt: no scan has one of the components");
        return phash_fail(error, PHASH_E_CORRUPT,
                          "corrupt: more than %d scans, as no encoder writes", s->max_scans);
    default:
        return source_fail(&s->image->source, s->where, error);
    }
}

/* The only place that is jumped to. */
static phash_status guarded(jpeg_state *s, void (*body)(jpeg_state *s), phash_error *error)
{
    if (setjmp(s->escape) != 0) {
        const phash_status status = describe(s, error);
        return status == PHASH_OK ? PHASH_E_CORRUPT : status;
    }
    body(s);
    return PHASH_OK;
}

/* ---- input ---- */

static void src_nothing(j_decompress_ptr c)
{
    (void)c;
}

static boolean src_fill(j_decompress_ptr c)
{
    jpeg_state *s = c->client_data;
    decode_source *in = &s->image->source;
    if (!source_next(in))
        escape(s, in->stopped);
    s->src.next_input_byte = in->next;
    s->src.bytes_in_buffer = in->left;
    return TRUE;
}

static void src_skip(j_decompress_ptr c, long count)
{
    jpeg_state *s = c->client_data;
    if (count <= 0)
        return;
    size_t rest = (size_t)count;
    while (rest > s->src.bytes_in_buffer) {
        rest -= s->src.bytes_in_buffer;
        (void)src_fill(c);
    }
    s->src.next_input_byte += rest;
    s->src.bytes_in_buffer -= rest;
}

static uint8_t next_byte(jpeg_state *s)
{
    if (s->src.bytes_in_buffer == 0)
        (void)src_fill(&s->c);
    s->src.bytes_in_buffer--;
    return *s->src.next_input_byte++;
}

/* Keeps the first EXIF segment and skips every other APP1: libjpeg's own way would keep them all,
 * and a file may hold thousands. */
static boolean on_app1(j_decompress_ptr c)
{
    static const uint8_t exif_id[6] = {'E', 'x', 'i', 'f', 0, 0};
    jpeg_state *s = c->client_data;
    const size_t length = (size_t)next_byte(s) << 8;
    size_t rest = length | next_byte(s);
    rest = rest >= 2 ? rest - 2 : 0;
    uint8_t id[6];
    size_t n = 0;
    for (; n < sizeof id && n < rest; n++)
        id[n] = next_byte(s);
    if (s->exif || n < sizeof id || memcmp(id, exif_id, sizeof id) != 0) {
        src_skip(c, (long)(rest - n));
        return TRUE;
    }
    s->exif = phash_alloc(rest, 1);
    if (!s->exif)
        escape(s, PHASH_E_MEMORY);
    s->exif_bytes = rest;
    memcpy(s->exif, id, sizeof id);
    while (n < rest)
        s->exif[n++] = next_byte(s);
    return TRUE;
}

/* ---- limits ---- */

static uint64_t round_up(uint64_t n, int unit)
{
    const uint64_t u = (uint64_t)unit;
    return (n + u - 1) / u * u;
}

/* What libjpeg will hold: the coefficients of the whole picture where there are several scans, and
 * row buffers, of which the main and upsampling controllers keep under 12 groups of v_samp_factor
 * rows a component (jdmainct.c, jdsample.c). With `planes` there are none of these, but ours. */
static uint64_t memory_needed(struct jpeg_decompress_struct *c, bool planes)
{
    uint64_t bytes = planes ? ycc420_bytes(c->image_width) : 0;
    const bool coefficients = jpeg_has_multiple_scans(c);
    for (int i = 0; i < c->num_components; i++) {
        const jpeg_component_info *k = &c->comp_info[i];
        const uint64_t across = round_up(k->width_in_blocks, k->h_samp_factor);
        const uint64_t down = round_up(k->height_in_blocks, k->v_samp_factor);
        if (coefficients)
            bytes += across * down * sizeof(JBLOCK);
        if (planes)
            continue;
        bytes += across * DCTSIZE * (uint64_t)k->v_samp_factor * 12;
        bytes += round_up(c->image_width, c->max_h_samp_factor) * (uint64_t)c->max_v_samp_factor;
    }
    return bytes;
}

/* A scan can be a few bytes long and still costs a walk over all coefficients, so that a small file
 * of very many scans would take hours. Encoders write about ten, the longest scripts a few dozen.
 * The number allowed falls with the size of the picture: at most about 2^32 pixels are walked over
 * in all, or 32 scans. */
static int scans_allowed(const struct jpeg_decompress_struct *c)
{
    enum { MOST = 500, ALWAYS = 32 };
    const uint64_t pixels = (uint64_t)c->image_width * c->image_height;
    const uint64_t scans = (UINT64_C(1) << 32) / (pixels ? pixels : 1);
    return scans > MOST ? MOST : scans < ALWAYS ? ALWAYS : (int)scans;
}

static void on_progress(j_common_ptr c)
{
    jpeg_state *s = c->client_data;
    if (s->c.input_scan_number > s->max_scans)
        escape(s, PHASH_E_CORRUPT);
}

/* ---- header ---- */

static void read_header(jpeg_state *s)
{
    struct jpeg_decompress_struct *c = &s->c;
    jpeg_create_decompress(c);
    c->src = &s->src;
    jpeg_set_marker_processor(c, JPEG_APP0 + 1, on_app1);
    (void)jpeg_read_header(c, TRUE);
}

static void allocate_cmyk(jpeg_state *s)
{
    const size_t bytes = (size_t)s->c.image_width * 4;
    s->cmyk = phash_alloc(bytes, 1);
    if (!s->cmyk)
        escape(s, PHASH_E_MEMORY);
    s->cmyk_bytes = bytes;
}

/* Sets what libjpeg is asked for. False for colour spaces that have no conversion to RGB. */
static bool choose_format(jpeg_state *s)
{
    struct jpeg_decompress_struct *c = &s->c;
    s->image->format = PHASH_PIXEL_RGB8;
    switch (c->jpeg_color_space) {
    case JCS_GRAYSCALE:
        c->out_color_space = JCS_GRAYSCALE;
        s->image->format = PHASH_PIXEL_GREY8;
        return true;
    case JCS_YCbCr:
    case JCS_RGB:
        c->out_color_space = JCS_RGB;
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        c->out_color_space = JCS_CMYK;
        return true;
    default:
        return false;
    }
}

/* Whether chroma is half as wide and half as high as luma, and our own way to RGB is as exact. */
static bool planes_serve(const jpeg_state *s)
{
    const struct jpeg_decompress_struct *c = &s->c;
    if (!TURBO || c->jpeg_color_space != JCS_YCbCr || c->num_components != 3 ||
        c->image_width < YCC420_NARROWEST)
        return false;
    const jpeg_component_info *k = c->comp_info;
    return k[0].h_samp_factor == 2 && k[0].v_samp_factor == 2 && k[1].h_samp_factor == 1 &&
           k[1].v_samp_factor == 1 && k[2].h_samp_factor == 1 && k[2].v_samp_factor == 1;
}

static phash_status check_header(jpeg_state *s, phash_error *error)
{
    struct jpeg_decompress_struct *c = &s->c;
    phash_image *image = s->image;
    phash_status status =
        limits_check_shape(&image->options, c->image_width, c->image_height, error);
    if (status != PHASH_OK)
        return status;
    if (c->data_precision != 8)
        return not_read(error, "JPEG of more than 8 bits a sample");
    if (!choose_format(s))
        return not_read(error, "JPEG of an unknown colour space");
    image->width = c->image_width;
    image->height = c->image_height;
    if (planes_serve(s))
        s->row_of_planes = ycc420_row_for(phash_cpu_active());
    if (s->row_of_planes && !limits_take_memory(image, memory_needed(c, true)))
        s->row_of_planes = NULL; /* a narrow picture takes less without */
    const uint64_t bytes = memory_needed(c, false);
    if (!s->row_of_planes && !limits_take_memory(image, bytes))
        return limits_fail_memory(image, bytes, error);
    /* For what the estimate above might miss; libjpeg would otherwise take it from JPEGMEM. */
    c->mem->max_memory_to_use =
        image->options.max_memory < (uint64_t)LONG_MAX ? (long)image->options.max_memory : LONG_MAX;
    s->max_scans = scans_allowed(c);
    return PHASH_OK;
}

static phash_status jpeg_open(phash_image *image, phash_error *error)
{
    jpeg_state *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    image->state = s;
    s->image = image;
    s->where = "the header";
    s->c.err = jpeg_std_error(&s->err);
    s->err.error_exit = on_error;
    s->err.emit_message = on_message;
    s->err.output_message = on_output;
    s->c.client_data = s;
    s->src.init_source = src_nothing;
    s->src.fill_input_buffer = src_fill;
    s->src.skip_input_data = src_skip;
    s->src.resync_to_restart = jpeg_resync_to_restart;
    s->src.term_source = src_nothing;
    s->src.next_input_byte = image->source.next;
    s->src.bytes_in_buffer = image->source.left;
    s->progress.progress_monitor = on_progress;

    phash_status status = guarded(s, read_header, error);
    if (status == PHASH_OK)
        status = check_header(s, error);
    if (status == PHASH_OK && s->c.out_color_space == JCS_CMYK)
        status = guarded(s, allocate_cmyk, error);
    if (status == PHASH_OK && s->exif &&
        orientation_of_exif(s->exif, s->exif_bytes, &image->orientation) != PHASH_OK)
        status = phash_fail(error, PHASH_E_MEMORY, "out of memory");
    s->where = "the image data";
    return status;
}

static void jpeg_close(phash_image *image)
{
    jpeg_state *s = image->state;
    if (!s)
        return;
    jpeg_destroy_decompress(&s->c);
    phash_wipe_free(s->exif, s->exif_bytes);
    phash_wipe_free(s->cmyk, s->cmyk_bytes);
    ycc420_free(&s->planes);
    phash_wipe_free(s->means, s->means_bytes);
    phash_wipe_free(s, sizeof *s);
    image->state = NULL;
}

/* ---- rows ---- */

/* a * b / 255, rounded. */
static unsigned mul_div_255(unsigned a, unsigned b)
{
    const unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* Four-channel JPEGs hold ink inverted, as Photoshop writes them. Pillow and the browsers take all
 * of them so, with an Adobe marker or without, and their pixels are what is hashed elsewhere. With
 * C, M, Y, K what ink is: n = 255 - K, R = n - C*n/255; the stored bytes are 255 - C and so on. */
static void cmyk_to_rgb(const uint8_t *in, uint8_t *out, size_t width)
{
    for (size_t i = 0; i < width; i++, in += 4, out += 3) {
        const unsigned n = in[3];
        for (int k = 0; k < 3; k++)
            out[k] = (uint8_t)(n - mul_div_255(255u - in[k], n));
    }
}

/* Cameras and drones pad the space between the end of the scan and the end mark with zeros, which
 * libjpeg would report like lost data. Only behind the last row, and only zeros: what is left over
 * after a damaged scan looks different. */
static void skip_padding(jpeg_state *s)
{
    while (s->c.unread_marker == 0) {
        if (s->src.bytes_in_buffer == 0)
            (void)src_fill(&s->c);
        if (*s->src.next_input_byte != 0)
            return;
        s->src.next_input_byte++;
        s->src.bytes_in_buffer--;
    }
}

static void read_plain(jpeg_state *s)
{
    JSAMPROW rows[BATCH];
    while (s->count > 0) {
        const size_t n = s->count < BATCH ? s->count : BATCH;
        for (size_t i = 0; i < n; i++)
            rows[i] = s->rows + i * s->stride;
        const size_t got = jpeg_read_scanlines(&s->c, rows, (JDIMENSION)n);
        s->rows += got * s->stride;
        s->count -= got;
    }
}

static void read_cmyk(jpeg_state *s)
{
    for (; s->count > 0; s->rows += s->stride, s->count--) {
        JSAMPROW row = s->cmyk;
        (void)jpeg_read_scanlines(&s->c, &row, 1);
        cmyk_to_rgb(s->cmyk, s->rows, s->c.output_width);
    }
}

static void read_set(jpeg_state *s)
{
    uint8_t *luma[YCC420_ROWS], *cb[YCC420_ROWS / 2], *cr[YCC420_ROWS / 2];
    JSAMPARRAY planes[3] = {luma, cb, cr};
    ycc420_next(&s->planes, luma, cb, cr);
    (void)jpeg_read_raw_data(&s->c, planes, YCC420_ROWS);
    ycc420_added(&s->planes);
}

static void read_planes(jpeg_state *s)
{
    for (;;) {
        const size_t got = ycc420_take(&s->planes, s->rows, s->count, s->stride);
        s->rows += got * s->stride;
        s->count -= got;
        if (s->count == 0)
            return;
        read_set(s);
    }
}

/* libjpeg leaves a component that no scan has at 0 and says nothing. It takes a component's
 * quantisation table over when the first scan of the component starts. Coefficients that no scan
 * refines are another matter: the picture is whole then, and as sharp as its writer wanted it. */
static void check_components(jpeg_state *s)
{
    for (int i = 0; i < s->c.num_components; i++)
        s->incomplete = s->incomplete || !s->c.comp_info[i].quant_table;
    if (s->incomplete)
        escape(s, PHASH_E_CORRUPT);
}

static void start(jpeg_state *s)
{
    s->c.progress = &s->progress;
    s->c.raw_data_out = s->row_of_planes != NULL;
    if (s->row_of_planes &&
        ycc420_start(&s->planes, s->row_of_planes, s->c.image_width, s->c.image_height) != PHASH_OK)
        escape(s, PHASH_E_MEMORY);
    (void)jpeg_start_decompress(&s->c);
    check_components(s);
}

static void read_rows(jpeg_state *s)
{
    struct jpeg_decompress_struct *c = &s->c;
    if (!c->progress)
        start(s);
    if (s->row_of_planes)
        read_planes(s);
    else if (s->cmyk)
        read_cmyk(s);
    else
        read_plain(s);
    const JDIMENSION given = s->row_of_planes ? s->planes.given : c->output_scanline;
    if (given < c->output_height)
        return;
    if (!jpeg_has_multiple_scans(c))
        skip_padding(s);
    (void)jpeg_finish_decompress(c);
}

static phash_status jpeg_rows(phash_image *image, uint8_t *rows, size_t count, size_t stride,
                              phash_error *error)
{
    jpeg_state *s = image->state;
    s->rows = rows;
    s->count = count;
    s->stride = stride;
    return guarded(s, read_rows, error);
}

/* ---- luma at reduced resolution ---- */

/* Whether the scans read so far hold what means of s->pitch pixels are made of: the DC coefficient
 * and, for finer means, the first AC coefficients (of zigzag order), at any precision. In sequential
 * files a scan holds all coefficients of its components. */
static bool scans_suffice(const jpeg_state *s)
{
    const struct jpeg_decompress_struct *c = &s->c;
    if (!c->progressive_mode)
        return c->cur_comp_info[0] == &c->comp_info[0];
    static const int zigzag[] = {0, 1, 2, 4};
    const size_t needed = s->pitch == DCTSIZE ? 1 : sizeof zigzag / sizeof zigzag[0];
    for (size_t i = 0; i < needed; i++)
        if (c->coef_bits[0][zigzag[i]] < 0)
            return false;
    return true;
}

/* Reads scans until they suffice. Means of 2x2 pixels see most coefficients, so for them all scans
 * are read. */
static void read_scans(jpeg_state *s)
{
    struct jpeg_decompress_struct *c = &s->c;
    for (;;) {
        const int event = jpeg_consume_input(c);
        if (event == JPEG_REACHED_EOI ||
            (event == JPEG_SCAN_COMPLETED && s->pitch > 2 && scans_suffice(s)))
            return;
    }
}

static void read_reduced(jpeg_state *s)
{
    struct jpeg_decompress_struct *c = &s->c;
    const bool scans = jpeg_has_multiple_scans(c);
    c->out_color_space = JCS_GRAYSCALE;
    c->scale_num = 1;
    c->scale_denom = s->pitch;
    c->do_block_smoothing =
        FALSE; /* means come as the coefficients say, not as neighbours suggest */
    c->buffered_image = scans;
    c->progress = &s->progress;
    (void)jpeg_start_decompress(c);
    s->means = phash_alloc(c->output_width, 1);
    if (!s->means)
        escape(s, PHASH_E_MEMORY);
    s->means_bytes = c->output_width;
    if (scans) {
        read_scans(s);
        (void)jpeg_start_output(c, c->input_scan_number);
    }
    while (c->output_scanline < c->output_height) {
        JSAMPROW row = s->means;
        (void)jpeg_read_scanlines(c, &row, 1);
        s->give_row(s->context, s->means);
    }
    if (!scans) {
        skip_padding(s);
        (void)jpeg_finish_decompress(c);
    }
}

static phash_status jpeg_reduced(phash_image *image, uint32_t pitch, decode_row_fn row,
                                 void *context, phash_error *error)
{
    jpeg_state *s = image->state;
    if (s->c.jpeg_color_space != JCS_YCbCr && s->c.jpeg_color_space != JCS_GRAYSCALE)
        return PHASH_E_UNSUPPORTED;
    s->pitch = pitch;
    s->give_row = row;
    s->context = context;
    return guarded(s, read_reduced, error);
}

const decode_ops decode_jpeg = {jpeg_open, jpeg_rows, jpeg_close, jpeg_reduced};
