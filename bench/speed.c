#include "speed.h"
#include "bench.h"
#include "progress.h"
#include "timing.h"

#include <stdlib.h>
#include <string.h>

#define PICTURES 16
#define ROUNDS   9

struct sample {
    VipsImage *image[PICTURES];
    void *jpeg[PICTURES];
    size_t jpeg_bytes[PICTURES], picture[PICTURES], count;
    double megapixels;
};

/* Evenly spread over the counted pictures. */
static struct sample take_sample(const struct study *s)
{
    struct sample sample = {0};
    const size_t want = s->counted_count < PICTURES ? s->counted_count : PICTURES;
    for (size_t i = 0, seen = 0; i < s->set.count && sample.count < want; i++) {
        if (!s->counted[i] || seen++ * want / s->counted_count < sample.count)
            continue;
        VipsImage *image = picture_load(&s->set.items[i], s->options.side);
        if (!image)
            continue;
        sample.image[sample.count] = image;
        sample.jpeg[sample.count] = study_jpeg(s, image, &sample.jpeg_bytes[sample.count]);
        sample.picture[sample.count++] = i;
        sample.megapixels += 1e-6 * image->Xsize * image->Ysize;
    }
    return sample;
}

/* One pass of an engine; false when a hash is not the one that the study found. */
static bool pass(const struct study *s, const struct sample *sample, size_t h)
{
    bool same = true;
    for (size_t i = 0; i < sample->count; i++) {
        struct print print;
        same &= study_hash(s->hashers[h], sample->image[i], sample->jpeg[i], sample->jpeg_bytes[i],
                           &print) &&
                !memcmp(print.variants, study_print(s, h, sample->picture[i])->variants,
                        sizeof print.variants);
    }
    return same;
}

json_t *speed_measure(const struct study *s)
{
    cpu_set_t before;
    double times[HASHERS_MAX][ROUNDS];
    bool same[HASHERS_MAX];
    struct sample sample = take_sample(s);
    json_t *list = json_array();
    timing_pin(&before);
    progress_start("measuring speed", ROUNDS + 1);
    for (int round = -1; round < ROUNDS; round++) {
        for (size_t h = 0; h < s->hasher_count; h++) {
            const double start = timing_thread();
            same[h] = pass(s, &sample, h);
            if (round >= 0)
                times[h][round] = timing_thread() - start;
        }
        progress_add();
    }
    progress_end();
    timing_unpin(&before);
    for (size_t h = 0; h < s->hasher_count; h++) {
        if (!same[h]) {
            bench_fail("engine %s gave another hash when it was timed; no speed is shown",
                       s->hashers[h]->name);
            continue;
        }
        const double median = stats_median(times[h], ROUNDS);
        const double spread = timing_spread(times[h], ROUNDS);
        json_array_append_new(
            list,
            json_pack("{s:s, s:f, s:f, s:f, s:f, s:i}", "name", s->hashers[h]->name,
                      "pictures_per_second", (double)sample.count / median, "megapixels_per_second",
                      sample.megapixels / median, "milliseconds_per_picture",
                      1e3 * median / (double)sample.count, "spread", spread, "rounds", ROUNDS));
    }
    for (size_t i = 0; i < sample.count; i++) {
        g_object_unref(sample.image[i]);
        g_free(sample.jpeg[i]);
    }
    return list;
}
