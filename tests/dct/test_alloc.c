/* Every allocation of this library fails once, in turn: the call says so, leaks nothing, and
 * its handle can be used again. Only aligned_alloc is taken over, which is what libphash-dct allocates
 * with: FFTW ends the process when it gets no memory, and that is documented, not tested. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */

#include "check_main.h"

#include <phash/dct.h>

#include "faults/alloc_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long countdown = -1;
static bool armed, fired;

/* What was allocated while armed and is not freed yet. */
static void *live[256];

#if ALLOC_FAULT_AVAILABLE
static bool replace_live(const void *old, void *with)
{
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
        if (live[i] == old) {
            live[i] = with;
            return true;
        }
    return false;
}

void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

void *aligned_alloc(size_t alignment, size_t size)
{
    if (armed && countdown-- == 0) {
        fired = true;
        errno = ENOMEM;
        return NULL;
    }
    void *memory = __libc_memalign(alignment, size);
    if (armed && memory && !replace_live(NULL, memory))
        abort();
    return memory;
}

void free(void *memory)
{
    if (memory)
        replace_live(memory, NULL);
    __libc_free(memory);
}
#endif

static uint8_t pixels[300 * 200 * 3];

static phash_status whole(void)
{
    phash_dct *dct;
    phash_dct_result r = PHASH_DCT_RESULT_INIT;
    const phash_pdq_image image = {pixels, 300 * 3, {300, 200, PHASH_PIXEL_RGB8}};
    phash_status status = phash_dct_new(8, 4, &dct);
    if (status != PHASH_OK)
        return dct ? PHASH_E_STATE : status;
    char name[32];
    if (phash_dct_hash_size(dct) != 8 || phash_dct_highfreq_factor(dct) != 4 ||
        phash_dct_name(dct, name, sizeof name) != strlen("dct-8x4"))
        status = PHASH_E_STATE;
    if (status == PHASH_OK)
        status = phash_dct_hash(dct, &image, NULL, &r);
    if (status != PHASH_OK && r.hash.length)
        status = PHASH_E_STATE;
    phash_dct_free(&dct);
    return status;
}

/* A stream that is reset to other sizes and kernels: whatever fails, it can be reset and used. */
static phash_status regrown(void)
{
    static const phash_pdq_desc small = {64, 64, PHASH_PIXEL_RGB8},
                                large = {300, 200, PHASH_PIXEL_RGB8};
    phash_dct *dct;
    phash_dct_stream *s = NULL;
    phash_dct_result r = PHASH_DCT_RESULT_INIT, expected = PHASH_DCT_RESULT_INIT;
    const phash_pdq_image image = {pixels, 300 * 3, large};
    phash_status status = phash_dct_new(8, 4, &dct);
    if (status != PHASH_OK)
        return status;
    status = phash_dct_stream_new(dct, &small, NULL, &s);
    if (status == PHASH_OK) {
        status = phash_dct_stream_reset(s, &large, NULL);
        if (status == PHASH_OK) {
            const uint32_t sets = phash_cpu_active();
            phash_cpu_mask(sets & ~PHASH_CPU_AVX512);
            status = phash_dct_stream_reset(s, &large, NULL);
            phash_cpu_mask(sets);
        }
        const bool was_armed = armed;
        armed = false;
        if (phash_dct_stream_reset(s, &large, NULL) != PHASH_OK ||
            phash_dct_push_rows(s, pixels, 200, 300 * 3) != PHASH_OK ||
            phash_dct_finish(s, &r) != PHASH_OK ||
            phash_dct_hash(dct, &image, NULL, &expected) != PHASH_OK ||
            memcmp(&r, &expected, sizeof r) != 0)
            status = PHASH_E_STATE;
        armed = was_armed;
    } else if (s) {
        status = PHASH_E_STATE;
    }
    phash_dct_stream_free(&s);
    phash_dct_free(&dct);
    return status;
}

#if PHASH_HAS_DECODE
static const char *image_path;
static uint8_t file[1 << 20];
static size_t file_bytes;

/* The status, once it is certain that result and error tell the same. */
static phash_status told(phash_status status, const phash_dct_result *r, const phash_error *error)
{
    if (status == PHASH_OK)
        return r->hash.length == 64 ? status : PHASH_E_STATE;
    return !r->hash.length && error->status == status && error->message[0] ? status : PHASH_E_STATE;
}

/* Files by path, descriptor and from memory, with every variant. */
static phash_status decoded(void)
{
    phash_dct *dct;
    phash_dct_options options = PHASH_DCT_OPTIONS_INIT;
    phash_dct_result r = PHASH_DCT_RESULT_INIT;
    phash_error error = PHASH_ERROR_INIT;
    options.dihedral = options.inverted = 1;
    phash_status status = phash_dct_new(8, 4, &dct);
    if (status != PHASH_OK)
        return status;
    status = told(phash_dct_path(dct, image_path, NULL, &options, &r, &error), &r, &error);
    if (status == PHASH_OK) {
        const int fd = open(image_path, O_RDONLY | O_CLOEXEC);
        status = told(phash_dct_fd(dct, fd, NULL, &options, &r, &error), &r, &error);
        close(fd);
    }
    if (status == PHASH_OK)
        status =
            told(phash_dct_memory(dct, file, file_bytes, NULL, &options, &r, &error), &r, &error);
    phash_dct_free(&dct);
    return status;
}

static void read_image(void)
{
    FILE *in = fopen(image_path, "rb");
    ck_assert_ptr_nonnull(in);
    file_bytes = fread(file, 1, sizeof file, in);
    fclose(in);
    ck_assert_uint_gt(file_bytes, 0);
    ck_assert_uint_lt(file_bytes, sizeof file);
}
#endif

static long each_fails(phash_status (*call)(void))
{
    for (long n = 0; n < 1000; n++) {
        countdown = n;
        fired = false;
        armed = true;
        const phash_status status = call();
        armed = false;
        for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
            ck_assert_msg(!live[i], "allocation %ld: a block leaks", n);
        if (!fired) {
            ck_assert_int_eq(status, PHASH_OK);
            return n;
        }
        ck_assert_msg(status == PHASH_E_MEMORY, "allocation %ld: %s", n, phash_status_name(status));
    }
    ck_abort_msg("no end of allocations");
    return 0;
}

START_TEST(every_allocation_can_fail)
{
    uint64_t state = test_seed();
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)test_random(&state);
    ck_assert_int_ge(each_fails(whole), 10);
    ck_assert_int_ge(each_fails(regrown), 15);
#if PHASH_HAS_DECODE
    read_image();
    ck_assert_int_ge(each_fails(decoded), 20);
#endif
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
#if PHASH_HAS_DECODE
    image_path = argv[1];
#else
    (void)argv;
#endif
    if (!ALLOC_FAULT_AVAILABLE) {
        puts("skipped: the sanitizer has the allocator");
        return 77;
    }
    Suite *s = suite_create("dct alloc");
    TCase *t = tcase_create("alloc");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_allocation_can_fail);
    suite_add_tcase(s, t);
    return test_main(s);
}
