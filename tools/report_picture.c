/* A thumbnail as a PNG in a data: URI. */
#include "report.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* PNG (RFC 2083, W3C 2003): signature, IHDR, IDAT with a zlib stream of one stored block, IEND. So few
 * bytes need no compression, and no library. */
enum {
    RAW_MAX = THUMBNAIL_CELLS * (1 + 3 * THUMBNAIL_CELLS),
    PNG_MAX = RAW_MAX + 128,
    SHOWN = 5 /* CSS pixels for a cell; browsers blend between cells */
};

struct png {
    unsigned char data[PNG_MAX];
    size_t length;
};

static void put(struct png *png, const void *data, size_t bytes)
{
    memcpy(png->data + png->length, data, bytes);
    png->length += bytes;
}

static void put_u32(struct png *png, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    put(png, bytes, sizeof bytes);
}

/* CRC-32 of ISO 3309, bit by bit. */
static uint32_t crc32_of(const unsigned char *data, size_t bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

/* Adler-32 of RFC 1950; so few bytes cannot overflow before the reduction. */
static uint32_t adler32_of(const unsigned char *data, size_t bytes)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < bytes; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_chunk(struct png *png, const char *type, const unsigned char *data, size_t bytes)
{
    put_u32(png, (uint32_t)bytes);
    const size_t from = png->length;
    put(png, type, 4);
    put(png, data, bytes);
    put_u32(png, crc32_of(png->data + from, png->length - from));
}

static void encode(struct png *png, const struct thumbnail *t)
{
    unsigned char raw[RAW_MAX] = {0};
    size_t n = 0;
    for (unsigned y = 0; y < t->rows; y++) {
        raw[n++] = 0; /* no filter */
        memcpy(raw + n, t->rgb + 3u * y * t->columns, 3u * t->columns);
        n += 3u * t->columns;
    }
    struct png body = {.length = 0};
    const unsigned char block[] = {0x78,
                                   0x01, /* zlib, no compression */
                                   1,    /* the last block, stored */
                                   (unsigned char)n,
                                   (unsigned char)(n >> 8),
                                   (unsigned char)~n,
                                   (unsigned char)(~n >> 8)};
    put(&body, block, sizeof block);
    put(&body, raw, n);
    put_u32(&body, adler32_of(raw, n));
    /* 8 bits, RGB, no interlace */
    const unsigned char header[13] = {0, 0, 0, t->columns, 0, 0, 0, t->rows, 8, 2, 0, 0, 0};
    png->length = 0;
    put(png, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(png, "IHDR", header, sizeof header);
    put_chunk(png, "IDAT", body.data, body.length);
    put_chunk(png, "IEND", (const unsigned char *)"", 0);
}

void report_picture(struct text *t, const struct thumbnail *thumbnail)
{
    struct png png;
    char base64[sodium_base64_ENCODED_LEN(PNG_MAX, sodium_base64_VARIANT_ORIGINAL)];
    char size[64];
    encode(&png, thumbnail);
    sodium_bin2base64(base64, sizeof base64, png.data, png.length, sodium_base64_VARIANT_ORIGINAL);
    snprintf(size, sizeof size, "<img alt=\"\" width=%u height=%u src=\"data:image/png;base64,",
             (unsigned)SHOWN * thumbnail->columns, (unsigned)SHOWN * thumbnail->rows);
    text_string(t, size);
    text_string(t, base64);
    text_string(t, "\">");
}
