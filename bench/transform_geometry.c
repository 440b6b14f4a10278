/* Size, shape, cuts and turns. */
#include "transform.h"

#include <math.h>
#include <string.h>

#define RESULT(failed) ((failed) ? TRANSFORM_FAILED : TRANSFORM_OK)

/* Sides under this are not made: no platform shows such a picture. */
#define SIDE_MIN 8

static int at_least(double pixels)
{
    return pixels < SIDE_MIN ? SIDE_MIN : (int)(pixels + 0.5);
}

/* a: horizontal factor; b: vertical factor. */
enum transform_result transform_resize(VipsImage *in, const struct transform *t,
                                       struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(vips_resize(in, out, t->a, "vscale", t->b, NULL));
}

/* a: longest side in pixels. */
enum transform_result transform_thumbnail(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(vips_thumbnail_image(in, out, (int)t->a, "height", (int)t->a, "size",
                                       VIPS_SIZE_DOWN, NULL));
}

/* a: share of width and of height that is cut off on each of the four sides. */
enum transform_result transform_crop(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    const int w = at_least(in->Xsize * (1 - 2 * t->a)), h = at_least(in->Ysize * (1 - 2 * t->a));
    return RESULT(vips_extract_area(in, out, (in->Xsize - w) / 2, (in->Ysize - h) / 2, w, h, NULL));
}

/* a: share of width or height that is cut off on the side that `text` names. */
enum transform_result transform_crop_side(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    const bool left = !strcmp(t->text, "left"), top = !strcmp(t->text, "top");
    const bool across = left || !strcmp(t->text, "right");
    const int w = across ? at_least(in->Xsize * (1 - t->a)) : in->Xsize;
    const int h = across ? in->Ysize : at_least(in->Ysize * (1 - t->a));
    return RESULT(
        vips_extract_area(in, out, left ? in->Xsize - w : 0, top ? in->Ysize - h : 0, w, h, NULL));
}

/* a:b is the shape of the largest centred piece that is kept. */
enum transform_result transform_crop_centre(VipsImage *in, const struct transform *t,
                                            struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    const double scale = fmin(in->Xsize / t->a, in->Ysize / t->b);
    const int w = VIPS_MIN(in->Xsize, at_least(scale * t->a));
    const int h = VIPS_MIN(in->Ysize, at_least(scale * t->b));
    return RESULT(vips_extract_area(in, out, (in->Xsize - w) / 2, (in->Ysize - h) / 2, w, h, NULL));
}

/* a: degrees. The canvas grows, its corners are black. */
enum transform_result transform_rotate(VipsImage *in, const struct transform *t,
                                       struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(vips_rotate(in, out, t->a, NULL));
}

/* a: degrees. The largest upright rectangle without corners is kept, as photo editors do. */
enum transform_result transform_straighten(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out)
{
    VipsImage **step = transform_images(scene, 1);
    if (vips_rotate(in, &step[0], t->a, NULL))
        return TRANSFORM_FAILED;
    /* The rectangle of the same shape that still fits: of its two limits the nearer one. */
    const double angle = t->a * 3.14159265358979323846 / 180, s = sin(angle), c = cos(angle);
    const double w = in->Xsize, h = in->Ysize;
    const double scale = fmin(w / (w * c + h * s), h / (w * s + h * c));
    const int keep_w = at_least(w * scale - 2), keep_h = at_least(h * scale - 2);
    return RESULT(vips_extract_area(step[0], out, (step[0]->Xsize - keep_w) / 2,
                                    (step[0]->Ysize - keep_h) / 2, keep_w, keep_h, NULL));
}

/* a: 90, 180 or 270 degrees. */
enum transform_result transform_turn(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(vips_rot(in, out, (VipsAngle)(t->a / 90), NULL));
}

/* a: VipsDirection. */
enum transform_result transform_flip(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(vips_flip(in, out, (VipsDirection)t->a, NULL));
}
