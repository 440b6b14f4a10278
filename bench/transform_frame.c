/* What is put around a picture: borders, bars, a phone's screen, other pictures. */
#include "transform.h"

#include <string.h>

#define RESULT(failed) ((failed) ? TRANSFORM_FAILED : TRANSFORM_OK)

/* Puts `in` on a canvas of one grey value. */
static int embed(VipsImage *in, VipsImage **out, int x, int y, int width, int height, double grey)
{
    VipsArrayDouble *background = vips_array_double_newv(3, grey, grey, grey);
    const int failed = vips_embed(in, out, x, y, width, height, "extend", VIPS_EXTEND_BACKGROUND,
                                  "background", background, NULL);
    vips_area_unref(VIPS_AREA(background));
    return failed;
}

/* a: width as a share of the shorter side; white, on all four sides. */
enum transform_result transform_border(VipsImage *in, const struct transform *t,
                                       struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    const int wide = VIPS_MAX(1, (int)(VIPS_MIN(in->Xsize, in->Ysize) * t->a + 0.5));
    return RESULT(embed(in, out, wide, wide, in->Xsize + 2 * wide, in->Ysize + 2 * wide, 255));
}

/* a:b is the shape that black bars above and below, or at the sides, give. */
enum transform_result transform_letterbox(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    const int w = VIPS_MAX(in->Xsize, (int)(in->Ysize * t->a / t->b + 0.5));
    const int h = VIPS_MAX(in->Ysize, (int)(in->Xsize * t->b / t->a + 0.5));
    return RESULT(embed(in, out, (w - in->Xsize) / 2, (h - in->Ysize) / 2, w, h, 0));
}

/* The part of a picture that fills a cell. */
static int fill(VipsImage *in, VipsImage **out, int width, int height)
{
    return vips_thumbnail_image(in, out, width, "height", height, "crop", VIPS_INTERESTING_CENTRE,
                                NULL);
}

/* a: 2 side by side, or 4; b: pixels between them. Cells have the picture's size. */
enum transform_result transform_collage(VipsImage *in, const struct transform *t,
                                        struct transform_scene *scene, VipsImage **out)
{
    const int cells = (int)t->a;
    VipsImage **step = transform_images(scene, 4);
    VipsImage *cell[4] = {in};
    for (int i = 1; i < cells; i++) {
        VipsImage *other = scene->others[i - 1];
        if (!other) {
            scene->skipped = "a collage needs three other pictures";
            return TRANSFORM_SKIPPED;
        }
        if (fill(other, &step[i], in->Xsize / 2, in->Ysize / 2))
            return TRANSFORM_FAILED;
        cell[i] = step[i];
    }
    if (fill(in, &step[0], in->Xsize / 2, in->Ysize / 2))
        return TRANSFORM_FAILED;
    cell[0] = step[0];
    return RESULT(vips_arrayjoin(cell, out, cells, "across", 2, "shim", (int)t->b, NULL));
}

/* The phone: 720x1560, the shape of most since 2018, at two thirds of the usual size. */
#define PHONE_WIDTH  720
#define PHONE_HEIGHT 1560
#define STATUS_BAR   56

static int draw(VipsImage *image, double ink, int x, int y, int w, int h)
{
    const double colour[3] = {ink, ink, ink};
    return vips_draw_rect(image, (double *)colour, 3, x, y, w, h, "fill", TRUE, NULL);
}

/* Clock, signal and battery as blocks: nothing here depends on a font. */
static int draw_status_bar(VipsImage *screen, double paper, double ink)
{
    int failed = draw(screen, paper, 0, 0, PHONE_WIDTH, STATUS_BAR);
    for (int i = 0; i < 4; i++) /* 12:34 */
        failed |= draw(screen, ink, 30 + i * 18 + i / 2 * 8, 18, 12, 22);
    for (int i = 0; i < 4; i++) /* signal strength */
        failed |= draw(screen, ink, 590 + i * 9, 34 - i * 5, 6, 6 + i * 5);
    return failed | draw(screen, ink, 646, 20, 42, 20) | draw(screen, ink, 689, 26, 4, 8);
}

/* a: the picture's width as a share of the screen's. "viewer": black, centred. "chat": a light
 * room with bubbles above and below. */
enum transform_result transform_screenshot(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out)
{
    const bool chat = !strcmp(t->text, "chat");
    const double paper = chat ? 236 : 0, ink = chat ? 40 : 230;
    VipsImage **step = transform_images(scene, 2);
    const int width = (int)(PHONE_WIDTH * t->a);
    if (vips_thumbnail_image(in, &step[0], width, "height", PHONE_HEIGHT - 400, NULL))
        return TRANSFORM_FAILED;
    const int x = chat ? PHONE_WIDTH - 16 - step[0]->Xsize : (PHONE_WIDTH - step[0]->Xsize) / 2;
    const int y = (PHONE_HEIGHT - step[0]->Ysize) / 2;
    if (embed(step[0], &step[1], x, y, PHONE_WIDTH, PHONE_HEIGHT, paper))
        return TRANSFORM_FAILED;
    *out = vips_image_copy_memory(step[1]);
    if (!*out)
        return TRANSFORM_FAILED;
    int failed = draw_status_bar(*out, paper, ink);
    if (chat) {
        failed |= draw(*out, 255, 16, y - 110, 420, 84) | draw(*out, 120, 36, y - 84, 300, 14);
        failed |= draw(*out, 255, 16, y + step[0]->Ysize + 26, 340, 84);
        failed |= draw(*out, 120, 36, y + step[0]->Ysize + 60, 240, 14);
        failed |= draw(*out, 255, 0, PHONE_HEIGHT - 96, PHONE_WIDTH, 96);
    } else {
        failed |= draw(*out, ink, 30, 84, 26, 26); /* back, menu and what else is there */
        for (int i = 0; i < 4; i++)
            failed |= draw(*out, ink, 90 + i * 170, PHONE_HEIGHT - 90, 30, 30);
    }
    if (!failed)
        return TRANSFORM_OK;
    g_object_unref(*out);
    *out = NULL;
    return TRANSFORM_FAILED;
}
