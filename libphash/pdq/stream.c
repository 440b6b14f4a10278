/* The public face of PDQ: a stream that rows are pushed into, and the one-shot call on top of it.
 */
#include "core/internal.h"
#include "pdq/jarosz.h"
#include "pdq/kernels.h"
#include "pdq/stages.h"

#include <stdlib.h>
#include <string.h>

typedef enum stream_state { ST_BROKEN, ST_ROWS, ST_DONE } stream_state;

struct phash_pdq_stream {
    phash_pdq_desc desc;
    phash_pdq_options options;
    stream_state state;
    uint32_t row; /* rows of the source taken */

    /* What goes through the filter: the source, or its 512x512 samples. */
    uint32_t width, height;
    bool sampled;
    uint32_t next_row; /* next row of the samples, 0..512 */
    uint32_t sample_x[PDQ_NN_SIDE];
    uint8_t gathered[PDQ_NN_SIDE * 4];

    /* The filter: pixels of certain sizes have filters of their own; else rows of pixels go into the wave, or,
     * where these kernels have none, rows of luma into the plain C filter. Each is NULL until an image
     * wants it: they are large, and a stream that is made for one image is made and wiped as fast as it
     * is small. */
    pdq_kernels kernels;
    bool greys, helixes, waves;
    pdq_grey *grey;
    pdq_helix *helix;
    pdq_wave *wave;
    pdq_jarosz *filter;
    float *luma; /* width */
    size_t luma_capacity;

    /* A 64x64 image is its own 64x64 luma; only the dihedral hashes of it are filtered. */
    bool verbatim;
    float *plain; /* NULL until there is one */
};

/* Source index of sample i of profile nn512, in double as the reference computes it. */
static uint32_t nn_sample(uint32_t i, uint32_t length)
{
    return (uint32_t)((double)i * (double)length / (double)PDQ_NN_SIDE);
}

static phash_status check(const phash_pdq_desc *desc, const phash_pdq_options *options)
{
    if (!desc || !phash_pixel_bytes(desc->format) || !desc->width || !desc->height)
        return PHASH_E_ARGUMENT;
    if (options && (options->size < sizeof *options || (unsigned)options->profile > PHASH_PDQ_FAST))
        return PHASH_E_ARGUMENT;
    if (desc->width < PHASH_PDQ_SIDE_MIN || desc->height < PHASH_PDQ_SIDE_MIN)
        return PHASH_E_TOO_SMALL;
    return PHASH_OK;
}

static phash_status reset_grey(phash_pdq_stream *s)
{
    if (!s->grey)
        s->grey = phash_alloc_zero(1, sizeof *s->grey);
    if (!s->grey)
        return PHASH_E_MEMORY;
    pdq_grey_reset(s->grey, &s->kernels, s->width, s->height);
    return PHASH_OK;
}

static phash_status reset_helix(phash_pdq_stream *s)
{
    if (!s->helix)
        s->helix = phash_alloc_zero(1, sizeof *s->helix);
    if (!s->helix)
        return PHASH_E_MEMORY;
    pdq_helix_reset(s->helix, &s->kernels, s->width, s->height, s->desc.format);
    return PHASH_OK;
}

static phash_status reset_wave(phash_pdq_stream *s)
{
    if (!s->wave)
        s->wave = phash_alloc_zero(1, sizeof *s->wave);
    if (!s->wave)
        return PHASH_E_MEMORY;
    return pdq_wave_reset(s->wave, &s->kernels, s->width, s->height, s->desc.format);
}

static phash_status reset_plain_c(phash_pdq_stream *s)
{
    if (s->width > s->luma_capacity) {
        phash_wipe_free(s->luma, s->luma_capacity * sizeof *s->luma);
        s->luma_capacity = 0;
        s->luma = phash_alloc(s->width, sizeof *s->luma);
        if (!s->luma)
            return PHASH_E_MEMORY;
        s->luma_capacity = s->width;
    }
    if (!s->filter)
        s->filter = phash_alloc_zero(1, sizeof *s->filter);
    if (!s->filter)
        return PHASH_E_MEMORY;
    return pdq_jarosz_reset(s->filter, s->width, s->height);
}

/* Which filter takes the image. */
static phash_status reset_filter(phash_pdq_stream *s)
{
    s->greys = pdq_grey_takes(&s->kernels, s->width, s->height, s->desc.format);
    s->helixes = !s->greys && pdq_helix_takes(&s->kernels, s->width, s->height);
    s->waves = !s->greys && !s->helixes && pdq_wave_takes(&s->kernels, s->width, s->height);
    return s->greys     ? reset_grey(s)
           : s->helixes ? reset_helix(s)
           : s->waves   ? reset_wave(s)
                        : reset_plain_c(s);
}

phash_status phash_pdq_stream_reset(phash_pdq_stream *s, const phash_pdq_desc *desc,
                                    const phash_pdq_options *options)
{
    static const phash_pdq_options defaults = PHASH_PDQ_OPTIONS_INIT;
    if (!s)
        return PHASH_E_ARGUMENT;
    s->state = ST_BROKEN;
    phash_status status = check(desc, options);
    if (status != PHASH_OK)
        return status;
    s->desc = *desc;
    s->options = options ? *options : defaults;
    if (s->options.profile == PHASH_PDQ_FAST)
        s->options.profile = PHASH_PDQ_FULL; /* rows are all here: nothing is saved */
    s->sampled = s->options.profile == PHASH_PDQ_NN512 &&
                 (desc->width > PDQ_NN_SIDE || desc->height > PDQ_NN_SIDE);
    s->width = s->sampled ? PDQ_NN_SIDE : desc->width;
    s->height = s->sampled ? PDQ_NN_SIDE : desc->height;
    s->row = s->next_row = 0;
    s->verbatim = s->width == PDQ_SIDE && s->height == PDQ_SIDE;
    if (s->sampled)
        for (uint32_t i = 0; i < PDQ_NN_SIDE; i++)
            s->sample_x[i] = nn_sample(i, desc->width);
    if (s->verbatim && !s->plain)
        s->plain = phash_alloc(PDQ_SIDE * PDQ_SIDE, sizeof *s->plain);
    if (s->verbatim && !s->plain)
        return PHASH_E_MEMORY;
    pdq_kernels_fill(&s->kernels, phash_cpu_active());
    status = reset_filter(s);
    if (status == PHASH_OK)
        s->state = ST_ROWS;
    return status;
}

phash_status phash_pdq_stream_new(const phash_pdq_desc *desc, const phash_pdq_options *options,
                                  phash_pdq_stream **stream)
{
    if (!stream)
        return PHASH_E_ARGUMENT;
    *stream = NULL;
    phash_pdq_stream *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return PHASH_E_MEMORY;
    const phash_status status = phash_pdq_stream_reset(s, desc, options);
    if (status != PHASH_OK) {
        phash_pdq_stream_free(&s);
        return status;
    }
    *stream = s;
    return PHASH_OK;
}

void phash_pdq_stream_free(phash_pdq_stream **stream)
{
    if (!stream || !*stream)
        return;
    phash_pdq_stream *s = *stream;
    if (s->wave)
        pdq_wave_free(s->wave);
    if (s->filter)
        pdq_jarosz_free(s->filter);
    phash_wipe_free(s->grey, sizeof *s->grey);
    phash_wipe_free(s->helix, sizeof *s->helix);
    phash_wipe_free(s->wave, sizeof *s->wave);
    phash_wipe_free(s->filter, sizeof *s->filter);
    phash_wipe_free(s->luma, s->luma_capacity * sizeof *s->luma);
    phash_wipe_free(s->plain, PDQ_SIDE * PDQ_SIDE * sizeof *s->plain);
    phash_wipe_free(s, sizeof *s);
    *stream = NULL;
}

static void push_filtered(phash_pdq_stream *s, const uint8_t *pixels, size_t count,
                          ptrdiff_t stride, uint32_t row)
{
    if (s->verbatim)
        for (size_t i = 0; i < count; i++)
            pdq_luma_row(s->desc.format, pixels + (ptrdiff_t)i * stride,
                         s->plain + (row + i) * PDQ_SIDE, PDQ_SIDE);
    if (s->verbatim && !s->options.dihedral)
        return;
    if (s->greys) {
        pdq_grey_push(s->grey, pixels, count, stride);
        return;
    }
    if (s->helixes) {
        pdq_helix_push(s->helix, pixels, count, stride);
        return;
    }
    if (s->waves) {
        pdq_wave_push(s->wave, pixels, count, stride);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        pdq_luma_row(s->desc.format, pixels + (ptrdiff_t)i * stride, s->luma, s->width);
        pdq_jarosz_push(s->filter, s->luma);
    }
}

/* Profile nn512: a source row feeds as many sample rows as name it: none, one, or (where the image
 * is under 512 high) several. */
static void push_sampled(phash_pdq_stream *s, const uint8_t *pixels)
{
    if (s->next_row == PDQ_NN_SIDE || nn_sample(s->next_row, s->desc.height) != s->row)
        return;
    const size_t bytes = phash_pixel_bytes(s->desc.format);
    for (uint32_t i = 0; i < PDQ_NN_SIDE; i++)
        memcpy(s->gathered + i * bytes, pixels + s->sample_x[i] * bytes, bytes);
    for (; s->next_row < PDQ_NN_SIDE && nn_sample(s->next_row, s->desc.height) == s->row;
         s->next_row++)
        push_filtered(s, s->gathered, 1, 0, s->next_row);
}

phash_status phash_pdq_push_rows(phash_pdq_stream *s, const void *rows, size_t count,
                                 ptrdiff_t stride)
{
    if (!s || (!rows && count))
        return PHASH_E_ARGUMENT;
    if (s->state != ST_ROWS || count > s->desc.height - s->row)
        return PHASH_E_STATE;
    if (!count)
        return PHASH_OK;
    const uint8_t *pixels = rows;
    if (!s->sampled) {
        push_filtered(s, pixels, count, stride, s->row);
        s->row += (uint32_t)count;
        return PHASH_OK;
    }
    for (size_t i = 0; i < count; i++, s->row++)
        push_sampled(s, pixels + (ptrdiff_t)i * stride);
    return PHASH_OK;
}

static void clear_result(phash_pdq_result *result)
{
    memset(&result->hash, 0, sizeof result->hash);
    result->quality = 0;
    result->has_dihedral = 0;
}

phash_status pdq_finish(phash_pdq_stream *s, phash_pdq_result *result,
                        float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE])
{
    if (!s || !result || result->size < sizeof *result)
        return PHASH_E_ARGUMENT;
    clear_result(result);
    if (s->state != ST_ROWS || s->row != s->desc.height)
        return PHASH_E_STATE;
    s->state = ST_DONE;
    const float *filtered = s->greys     ? s->grey->out
                            : s->helixes ? s->helix->out
                            : s->waves   ? s->wave->out
                                         : s->filter->out;
    const float *a = s->verbatim ? s->plain : filtered;
    if (s->greys)
        s->kernels.grey_dct64(s->grey, b);
    else
        s->kernels.dct64(a, b);
    if (!s->options.dihedral || s->verbatim)
        s->kernels.threshold(b, &result->hash);
    result->quality = s->kernels.quality(a);
    result->profile = s->options.profile;
    if (s->options.dihedral) {
        float seen[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
        if (s->verbatim)
            s->kernels.dct64(filtered, seen);
        s->kernels.dihedral(s->verbatim ? seen : b, result->dihedral);
        result->has_dihedral = 1;
        if (s->verbatim)
            phash_wipe(seen, sizeof seen);
        else
            result->hash = result->dihedral[PHASH_DIHEDRAL_ORIGINAL];
    }
    return PHASH_OK;
}

phash_status phash_pdq_finish(phash_pdq_stream *s, phash_pdq_result *result)
{
    float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE];
    const phash_status status = pdq_finish(s, result, b);
    phash_wipe(b, sizeof b);
    return status;
}

phash_status phash_pdq(const phash_pdq_image *image, const phash_pdq_options *options,
                       phash_pdq_result *result)
{
    if (!result || result->size < sizeof *result)
        return PHASH_E_ARGUMENT;
    clear_result(result);
    if (!image || !image->rows)
        return PHASH_E_ARGUMENT;
    phash_pdq_stream *s;
    phash_status status = phash_pdq_stream_new(&image->desc, options, &s);
    if (status != PHASH_OK)
        return status;
    status = phash_pdq_push_rows(s, image->rows, image->desc.height, image->stride);
    if (status == PHASH_OK)
        status = phash_pdq_finish(s, result);
    phash_pdq_stream_free(&s);
    return status;
}
