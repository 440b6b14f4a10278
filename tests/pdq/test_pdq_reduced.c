/* The filter folded onto means: its weights against a dense solution of what they stand for, images that
 * run backwards or are transposed, and which pictures leave bits in doubt. */
#include "check_main.h"

#include "pdq/reduced.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(test_random(state) % n);
}

static uint32_t means_of(uint32_t pixels, uint32_t pitch)
{
    return (pixels + pitch - 1) / pitch;
}

/* ---- weights ---- */

/* The weight of pixel x in sample i: the full filter's answer to a single bright pixel. */
static void weights_of_filter(uint32_t pixels, double *weight)
{
    const uint32_t window = pdq_window(pixels);
    float *row = calloc(pixels, 3 * sizeof *row);
    ck_assert_ptr_nonnull(row);
    float *once = row + pixels, *twice = once + pixels;
    for (uint32_t x = 0; x < pixels; x++) {
        row[x] = 1;
        pdq_box_row(row, once, pixels, window);
        pdq_box_row(once, twice, pixels, window);
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            weight[(size_t)i * pixels + x] = (double)twice[pdq_sample(i, pixels)];
        row[x] = 0;
    }
    free(row);
}

enum { DENSE = 32 };

/* Solves a[n][n] x = b in place, by elimination. */
static void solve(double a[DENSE][DENSE], double *b, int n)
{
    for (int p = 0; p < n; p++)
        for (int r = p + 1; r < n; r++) {
            const double f = a[r][p] / a[p][p];
            for (int c = p; c < n; c++)
                a[r][c] -= f * a[p][c];
            b[r] -= f * b[p];
        }
    for (int p = n - 1; p >= 0; p--) {
        for (int c = p + 1; c < n; c++)
            b[p] -= a[p][c] * b[c];
        b[p] /= a[p][p];
    }
}

/* The pixels of n means under the smoothest curve: the equations in reduced.c, taken literally. */
static void curve_pixels(const double *mean, int n, int pitch, double *pixel)
{
    double a[DENSE][DENSE] = {{0}}, end[DENSE];
    ck_assert_int_lt(n, DENSE);
    for (int k = 0; k <= n; k++) {
        a[k][k] = k == 0 || k == n ? 2 : 4;
        if (k > 0)
            a[k][k - 1] = 1;
        if (k < n)
            a[k][k + 1] = 1;
        end[k] = 3 * ((k > 0 ? mean[k - 1] : 0) + (k < n ? mean[k] : 0));
    }
    solve(a, end, n + 1);
    for (int x = 0; x < n * pitch; x++) {
        const int b = x / pitch;
        double sum = 0;
        for (int s = 0; s <= 2; s++) { /* Simpson's rule, exact for a parabola */
            const double t = (x % pitch + s / 2.0) / pitch;
            const double value = end[b] * (1 - 4 * t + 3 * t * t) +
                                 end[b + 1] * (3 * t * t - 2 * t) + mean[b] * 6 * (t - t * t);
            sum += (s == 1 ? 4 : 1) * value / 6;
        }
        pixel[x] = sum;
    }
}

static void check_axis(const pdq_reduced_axis *axis, uint32_t pixels, uint32_t pitch, bool reverse,
                       const double *weight, uint64_t *state)
{
    double mean[DENSE], pixel[DENSE * 8];
    for (uint32_t i = 0; i < PDQ_SIDE; i++) {
        const uint32_t n = axis->count[i], first = axis->first[i] * pitch;
        ck_assert_uint_le(axis->first[i] + n, means_of(pixels, pitch));
        for (uint32_t k = 0; k < n; k++)
            mean[k] = below(state, 256);
        curve_pixels(mean, (int)n, (int)pitch, pixel);
        double want = 0, flat = 0, got = 0, got_flat = 0;
        for (uint32_t x = 0; x < pixels; x++) {
            const double w = weight[(size_t)i * pixels + (reverse ? pixels - 1 - x : x)];
            if (w < 1e-6) /* what rounding leaves in running sums */
                continue;
            ck_assert_uint_ge(x, first);
            ck_assert_uint_lt(x, first + n * pitch);
            want += w * pixel[x - first];
            flat += w * mean[(x - first) / pitch];
        }
        const float *near = axis->weight + axis->offset[i], *alike = near + (n + 3) / 4 * 4;
        for (uint32_t k = 0; k < n; k++) {
            got += (double)near[k] * mean[k];
            got_flat += (double)alike[k] * mean[k];
        }
        ck_assert_double_eq_tol(got, want, 1e-2);
        ck_assert_double_eq_tol(got_flat, flat, 1e-2);
    }
}

START_TEST(weights_are_those_of_the_smoothest_curve)
{
    uint64_t state = test_seed();
    pdq_reduced r = {0};
    for (int round = 0; round < test_share(60); round++) {
        const uint32_t pixels = 64 + below(&state, 1500), pitch = 1u << below(&state, 4);
        const bool reverse = test_random(&state) & 1;
        double *weight = malloc(PDQ_SIDE * (size_t)pixels * sizeof *weight);
        ck_assert_ptr_nonnull(weight);
        weights_of_filter(pixels, weight);
        ck_assert_int_eq(pdq_reduced_reset(&r, pixels, 64, pitch, reverse, false, false), PHASH_OK);
        check_axis(&r.x, pixels, pitch, reverse, weight, &state);
        ck_assert_int_eq(pdq_reduced_reset(&r, 64, pixels, pitch, false, reverse, false), PHASH_OK);
        check_axis(&r.y, pixels, pitch, reverse, weight, &state);
        free(weight);
    }
    pdq_reduced_free(&r);
}
END_TEST

/* ---- images ---- */

static void push_all(pdq_reduced *r, const uint8_t *means)
{
    const uint32_t rows = r->y.length;
    for (uint32_t y = 0; y < rows; y++)
        pdq_reduced_push(r, means + (size_t)y * r->x.length);
}

/* The sum that a sample is, written out. */
static double sample(const pdq_reduced *r, const uint8_t *means, uint32_t i, uint32_t j)
{
    double sum = 0;
    for (uint32_t y = 0; y < r->y.count[i]; y++)
        for (uint32_t x = 0; x < r->x.count[j]; x++)
            sum += (double)r->y.weight[r->y.offset[i] + y] *
                   (double)r->x.weight[r->x.offset[j] + x] *
                   means[(size_t)(r->y.first[i] + y) * r->x.length + r->x.first[j] + x];
    return sum;
}

START_TEST(samples_are_weighted_sums)
{
    uint64_t state = test_seed() + 1;
    pdq_reduced r = {0};
    for (int round = 0; round < test_share(40); round++) {
        const uint32_t w = 5 + below(&state, round % 4 ? 1800 : 9000), h = 5 + below(&state, 1800);
        const uint32_t pitch = 1u << below(&state, 4);
        const size_t n = (size_t)means_of(w, pitch) * means_of(h, pitch);
        uint8_t *means = malloc(n);
        ck_assert_ptr_nonnull(means);
        for (size_t k = 0; k < n; k++)
            means[k] = (uint8_t)test_random(&state);
        ck_assert_int_eq(pdq_reduced_reset(&r, w, h, pitch, test_random(&state) & 1,
                                           test_random(&state) & 1, false),
                         PHASH_OK);
        push_all(&r, means);
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            for (uint32_t j = 0; j < PDQ_SIDE; j++)
                ck_assert_double_eq_tol((double)r.out[i * PDQ_SIDE + j], sample(&r, means, i, j),
                                        1e-2);
        free(means);
    }
    pdq_reduced_free(&r);
}
END_TEST

/* Smooth shapes of many sizes. */
static double scene(double x, double y)
{
    double v = 0;
    for (int k = 1; k <= 12; k++)
        v += 60.0 / k * sin(x * k * 4.1 + k * k) * cos(y * k * 3.7 + 2.3 * k);
    return v;
}

static uint8_t grey(double v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

enum { SIDE = 1152 };

/* How many bits are in doubt of a scene under tiles of random grey, 9 pixels wide and high, and how many
 * its hash by means of pitch * pitch pixels is from that by all of them. */
static uint32_t doubt_of(double shapes, double texture, uint32_t pitch, int *distance)
{
    enum { TILE = 9 };
    static uint8_t pixels[SIDE * SIDE], means[SIDE * SIDE];
    static double tiles[SIDE / TILE][SIDE / TILE];
    uint64_t state = 1;
    for (size_t y = 0; y < SIDE / TILE; y++)
        for (size_t x = 0; x < SIDE / TILE; x++)
            tiles[y][x] = texture * ((double)(test_random(&state) >> 11) / 0x1p53 - 0.5);
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < SIDE; x++)
            pixels[y * SIDE + x] = grey(128 + shapes * scene((double)x / 1000, (double)y / 1000) +
                                        tiles[y / TILE][x / TILE]);
    const uint32_t n = SIDE / pitch;
    for (size_t y = 0; y < n; y++)
        for (size_t x = 0; x < n; x++) {
            unsigned sum = 0;
            for (size_t k = 0; k < (size_t)pitch * pitch; k++)
                sum += pixels[(y * pitch + k / pitch) * SIDE + x * pitch + k % pitch];
            means[y * n + x] = (uint8_t)((sum + pitch * pitch / 2) / (pitch * pitch));
        }
    const phash_pdq_image image = {pixels, SIDE, {SIDE, SIDE, PHASH_PIXEL_GREY8}};
    phash_pdq_result full = PHASH_PDQ_RESULT_INIT, fast = PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(phash_pdq(&image, NULL, &full), PHASH_OK);
    pdq_reduced r = {0};
    ck_assert_int_eq(pdq_reduced_reset(&r, SIDE, SIDE, pitch, false, false, false), PHASH_OK);
    push_all(&r, means);
    const uint32_t doubt = pdq_reduced_finish(&r, true, &fast);
    pdq_reduced_free(&r);
    ck_assert_int_eq(fast.profile, PHASH_PDQ_FAST);
    ck_assert_int_eq(fast.has_dihedral, 1);
    ck_assert_mem_eq(&fast.hash, &fast.dihedral[PHASH_DIHEDRAL_ORIGINAL], sizeof fast.hash);
    *distance = phash_hash256_distance(&full.hash, &fast.hash);
    return doubt;
}

START_TEST(fine_texture_leaves_bits_in_doubt)
{
    int distance;
    ck_assert_uint_le(doubt_of(1, 0, 8, &distance), PDQ_REDUCED_DOUBT_MAX);
    ck_assert_int_le(distance, 4);
    ck_assert_uint_gt(doubt_of(0.2, 100, 8, &distance), PDQ_REDUCED_DOUBT_MAX);
    ck_assert_int_gt(distance, 8);
    ck_assert_uint_le(doubt_of(0.2, 100, 4, &distance), PDQ_REDUCED_DOUBT_MAX);
    ck_assert_int_le(distance, 6);
    (void)doubt_of(0.2, 100, 1, &distance);
    ck_assert_int_le(distance, 1);
}
END_TEST

/* Four ways to see a picture, and what they make of the hash. */
START_TEST(turning_is_folded_in)
{
    uint64_t state = test_seed() + 2;
    enum { W = 1400, H = 1200, PITCH = 8, X = W / PITCH, Y = H / PITCH };
    static uint8_t means[X * Y];
    for (uint32_t y = 0; y < Y; y++)
        for (uint32_t x = 0; x < X; x++)
            means[y * X + x] = grey(100 + scene(x * 0.008, y * 0.008) / 2 + below(&state, 60));
    pdq_reduced r = {0};
    phash_pdq_result upright = PHASH_PDQ_RESULT_INIT, seen = PHASH_PDQ_RESULT_INIT;
    ck_assert_int_eq(pdq_reduced_reset(&r, W, H, PITCH, false, false, false), PHASH_OK);
    push_all(&r, means);
    (void)pdq_reduced_finish(&r, false, &upright);
    for (int turn = 1; turn < 8; turn++) {
        const bool flip_x = turn & 1, flip_y = turn & 2, transpose = turn & 4;
        /* What is stored so that it is seen upright. */
        static uint8_t stored[X * Y];
        const uint32_t w = transpose ? Y : X, h = transpose ? X : Y;
        for (uint32_t y = 0; y < h; y++)
            for (uint32_t x = 0; x < w; x++) {
                const uint32_t u = flip_x ? w - 1 - x : x, v = flip_y ? h - 1 - y : y;
                stored[y * w + x] = transpose ? means[u * X + v] : means[v * X + u];
            }
        ck_assert_int_eq(
            pdq_reduced_reset(&r, w * PITCH, h * PITCH, PITCH, flip_x, flip_y, transpose),
            PHASH_OK);
        push_all(&r, stored);
        (void)pdq_reduced_finish(&r, false, &seen);
        ck_assert_int_le(phash_hash256_distance(&upright.hash, &seen.hash), 1);
    }
    pdq_reduced_free(&r);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pdq reduced");
    TCase *t = tcase_create("pdq reduced");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, weights_are_those_of_the_smoothest_curve);
    tcase_add_test(t, samples_are_weighted_sums);
    tcase_add_test(t, fine_texture_leaves_bits_in_doubt);
    tcase_add_test(t, turning_is_folded_in);
    suite_add_tcase(s, t);
    return test_main(s);
}
