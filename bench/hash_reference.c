/* PDQ with the loops and buffers of Meta's reference (ThreatExchange, pdq/cpp): the luma of the
 * whole image in one float buffer, each box filter from one such buffer into another, along columns
 * with a stride of a row, then the DCT as two plain matrix products. Written from the description of
 * the method; shares nothing with libphash. It is compiled for the baseline of the machine's ABI, as
 * a distribution would. */
#include "hash_engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, CORNER = 16 };

struct reference {
    size_t width, height;
    float *one, *two;
    float matrix[CORNER][SIDE];
};

static void reference_close(void *state)
{
    struct reference *r = state;
    if (!r)
        return;
    free(r->one);
    free(r->two);
    free(r);
}

static void *reference_open(const struct hash_case *c)
{
    struct reference *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    const size_t pixels = (size_t)c->width * c->height;
    r->width = c->width;
    r->height = c->height;
    r->one = malloc(pixels * sizeof *r->one);
    r->two = malloc(pixels * sizeof *r->two);
    if (!r->one || !r->two) {
        reference_close(r);
        return NULL;
    }
    const float scale = (float)sqrt(2.0 / SIDE);
    for (int i = 0; i < CORNER; i++)
        for (int j = 0; j < SIDE; j++)
            r->matrix[i][j] =
                (float)(scale * cos(3.14159265358979323846 / 2.0 / SIDE * (i + 1) * (2 * j + 1)));
    return r;
}

static void box(const float *in, float *out, size_t length, size_t stride, size_t window)
{
    const size_t half = (window + 2) / 2;
    size_t left = 0, right = 0, o = 0, count = 0;
    float sum = 0.0f;
    for (size_t i = 0; i < half - 1; i++, right += stride, count++)
        sum += in[right];
    for (size_t i = 0; i < window - half + 1; i++, right += stride, o += stride) {
        sum += in[right];
        count++;
        out[o] = sum / (float)count;
    }
    for (size_t i = 0; i < length - window; i++, left += stride, right += stride, o += stride) {
        sum += in[right];
        sum -= in[left];
        out[o] = sum / (float)count;
    }
    for (size_t i = 0; i < half - 1; i++, left += stride, o += stride) {
        sum -= in[left];
        count--;
        out[o] = sum / (float)count;
    }
}

static void filter(struct reference *r)
{
    const size_t w = r->width, h = r->height;
    for (int round = 0; round < 2; round++) {
        for (size_t y = 0; y < h; y++)
            box(r->one + y * w, r->two + y * w, w, 1, (w + 127) / 128);
        for (size_t x = 0; x < w; x++)
            box(r->two + x, r->one + x, h, w, (h + 127) / 128);
    }
}

static int quality_of(float a[SIDE][SIDE])
{
    int sum = 0;
    for (int i = 0; i < SIDE - 1; i++)
        for (int j = 0; j < SIDE; j++)
            sum += abs((int)(((a[i][j] - a[i + 1][j]) * 100) / 255));
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE - 1; j++)
            sum += abs((int)(((a[i][j] - a[i][j + 1]) * 100) / 255));
    return sum / 90 < 100 ? sum / 90 : 100;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void bits_of(float b[CORNER][CORNER], phash_hash256 *hash)
{
    float sorted[CORNER * CORNER];
    memcpy(sorted, b, sizeof sorted);
    qsort(sorted, CORNER * CORNER, sizeof sorted[0], by_value);
    const float median = sorted[CORNER * CORNER / 2 - 1];
    memset(hash, 0, sizeof *hash);
    for (int i = 0; i < CORNER; i++)
        for (int j = 0; j < CORNER; j++)
            if (b[i][j] > median)
                hash->bytes[31 - (i * CORNER + j) / 8] |= (uint8_t)(1 << j % 8);
}

static void turned_hashes(float b[CORNER][CORNER], phash_hash256 *hash)
{
    for (int d = 0; d < PHASH_DIHEDRALS; d++) {
        float t[CORNER][CORNER];
        for (int i = 0; i < CORNER; i++)
            for (int j = 0; j < CORNER; j++) {
                const int rows = d == PHASH_DIHEDRAL_ROTATE270 || d == PHASH_DIHEDRAL_FLIPX;
                const int columns = d == PHASH_DIHEDRAL_ROTATE90 || d == PHASH_DIHEDRAL_FLIPY;
                const int both = d == PHASH_DIHEDRAL_ROTATE180 || d == PHASH_DIHEDRAL_ANTITRANSPOSE;
                const int minus =
                    (rows && !(i & 1)) || (columns && !(j & 1)) || (both && (i + j) & 1);
                const int across = d == PHASH_DIHEDRAL_ROTATE90 || d == PHASH_DIHEDRAL_ROTATE270 ||
                                   d == PHASH_DIHEDRAL_TRANSPOSE ||
                                   d == PHASH_DIHEDRAL_ANTITRANSPOSE;
                *(across ? &t[j][i] : &t[i][j]) = minus ? -b[i][j] : b[i][j];
            }
        bits_of(t, &hash[d]);
    }
}

static void reference_hash(void *state, const struct hash_case *c, phash_pdq_result *result)
{
    struct reference *r = state;
    const uint8_t *pixels = c->pixels;
    const uint32_t channels = c->channels;
    const bool dihedral = c->dihedral;
    const size_t w = r->width, h = r->height;
    for (size_t i = 0; i < w * h; i++)
        if (channels == 1)
            r->one[i] = (float)pixels[i];
        else
            r->one[i] = 0.299f * (float)pixels[3 * i] + 0.587f * (float)pixels[3 * i + 1] +
                        0.114f * (float)pixels[3 * i + 2];
    if (w != SIDE || h != SIDE || dihedral)
        filter(r);
    float a[SIDE][SIDE], t[CORNER][SIDE], b[CORNER][CORNER];
    for (size_t i = 0; i < SIDE; i++)
        for (size_t j = 0; j < SIDE; j++)
            a[i][j] = r->one[(size_t)(((double)i + 0.5) * (double)h / SIDE) * w +
                             (size_t)(((double)j + 0.5) * (double)w / SIDE)];
    result->quality = quality_of(a);
    for (int i = 0; i < CORNER; i++)
        for (int j = 0; j < SIDE; j++) {
            float sum = 0.0f;
            for (int k = 0; k < SIDE; k++)
                sum += r->matrix[i][k] * a[k][j];
            t[i][j] = sum;
        }
    for (int i = 0; i < CORNER; i++)
        for (int j = 0; j < CORNER; j++) {
            float sum = 0.0f;
            for (int k = 0; k < SIDE; k++)
                sum += t[i][k] * r->matrix[j][k];
            b[i][j] = sum;
        }
    bits_of(b, &result->hash);
    result->has_dihedral = dihedral;
    if (dihedral)
        turned_hashes(b, result->dihedral);
}

const struct hash_engine hash_engine_reference = {
    "reference", NULL, reference_open, reference_hash, reference_close,
};
