/* Which engine, how many chunks, how wide their keys: decided from the number of pairs. */
#include "index/build.h"
#include "index/search.h"

#include <string.h>

enum {
    MULTI_MIN = 4096,   /* below it a scan of a few microseconds is all it takes */
    LINE_FILL_MAX = 25, /* entries to a line, on average: few of 28 places overflow */
    RUN_FILL = 20       /* entries to a run of RUNS that has bits to choose from */
};

static uint32_t log2_ceil(uint64_t n)
{
    uint32_t k = 0;
    while (k < 63 && UINT64_C(1) << k < n)
        k++;
    return k;
}

static void set_chunks(phash_segment_header *h, uint32_t chunks, uint64_t pairs)
{
    h->chunks = chunks;
    const uint32_t lines_key = log2_ceil((pairs + LINE_FILL_MAX - 1) / LINE_FILL_MAX);
    h->layout = lines_key <= h->bits / chunks ? LAYOUT_LINES : LAYOUT_RUNS;
    const uint32_t runs_key = log2_ceil((pairs + RUN_FILL - 1) / RUN_FILL);
    uint32_t key = h->layout == LAYOUT_LINES ? lines_key : runs_key;
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

void phash_build_layout(phash_segment_header *h, uint64_t pairs, phash_index_engine engine)
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
        phash_plan plan;
        set_chunks(h, chunks, pairs);
        if (phash_plan_multi(h, h->radius, &plan) && (!best.chunks || plan.nanoseconds < best_ns)) {
            best = *h;
            best_ns = plan.nanoseconds;
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
