/* hash_photo.h: photographs in memory as files, and what decodes or hashes them. */
#ifndef PHASH_BENCH_HASH_PHOTO_H
#define PHASH_BENCH_HASH_PHOTO_H

#include <jansson.h>
#include <phash/decode.h>
#include <phash/features.h>
#include <phash/pdq.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum photo_kind { PHOTO_BASELINE, PHOTO_PROGRESSIVE, PHOTO_PNG };

struct photo {
    enum photo_kind kind;
    uint32_t width, height;
    uint8_t *file; /* malloc */
    size_t bytes;
    uint8_t *pixels; /* what the file decodes to: packed RGB; malloc */
};

struct photo_engine {
    const char *name;
    unsigned kinds; /* bits 1 << photo_kind */
    bool exact;     /* gives the hash of profile full */
    bool decodes;   /* another's decoder, to which times are compared; gives no hash */
    void (*run)(const struct photo *photo, phash_pdq_result *result);
};

/* The engines of this build; the last has a NULL name. They end the program where they fail. */
extern const struct photo_engine photo_engines[];

/* Parts of pictures that photos are laid out of: all of the same size. */
struct photo_tiles;

/* Tiles of the photographs in a folder, or, for NULL, of made-up pictures as smooth and as noisy as
 * a photograph. NULL, after a message, where there is nothing. */
struct photo_tiles *photo_tiles_new(const char *folder);
void photo_tiles_free(struct photo_tiles *tiles);

/* Lays tiles out and encodes them: JPEG of quality 85 with 4:2:0 subsampling, PNG with libpng's
 * defaults. Ends the program without memory. */
struct photo photo_new(const struct photo_tiles *tiles, enum photo_kind kind, uint32_t width,
                       uint32_t height);
void photo_free(struct photo *photo);

/* libjpeg-turbo's RGB, or libpng's, into `pixels` (packed rows), or, for NULL, into a few rows that
 * are used over and over. */
void photo_decode(const struct photo *photo, uint8_t *pixels);

/* phash-bench hash: the part about photos. Shows a table and gives a list of cases. megapixels: bits
 * 1 << index of the sizes 2, 8 and 48. Ends the program where a hash differs. */
json_t *hash_photos(const struct photo_tiles *tiles, unsigned megapixels, unsigned rounds);

#endif
