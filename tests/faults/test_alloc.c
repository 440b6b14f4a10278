/* Every allocation of every public call fails once, in turn: the call says so, leaks nothing, and
 * its handle can be freed or used again. */
#include "alloc_fault.h"
#include "check_main.h"

#include <phash/phash.h>

#include <string.h>

enum { MOST = 100000 }; /* allocations in one call; a loop that gets here never ends */

static uint8_t pixels[700 * 300 * 3];

/* One call under test. Returns its status; `again` asks for a second, undisturbed use of the
 * handle. */
typedef phash_status (*call_fn)(void);

/* Runs `call` with allocation 0, 1, 2, … failing until none is left to fail. Returns how many there
 * were. Where `tolerant`, a call may also succeed without: libjpeg asks again for less. */
static long each_allocation_fails(call_fn call, bool tolerant)
{
    ck_assert_int_eq(call(), PHASH_OK); /* what libraries keep for good is allocated by now */
    for (long n = 0; n < MOST; n++) {
        alloc_fault_arm(n);
        const phash_status status = call();
        const bool fired = alloc_fault_disarm();
        ck_assert_msg(alloc_fault_balance() == 0, "allocation %ld: %ld blocks leak", n,
                      alloc_fault_balance());
        if (!fired) {
            ck_assert_int_eq(status, PHASH_OK);
            return n;
        }
        ck_assert_msg(status == PHASH_E_MEMORY || (tolerant && status == PHASH_OK),
                      "allocation %ld: status %s", n, phash_status_name(status));
    }
    ck_abort_msg("no end of allocations");
    return 0;
}

static phash_status hash_raster(void)
{
    const phash_pdq_image image = {pixels, 700 * 3, {700, 300, PHASH_PIXEL_RGB8}};
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    options.dihedral = 1;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    return phash_pdq(&image, &options, &result);
}

/* A stream that is reset to a larger image: whatever fails, it can be reset and used again. Nothing
 * here may call Check, which allocates. */
static phash_status grow_stream(void)
{
    const phash_pdq_desc small = {64, 64, PHASH_PIXEL_RGB8}, large = {700, 300, PHASH_PIXEL_RGB8};
    phash_pdq_stream *s;
    phash_status first = phash_pdq_stream_new(&small, NULL, &s);
    if (first != PHASH_OK)
        return s ? PHASH_E_STATE : first;
    first = phash_pdq_stream_reset(s, &large, NULL);
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    phash_status then = phash_pdq_stream_reset(s, &large, NULL);
    if (then == PHASH_OK)
        then = phash_pdq_push_rows(s, pixels, 300, 700 * 3);
    if (then == PHASH_OK)
        then = phash_pdq_finish(s, &result);
    phash_pdq_stream_free(&s);
    return first != PHASH_OK && then != PHASH_OK ? PHASH_E_STATE : first != PHASH_OK ? first : then;
}

#if PHASH_HAS_DECODE
static char image_path[4096];
static phash_pdq_profile image_profile;
static phash_hash256 image_hash; /* what it must be; all zeros: not known yet */

static phash_status hash_file(void)
{
    phash_pdq_options options = PHASH_PDQ_OPTIONS_INIT;
    options.profile = image_profile;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    phash_error error = PHASH_ERROR_INIT;
    const phash_status status = phash_pdq_path(image_path, NULL, &options, &result, &error);
    if (status != PHASH_OK)
        return error.message[0] ? status : PHASH_E_STATE;
    static const phash_hash256 unknown;
    if (memcmp(&image_hash, &unknown, sizeof unknown) == 0)
        image_hash = result.hash;
    return memcmp(&image_hash, &result.hash, sizeof result.hash) == 0 ? PHASH_OK : PHASH_E_STATE;
}

/* One of each way through the decoders: streamed, held, turned, converted, reduced. */
START_TEST(decoding_survives_failed_allocations)
{
    static const char *const names[] = {
#if PHASH_HAS_JPEG
        "images/jpeg/chroma-420.jpg",
        "images/jpeg/progressive.jpg",
        "images/jpeg/grey.jpg",
        "images/jpeg/ycck.jpg",
        "images/jpeg/scans-apart.jpg",
        "images/exif/orientation-2.jpg",
        "images/exif/orientation-6.jpg",
        "images/exif/progressive-8.jpg",
        "images/copies/original.jpg",
#endif
#if PHASH_HAS_PNG
        "images/png/apng.png",
        "images/exif/orientation-6.png",
        "images/exif/interlaced-7.png",
#endif
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (int profile = 0; profile < 3; profile++) {
            snprintf(image_path, sizeof image_path, "%s/%s", PHASH_FIXTURES, names[i]);
            image_profile = (phash_pdq_profile)profile;
            memset(&image_hash, 0, sizeof image_hash);
            ck_assert_int_ge(each_allocation_fails(hash_file, true), 3);
        }
}
END_TEST
#endif

START_TEST(hashing_survives_failed_allocations)
{
    uint64_t state = test_seed();
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)test_random(&state);
    ck_assert_int_ge(each_allocation_fails(hash_raster, false), 1);
    ck_assert_int_ge(each_allocation_fails(grow_stream, false), 2);
}
END_TEST

int main(void)
{
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer has the allocator");
        return 77;
    }
    Suite *s = suite_create("alloc");
    TCase *t = tcase_create("alloc");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, hashing_survives_failed_allocations);
#if PHASH_HAS_DECODE
    tcase_add_test(t, decoding_survives_failed_allocations);
#endif
    suite_add_tcase(s, t);
    return test_main(s);
}
