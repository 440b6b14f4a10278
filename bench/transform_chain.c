/* What usually happens to a picture: several of the others, one after the other. */
#include "transform.h"

#define STEPS_MAX 6

/* Applies `steps` in order. Every step is kept in memory: JPEG needs its input more than once. */
static enum transform_result apply(VipsImage *in, const struct transform *steps, int count,
                                   struct transform_scene *scene, VipsImage **out)
{
    VipsImage **between = transform_images(scene, STEPS_MAX);
    for (int i = 0; i < count; i++) {
        VipsImage **to = i == count - 1 ? out : &between[i];
        const enum transform_result r =
            steps[i].make(i ? between[i - 1] : in, &steps[i], scene, to);
        if (r != TRANSFORM_OK)
            return r;
    }
    return TRANSFORM_OK;
}

/* Passed on twice. a: longest side that the messenger keeps; b: its JPEG quality. */
enum transform_result transform_messenger(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    const struct transform steps[] = {
        {.make = transform_thumbnail, .a = t->a},
        {.make = transform_jpeg, .a = t->b},
        {.make = transform_thumbnail, .a = t->a},
        {.make = transform_jpeg, .a = t->b},
    };
    return apply(in, steps, 4, scene, out);
}

/* A caption bar and words, then JPEG. a: height of the bar; b: quality. */
enum transform_result transform_meme(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    const struct transform steps[] = {
        {.make = transform_caption, .a = t->a, .text = t->text},
        {.make = transform_words, .a = 0.1, .b = 0.9, .text = TRANSFORM_BOTTOM_TEXT},
        {.make = transform_jpeg, .a = t->b},
    };
    return apply(in, steps, 3, scene, out);
}

/* On a 9:16 canvas with words, then JPEG. b: quality. */
enum transform_result transform_story(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    const struct transform steps[] = {
        {.make = transform_letterbox, .a = 9, .b = 16},
        {.make = transform_words, .a = 0.05, .b = 0.8, .text = t->text},
        {.make = transform_thumbnail, .a = 1280},
        {.make = transform_jpeg, .a = t->b},
    };
    return apply(in, steps, 4, scene, out);
}

/* Copied by another account: a little cropped, brightened, signed, JPEG. a: crop on each side;
 * b: quality. */
enum transform_result transform_repost(VipsImage *in, const struct transform *t,
                                       struct transform_scene *scene, VipsImage **out)
{
    const struct transform steps[] = {
        {.make = transform_crop, .a = t->a},
        {.make = transform_brightness, .a = 15},
        {.make = transform_words, .a = 0.04, .b = 0.95, .text = t->text},
        {.make = transform_jpeg, .a = t->b},
    };
    return apply(in, steps, 4, scene, out);
}
