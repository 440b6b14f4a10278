/* Building a segment: the stages in turn. */
#include "index/build.h"
#include "core/internal.h"
#include "index/parallel.h"
#include "index/search.h"

#include <string.h>

void *phash_build_section(phash_segment *segment, uint32_t kind, uint64_t bytes)
{
    void *data = phash_pages_alloc(bytes);
    if (data)
        phash_build_adopt(segment, kind, data, bytes);
    return data;
}

void phash_build_adopt(phash_segment *segment, uint32_t kind, void *data, uint64_t bytes)
{
    segment->owned[segment->section_count] = data;
    segment->sections[segment->section_count++] = (phash_section){kind, data, bytes};
}

/* A segment that is only a scan keeps its bit planes; one with a multi-index scans rarely, and
 * makes them as it goes. */
static void transpose_block(void *context, size_t block)
{
    const phash_build *b = context;
    const phash_segment *s = b->segment;
    const size_t row = block * PHASH_BLOCK_ROWS, left = (size_t)s->head.hashes - row;
    uint64_t *planes = (uint64_t *)(uintptr_t)s->planes;
    b->kernels.transpose(s->rows + row * s->words,
                         left < PHASH_BLOCK_ROWS ? left : PHASH_BLOCK_ROWS, s->words, s->head.bits,
                         planes + block * s->head.bits * PHASH_PLANE_WORDS);
}

static phash_status build_planes(phash_build *b)
{
    phash_segment *s = b->segment;
    const uint64_t blocks = (s->head.hashes + PHASH_BLOCK_ROWS - 1) / PHASH_BLOCK_ROWS;
    if (!blocks)
        return PHASH_OK;
    s->planes = phash_build_section(s, SECTION_PLANES, blocks * s->head.bits * 64);
    if (!s->planes)
        return PHASH_E_MEMORY;
    phash_parallel(b->threads, (size_t)blocks, transpose_block, b);
    return PHASH_OK;
}

enum { ALONE = 1 << 13 }; /* so few pairs are built before other threads are at work */

static uint32_t threads_for(const phash_segment_options *options, size_t pairs)
{
    return pairs < ALONE ? 1 : options->threads ? options->threads : phash_processors();
}

phash_status phash_segment_build(const void *hashes, const uint64_t *ids, size_t n,
                                 const phash_segment_options *options, phash_segment **segment,
                                 phash_error *error)
{
    if (!segment)
        return phash_fail(error, PHASH_E_ARGUMENT, "no place for the segment");
    *segment = NULL;
    if (!options || (n && !hashes) || (options->bits != 64 && options->bits != 256) ||
        options->radius > options->bits || (uint32_t)options->engine > PHASH_INDEX_MULTI)
        return phash_fail(error, PHASH_E_ARGUMENT, "build: wrong argument");
    if (n > SEGMENT_PAIRS_MAX)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "more than 2^32 - 2^16 pairs");

    phash_status status = PHASH_E_MEMORY;
    phash_segment *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return phash_fail(error, status, "no memory for a segment");
    phash_build build = {
        .hashes = hashes, .ids = ids, .pairs = n, .threads = threads_for(options, n), .segment = s};
    phash_hamming_kernels_fill(&build.kernels, phash_cpu_active());
    s->head.version = SEGMENT_VERSION;
    s->head.bits = options->bits;
    s->head.radius = options->radius;
    s->head.pairs = n;
    phash_segment_header *head = phash_build_section(s, SECTION_HEADER, sizeof *head);
    s->order_table = phash_alloc(1, sizeof *s->order_table);
    if (!head || !s->order_table)
        goto fail;
    phash_build_layout(&s->head, n, options->engine, options->layout);
    phash_segment_derive(s);
    if ((status = phash_build_order(&build)) ||
        (status = phash_piles_new(&build.piles, n, build.threads)))
        goto fail;
    if (!(status = phash_build_rows(&build)))
        status =
            s->head.engine == PHASH_INDEX_MULTI ? phash_build_chunks(&build) : build_planes(&build);
    phash_piles_free(&build.piles);
    if (status || (status = phash_plan_all(s)))
        goto fail;
    *head = s->head;
    phash_segment_bind(s);
    *segment = s;
    return PHASH_OK;

fail:
    phash_segment_free(&s);
    return phash_fail(error, status, "no memory to build a segment of %zu pairs", n);
}
