/* Which engine, how many chunks, how wide their keys: decided from the number of pairs. */
#include "index/build.h"
#include "index/search.h"

#include <string.h>

enum {
    MULTI_MIN = 4096,    /* below it a scan of a few microseconds is all it takes */
    LINE_FILL_MAX = 25,  /* entries to a line, on average: few of 28 places overflow */
    WIDE_FILL_MAX = 15,  /* of 18 */
    RUN_FILL = 20,       /* entries to a run of RUNS that has bits to choose from */
    WIDE_BYTES_MAX = 165 /* a hash, all sections: wide lines are not worth more */
};

static uint32_t log2_ceil(uint64_t n)
{
    uint32_t k = 0;
    while (k < 63 && UINT64_C(1) << k < n)
        k++;
    return k;
}

static uint32_t key_for(uint64_t pairs, uint32_t layout)
{
    const uint32_t fill = layout == LAYOUT_LINES  ? LINE_FILL_MAX
                          : layout == LAYOUT_WIDE ? WIDE_FILL_MAX
                                                  : RUN_FILL;
    return log2_ceil((pairs + fill - 1) / fill);
}

static double bytes_of(const phash_segment_header *h, uint32_t chunks, uint64_t pairs,
                       uint32_t layout)
{
    const double lines = (double)(UINT64_C(1) << key_for(pairs, layout)) * 64;
    return chunks * lines / (double)pairs + (chunks - 1) * h->posting_bytes + h->bits / 8 + 8;
}

/* Whether there are lines for so many chunks: each needs as many bits as a key of them. */
static bool has_lines(const phash_segment_header *h, uint32_t chunks, uint64_t pairs,
                      uint32_t layout)
{
    return key_for(pairs, layout) <= h->bits / chunks;
}

/* Whether a layout is worth thinking about: lines rather than runs where there are any. */
static bool considered(const phash_segment_header *h, uint32_t chunks, uint64_t pairs,
                       uint32_t layout)
{
    if (layout == LAYOUT_RUNS)
        return !has_lines(h, chunks, pairs, LAYOUT_LINES);
    return has_lines(h, chunks, pairs, layout) &&
           (layout == LAYOUT_LINES || bytes_of(h, chunks, pairs, layout) <= WIDE_BYTES_MAX);
}

/* Whether a layout is the one that is asked for, and possible. */
static bool asked_for(const phash_segment_header *h, uint32_t chunks, uint64_t pairs,
                      uint32_t layout, phash_segment_layout wanted)
{
    return layout + PHASH_SEGMENT_RUNS == (uint32_t)wanted &&
           (layout == LAYOUT_RUNS || has_lines(h, chunks, pairs, layout));
}

static void set_chunks(phash_segment_header *h, uint32_t chunks, uint64_t pairs, uint32_t layout)
{
    h->chunks = chunks;
    h->layout = layout;
    uint32_t key = key_for(pairs, layout);
    key = key < 1 ? 1 : key > KEY_BITS_MAX ? KEY_BITS_MAX : key;
    uint32_t start = 0;
    for (uint32_t c = 0; c < chunks; c++) {
        const uint32_t width = (h->bits - start) / (chunks - c);
        const uint32_t key_bits = key < width ? key : width;
        const uint64_t load = (pairs >> key_bits) * LOAD_UNIT + LOAD_UNIT;
        h->chunk[c] = (phash_segment_chunk){
            .start = (uint16_t)start,
            .width = (uint16_t)width,
            .key_bits = (uint16_t)key_bits,
            .load = load > UINT32_MAX ? UINT32_MAX : (uint32_t)load,
        };
        start += width;
    }
}

void phash_build_layout(phash_segment_header *h, uint64_t pairs, phash_index_engine engine,
                        phash_segment_layout wanted)
{
    h->engine = PHASH_INDEX_FLAT;
    if (engine == PHASH_INDEX_FLAT || (engine == PHASH_INDEX_AUTO && pairs < MULTI_MIN) || !pairs)
        return;
    h->posting_bytes = pairs <= UINT64_C(1) << 24 ? 3 : 4;
    phash_segment_header best = *h;
    double best_ns = 0;
    for (uint32_t chunks = h->bits / 64 + 1; chunks <= CHUNKS_MAX && chunks <= h->bits / 4;
         chunks++) {
        if (pairs * chunks > UINT32_MAX)
            break;
        for (uint32_t layout = LAYOUT_RUNS; layout <= LAYOUT_WIDE; layout++) {
            /* Runs are for keys that lines cannot have. */
            if (wanted ? !asked_for(h, chunks, pairs, layout, wanted)
                       : !considered(h, chunks, pairs, layout))
                continue;
            phash_plan plan;
            set_chunks(h, chunks, pairs, layout);
            if (phash_plan_multi(h, h->radius, &plan) &&
                (!best.chunks || plan.nanoseconds < best_ns)) {
                best = *h;
                best_ns = plan.nanoseconds;
            }
        }
    }
    *h = best;
    if (!h->chunks)
        return; /* no chunks can cover the radius */
    if (engine == PHASH_INDEX_AUTO &&
        best_ns > phash_plan_flat(pairs, true, 4, h->bits, h->radius)) {
        h->chunks = 0;
        return;
    }
    h->engine = PHASH_INDEX_MULTI;
}
