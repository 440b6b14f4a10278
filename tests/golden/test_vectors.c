/* The reference vectors, which lie beside the source tree on some machines only: every row of their
 * tables, and the values between the stages. Skipped, and said to be, where they are not. */
#include "file_table.h"
#include "formula.h"
#include "formula_table.h"
#include "table.h"

#include "pdq/jarosz.h"

#include <dirent.h>
#include <string.h>

static const char *folder(void)
{
    const char *set = getenv("PHASH_VECTORS");
    return set ? set : VECTORS;
}

START_TEST(formula_images)
{
    printf("%u rows of pdq-formula.tsv\n", check_formula_table(folder(), "pdq-formula.tsv"));
}
END_TEST

#if HAVE_BOTH_DECODERS
START_TEST(files)
{
    printf("%u rows of pdq-files.tsv\n", check_file_table(folder(), "pdq-files.tsv", "images/"));
}
END_TEST
#endif

/* ---- taps: the values between the stages ---- */

enum { DCT = PDQ_DCT_SIDE * PDQ_DCT_SIDE, LUMA = PDQ_SIDE * PDQ_SIDE };

typedef struct taps {
    float luma[LUMA], dct[DCT], median;
} taps;

static void read_floats(FILE *f, float *out, size_t n, const char *name)
{
    char word[64];
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(fscanf(f, "%63s", word) == 1, "%s is too short", name);
        if (word[0] == '#') { /* the heading of a part */
            int c;
            while ((c = fgetc(f)) != '\n' && c != EOF)
                ;
            i--;
            continue;
        }
        char *end;
        out[i] = strtof(word, &end);
        ck_assert_msg(*end == '\0', "%s: %s", name, word);
    }
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Sampling of profile nn512, written from its definition. */
static uint8_t *sample_512(const formula *f, const uint8_t *pixels)
{
    uint8_t *out = malloc((size_t)512 * 512 * f->channels);
    ck_assert_ptr_nonnull(out);
    for (uint32_t y = 0; y < 512; y++)
        for (uint32_t x = 0; x < 512; x++) {
            const size_t sy = (size_t)((double)y * f->height / 512.0),
                         sx = (size_t)((double)x * f->width / 512.0);
            memcpy(out + ((size_t)y * 512 + x) * f->channels,
                   pixels + (sy * f->width + sx) * f->channels, f->channels);
        }
    return out;
}

static void compute(const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels,
                    taps *out)
{
    const phash_pixel_format format = channels == 1 ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8;
    static pdq_jarosz j;
    ck_assert_int_eq(pdq_jarosz_reset(&j, width, height), PHASH_OK);
    float *row = malloc(width * sizeof *row);
    ck_assert_ptr_nonnull(row);
    for (uint32_t y = 0; y < height; y++) {
        pdq_luma_row(format, pixels + (size_t)y * width * channels, row, width);
        if (width == PDQ_SIDE && height == PDQ_SIDE) /* is not filtered */
            memcpy(out->luma + (size_t)y * PDQ_SIDE, row, PDQ_SIDE * sizeof *row);
        else
            pdq_jarosz_push(&j, row);
    }
    if (width != PDQ_SIDE || height != PDQ_SIDE)
        memcpy(out->luma, j.out, sizeof out->luma);
    free(row);
    pdq_jarosz_free(&j);
    pdq_dct64(out->luma, out->dct);
    float sorted[DCT];
    memcpy(sorted, out->dct, sizeof sorted);
    qsort(sorted, DCT, sizeof *sorted, by_value);
    out->median = sorted[DCT / 2 - 1];
}

static void check_taps(const char *name, const char *id, bool nn512)
{
    static taps expected, got;
    char path[4096];
    snprintf(path, sizeof path, "%s/taps/%s", folder(), name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    read_floats(file, expected.luma, LUMA, name);
    read_floats(file, expected.dct, DCT, name);
    read_floats(file, &expected.median, 1, name);
    fclose(file);

    formula f;
    ck_assert_msg(formula_parse(id, &f), "%s is no formula", id);
    uint8_t *pixels = formula_render(&f);
    ck_assert_ptr_nonnull(pixels);
    if (nn512) {
        uint8_t *sampled = sample_512(&f, pixels);
        free(pixels);
        pixels = sampled;
        f.width = f.height = 512;
    }
    compute(pixels, f.width, f.height, f.channels, &got);
    free(pixels);
    for (size_t i = 0; i < LUMA; i++)
        ck_assert_msg(memcmp(&got.luma[i], &expected.luma[i], sizeof(float)) == 0,
                      "%s: luma %zu is %a, not %a", name, i, (double)got.luma[i],
                      (double)expected.luma[i]);
    for (size_t i = 0; i < DCT; i++)
        ck_assert_msg(memcmp(&got.dct[i], &expected.dct[i], sizeof(float)) == 0,
                      "%s: DCT %zu is %a, not %a", name, i, (double)got.dct[i],
                      (double)expected.dct[i]);
    ck_assert_msg(memcmp(&got.median, &expected.median, sizeof(float)) == 0, "%s: median", name);
}

/* Names are ID.PROFILE.txt; those of other hashes have another middle part. */
START_TEST(values_between_stages)
{
    char path[4096];
    unsigned checked = 0;
    snprintf(path, sizeof path, "%s/taps", folder());
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        char id[256];
        snprintf(id, sizeof id, "%s", entry->d_name);
        char *profile = strchr(id, '.');
        const bool full = profile && strcmp(profile, ".full.txt") == 0;
        if (!full && !(profile && strcmp(profile, ".nn512.txt") == 0))
            continue;
        *profile = '\0';
        check_taps(entry->d_name, id, !full);
        checked++;
    }
    closedir(d);
    ck_assert_uint_gt(checked, 0);
    printf("%u taps\n", checked);
}
END_TEST

int main(void)
{
    DIR *d = opendir(folder());
    if (!d) {
        printf("skipped: no reference vectors in %s (PHASH_VECTORS names another folder)\n",
               folder());
        return 77;
    }
    closedir(d);
    Suite *s = suite_create("vectors");
    TCase *t = tcase_create("vectors");
    tcase_set_timeout(t, 540);
    tcase_add_test(t, formula_images);
#if HAVE_BOTH_DECODERS
    tcase_add_test(t, files);
#endif
    tcase_add_test(t, values_between_stages);
    suite_add_tcase(s, t);
    return test_main(s);
}
