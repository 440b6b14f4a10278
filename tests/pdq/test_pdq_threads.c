/* Hashing from many threads at once: each has streams and images of its own, as the headers ask, and the
 * first hashes of the process are made by all of them together. What one thread alone gets afterwards is
 * what they got. Meant for the thread sanitizer; right answers are checked everywhere. */
#define _DEFAULT_SOURCE /* barriers */
#include "check_main.h"

#include <phash/phash.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { THREADS = 8, IMAGES = 24, SIDE_MAX = 150, FILES = 4 };

static const char *const files[FILES] = {
    "images/copies/original.jpg",
    "images/copies/converted.png",
    "images/copies/turned.jpg",
    "damaged/jpeg-cut-middle.jpg",
};

typedef struct answers {
    phash_pdq_result images[IMAGES];
    phash_pdq_result files[FILES];
    phash_status status[FILES];
} answers;

static pthread_barrier_t start;

static phash_pdq_desc draw(int number, uint8_t *pixels)
{
    uint64_t state = (uint64_t)number * 7919 + 1;
    const phash_pdq_desc desc = {20 + (uint32_t)(test_random(&state) % (SIDE_MAX - 20)),
                                 20 + (uint32_t)(test_random(&state) % (SIDE_MAX - 20)),
                                 number % 2 ? PHASH_PIXEL_RGB8 : PHASH_PIXEL_GREY8};
    const size_t bytes = (size_t)desc.width * desc.height * phash_pixel_bytes(desc.format);
    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)((i / 7 * (size_t)(number + 3)) >> 3 ^ test_random(&state) >> 60);
    return desc;
}

static void hash_image(int number, uint8_t *pixels, phash_pdq_stream **stream,
                       phash_pdq_result *out)
{
    const phash_pdq_desc desc = draw(number, pixels);
    const ptrdiff_t stride = (ptrdiff_t)(desc.width * phash_pixel_bytes(desc.format));
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    options.dihedral = number % 3 == 0;
    *out = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
    if (number % 4 == 0) {
        phash_pdq(&(phash_pdq_image){pixels, stride, desc}, &options, out);
        return;
    }
    if (!*stream)
        phash_pdq_stream_new(&desc, &options, stream);
    phash_pdq_stream_reset(*stream, &desc, &options);
    phash_pdq_push_rows(*stream, pixels, desc.height, stride);
    phash_pdq_finish(*stream, out);
}

static void hash_all(answers *a)
{
    static _Thread_local uint8_t pixels[SIDE_MAX * SIDE_MAX * 3];
    phash_pdq_stream *stream = NULL;
    memset(a, 0, sizeof *a);
    for (int i = 0; i < IMAGES; i++)
        hash_image(i, pixels, &stream, &a->images[i]);
    phash_pdq_stream_free(&stream);
#if PHASH_HAS_JPEG && PHASH_HAS_PNG
    for (size_t i = 0; i < FILES; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", PHASH_FIXTURES, files[i]);
        a->files[i] = (phash_pdq_result)PHASH_PDQ_RESULT_INIT;
        a->status[i] = phash_pdq_path(path, NULL, NULL, &a->files[i], NULL);
    }
#endif
}

static void *run(void *context)
{
    pthread_barrier_wait(&start);
    hash_all(context);
    return NULL;
}

static bool same(const phash_pdq_result *a, const phash_pdq_result *b)
{
    return !memcmp(&a->hash, &b->hash, sizeof a->hash) && a->quality == b->quality &&
           a->has_dihedral == b->has_dihedral &&
           (!a->has_dihedral || !memcmp(a->dihedral, b->dihedral, sizeof a->dihedral));
}

START_TEST(threads_agree)
{
    static answers got[THREADS], alone;
    pthread_t ids[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (int t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&ids[t], NULL, run, &got[t]), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(ids[t], NULL);
    pthread_barrier_destroy(&start);
    hash_all(&alone);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < IMAGES; i++)
            ck_assert_msg(same(&got[t].images[i], &alone.images[i]), "thread %d, image %d", t, i);
        for (size_t i = 0; i < FILES; i++)
            ck_assert_msg(got[t].status[i] == alone.status[i] &&
                              same(&got[t].files[i], &alone.files[i]),
                          "thread %d, %s", t, files[i]);
    }
#if PHASH_HAS_JPEG && PHASH_HAS_PNG
    ck_assert_int_eq(alone.status[0], PHASH_OK);
    ck_assert_int_ne(alone.status[3], PHASH_OK);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pdq-threads");
    TCase *c = tcase_create("threads");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, threads_agree);
    suite_add_tcase(suite, c);
    return test_main(suite);
}
