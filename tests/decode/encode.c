/* Encoders for the tests, on libjpeg and libpng. */
#include "encode.h"

#include <zlib.h>

uint8_t *test_pixels(uint64_t seed, uint32_t width, uint32_t height, unsigned channels)
{
    uint8_t *p = malloc((size_t)width * height * channels + 1);
    ck_assert_ptr_nonnull(p);
    uint64_t state = seed;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (unsigned c = 0; c < channels; c++) {
                const int edge = (x / 13 ^ y / 9) & 1 ? 90 : 0;
                const int slope = (int)((x * (c + 1) * 3 + y * 2) % 110);
                p[(y * width + x) * channels + c] =
                    (uint8_t)(20 + edge + slope + (int)(test_random(&state) % 25));
            }
    return p;
}

static void put(uint8_t *p, unsigned value, unsigned bytes, bool big)
{
    for (unsigned i = 0; i < bytes; i++)
        p[big ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

static void put_entry(uint8_t *p, unsigned tag, unsigned type, unsigned value, bool big)
{
    put(p, tag, 2, big);
    put(p + 2, type, 2, big);
    put(p + 4, 1, 4, big);
    put(p + 8, value, type == 3 ? 2 : 4, big);
}

void test_exif(uint8_t out[EXIF_BYTES], unsigned orientation, bool big)
{
    memset(out, 0, EXIF_BYTES);
    memcpy(out, "Exif\0\0", 6);
    uint8_t *tiff = out + 6;
    memcpy(tiff, big ? "MM" : "II", 2);
    put(tiff + 2, 42, 2, big);
    put(tiff + 4, 8, 4, big);
    put(tiff + 8, 3, 2, big);
    put_entry(tiff + 10, 0x0112, 3, orientation, big);
    put_entry(tiff + 22, 0x011a, 5, 50, big); /* x resolution, at offset 50 */
    put_entry(tiff + 34, 0x0128, 3, 2, big);
    put(tiff + 50, 72, 4, big);
    put(tiff + 54, 1, 4, big);
}

/* One scan per component, or for each component one of its DC and one of its AC coefficients, at full
 * precision. */
static int write_script(jpeg_scan_info scans[8], jpeg_script script, int components)
{
    memset(scans, 0, 8 * sizeof *scans);
    int n = 0;
    for (int i = 0; i < components; i++)
        for (int part = 0; part < (script == SCRIPT_SPECTRAL ? 2 : 1); part++, n++) {
            scans[n].comps_in_scan = 1;
            scans[n].component_index[0] = i;
            scans[n].Ss = part;
            scans[n].Se = script == SCRIPT_SPECTRAL && part == 0 ? 0 : 63;
        }
    return n;
}

blob encode_jpeg(const jpeg_spec *spec, const uint8_t *pixels)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr err;
    unsigned char *out = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&err);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &size);
    c.image_width = spec->width;
    c.image_height = spec->height;
    c.in_color_space = spec->in;
    c.input_components = spec->in == JCS_GRAYSCALE ? 1 : spec->in == JCS_CMYK ? 4 : 3;
    jpeg_set_defaults(&c);
    jpeg_set_colorspace(&c, spec->stored);
    jpeg_set_quality(&c, 85, TRUE);
    if (spec->no_adobe)
        c.write_Adobe_marker = FALSE;
    c.comp_info[0].h_samp_factor = spec->h ? spec->h : 1;
    c.comp_info[0].v_samp_factor = spec->v ? spec->v : 1;
    c.restart_in_rows = spec->restart;
    c.arith_code = spec->arithmetic;
    jpeg_scan_info scans[8];
    if (spec->script == SCRIPT_SUCCESSIVE)
        jpeg_simple_progression(&c);
    else if (spec->script != SCRIPT_ONE) {
        c.scan_info = scans;
        c.num_scans = write_script(scans, spec->script, c.num_components);
    }
    jpeg_start_compress(&c, TRUE);
    if (spec->exif)
        jpeg_write_marker(&c, JPEG_APP0 + 1, spec->exif, (unsigned)spec->exif_bytes);
    const size_t stride = (size_t)spec->width * (size_t)c.input_components;
    for (uint32_t y = 0; y < spec->height; y++) {
        JSAMPROW row = (JSAMPROW)(pixels + y * stride);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    blob file = {malloc(size + spec->pad_bytes), size + spec->pad_bytes};
    ck_assert_ptr_nonnull(file.p);
    memcpy(file.p, out, size - 2);
    if (spec->pad_bytes)
        memcpy(file.p + size - 2, spec->pad, spec->pad_bytes);
    memcpy(file.p + file.n - 2, out + size - 2, 2);
    free(out);
    return file;
}

uint8_t *reference_jpeg(const blob *file, unsigned *channels)
{
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr err;
    c.err = jpeg_std_error(&err);
    jpeg_create_decompress(&c);
    jpeg_mem_src(&c, file->p, file->n);
    jpeg_read_header(&c, TRUE);
    jpeg_start_decompress(&c);
    *channels = (unsigned)c.output_components;
    const size_t stride = (size_t)c.output_width * *channels;
    uint8_t *p = malloc(stride * c.output_height);
    ck_assert_ptr_nonnull(p);
    while (c.output_scanline < c.output_height) {
        JSAMPROW row = p + c.output_scanline * stride;
        jpeg_read_scanlines(&c, &row, 1);
    }
    jpeg_finish_decompress(&c);
    jpeg_destroy_decompress(&c);
    return p;
}

/* ---- PNG ---- */

static void append(png_structp png, png_bytep data, size_t bytes)
{
    blob *b = png_get_io_ptr(png);
    uint8_t *grown = realloc(b->p, b->n + bytes);
    ck_assert_ptr_nonnull(grown);
    memcpy(grown + b->n, data, bytes);
    b->p = grown;
    b->n += bytes;
}

static void no_flush(png_structp png)
{
    (void)png;
}

static unsigned samples_of(int colour)
{
    switch (colour) {
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return 2;
    case PNG_COLOR_TYPE_RGB:
        return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return 4;
    default:
        return 1;
    }
}

/* Sample `i` of a packed row: PNG specification, 7.2. */
static unsigned sample(const uint8_t *row, size_t i, int depth)
{
    if (depth == 16)
        return (unsigned)row[2 * i] << 8 | row[2 * i + 1];
    const size_t bit = i * (size_t)depth;
    return row[bit / 8] >> (8 - (unsigned)depth - bit % 8) & ((1u << depth) - 1);
}

static void expect_row(const png_spec *s, const png_color *palette, const uint8_t *row,
                       uint8_t *out)
{
    const unsigned n = samples_of(s->colour);
    const unsigned kept = n < 3 ? 1 : 3; /* colour samples, without alpha */
    for (size_t x = 0; x < s->width; x++)
        for (unsigned c = 0; c < kept; c++) {
            const unsigned v = sample(row, x * n + c, s->depth);
            if (s->colour == PNG_COLOR_TYPE_PALETTE) {
                *out++ = palette[v].red;
                *out++ = palette[v].green;
                *out++ = palette[v].blue;
            } else {
                *out++ = (uint8_t)(s->depth == 16 ? v >> 8 : v * 255 / ((1u << s->depth) - 1));
            }
        }
}

blob encode_png(const png_spec *s, uint64_t seed, uint8_t **expected)
{
    uint64_t state = seed;
    blob file = {NULL, 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, append, no_flush);
    png_set_IHDR(png, info, s->width, s->height, s->depth, s->colour,
                 s->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[256];
    const int colours = s->depth <= 8 ? 1 << s->depth : 0;
    for (int i = 0; i < colours; i++)
        palette[i] = (png_color){(uint8_t)test_random(&state), (uint8_t)test_random(&state),
                                 (uint8_t)test_random(&state)};
    if (s->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, colours);
    if (s->trns) {
        static const png_byte alpha[2] = {0, 128};
        const png_color_16 key = {.red = 1, .green = 1, .blue = 1, .gray = 1};
        png_set_tRNS(png, info, alpha, 2, &key);
    }
    if (s->exif)
        png_set_eXIf_1(png, info, (png_uint_32)s->exif_bytes, (png_bytep)s->exif);
    png_write_info(png, info);

    const size_t packed = png_get_rowbytes(png, info);
    const size_t out = (size_t)s->width * (s->colour & PNG_COLOR_MASK_COLOR ? 3 : 1);
    uint8_t *rows = malloc(packed * s->height);
    png_bytep *pointers = malloc(s->height * sizeof *pointers);
    *expected = malloc(out * s->height);
    ck_assert(rows && pointers && *expected);
    for (uint32_t y = 0; y < s->height; y++) {
        pointers[y] = rows + y * packed;
        for (size_t i = 0; i < packed; i++)
            pointers[y][i] = (uint8_t)test_random(&state);
        expect_row(s, palette, pointers[y], *expected + y * out);
    }
    png_write_image(png, pointers);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pointers);
    free(rows);
    return file;
}

static size_t chunk_bytes(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

blob png_with_chunk(const blob *file, const char *type, const void *data, size_t bytes,
                    const char *before)
{
    size_t at = 8;
    while (memcmp(file->p + at + 4, before, 4) != 0) {
        at += 12 + chunk_bytes(file->p + at);
        ck_assert_uint_lt(at + 8, file->n);
    }
    blob out = {malloc(file->n + bytes + 12), file->n + bytes + 12};
    ck_assert_ptr_nonnull(out.p);
    memcpy(out.p, file->p, at);
    uint8_t *p = out.p + at;
    put(p, (unsigned)bytes, 4, true);
    memcpy(p + 4, type, 4);
    if (bytes)
        memcpy(p + 8, data, bytes);
    put(p + 8 + bytes, (unsigned)crc32(crc32(0, NULL, 0), p + 4, (uInt)bytes + 4), 4, true);
    memcpy(p + 12 + bytes, file->p + at, file->n - at);
    return out;
}

void png_fix_checksums(blob *file)
{
    for (size_t at = 8; at + 12 <= file->n && chunk_bytes(file->p + at) <= file->n - at - 12;) {
        const size_t n = chunk_bytes(file->p + at);
        put(file->p + at + 8 + n, (unsigned)crc32(crc32(0, NULL, 0), file->p + at + 4, (uInt)n + 4),
            4, true);
        at += 12 + n;
    }
}

/* ---- checks ---- */

void assert_pixels(const blob *file, const phash_decode_options *options, phash_file_type type,
                   uint32_t width, uint32_t height, unsigned channels, const uint8_t *expected)
{
    phash_image *image;
    phash_error e = PHASH_ERROR_INIT;
    uint64_t state = crc32(0, file->p, (uInt)file->n); /* as random as the picture is */
    ck_assert_msg(phash_image_open_memory(file->p, file->n, options, &image, &e) == PHASH_OK, "%s",
                  e.message);
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    ck_assert_int_eq(phash_image_info_get(image, &info), PHASH_OK);
    ck_assert_int_eq(info.type, type);
    ck_assert_uint_eq(info.desc.width, width);
    ck_assert_uint_eq(info.desc.height, height);
    ck_assert_int_eq(info.desc.format, channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8);
    const size_t row = (size_t)width * channels, stride = row + test_random(&state) % 7;
    uint8_t *block = malloc(40 * stride);
    ck_assert_ptr_nonnull(block);
    for (uint32_t y = 0; y < height;) {
        uint32_t n = (uint32_t)(test_random(&state) % 40);
        n = n > height - y ? height - y : n;
        memset(block, 0xa5, 40 * stride);
        ck_assert_msg(phash_image_read_rows(image, block, n, stride, &e) == PHASH_OK, "%s",
                      e.message);
        for (uint32_t i = 0; i < n; i++, y++) {
            ck_assert_msg(memcmp(block + i * stride, expected + y * row, row) == 0, "row %u", y);
            for (size_t k = row; k < stride; k++)
                ck_assert_uint_eq(block[i * stride + k], 0xa5); /* nothing behind a row */
        }
    }
    ck_assert_int_eq(phash_image_read_rows(image, block, 1, stride, &e), PHASH_E_STATE);
    free(block);
    phash_image_free(&image);
    ck_assert_ptr_null(image);
}

void assert_fails(const blob *file, const phash_decode_options *options, phash_status status,
                  const char *message)
{
    phash_error e = PHASH_ERROR_INIT;
    phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
    memset(&r.hash, 1, sizeof r.hash);
    r.quality = 7;
    static const phash_hash256 zero;
    const phash_status got = phash_pdq_memory(file->p, file->n, options, NULL, &r, &e);
    ck_assert_msg(got == status, "%s, not %s: %s", phash_status_name(got),
                  phash_status_name(status), e.message);
    ck_assert_int_eq(e.status, status);
    ck_assert_msg(e.message[0] != '\0', "%s without a message", phash_status_name(status));
    if (message)
        ck_assert_str_eq(e.message, message);
    ck_assert_mem_eq(&r.hash, &zero, sizeof zero);
    ck_assert_int_eq(r.quality, 0);
}
