/* The Jarosz filter in plain C: see jarosz.h. The reference of every faster path. */
#include "pdq/jarosz.h"

#include "core/internal.h"

#include <string.h>

/* A box filter is a running sum with shorter windows at both ends. With half = (window + 2) / 2:
 * half - 1 samples go in before the first comes out, and the last half - 1 come out while the
 * window shrinks. In between each output follows one addition and, once the window is full, one
 * subtraction of the oldest sample. */
static inline uint32_t lead_of(uint32_t window)
{
    return (window + 2) / 2 - 1;
}

void pdq_box_row(const float *in, float *out, size_t n, size_t window)
{
    const size_t lead = lead_of((uint32_t)window);
    float sum = 0.0f;
    size_t count = 0, newest = 0, oldest = 0, o = 0;
    for (; newest < lead; count++)
        sum += in[newest++];
    for (; count < window; out[o++] = sum / (float)count) {
        sum += in[newest++];
        count++;
    }
    for (; newest < n; out[o++] = sum / (float)count) {
        sum += in[newest++];
        sum -= in[oldest++];
    }
    for (; o < n; out[o++] = sum / (float)count) {
        sum -= in[oldest++];
        count--;
    }
}

static void box_reset(pdq_column_box *box, uint32_t columns, uint32_t height)
{
    box->columns = columns;
    box->window = pdq_window(height);
    box->height = height;
    box->fed = box->drained = 0;
}

/* Puts a row in. Returns true when a row comes out: its column sums are then in box->sum, over
 * *count rows. */
static bool box_feed(pdq_column_box *box, const float *row, uint32_t *count)
{
    float *slot = box->ring + (size_t)(box->fed % box->window) * box->columns;
    float *sum = box->sum;
    if (box->fed == 0)
        memset(sum, 0, box->columns * sizeof *sum);
    if (box->fed < box->window) {
        for (uint32_t x = 0; x < box->columns; x++)
            sum[x] += row[x];
        *count = box->fed + 1;
    } else {
        /* The slot still holds the row that leaves the window. */
        for (uint32_t x = 0; x < box->columns; x++) {
            sum[x] += row[x];
            sum[x] -= slot[x];
        }
        *count = box->window;
    }
    memcpy(slot, row, box->columns * sizeof *slot);
    if (box->fed++ < lead_of(box->window))
        return false;
    box->drained++;
    return true;
}

/* After the last row: the window shrinks, a row comes out for each row that leaves it. */
static bool box_drain(pdq_column_box *box, uint32_t *count)
{
    if (box->drained == box->height)
        return false;
    const uint32_t oldest = box->drained + lead_of(box->window) - box->window;
    const float *slot = box->ring + (size_t)(oldest % box->window) * box->columns;
    for (uint32_t x = 0; x < box->columns; x++)
        box->sum[x] -= slot[x];
    *count = box->height - oldest - 1;
    box->drained++;
    return true;
}

phash_status pdq_jarosz_reset(pdq_jarosz *j, uint32_t width, uint32_t height)
{
    box_reset(&j->first, width, height);
    box_reset(&j->second, PDQ_SIDE, height);
    const size_t window = j->first.window;
    size_t ring1, need;
    if (phash_mul_overflows(window, width, &ring1) ||
        __builtin_add_overflow(ring1, (size_t)width * 3 + (window + 1) * PDQ_SIDE, &need))
        return PHASH_E_MEMORY;
    if (need > j->capacity) {
        pdq_jarosz_free(j);
        j->memory = phash_alloc(need, sizeof *j->memory);
        if (!j->memory)
            return PHASH_E_MEMORY;
        j->capacity = need;
    }
    j->first.ring = j->memory;
    j->first.sum = j->first.ring + ring1;
    j->second.ring = j->first.sum + width;
    j->second.sum = j->second.ring + window * PDQ_SIDE;
    j->scratch = j->second.sum + PDQ_SIDE;
    j->width = width;
    j->height = height;
    j->next_sample = 0;
    for (uint32_t i = 0; i < PDQ_SIDE; i++)
        j->sample_x[i] = pdq_sample(i, width);
    return PHASH_OK;
}

/* A row of the second column box has come out; keep it as often as it is sampled. */
static void take_sampled(pdq_jarosz *j, uint32_t count)
{
    const uint32_t y = j->second.drained - 1;
    while (j->next_sample < PDQ_SIDE && pdq_sample(j->next_sample, j->height) == y) {
        float *out = j->out + (size_t)j->next_sample++ * PDQ_SIDE;
        for (uint32_t i = 0; i < PDQ_SIDE; i++)
            out[i] = j->second.sum[i] / (float)count;
    }
}

/* A row of the first column box has come out: second round. */
static void second_round(pdq_jarosz *j, uint32_t count)
{
    float *mean = j->scratch, *boxed = j->scratch + j->width, picked[PDQ_SIDE];
    for (uint32_t x = 0; x < j->width; x++)
        mean[x] = j->first.sum[x] / (float)count;
    pdq_box_row(mean, boxed, j->width, pdq_window(j->width));
    for (uint32_t i = 0; i < PDQ_SIDE; i++)
        picked[i] = boxed[j->sample_x[i]];
    uint32_t count2;
    if (box_feed(&j->second, picked, &count2))
        take_sampled(j, count2);
}

void pdq_jarosz_push(pdq_jarosz *j, const float *luma)
{
    uint32_t count;
    pdq_box_row(luma, j->scratch, j->width, pdq_window(j->width));
    if (box_feed(&j->first, j->scratch, &count))
        second_round(j, count);
    if (j->first.fed < j->height)
        return;
    while (box_drain(&j->first, &count))
        second_round(j, count);
    while (box_drain(&j->second, &count))
        take_sampled(j, count);
}

void pdq_jarosz_free(pdq_jarosz *j)
{
    phash_wipe_free(j->memory, j->capacity * sizeof *j->memory);
    j->memory = NULL;
    j->capacity = 0;
    phash_wipe(j->out, sizeof j->out);
}
