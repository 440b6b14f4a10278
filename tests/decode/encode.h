/* Encoders for the tests: pictures into memory, in every form the decoder has to read, and what the
 * decoder must make of them, computed without it. */
#ifndef PHASH_TESTS_ENCODE_H
#define PHASH_TESTS_ENCODE_H

#include "check_main.h"

#include <phash/decode.h>

#include <stdbool.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

typedef struct blob {
    uint8_t *p;
    size_t n;
} blob;

/* Pixels with edges, slopes and noise; `channels` bytes each. */
uint8_t *test_pixels(uint64_t seed, uint32_t width, uint32_t height, unsigned channels);

/* An EXIF block that says `orientation` and some more, little or big endian, starting with
 * "Exif\0\0" (cut the first six bytes off for PNG). */
enum { EXIF_BYTES = 6 + 8 + 2 + 3 * 12 + 4 + 8 };
void test_exif(uint8_t out[EXIF_BYTES], unsigned orientation, bool big_endian);

typedef enum jpeg_script {
    SCRIPT_ONE,        /* sequential, one scan */
    SCRIPT_SEPARATE,   /* sequential, one scan per component */
    SCRIPT_SPECTRAL,   /* progressive by spectral selection only */
    SCRIPT_SUCCESSIVE, /* progressive as libjpeg does it by default */
    SCRIPTS
} jpeg_script;

typedef struct jpeg_spec {
    uint32_t width, height;
    J_COLOR_SPACE in;     /* of the pixels given: grey, RGB, CMYK */
    J_COLOR_SPACE stored; /* grey, YCbCr, RGB, CMYK, YCCK */
    int h, v;             /* sampling factors of the first component; 0: 1 */
    jpeg_script script;
    bool arithmetic;
    int restart;     /* rows of MCUs, 0: none */
    bool no_adobe;   /* leave the Adobe marker out */
    const char *pad; /* bytes put before EOI */
    size_t pad_bytes;
    const uint8_t *exif;
    size_t exif_bytes;
} jpeg_spec;

blob encode_jpeg(const jpeg_spec *spec, const uint8_t *pixels);

/* Decodes with libjpeg's defaults to what it calls the default colour space: 1, 3 or, for CMYK and
 * YCCK, 4 bytes a pixel. */
uint8_t *reference_jpeg(const blob *file, unsigned *channels);

typedef struct png_spec {
    uint32_t width, height;
    int colour, depth;
    bool interlaced, trns;
    const uint8_t *exif; /* without "Exif\0\0" */
    size_t exif_bytes;
} png_spec;

/* Encodes samples that are drawn at random from `seed`, and gives in *expected the 8-bit grey or RGB
 * that they stand for. */
blob encode_png(const png_spec *spec, uint64_t seed, uint8_t **expected);

/* Puts a chunk, with its checksum, before the chunk `before`; new memory. */
blob png_with_chunk(const blob *file, const char *type, const void *data, size_t bytes,
                    const char *before);

/* Makes every chunk's checksum right, as far as the chunks' lengths make sense. */
void png_fix_checksums(blob *file);

/* Decodes from memory in random pieces and compares with `expected`; checks the description. */
void assert_pixels(const blob *file, const phash_decode_options *options, phash_file_type type,
                   uint32_t width, uint32_t height, unsigned channels, const uint8_t *expected);

/* Hashes from memory; the status and, if `message`, the text are as said. */
void assert_fails(const blob *file, const phash_decode_options *options, phash_status status,
                  const char *message);

#endif
