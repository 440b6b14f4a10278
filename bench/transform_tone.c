/* Sharpness, noise, light and colour. */
#include "transform.h"

#include <math.h>

#define RESULT(failed) ((failed) ? TRANSFORM_FAILED : TRANSFORM_OK)

/* One curve for all three channels, through a table of 256 values. */
static enum transform_result curve(VipsImage *in, const struct transform *t,
                                   struct transform_scene *scene,
                                   double value(double v, const struct transform *t),
                                   VipsImage **out)
{
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)fmin(fmax(value(i, t) + 0.5, 0), 255);
    VipsImage **step = transform_images(scene, 1);
    step[0] = vips_image_new_from_memory_copy(table, sizeof table, 256, 1, 1, VIPS_FORMAT_UCHAR);
    return RESULT(!step[0] || vips_maplut(in, out, step[0], NULL));
}

static double brighter(double v, const struct transform *t)
{
    return v + t->a;
}

static double steeper(double v, const struct transform *t)
{
    return 127.5 + (v - 127.5) * t->a;
}

static double bent(double v, const struct transform *t)
{
    return 255 * pow(v / 255, 1 / t->a);
}

static double negative(double v, const struct transform *t)
{
    (void)t;
    return 255 - v;
}

static double stepped(double v, const struct transform *t)
{
    const double level = fmin(floor(v / 256 * t->a), t->a - 1);
    return floor(level * 255 / (t->a - 1));
}

/* a: added to each sample. */
enum transform_result transform_brightness(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out)
{
    return curve(in, t, scene, brighter, out);
}

/* a: factor about middle grey. */
enum transform_result transform_contrast(VipsImage *in, const struct transform *t,
                                         struct transform_scene *scene, VipsImage **out)
{
    return curve(in, t, scene, steeper, out);
}

/* a: gamma; over 1 brightens. */
enum transform_result transform_gamma(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    return curve(in, t, scene, bent, out);
}

enum transform_result transform_invert(VipsImage *in, const struct transform *t,
                                       struct transform_scene *scene, VipsImage **out)
{
    return curve(in, t, scene, negative, out);
}

/* a: levels of each channel. */
enum transform_result transform_posterise(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    return curve(in, t, scene, stepped, out);
}

static enum transform_result recombine(VipsImage *in, const double matrix[9],
                                       struct transform_scene *scene, VipsImage **out)
{
    VipsImage **step = transform_images(scene, 2);
    step[0] = vips_image_new_matrix_from_array(3, 3, matrix, 9);
    return RESULT(!step[0] || vips_recomb(in, &step[1], step[0], NULL) ||
                  vips_cast(step[1], out, VIPS_FORMAT_UCHAR, NULL));
}

/* a: 0 is grey, 1 is as it was. Weights of luma as in Rec. 601. */
enum transform_result transform_saturation(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out)
{
    const double s = t->a, r = 0.299 * (1 - s), g = 0.587 * (1 - s), b = 0.114 * (1 - s);
    const double matrix[9] = {r + s, g, b, r, g + s, b, r, g, b + s};
    return recombine(in, matrix, scene, out);
}

/* The matrix of the CSS filter effect sepia(1). */
enum transform_result transform_sepia(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    (void)t;
    static const double matrix[9] = {0.393, 0.769, 0.189, 0.349, 0.686, 0.168, 0.272, 0.534, 0.131};
    return recombine(in, matrix, scene, out);
}

static double longest(const VipsImage *in)
{
    return VIPS_MAX(in->Xsize, in->Ysize);
}

/* a: standard deviation as a share of the longest side. */
enum transform_result transform_blur(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    return RESULT(
        vips_gaussblur(in, out, t->a * longest(in), "precision", VIPS_PRECISION_INTEGER, NULL));
}

/* a: how much of the difference to a blurred copy is added (unsharp mask of 0.1% of the longest
 * side). */
enum transform_result transform_sharpen(VipsImage *in, const struct transform *t,
                                        struct transform_scene *scene, VipsImage **out)
{
    VipsImage **step = transform_images(scene, 4);
    return RESULT(vips_gaussblur(in, &step[0], 0.001 * longest(in), NULL) ||
                  vips_subtract(in, step[0], &step[1], NULL) ||
                  vips_linear1(step[1], &step[2], t->a, 0, NULL) ||
                  vips_add(in, step[2], &step[3], NULL) ||
                  vips_cast(step[3], out, VIPS_FORMAT_UCHAR, NULL));
}

/* a: standard deviation of Gaussian noise, the same on all channels: what high sensitivity gives in
 * the luma, which is all that these hashes look at. */
enum transform_result transform_noise(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    VipsImage **step = transform_images(scene, 2);
    return RESULT(vips_gaussnoise(&step[0], in->Xsize, in->Ysize, "sigma", t->a, "mean", 0.0,
                                  "seed", (int)(scene->seed & 0x7fffffff), NULL) ||
                  vips_add(in, step[0], &step[1], NULL) ||
                  vips_cast(step[1], out, VIPS_FORMAT_UCHAR, NULL));
}
