/* The public face of the DCT hash: a stream that rows are pushed into, and the one-shot call on top
 * of it. */
#include "dct/stages.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_SIDE = 16384 }; /* a stream for larger images is freed at once */

typedef enum stream_state { ST_BROKEN, ST_ROWS, ST_DONE } stream_state;

struct phash_dct_stream {
    const phash_dct *dct;
    phash_pdq_desc desc;
    phash_dct_options options;
    stream_state state;
    uint32_t row; /* rows taken */
    dct_reduce reduce;
    uint8_t *small;                  /* the reduced picture, side * side */
    double *picture, *scratch, *low; /* side * side twice, three times hash_size * hash_size */
};

static phash_status check(const phash_pdq_desc *desc, const phash_dct_options *options)
{
    if (!desc || !phash_pixel_bytes(desc->format) || !desc->width || !desc->height)
        return PHASH_E_ARGUMENT;
    if (options && options->size < sizeof *options)
        return PHASH_E_ARGUMENT;
    if (desc->width > PHASH_DCT_IMAGE_SIDE_MAX || desc->height > PHASH_DCT_IMAGE_SIDE_MAX)
        return PHASH_E_LIMIT_DIMENSION;
    return PHASH_OK;
}

phash_status phash_dct_stream_reset(phash_dct_stream *s, const phash_pdq_desc *desc,
                                    const phash_dct_options *options)
{
    static const phash_dct_options defaults = PHASH_DCT_OPTIONS_INIT;
    if (!s)
        return PHASH_E_ARGUMENT;
    s->state = ST_BROKEN;
    phash_status status = check(desc, options);
    if (status == PHASH_OK)
        status = dct_reduce_reset(&s->reduce, desc, s->dct->side);
    if (status != PHASH_OK)
        return status;
    s->desc = *desc;
    s->options = options ? *options : defaults;
    s->row = 0;
    s->state = ST_ROWS;
    return PHASH_OK;
}

phash_status phash_dct_stream_new(const phash_dct *dct, const phash_pdq_desc *desc,
                                  const phash_dct_options *options, phash_dct_stream **stream)
{
    if (!stream)
        return PHASH_E_ARGUMENT;
    *stream = NULL;
    if (!dct)
        return PHASH_E_ARGUMENT;
    phash_dct_stream *s = dct_alloc(1, sizeof *s);
    if (!s)
        return PHASH_E_MEMORY;
    memset(s, 0, sizeof *s);
    s->dct = dct;
    const size_t samples = (size_t)dct->side * dct->side,
                 corner = (size_t)dct->hash_size * dct->hash_size;
    s->small = dct_alloc(samples, 1);
    s->picture = dct_alloc(samples, sizeof *s->picture);
    s->scratch = dct_alloc(samples, sizeof *s->scratch);
    s->low = dct_alloc(3 * corner, sizeof *s->low);
    phash_status status = PHASH_E_MEMORY;
    if (s->small && s->picture && s->scratch && s->low)
        status = phash_dct_stream_reset(s, desc, options);
    if (status != PHASH_OK)
        phash_dct_stream_free(&s);
    *stream = s;
    return status;
}

/* All but the reduction. */
static void wipe(phash_dct_stream *s)
{
    const size_t samples = (size_t)s->dct->side * s->dct->side,
                 corner = (size_t)s->dct->hash_size * s->dct->hash_size;
    dct_wipe(s->small, samples);
    dct_wipe(s->picture, samples * sizeof *s->picture);
    dct_wipe(s->scratch, samples * sizeof *s->scratch);
    dct_wipe(s->low, 3 * corner * sizeof *s->low);
}

void phash_dct_stream_free(phash_dct_stream **stream)
{
    if (!stream || !*stream)
        return;
    phash_dct_stream *s = *stream;
    wipe(s);
    dct_reduce_free(&s->reduce);
    free(s->small);
    free(s->picture);
    free(s->scratch);
    free(s->low);
    dct_wipe_free(s, sizeof *s);
    *stream = NULL;
}

phash_status phash_dct_push_rows(phash_dct_stream *s, const void *rows, size_t count,
                                 ptrdiff_t stride)
{
    if (!s || (!rows && count))
        return PHASH_E_ARGUMENT;
    if (s->state != ST_ROWS || count > s->desc.height - s->row)
        return PHASH_E_STATE;
    dct_reduce_push(&s->reduce, rows, count, stride);
    s->row += (uint32_t)count;
    return PHASH_OK;
}

static void clear_result(phash_dct_result *result)
{
    memset((char *)result + sizeof result->size, 0, sizeof *result - sizeof result->size);
}

static void hash_variant(phash_dct_stream *s, phash_dihedral dihedral, bool inverted,
                         phash_bits *hash)
{
    const size_t corner = (size_t)s->dct->hash_size * s->dct->hash_size;
    double *spectrum = s->low + corner, *sorted = spectrum + corner;
    const dct_variant variant = {dihedral, inverted};
    dct_variant_spectrum(s->dct, variant, s->low, spectrum);
    dct_threshold(s->dct, spectrum, sorted, hash);
}

phash_status phash_dct_finish(phash_dct_stream *s, phash_dct_result *result)
{
    if (!s || !result || result->size < sizeof *result)
        return PHASH_E_ARGUMENT;
    clear_result(result);
    if (s->state != ST_ROWS || s->row != s->desc.height)
        return PHASH_E_STATE;
    s->state = ST_DONE;
    const size_t side = s->dct->side, n = s->dct->hash_size;
    const uint8_t *restrict small = s->small;
    double *restrict picture = s->picture;
    dct_reduce_picture(&s->reduce, s->small);
    for (size_t i = 0; i < side * side; i++)
        picture[i] = small[i];
    dct_transform(s->dct, s->picture, s->scratch);
    for (size_t i = 0; i < n; i++)
        memcpy(s->low + i * n, s->picture + i * side, n * sizeof *s->low);

    const int variants = s->options.dihedral ? PHASH_DIHEDRALS : 1;
    for (int d = 0; d < variants; d++) {
        hash_variant(s, (phash_dihedral)d, false, d ? &result->dihedral[d] : &result->hash);
        if (s->options.inverted)
            hash_variant(s, (phash_dihedral)d, true, &result->inverted[d]);
    }
    if (s->options.dihedral)
        result->dihedral[0] = result->hash;
    result->has_dihedral = s->options.dihedral != 0;
    result->has_inverted = s->options.inverted != 0;
    return PHASH_OK;
}

/* A stream for one image: the idle one, or a new one. */
static phash_status take_stream(const phash_dct *dct, const phash_pdq_desc *desc,
                                const phash_dct_options *options, phash_dct_stream **stream)
{
    *stream = dct ? atomic_exchange(&dct->idle->stream, NULL) : NULL;
    if (!*stream)
        return phash_dct_stream_new(dct, desc, options, stream);
    const phash_status status = phash_dct_stream_reset(*stream, desc, options);
    if (status != PHASH_OK)
        phash_dct_stream_free(stream);
    return status;
}

/* Keeps a stream for the next image, unless another is kept, or it takes up much memory. */
static void give_back(const phash_dct *dct, phash_dct_stream *stream)
{
    phash_dct_stream *none = NULL;
    if (stream->desc.width <= KEPT_SIDE && stream->desc.height <= KEPT_SIDE) {
        wipe(stream);
        dct_reduce_wipe(&stream->reduce);
        if (atomic_compare_exchange_strong(&dct->idle->stream, &none, stream))
            return;
    }
    phash_dct_stream_free(&stream);
}

phash_status phash_dct_hash(const phash_dct *dct, const phash_pdq_image *image,
                            const phash_dct_options *options, phash_dct_result *result)
{
    if (!result || result->size < sizeof *result)
        return PHASH_E_ARGUMENT;
    clear_result(result);
    if (!image || !image->rows)
        return PHASH_E_ARGUMENT;
    phash_dct_stream *s;
    phash_status status = take_stream(dct, &image->desc, options, &s);
    if (status != PHASH_OK)
        return status;
    status = phash_dct_push_rows(s, image->rows, image->desc.height, image->stride);
    if (status == PHASH_OK)
        status = phash_dct_finish(s, result);
    give_back(dct, s);
    return status;
}
