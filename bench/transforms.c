/* The table of transforms: family by family, mild to severe. */
#include "transform.h"

#include <string.h>

/* clang-format off: a table */
#define JPEG(q)                                                                                    \
    {                                                                                              \
        "jpeg", "jpeg-" #q, transform_jpeg, q, 0, NULL                                             \
    }
#define CHAIN(n)                                                                                   \
    {                                                                                              \
        "jpeg-chain", "jpeg-chain-" #n, transform_jpeg_chain, n, 75, NULL                          \
    }
#define WEBP(q)                                                                                    \
    {                                                                                              \
        "webp", "webp-" #q, transform_webp, q, 0, NULL                                             \
    }
#define RESIZE(p)                                                                                  \
    {                                                                                              \
        "resize", "resize-" #p "%", transform_resize, p / 100., p / 100., NULL                     \
    }
#define THUMBNAIL(px)                                                                              \
    {                                                                                              \
        "thumbnail", "thumbnail-" #px, transform_thumbnail, px, 0, NULL                            \
    }
#define ASPECT(p)                                                                                  \
    {                                                                                              \
        "aspect", "aspect-" #p "%", transform_resize, p / 100., 1, NULL                            \
    }
#define CROP(p)                                                                                    \
    {                                                                                              \
        "crop", "crop-" #p "%", transform_crop, p / 100., 0, NULL                                  \
    }
#define SIDE(side, p)                                                                              \
    {                                                                                              \
        "crop-" side, "crop-" side "-" #p "%", transform_crop_side, p / 100., 0, side              \
    }
#define SIDES(p) SIDE("left", p), SIDE("right", p), SIDE("top", p), SIDE("bottom", p)
#define CENTRE(w, h)                                                                               \
    {                                                                                              \
        "crop-centre", "crop-" #w ":" #h, transform_crop_centre, w, h, NULL                        \
    }
#define ROTATE(d)                                                                                  \
    {                                                                                              \
        "rotate", "rotate-" #d, transform_rotate, d, 0, NULL                                       \
    }
#define STRAIGHT(d)                                                                                \
    {                                                                                              \
        "straighten", "straighten-" #d, transform_straighten, d, 0, NULL                           \
    }
#define TURN(d)                                                                                    \
    {                                                                                              \
        "turn", "turn-" #d, transform_turn, d, 0, NULL                                             \
    }
#define BORDER(p)                                                                                  \
    {                                                                                              \
        "border", "border-" #p "%", transform_border, p / 100., 0, NULL                            \
    }
#define LETTERBOX(w, h)                                                                            \
    {                                                                                              \
        "letterbox", "letterbox-" #w ":" #h, transform_letterbox, w, h, NULL                       \
    }
#define CAPTION(p)                                                                                 \
    {                                                                                              \
        "caption", "caption-" #p "%", transform_caption, p / 100., 0, "WHEN YOU SEE IT"            \
    }
#define WORDS(p)                                                                                   \
    {                                                                                              \
        "text", "text-" #p "%", transform_words, p / 100., 0.8, "DO NOT SHARE"                     \
    }
#define EMOJI(p)                                                                                   \
    {                                                                                              \
        "emoji", "emoji-" #p "%", transform_emoji, p / 100., 0, "\xF0\x9F\x98\x82"                 \
    }
#define MARK(p)                                                                                    \
    {                                                                                              \
        "watermark", "watermark-" #p "%", transform_watermark, p / 100., 0, "SAMPLE.EXAMPLE"       \
    }
#define BLUR(p)                                                                                    \
    {                                                                                              \
        "blur", "blur-" #p "%", transform_blur, p / 100., 0, NULL                                  \
    }
#define SHARPEN(p)                                                                                 \
    {                                                                                              \
        "sharpen", "sharpen-" #p "%", transform_sharpen, p / 100., 0, NULL                         \
    }
#define NOISE(s)                                                                                   \
    {                                                                                              \
        "noise", "noise-" #s, transform_noise, s, 0, NULL                                          \
    }
#define BRIGHT(s, v)                                                                               \
    {                                                                                              \
        "brightness", "brightness" #s #v, transform_brightness, 0 s v, 0, NULL                     \
    }
#define CONTRAST(p)                                                                                \
    {                                                                                              \
        "contrast", "contrast-" #p "%", transform_contrast, p / 100., 0, NULL                      \
    }
#define GAMMA(g)                                                                                   \
    {                                                                                              \
        "gamma", "gamma-" #g, transform_gamma, g, 0, NULL                                          \
    }
#define SATURATION(p)                                                                              \
    {                                                                                              \
        "saturation", "saturation-" #p "%", transform_saturation, p / 100., 0, NULL                \
    }
#define POSTER(n)                                                                                  \
    {                                                                                              \
        "posterise", "posterise-" #n, transform_posterise, n, 0, NULL                              \
    }
#define COLLAGE(name, n, px)                                                                       \
    {                                                                                              \
        "collage", "collage-" name, transform_collage, n, px, NULL                                 \
    }

const struct transform transforms[] = {
    {"identity", "identity", transform_identity, 0, 0, NULL},
    JPEG(90),
    JPEG(80),
    JPEG(70),
    JPEG(60),
    JPEG(50),
    JPEG(40),
    JPEG(30),
    JPEG(20),
    JPEG(10),
    JPEG(5),
    CHAIN(2),
    CHAIN(5),
    CHAIN(10),
    WEBP(90),
    WEBP(50),
    WEBP(20),
    WEBP(5),
    RESIZE(75),
    RESIZE(50),
    RESIZE(25),
    RESIZE(10),
    THUMBNAIL(256),
    THUMBNAIL(128),
    THUMBNAIL(64),
    ASPECT(95),
    ASPECT(90),
    ASPECT(75),
    ASPECT(50),
    ASPECT(133),
    CROP(1),
    CROP(2),
    CROP(3),
    CROP(5),
    CROP(10),
    CROP(15),
    CROP(20),
    CROP(30),
    SIDES(1),
    SIDES(2),
    SIDES(5),
    SIDES(10),
    SIDES(20),
    SIDES(30),
    CENTRE(1, 1),
    CENTRE(4, 5),
    CENTRE(16, 9),
    CENTRE(9, 16),
    ROTATE(1),
    ROTATE(2),
    ROTATE(3),
    ROTATE(5),
    ROTATE(10),
    ROTATE(15),
    STRAIGHT(1),
    STRAIGHT(2),
    STRAIGHT(3),
    STRAIGHT(5),
    STRAIGHT(10),
    STRAIGHT(15),
    TURN(90),
    TURN(180),
    TURN(270),
    {"mirror", "mirror", transform_flip, VIPS_DIRECTION_HORIZONTAL, 0, NULL},
    {"mirror", "mirror-vertical", transform_flip, VIPS_DIRECTION_VERTICAL, 0, NULL},
    BORDER(2),
    BORDER(5),
    BORDER(10),
    BORDER(20),
    LETTERBOX(16, 9),
    LETTERBOX(1, 1),
    LETTERBOX(9, 16),
    CAPTION(5),
    CAPTION(10),
    CAPTION(20),
    CAPTION(30),
    WORDS(5),
    WORDS(10),
    WORDS(20),
    EMOJI(10),
    EMOJI(25),
    EMOJI(50),
    MARK(10),
    MARK(25),
    MARK(50),
    {"screenshot", "screenshot-viewer", transform_screenshot, 1, 0, "viewer"},
    {"screenshot", "screenshot-chat", transform_screenshot, 0.75, 0, "chat"},
    COLLAGE("2", 2, 0),
    COLLAGE("4", 4, 8),
    BLUR(0.1),
    BLUR(0.2),
    BLUR(0.5),
    BLUR(1),
    SHARPEN(50),
    SHARPEN(100),
    SHARPEN(200),
    NOISE(5),
    NOISE(10),
    NOISE(20),
    NOISE(40),
    BRIGHT(+, 20),
    BRIGHT(+, 60),
    BRIGHT(-, 20),
    BRIGHT(-, 60),
    CONTRAST(125),
    CONTRAST(175),
    CONTRAST(75),
    CONTRAST(50),
    GAMMA(0.8),
    GAMMA(0.5),
    GAMMA(1.25),
    GAMMA(2),
    SATURATION(150),
    SATURATION(200),
    SATURATION(50),
    {"grey", "grey", transform_saturation, 0, 0, NULL},
    {"sepia", "sepia", transform_sepia, 0, 0, NULL},
    {"invert", "invert", transform_invert, 0, 0, NULL},
    POSTER(16),
    POSTER(8),
    POSTER(4),
    {"chain", "messenger", transform_messenger, 1600, 75, NULL},
    {"chain", "messenger-800", transform_messenger, 800, 60, NULL},
    {"chain", "meme", transform_meme, 0.15, 60, "WHEN YOU SEE IT"},
    {"chain", "story", transform_story, 0, 70, "look at this"},
    {"chain", "repost", transform_repost, 0.02, 70, "@someone"},
};
/* clang-format on */

const size_t transform_count = sizeof transforms / sizeof transforms[0];

VipsImage **transform_images(struct transform_scene *scene, int n)
{
    return (VipsImage **)vips_object_local_array(scene->scope, n);
}
