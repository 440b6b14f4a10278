/* Usage: test_pdq PDQ_TABLE FIXTURES
 * PDQ's own dct64 against FFTW: the full 64-point DCT-II of the 64x64 luma, of every formula image
 * of the table and of every picture in FIXTURES/images, agrees with PDQ's 16x16 corner within the
 * rounding of float. */
#define _XOPEN_SOURCE 700
#include "check_main.h"
#include "formula.h"

#include "pdq/jarosz.h"
#include "pdq/stages.h"

#include <phash/features.h>
#if PHASH_HAS_DECODE
#include <phash/decode.h>
#endif

#include <fftw3.h>
#include <ftw.h>
#include <math.h>
#include <string.h>

static const char *table_path, *fixtures;

static struct {
    fftw_plan plan;
    double *in, *out;
    unsigned images;
    double worst; /* largest error in units of the bound */
} full;

/* With D the matrix of dct64 and u = 2^-24, each of the two products rounds every term twice and
 * its entries once: |error| <= 2 * (64 + 2) * u * |D| |A| |D'|. */
static void compare(const char *name, const float a[PDQ_SIDE * PDQ_SIDE])
{
    float corner[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    pdq_dct64(a, corner);
    for (int i = 0; i < PDQ_SIDE * PDQ_SIDE; i++)
        full.in[i] = (double)a[i];
    fftw_execute(full.plan);
    const double pi = 3.14159265358979323846;
    static double weight[PDQ_DCT_SIDE][PDQ_SIDE], half[PDQ_DCT_SIDE][PDQ_SIDE];
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int k = 0; k < PDQ_SIDE; k++)
            weight[i][k] = fabs(sqrt(2.0 / 64) * cos(pi / 128 * (i + 1) * (2 * k + 1)));
    memset(half, 0, sizeof half);
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int k = 0; k < PDQ_SIDE; k++)
            for (int x = 0; x < PDQ_SIDE; x++)
                half[i][x] += weight[i][k] * fabs((double)a[k * PDQ_SIDE + x]);
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int j = 0; j < PDQ_DCT_SIDE; j++) {
            double bound = 0.0;
            for (int x = 0; x < PDQ_SIDE; x++)
                bound += half[i][x] * weight[j][x];
            bound *= 2 * (PDQ_SIDE + 2) * 0x1p-24;
            /* FFTW's coefficients are 4 sums of cosines, PDQ's 2 / 64. */
            const double exact = full.out[(i + 1) * PDQ_SIDE + j + 1] / 128,
                         error = fabs((double)corner[i * PDQ_DCT_SIDE + j] - exact);
            ck_assert_msg(error <= bound, "%s: coefficient %d, %d: %g, FFTW has %g", name, i, j,
                          (double)corner[i * PDQ_DCT_SIDE + j], exact);
            if (bound > 0.0 && error / bound > full.worst)
                full.worst = error / bound;
        }
    full.images++;
}

/* The 64x64 luma that PDQ transforms. */
static void compare_image(const char *name, const uint8_t *pixels, uint32_t w, uint32_t h,
                          phash_pixel_format format)
{
    if (w < PHASH_PDQ_SIDE_MIN || h < PHASH_PDQ_SIDE_MIN)
        return;
    pdq_jarosz filter;
    memset(&filter, 0, sizeof filter);
    ck_assert_int_eq(pdq_jarosz_reset(&filter, w, h), PHASH_OK);
    float *luma = malloc(w * sizeof *luma);
    ck_assert_ptr_nonnull(luma);
    for (uint32_t y = 0; y < h; y++) {
        pdq_luma_row(format, pixels + (size_t)y * w * phash_pixel_bytes(format), luma, w);
        pdq_jarosz_push(&filter, luma);
    }
    compare(name, filter.out);
    free(luma);
    pdq_jarosz_free(&filter);
}

START_TEST(formula_images)
{
    FILE *table = fopen(table_path, "r");
    ck_assert_ptr_nonnull(table);
    static char line[4096], id[200];
    while (fgets(line, sizeof line, table)) {
        formula f;
        char profile[20];
        if (sscanf(line, "%199[^\t]\t%19[^\t]", id, profile) != 2 || strcmp(profile, "full") ||
            !formula_parse(id, &f))
            continue;
        uint8_t *pixels = formula_render(&f);
        ck_assert_ptr_nonnull(pixels);
        compare_image(id, pixels, f.width, f.height,
                      f.channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8);
        free(pixels);
    }
    fclose(table);
    printf("%u formula images, largest error %.3f of the bound\n", full.images, full.worst);
    ck_assert_uint_gt(full.images, 50);
}
END_TEST

#if PHASH_HAS_DECODE
static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)where;
    if (type != FTW_F)
        return 0;
    phash_image *image;
    phash_image_info info = PHASH_IMAGE_INFO_INIT;
    if (phash_image_open_path(path, NULL, &image, NULL) != PHASH_OK)
        return 0; /* no image, or of a kind that this build leaves out */
    ck_assert_int_eq(phash_image_info_get(image, &info), PHASH_OK);
    const size_t stride = (size_t)info.desc.width * phash_pixel_bytes(info.desc.format);
    uint8_t *pixels = malloc(stride * info.desc.height);
    ck_assert_ptr_nonnull(pixels);
    if (phash_image_read_rows(image, pixels, info.desc.height, stride, NULL) == PHASH_OK)
        compare_image(path, pixels, info.desc.width, info.desc.height, info.desc.format);
    phash_image_free(&image);
    free(pixels);
    return 0;
}

START_TEST(fixture_files)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/images", fixtures);
    ck_assert_int_eq(nftw(path, visit, 16, FTW_PHYS), 0);
    printf("%u fixture files, largest error %.3f of the bound\n", full.images, full.worst);
    ck_assert_uint_gt(full.images, 0);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    table_path = argv[1];
    fixtures = argv[2];
    full.in = fftw_alloc_real(PDQ_SIDE * PDQ_SIDE);
    full.out = fftw_alloc_real(PDQ_SIDE * PDQ_SIDE);
    if (!full.in || !full.out)
        return 2;
    full.plan = fftw_plan_r2r_2d(PDQ_SIDE, PDQ_SIDE, full.in, full.out, FFTW_REDFT10, FFTW_REDFT10,
                                 FFTW_ESTIMATE);
    Suite *s = suite_create("dct64");
    TCase *t = tcase_create("dct64");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, formula_images);
#if PHASH_HAS_DECODE
    tcase_add_test(t, fixture_files);
#endif
    suite_add_tcase(s, t);
    const int status = test_main(s);
    fftw_destroy_plan(full.plan);
    fftw_free(full.in);
    fftw_free(full.out);
    return status;
}
