/* transform.h: what happens to pictures on their way through the world, made by libvips.
 *
 * One function per family; the table names each of its steps, mild to severe.
 */
#ifndef PHASH_BENCH_TRANSFORM_H
#define PHASH_BENCH_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vips/vips.h>

enum transform_result { TRANSFORM_OK = 0, TRANSFORM_SKIPPED = 1, TRANSFORM_FAILED = -1 };

/* What a transform may use beside the picture. */
struct transform_scene {
    VipsObject *scope;    /* owner of intermediate images, which live until it is freed */
    uint32_t seed;        /* for noise; from the run's seed and the picture */
    VipsImage *others[3]; /* neighbours in a collage; NULL where there are too few */
    const char *skipped;  /* why, when the result is TRANSFORM_SKIPPED; static */
};

struct transform;
/* Takes an RGB 8-bit picture in memory; gives another, which the caller unrefs. */
typedef enum transform_result transform_fn(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out);

struct transform {
    const char *family; /* "jpeg" */
    const char *name;   /* "jpeg-90"; unique */
    transform_fn *make;
    double a, b;      /* parameters; each function says what they are */
    const char *text; /* the same for words and sides */
};

extern const struct transform transforms[];
extern const size_t transform_count;

/* Words of a meme that are in no row of the table. */
#define TRANSFORM_BOTTOM_TEXT "BOTTOM TEXT"

/* Checks once which glyphs and operations this machine has, and draws all words. To be called by a
 * thread that lasts, before any transform. */
void transform_open(void);

/* n intermediate images, owned by the scene. */
VipsImage **transform_images(struct transform_scene *scene, int n);

transform_fn transform_identity, transform_jpeg, transform_jpeg_chain, transform_webp;
transform_fn transform_resize, transform_thumbnail, transform_crop, transform_crop_side,
    transform_crop_centre, transform_rotate, transform_straighten, transform_turn, transform_flip;
transform_fn transform_border, transform_letterbox, transform_collage, transform_screenshot;
transform_fn transform_caption, transform_words, transform_emoji, transform_watermark;
transform_fn transform_blur, transform_sharpen, transform_noise, transform_brightness,
    transform_contrast, transform_gamma, transform_saturation, transform_sepia, transform_invert,
    transform_posterise;
transform_fn transform_messenger, transform_meme, transform_story, transform_repost;

#endif
