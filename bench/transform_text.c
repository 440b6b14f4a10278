/* Words, emoji and watermarks on a picture, and caption bars above it. */
#include "config.h"
#include "transform.h"

#include <string.h>

#if BENCH_HAS_FONTCONFIG
#include <fontconfig/fontconfig.h>
#endif

#define RESULT(failed) ((failed) ? TRANSFORM_FAILED : TRANSFORM_OK)

static const char *without_text = "this libvips draws no text";
static bool have_text, have_emoji;

/* Each text of the table is drawn once, large, by the thread that opens the transforms; pictures get
 * it resized. Pango keeps a font map for each thread, and its own helper threads can outlive one:
 * drawing in threads that end crashed once in some ten thousand texts (libvips issue 3660). */
#define LETTERINGS 16
static struct lettering {
    const char *text;
    VipsImage *mask; /* one band, 0 to 255 */
} letterings[LETTERINGS];
static size_t lettering_count;

/* The emoji of the table: U+1F602. */
#define EMOJI 0x1F602

/* Whether some font has a character; without fontconfig nobody can tell, and a box in its place
 * would be measured as if it were an emoji: then it counts as missing. */
static bool font_has(unsigned character)
{
#if BENCH_HAS_FONTCONFIG
    FcCharSet *set = FcCharSetCreate();
    FcPattern *pattern = FcPatternCreate();
    FcObjectSet *objects = FcObjectSetBuild(FC_FAMILY, (char *)NULL);
    FcCharSetAddChar(set, character);
    FcPatternAddCharSet(pattern, FC_CHARSET, set);
    FcFontSet *fonts = FcFontList(NULL, pattern, objects);
    const bool found = fonts && fonts->nfont > 0;
    if (fonts)
        FcFontSetDestroy(fonts);
    FcObjectSetDestroy(objects);
    FcPatternDestroy(pattern);
    FcCharSetDestroy(set);
    return found;
#else
    (void)character;
    return false;
#endif
}

static VipsImage *lettering(const char *text)
{
    for (size_t i = 0; i < lettering_count; i++)
        if (!strcmp(letterings[i].text, text))
            return letterings[i].mask;
    return NULL;
}

/* Where it cannot be drawn, words() fails later and the transform is counted as failed. */
static void draw(const char *text)
{
    VipsImage *drawn;
    if (lettering(text) || lettering_count == LETTERINGS ||
        vips_text(&drawn, text, "font", "sans bold 256", NULL))
        return;
    VipsImage *mask = vips_image_copy_memory(drawn);
    g_object_unref(drawn);
    if (mask)
        letterings[lettering_count++] = (struct lettering){text, mask};
}

void transform_open(void)
{
    have_text =
        vips_type_find("VipsOperation", "text") != 0 && (!BENCH_HAS_FONTCONFIG || font_has('A'));
    have_emoji = have_text && font_has(EMOJI);
    if (!have_text)
        return;
    draw(TRANSFORM_BOTTOM_TEXT);
    for (size_t i = 0; i < transform_count; i++)
        if (transforms[i].text)
            draw(transforms[i].text);
}

/* A mask of the words, as large as fits a box so wide and high; one band, 0 to 255. */
static int words(VipsImage **out, const char *text, int width, int height)
{
    VipsImage *mask = lettering(text);
    if (!mask)
        return -1;
    const double across = (double)VIPS_MAX(width, 8) / mask->Xsize;
    const double down = (double)VIPS_MAX(height, 8) / mask->Ysize;
    return vips_resize(mask, out, VIPS_MIN(across, down), NULL);
}

/* Paints one colour through a mask, whose top left corner comes to x, y; opacity 0 to 1. */
static int paint(VipsImage *in, VipsImage *mask, const double colour[3], double opacity, int x,
                 int y, struct transform_scene *scene, VipsImage **out)
{
    VipsImage **step = transform_images(scene, 3);
    if (vips_linear1(mask, &step[0], opacity, 0, "uchar", TRUE, NULL) ||
        vips_embed(step[0], &step[1], x, y, in->Xsize, in->Ysize, NULL))
        return -1;
    step[2] = vips_image_new_from_image(in, colour, 3);
    return !step[2] || vips_ifthenelse(step[1], step[2], in, out, "blend", TRUE, NULL);
}

static const double white[3] = {255, 255, 255}, black[3] = {0, 0, 0}, yellow[3] = {255, 204, 51};

/* a: height of a white bar above the picture as a share of its height, with black words. */
enum transform_result transform_caption(VipsImage *in, const struct transform *t,
                                        struct transform_scene *scene, VipsImage **out)
{
    if (!have_text) {
        scene->skipped = without_text;
        return TRANSFORM_SKIPPED;
    }
    const int bar = VIPS_MAX(12, (int)(in->Ysize * t->a + 0.5));
    VipsImage **step = transform_images(scene, 2);
    VipsArrayDouble *paper = vips_array_double_new(white, 3);
    const int failed = vips_embed(in, &step[0], 0, bar, in->Xsize, in->Ysize + bar, "extend",
                                  VIPS_EXTEND_BACKGROUND, "background", paper, NULL);
    vips_area_unref(VIPS_AREA(paper));
    if (failed || words(&step[1], t->text, in->Xsize * 9 / 10, bar * 6 / 10))
        return TRANSFORM_FAILED;
    return RESULT(paint(step[0], step[1], black, 1, (in->Xsize - step[1]->Xsize) / 2,
                        (bar - step[1]->Ysize) / 2, scene, out));
}

/* a: height of white words with a black edge, as a share of the picture's; b: how far down. */
enum transform_result transform_words(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    if (!have_text) {
        scene->skipped = without_text;
        return TRANSFORM_SKIPPED;
    }
    VipsImage **step = transform_images(scene, 3);
    if (words(&step[0], t->text, in->Xsize * 9 / 10, (int)(in->Ysize * t->a)))
        return TRANSFORM_FAILED;
    const int x = (in->Xsize - step[0]->Xsize) / 2;
    const int y = VIPS_MAX(0, (int)(in->Ysize * t->b) - step[0]->Ysize / 2);
    const int edge = VIPS_MAX(1, step[0]->Ysize / 24);
    return RESULT(paint(in, step[0], black, 1, x - edge, y - edge, scene, &step[1]) ||
                  paint(step[1], step[0], black, 1, x + edge, y + edge, scene, &step[2]) ||
                  paint(step[2], step[0], white, 1, x, y, scene, out));
}

/* a: width as a share of the picture's width, at most its height; on the middle. A disc behind the
 * glyph: without it a font of outlines would hardly cover anything. */
enum transform_result transform_emoji(VipsImage *in, const struct transform *t,
                                      struct transform_scene *scene, VipsImage **out)
{
    if (!have_emoji) {
        scene->skipped = "no font has the emoji U+1F602";
        return TRANSFORM_SKIPPED;
    }
    const int size = VIPS_MIN(VIPS_MAX(12, (int)(in->Xsize * t->a)), in->Ysize);
    VipsImage **step = transform_images(scene, 4);
    if (words(&step[0], t->text, size, size))
        return TRANSFORM_FAILED;
    const int across = VIPS_MAX(step[0]->Xsize, step[0]->Ysize);
    if (vips_black(&step[1], across, across, NULL))
        return TRANSFORM_FAILED;
    step[2] = vips_image_copy_memory(step[1]);
    if (!step[2] || vips_draw_circle1(step[2], 255, across / 2, across / 2, across * 45 / 100,
                                      "fill", TRUE, NULL))
        return TRANSFORM_FAILED;
    const int x = in->Xsize / 2, y = in->Ysize / 2;
    return RESULT(paint(in, step[2], yellow, 1, x - across / 2, y - across / 2, scene, &step[3]) ||
                  paint(step[3], step[0], black, 1, x - step[0]->Xsize / 2, y - step[0]->Ysize / 2,
                        scene, out));
}

/* a: opacity of white words that are repeated over the whole picture. */
enum transform_result transform_watermark(VipsImage *in, const struct transform *t,
                                          struct transform_scene *scene, VipsImage **out)
{
    if (!have_text) {
        scene->skipped = without_text;
        return TRANSFORM_SKIPPED;
    }
    VipsImage **step = transform_images(scene, 4);
    if (words(&step[0], t->text, in->Xsize / 4, VIPS_MAX(8, in->Ysize / 16)))
        return TRANSFORM_FAILED;
    const int w = step[0]->Xsize * 3 / 2, h = step[0]->Ysize * 3;
    return RESULT(vips_embed(step[0], &step[1], w / 6, h / 3, w, h, NULL) ||
                  vips_replicate(step[1], &step[2], in->Xsize / w + 1, in->Ysize / h + 1, NULL) ||
                  vips_extract_area(step[2], &step[3], 0, 0, in->Xsize, in->Ysize, NULL) ||
                  paint(in, step[3], white, t->a, 0, 0, scene, out));
}
