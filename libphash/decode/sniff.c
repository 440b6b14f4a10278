/* File type by the first bytes, never by the name. Formats that this build does not read are
 * recognised too, because "looks like HEIC" helps a person more than "not an image". */
#include "decode/sniff.h"

#include <string.h>

enum { SNIFF_BYTES = 32 };

/* Signatures at offset 0, from each format's specification. */
static const struct {
    const char *name;
    phash_file_type type;
    uint8_t length;
    const char *bytes;
} signatures[] = {
    {"JPEG", PHASH_FILE_JPEG, 3, "\xff\xd8\xff"},
    {"PNG", PHASH_FILE_PNG, 8, "\x89PNG\r\n\x1a\n"},
    {"GIF", PHASH_FILE_UNKNOWN, 6, "GIF87a"},
    {"GIF", PHASH_FILE_UNKNOWN, 6, "GIF89a"},
    {"TIFF", PHASH_FILE_UNKNOWN, 4, "II*\0"},
    {"TIFF", PHASH_FILE_UNKNOWN, 4, "MM\0*"},
    {"BigTIFF", PHASH_FILE_UNKNOWN, 4, "II+\0"},
    {"BigTIFF", PHASH_FILE_UNKNOWN, 4, "MM\0+"},
    {"JPEG XL", PHASH_FILE_UNKNOWN, 2, "\xff\x0a"},
    {"JPEG XL", PHASH_FILE_UNKNOWN, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    {"JPEG 2000", PHASH_FILE_UNKNOWN, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
    {"JPEG 2000", PHASH_FILE_UNKNOWN, 4, "\xff\x4f\xff\x51"},
    {"MNG", PHASH_FILE_UNKNOWN, 8, "\x8aMNG\r\n\x1a\n"},
    {"Photoshop", PHASH_FILE_UNKNOWN, 4, "8BPS"},
    {"PDF", PHASH_FILE_UNKNOWN, 5, "%PDF-"},
    {"ICO", PHASH_FILE_UNKNOWN, 4, "\0\0\1\0"},
};

static bool has(const uint8_t *p, size_t n, size_t at, const char *text)
{
    const size_t length = strlen(text);
    return n >= at + length && memcmp(p + at, text, length) == 0;
}

/* ISO base media files (ISO/IEC 14496-12): the major brand of the first box says what is in them.
 */
static const char *brand_name(const uint8_t *p, size_t n)
{
    if (has(p, n, 8, "avif") || has(p, n, 8, "avis"))
        return "AVIF";
    if (has(p, n, 8, "heic") || has(p, n, 8, "heix") || has(p, n, 8, "heim") ||
        has(p, n, 8, "heis") || has(p, n, 8, "hevc") || has(p, n, 8, "hevx"))
        return "HEIC";
    if (has(p, n, 8, "mif1") || has(p, n, 8, "msf1"))
        return "HEIF";
    return "a video or another ISO media file";
}

/* Formats whose signature is not just a run of bytes at the start. */
static const char *other_name(const uint8_t *p, size_t n)
{
    if (has(p, n, 4, "ftyp"))
        return brand_name(p, n);
    if (has(p, n, 0, "RIFF") && has(p, n, 8, "WEBP"))
        return "WebP";
    /* "BM" alone is too short to tell: the two reserved words of the header are 0. */
    if (has(p, n, 0, "BM") && n >= 10 && memcmp(p + 6, "\0\0\0\0", 4) == 0)
        return "BMP";
    if (has(p, n, 0, "<svg") || has(p, n, 0, "<?xml"))
        return "SVG or other XML";
    return NULL;
}

static phash_status not_image(const char *looks_like, phash_error *error)
{
    if (!looks_like)
        return phash_fail_at(error, PHASH_E_NOT_IMAGE, 0, 0, "not an image that this build reads");
    return phash_fail_at(error, PHASH_E_NOT_IMAGE, 0, 0,
                         "not an image that this build reads (looks like %s)", looks_like);
}

phash_status sniff(decode_source *source, phash_file_type *type, phash_error *error)
{
    source_peek(source, SNIFF_BYTES);
    const uint8_t *p = source->next;
    const size_t n = source->left;
    if (source->stopped != PHASH_OK && source->stopped != PHASH_E_TRUNCATED)
        return source_fail(source, "the header", error);
    if (n == 0)
        return phash_fail_at(error, PHASH_E_NOT_IMAGE, 0, 0,
                             "not an image that this build reads (the file is empty)");
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const size_t length = signatures[i].length;
        if (memcmp(p, signatures[i].bytes, n < length ? n : length) != 0)
            continue;
        const uint32_t bit = UINT32_C(1) << signatures[i].type;
        if (signatures[i].type == PHASH_FILE_UNKNOWN || !(phash_decode_formats() & bit)) {
            if (n < length)
                continue;
            return not_image(signatures[i].name, error);
        }
        /* One byte tells nothing; two or more of a signature, then the end, is a cut-off file. */
        if (n < length && n < 2)
            continue;
        if (n < length)
            return source_fail(source, "the header", error);
        *type = signatures[i].type;
        return PHASH_OK;
    }
    return not_image(other_name(p, n), error);
}
