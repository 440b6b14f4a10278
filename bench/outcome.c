#include "outcome.h"
#include "bench.h"
#include "parallel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct job {
    struct study *study;
    struct outcome *out;
    pthread_mutex_t lock;
    size_t *pictures; /* the counted ones */
};

static bool chosen(const char *list, const struct transform *t)
{
    return study_listed(list, t->family) || study_listed(list, t->name);
}

/* Adds what one altered picture gives. Distances are computed before the lock is taken. */
static void record(struct job *job, size_t h, size_t t, size_t picture, const struct print *print,
                   unsigned *distances)
{
    const struct study *s = job->study;
    struct outcome *o = job->out;
    size_t n = 0;
    for (size_t other = 0; other < s->set.count; other++)
        if (study_unrelated(s, picture, other))
            distances[n++] = study_distance(s, h, other, print);
    const unsigned copy = study_distance(s, h, picture, print);
    const size_t at = outcome_at(o, h, t);
    pthread_mutex_lock(&job->lock);
    histogram_add(&o->copies[at], copy);
    for (size_t i = 0; i < n; i++)
        histogram_add(&o->unrelated[at], distances[i]);
    if (!strcmp(s->hashers[h]->name, "pdq"))
        histogram_add(&o->quality[t], (unsigned)print->quality);
    pthread_mutex_unlock(&job->lock);
}

/* A picture that an engine cannot hash is found by nobody: it counts as far away. */
static void record_lost(struct job *job, size_t h, size_t t)
{
    struct outcome *o = job->out;
    pthread_mutex_lock(&job->lock);
    histogram_add(&o->copies[outcome_at(o, h, t)], job->study->hashers[h]->max);
    pthread_mutex_unlock(&job->lock);
}

static void alter(struct job *job, size_t t, size_t picture, VipsImage *in,
                  struct transform_scene *scene, unsigned *distances)
{
    const struct study *s = job->study;
    struct outcome *o = job->out;
    VipsImage *lazy = NULL, *made = NULL;
    scene->scope = VIPS_OBJECT(vips_image_new());
    const enum transform_result result = o->transforms[t]->make(in, o->transforms[t], scene, &lazy);
    if (result == TRANSFORM_OK)
        made = vips_image_copy_memory(lazy);
    if (lazy)
        g_object_unref(lazy);
    g_object_unref(scene->scope);
    if (!made) {
        vips_error_clear();
        pthread_mutex_lock(&job->lock);
        if (result == TRANSFORM_SKIPPED) {
            o->skipped[t]++;
            o->why[t] = scene->skipped;
        } else {
            o->failed[t]++;
        }
        pthread_mutex_unlock(&job->lock);
        return;
    }
    size_t jpeg_bytes = 0;
    void *jpeg = study_jpeg(s, made, &jpeg_bytes);
    for (size_t h = 0; h < s->hasher_count; h++) {
        struct print print;
        if (study_hash(s->hashers[h], made, jpeg, jpeg_bytes, &print))
            record(job, h, t, picture, &print, distances);
        else
            record_lost(job, h, t);
    }
    g_free(jpeg);
    g_object_unref(made);
}

/* Three other pictures for collages: the next ones that are unrelated. */
static void find_others(const struct study *s, size_t picture, VipsImage *others[3])
{
    int found = 0;
    for (size_t step = 1; found < 3 && step < s->set.count; step++) {
        const size_t other = (picture + step) % s->set.count;
        if (study_unrelated(s, picture, other) && s->small_copy[other])
            others[found++] = s->small_copy[other];
    }
}

static void alter_picture(size_t i, void *arg)
{
    struct job *job = arg;
    const struct study *s = job->study;
    const size_t picture = job->pictures[i];
    VipsImage *in = picture_load(&s->set.items[picture], s->options.side);
    unsigned *distances = malloc(s->set.count * sizeof *distances);
    if (!in || !distances)
        exit(bench_fail("%s: cannot be read again", s->set.items[picture].name));
    /* Noise depends on the run's seed and on the picture, not on the order of work. */
    struct transform_scene scene = {
        .seed = (uint32_t)XXH3_64bits_withSeed(
            s->set.items[picture].content, sizeof s->set.items[picture].content, s->options.seed)};
    find_others(s, picture, scene.others);
    for (size_t t = 0; t < job->out->count; t++)
        alter(job, t, picture, in, &scene, distances);
    free(distances);
    g_object_unref(in);
}

static struct histogram *histograms(size_t n)
{
    struct histogram *all = calloc(n ? n : 1, sizeof *all);
    if (!all)
        exit(bench_fail("no memory"));
    return all;
}

static int choose(const struct study *s, struct outcome *o)
{
    o->transforms = calloc(transform_count, sizeof *o->transforms);
    o->skipped = calloc(transform_count, sizeof *o->skipped);
    o->failed = calloc(transform_count, sizeof *o->failed);
    o->why = calloc(transform_count, sizeof *o->why);
    if (!o->transforms || !o->skipped || !o->failed || !o->why)
        exit(bench_fail("no memory"));
    for (size_t t = 0; t < transform_count; t++)
        if (chosen(s->options.families, &transforms[t]))
            o->transforms[o->count++] = &transforms[t];
    if (!o->count)
        return bench_fail("--transforms: none of '%s' is known", s->options.families);
    o->copies = histograms(s->hasher_count * o->count);
    o->unrelated = histograms(s->hasher_count * o->count);
    o->quality = histograms(o->count);
    o->base = histograms(s->hasher_count);
    for (size_t h = 0; h < s->hasher_count; h++) {
        o->base[h] = study_unrelated_distances(s, h);
        for (size_t t = 0; t < o->count; t++) {
            o->copies[outcome_at(o, h, t)] = histogram_new(s->hashers[h]->max);
            o->unrelated[outcome_at(o, h, t)] = histogram_new(s->hashers[h]->max);
        }
    }
    for (size_t t = 0; t < o->count; t++)
        o->quality[t] = histogram_new(100);
    return 0;
}

int outcome_run(struct study *study, struct outcome *out)
{
    *out = (struct outcome){0};
    transform_open();
    if (choose(study, out))
        return BENCH_FAILED;
    struct job job = {study, out, PTHREAD_MUTEX_INITIALIZER, NULL};
    job.pictures = calloc(study->counted_count, sizeof *job.pictures);
    if (!job.pictures)
        return bench_fail("no memory");
    for (size_t i = 0, n = 0; i < study->set.count; i++)
        if (study->counted[i])
            job.pictures[n++] = i;
    parallel_run(study->options.jobs, study->counted_count, "altering pictures", alter_picture,
                 &job);
    free(job.pictures);
    return 0;
}

void outcome_free(const struct study *study, struct outcome *o)
{
    for (size_t h = 0; o->copies && h < study->hasher_count; h++) {
        histogram_free(&o->base[h]);
        for (size_t t = 0; t < o->count; t++) {
            histogram_free(&o->copies[outcome_at(o, h, t)]);
            histogram_free(&o->unrelated[outcome_at(o, h, t)]);
        }
    }
    for (size_t t = 0; o->quality && t < o->count; t++)
        histogram_free(&o->quality[t]);
    free(o->transforms);
    free(o->copies);
    free(o->unrelated);
    free(o->quality);
    free(o->base);
    free(o->skipped);
    free(o->failed);
    free(o->why);
    *o = (struct outcome){0};
}
