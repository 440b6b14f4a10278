/* The flat engine: every row is looked at.
 *
 * Few queries are compared with whole rows. A batch goes over bit planes, block by block, so that
 * memory is read once for SLICE_BATCH queries; planes that the source does not have are made on the
 * way, one block at a time (1,500 cycles for 512 rows, against 64 for each query).
 */
#include "core/internal.h"
#include "index/search.h"

enum {
    SLICE_BATCH = 512,
    ROWS_QUERIES_MAX =
        3, /* up to this many queries whole rows are faster, when there are no planes */
    STEPS_MIN = 4,
    AHEAD_QUERIES = 16 /* with more the next block comes in time by itself */
};

/* Whole rows. */
static phash_status scan_rows(const phash_source *source, const phash_ask *ask,
                              phash_scratch *scratch, phash_matches *found)
{
    phash_hit *hits = phash_buffer_get(&scratch->survivors, PHASH_BLOCK_ROWS, sizeof *hits);
    if (!hits)
        return PHASH_E_MEMORY;
    for (size_t first = 0; first < source->count; first += PHASH_BLOCK_ROWS) {
        const size_t left = source->count - first;
        const size_t n = left < PHASH_BLOCK_ROWS ? left : PHASH_BLOCK_ROWS;
        const char *rows = (const char *)source->rows + first * source->words * 8;
        for (size_t q = 0; q < ask->count; q++) {
            const size_t count = scratch->kernels.rows(
                rows, n, source->words, ask->rows + q * source->words, ask->radius, hits);
            for (size_t i = 0; i < count; i++) {
                const phash_status status = phash_source_emit(
                    source, first + hits[i].row, ask->number ? ask->number[q] : (uint32_t)q,
                    hits[i].distance, found);
                if (status)
                    return status;
            }
        }
    }
    return PHASH_OK;
}

/* How many steps of 6 bits the prefix should have: so many that few pairs survive by chance, when
 * bits are independent and even (mean m / 2, deviation sqrt(m) / 2, at least 3.85 deviations apart:
 * one survivor in 33 blocks). Real bits are neither, so the scan corrects itself as it goes. */
static uint32_t first_steps(uint32_t bits, uint32_t radius)
{
    uint32_t steps = STEPS_MIN;
    while ((steps + 1) * PHASH_SLICE_BITS <= bits) {
        const double m = steps * PHASH_SLICE_BITS, gap = m / 2 - radius;
        if (gap > 0 && gap * gap >= 14.8 * m / 4)
            break;
        steps++;
    }
    return steps;
}

static void write_codes(const phash_ask *ask, size_t from, size_t n, size_t words, uint32_t steps,
                        uint8_t *codes)
{
    for (size_t q = 0; q < n; q++)
        phash_slice_codes(ask->rows + (from + q) * words, words, steps,
                          codes + q * steps * PHASH_SLICE_GROUPS);
}

/* Queries from .. from + n - 1 over all blocks. */
static phash_status scan_batch(const phash_source *source, const phash_ask *ask, size_t from,
                               size_t n, phash_scratch *scratch, phash_matches *found)
{
    const uint32_t bits = (uint32_t)source->words * 64, steps_max = bits / PHASH_SLICE_BITS;
    uint8_t *codes = phash_buffer_get(&scratch->codes, n * PHASH_SLICE_CODES, sizeof *codes);
    uint64_t *block = phash_buffer_get(&scratch->planes, bits * PHASH_PLANE_WORDS, 8);
    void *table = phash_buffer_get(&scratch->table, PHASH_SLICE_TABLE_BYTES, 1);
    uint32_t *survivors = phash_buffer_get(&scratch->survivors, n * PHASH_BLOCK_ROWS, 4);
    uint16_t *distances = phash_buffer_get(&scratch->rows, n * PHASH_BLOCK_ROWS, 2);
    if (!codes || !block || !table || !survivors || !distances)
        return PHASH_E_MEMORY;
    uint32_t steps = first_steps(bits, ask->radius);
    write_codes(ask, from, n, source->words, steps, codes);
    for (size_t row = 0; row < source->count; row += PHASH_BLOCK_ROWS) {
        const uint64_t *planes = block;
        if (source->planes) {
            planes = source->planes + row / PHASH_BLOCK_ROWS * bits * PHASH_PLANE_WORDS;
            /* The part of a block that is read is too short for the hardware to foresee the next. */
            if (n <= AHEAD_QUERIES && row + PHASH_BLOCK_ROWS < source->count)
                for (size_t b = bits; b < bits + steps * PHASH_SLICE_BITS; b++)
                    __builtin_prefetch(planes + b * PHASH_PLANE_WORDS);
        } else {
            const size_t left = source->count - row;
            const size_t need = (steps * PHASH_SLICE_BITS + 63) / 64 * 64;
            scratch->kernels.transpose((const char *)source->rows + row * source->words * 8,
                                       left < PHASH_BLOCK_ROWS ? left : PHASH_BLOCK_ROWS,
                                       source->words, need < bits ? need : bits, block);
        }
        const size_t count =
            scratch->kernels.slice(planes, codes, n, steps, ask->radius, table, survivors);
        const size_t hits = scratch->kernels.confirm(
            (const char *)source->rows + row * source->words * 8, source->count - row,
            source->words, ask->rows + from * source->words, ask->radius, survivors, count,
            distances);
        for (size_t i = 0; i < hits; i++) {
            const size_t q = from + survivors[i] / PHASH_BLOCK_ROWS;
            const phash_status status =
                phash_source_emit(source, row + survivors[i] % PHASH_BLOCK_ROWS,
                                  ask->number ? ask->number[q] : (uint32_t)q, distances[i], found);
            if (status)
                return status;
        }
        /* A false survivor costs some 80 cycles, a step 7 for 512 pairs, and saves about four
         * survivors in five. */
        const size_t wrong = count - hits;
        if (wrong * 8 > n && steps < steps_max) {
            steps++;
            write_codes(ask, from, n, source->words, steps, codes);
        } else if (n >= 64 && wrong * 256 < n && steps > STEPS_MIN) {
            steps--;
            write_codes(ask, from, n, source->words, steps, codes);
        }
    }
    return PHASH_OK;
}

phash_status phash_flat_scan(const phash_source *source, const phash_ask *ask,
                             phash_scratch *scratch, phash_matches *found)
{
    if (!source->count || !ask->count)
        return PHASH_OK;
    if (ask->radius > PHASH_SLICE_RADIUS_MAX || (!source->planes && ask->count <= ROWS_QUERIES_MAX))
        return scan_rows(source, ask, scratch, found);
    for (size_t from = 0; from < ask->count; from += SLICE_BATCH) {
        const size_t left = ask->count - from;
        const phash_status status =
            scan_batch(source, ask, from, left < SLICE_BATCH ? left : SLICE_BATCH, scratch, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}
