/* Compression: JPEG once, JPEG from hand to hand, WebP. */
#include "transform.h"

/* The result is decoded into memory at once: the buffer is not needed afterwards. */
static enum transform_result decode(void *buffer, size_t bytes, VipsImage **out)
{
    VipsImage *lazy = vips_image_new_from_buffer(buffer, bytes, "", NULL);
    *out = lazy ? vips_image_copy_memory(lazy) : NULL;
    if (lazy)
        g_object_unref(lazy);
    g_free(buffer);
    return *out ? TRANSFORM_OK : TRANSFORM_FAILED;
}

enum transform_result transform_identity(VipsImage *in, const struct transform *t,
                                         struct transform_scene *scene, VipsImage **out)
{
    (void)t, (void)scene;
    g_object_ref(in);
    *out = in;
    return TRANSFORM_OK;
}

/* a: quality. libvips subsamples colour 4:2:0 below quality 90, as cameras and messengers do. */
enum transform_result transform_jpeg(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    (void)scene;
    void *buffer = NULL;
    size_t bytes;
    if (vips_jpegsave_buffer(in, &buffer, &bytes, "Q", (int)t->a, NULL))
        return TRANSFORM_FAILED;
    return decode(buffer, bytes, out);
}

/* a: how often; b: quality, and 10 less every other time, as no two services use the same. */
enum transform_result transform_jpeg_chain(VipsImage *in, const struct transform *t,
                                           struct transform_scene *scene, VipsImage **out)
{
    const int times = (int)t->a;
    VipsImage **step = transform_images(scene, times);
    for (int i = 0; i < times; i++) {
        const struct transform once = {.a = t->b - (i % 2 ? 10 : 0)};
        VipsImage **to = i == times - 1 ? out : &step[i];
        if (transform_jpeg(i ? step[i - 1] : in, &once, scene, to))
            return TRANSFORM_FAILED;
    }
    return TRANSFORM_OK;
}

/* a: quality. Effort 1 of 6: it changes the size of the file more than the picture, and saves most
 * of the time. */
enum transform_result transform_webp(VipsImage *in, const struct transform *t,
                                     struct transform_scene *scene, VipsImage **out)
{
    void *buffer = NULL;
    size_t bytes;
    if (!vips_type_find("VipsOperation", "webpsave_buffer")) {
        scene->skipped = "this libvips writes no WebP";
        return TRANSFORM_SKIPPED;
    }
    if (vips_webpsave_buffer(in, &buffer, &bytes, "Q", (int)t->a, "effort", 1, NULL))
        return TRANSFORM_FAILED;
    return decode(buffer, bytes, out);
}
