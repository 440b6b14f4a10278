/* Every allocation of every public call fails once, in turn: the call says so, leaks nothing, and
 * its handle can be freed or used again. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */

#include "alloc_fault.h"
#include "check_main.h"

#include <phash/phash.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

/* The same from a descriptor, and row by row from a path, from memory and from a descriptor. */
static phash_status hash_rows(phash_status status, phash_image *image, const phash_error *error)
{
    if (status != PHASH_OK)
        return !image && error->message[0] ? status : PHASH_E_STATE;
    static uint8_t row[1 << 16];
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    phash_pdq_stream *stream = NULL;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    status = phash_image_info_get(image, &info);
    if (status == PHASH_OK && info.desc.width * phash_pixel_bytes(info.desc.format) > sizeof row)
        status = PHASH_E_STATE;
    if (status == PHASH_OK)
        status = phash_pdq_stream_new(&info.desc, NULL, &stream);
    for (uint32_t y = 0; status == PHASH_OK && y < info.desc.height; y++) {
        status = phash_image_read_rows(image, row, 1, sizeof row, NULL);
        if (status == PHASH_OK)
            status = phash_pdq_push_rows(stream, row, 1, sizeof row);
    }
    if (status == PHASH_OK)
        status = phash_pdq_finish(stream, &result);
    if (status == PHASH_OK && memcmp(&image_hash, &result.hash, sizeof result.hash) != 0)
        status = PHASH_E_STATE;
    phash_pdq_stream_free(&stream);
    phash_image_free(&image);
    return status;
}

static uint8_t image_bytes[1 << 20];
static size_t image_size;

static phash_status other_doors(void)
{
    phash_image *image;
    phash_pdq_result result = PHASH_PDQ_RESULT_INIT;
    phash_error error = PHASH_ERROR_INIT;
    phash_status status = phash_image_open_path(image_path, NULL, &image, &error);
    status = hash_rows(status, image, &error);
    if (status == PHASH_OK) {
        status = phash_image_open_memory(image_bytes, image_size, NULL, &image, &error);
        status = hash_rows(status, image, &error);
    }
    const int fd = open(image_path, O_RDONLY | O_CLOEXEC);
    if (status == PHASH_OK) {
        status = phash_image_open_fd(fd, NULL, &image, &error);
        status = hash_rows(status, image, &error);
    }
    if (status == PHASH_OK && lseek(fd, 0, SEEK_SET) != 0)
        status = PHASH_E_STATE;
    if (status == PHASH_OK)
        status = phash_pdq_fd(fd, NULL, NULL, &result, &error);
    if (status == PHASH_OK && memcmp(&image_hash, &result.hash, sizeof result.hash) != 0)
        status = PHASH_E_STATE;
    close(fd);
    return status;
}

static void read_image(void)
{
    FILE *in = fopen(image_path, "rb");
    ck_assert_ptr_nonnull(in);
    image_size = fread(image_bytes, 1, sizeof image_bytes, in);
    fclose(in);
    ck_assert_uint_lt(image_size, sizeof image_bytes);
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
            if (profile == PHASH_PDQ_FULL) {
                read_image();
                ck_assert_int_ge(each_allocation_fails(other_doors, true), 12);
            }
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

/* Calls that promise no PHASH_E_MEMORY ask for none. */
static phash_status small_calls(void)
{
    static const phash_hash256 a = {{1, 2, 3}}, b = {{3, 2, 1}};
    phash_hash256 c;
    phash_bits bits, other;
    char text[256];
    unsigned distance = 0;
    uint32_t mask;
    bool good = phash_hash256_distance(&a, &b) == 2;
    phash_hash256_to_hex(&a, text);
    good &= !phash_hash256_from_hex(text, 64, &c) && !memcmp(&a, &c, sizeof a);
    good &=
        !phash_bits_from_hash256(&a, &bits) && phash_bits_to_hex(&bits, text, sizeof text) == 64;
    good &= !phash_bits_from_hex(text, 64, 256, &other) && !phash_bits_to_hash256(&other, &c);
    good &= !phash_bits_distance(&bits, &other, &distance) && !distance;
    good &= phash_cpu_names(phash_cpu_detected(), text, sizeof text) < sizeof text;
    good &= !phash_cpu_parse(text, &mask) && (phash_cpu_active() & ~mask) == 0;
    phash_cpu_mask(0);
    good &= phash_cpu_active() == 0;
    phash_cpu_mask(PHASH_CPU_ALL);
    good &= phash_pixel_bytes(PHASH_PIXEL_RGB8) == 3 && phash_dihedral_name(PHASH_DIHEDRAL_FLIPX) &&
            phash_status_text(PHASH_E_MEMORY)[0] && phash_status_name(PHASH_E_MEMORY)[0] &&
            phash_version()[0] && phash_version_number();
    good &= phash_list_sniff("f8", 2) == PHASH_LIST_UNKNOWN;
#if PHASH_HAS_DECODE
    good &= phash_decode_formats() && phash_decode_libraries()[0];
#endif
    return good ? PHASH_OK : PHASH_E_STATE;
}

START_TEST(small_calls_allocate_nothing)
{
    ck_assert_int_eq(each_allocation_fails(small_calls, false), 0);
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
    tcase_add_test(t, small_calls_allocate_nothing);
#if PHASH_HAS_DECODE
    tcase_add_test(t, decoding_survives_failed_allocations);
#endif
    suite_add_tcase(s, t);
    return test_main(s);
}
