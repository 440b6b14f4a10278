/* Learns in which order bits are best taken.
 *
 * Look-ups are cheap when buckets are even. Two hashes share the key of a chunk by chance with
 * probability 2^-k if its bits are fair and independent; a bit that is set with probability
 * 1/2 + e raises that by a factor 1 + 4 e^2, a pair of bits with correlation r by about 1 + r^2.
 * So the logarithm of a chunk's collisions beyond chance is about
 *
 *     L = sum over bits of log(1 + 4 e^2) + sum over pairs of log(1 + r^2)
 *
 * and the sum of exp(L) over all chunks is made small: bits start dealt out in turn, and two bits of
 * different chunks change places as long as that helps. Neighbouring coefficients of PDQ are
 * correlated, and bits of some collections are biased; both are measured on a sample of the hashes.
 *
 * Without chunks the order serves the scan, which reads a prefix: bits are taken one by one, each
 * the one that adds least to L.
 */
#include "core/internal.h"
#include "index/build.h"
#include "index/parallel.h"

#include <math.h>
#include <string.h>

enum { SAMPLE_MAX = 8192, SAMPLE_MIN = 256, BITS_MAX = 256, PASSES = 4 };

typedef struct order_build {
    const uint64_t *planes; /* of the sample: bits × words */
    size_t words, sample;
    uint32_t bits;
    uint32_t ones[BITS_MAX];
    float weight[BITS_MAX][BITS_MAX]; /* log(1 + r^2); on the diagonal log(1 + 4 e^2) */
} order_build;

static void weigh_bit(void *context, size_t i)
{
    order_build *o = context;
    const double n = (double)o->sample, p = o->ones[i] / n;
    o->weight[i][i] = (float)log1p(4 * (p - 0.5) * (p - 0.5));
    for (size_t j = 0; j < i; j++) {
        const double q = o->ones[j] / n, spread = p * (1 - p) * q * (1 - q);
        uint64_t both = 0;
        for (size_t w = 0; w < o->words; w++)
            both += (uint64_t)__builtin_popcountll(o->planes[i * o->words + w] &
                                                   o->planes[j * o->words + w]);
        const double covariance = (double)both / n - p * q;
        /* Independent bits show r^2 = 1 / n in a sample of n. */
        const double r2 = spread > 0 ? covariance * covariance / spread - 1 / n : 0;
        o->weight[i][j] = o->weight[j][i] = r2 > 0 ? (float)log1p(r2) : 0;
    }
}

/* Bit planes of hashes spread evenly over the set. */
static uint64_t *sample_planes(const phash_build *b, order_build *o)
{
    const size_t row_words = o->bits / 64;
    o->sample = b->pairs < SAMPLE_MAX ? b->pairs : SAMPLE_MAX;
    const size_t blocks = (o->sample + PHASH_BLOCK_ROWS - 1) / PHASH_BLOCK_ROWS;
    o->words = blocks * PHASH_PLANE_WORDS;
    uint64_t *planes = phash_alloc(o->bits * o->words, 8);
    uint64_t *block = phash_alloc(o->bits * PHASH_PLANE_WORDS, 8);
    uint64_t *rows = phash_alloc(PHASH_BLOCK_ROWS * row_words, 8);
    for (size_t k = 0; planes && block && rows && k < blocks; k++) {
        const size_t first = k * PHASH_BLOCK_ROWS, left = o->sample - first;
        const size_t n = left < PHASH_BLOCK_ROWS ? left : PHASH_BLOCK_ROWS;
        for (size_t i = 0; i < n; i++) {
            const size_t from = (size_t)((uint64_t)b->pairs * (first + i) / o->sample);
            memcpy(rows + i * row_words, b->hashes + from * row_words * 8, row_words * 8);
        }
        b->kernels.transpose(rows, n, row_words, o->bits, block);
        for (uint32_t bit = 0; bit < o->bits; bit++)
            memcpy(planes + bit * o->words + k * PHASH_PLANE_WORDS, block + bit * PHASH_PLANE_WORDS,
                   PHASH_PLANE_WORDS * 8);
    }
    const bool ok = planes && block && rows;
    if (rows)
        phash_wipe_free(rows, PHASH_BLOCK_ROWS * row_words * 8);
    if (block)
        phash_wipe_free(block, o->bits * PHASH_PLANE_WORDS * 8);
    if (!ok && planes)
        phash_wipe_free(planes, o->bits * o->words * 8);
    return ok ? planes : NULL;
}

/* What bit b adds to the chunk of `place`, without the bit at `but`. */
static float added(const order_build *o, const uint8_t *order, const phash_segment_chunk *c,
                   uint32_t but, uint32_t b)
{
    float sum = o->weight[b][b];
    for (uint32_t i = c->start; i < (uint32_t)c->start + c->width; i++)
        if (i != but)
            sum += o->weight[b][order[i]];
    return sum;
}

static void order_chunks(const order_build *o, const phash_segment_header *h, uint8_t *order)
{
    uint8_t chunk_of[BITS_MAX] = {0};
    double cost[CHUNKS_MAX] = {0}; /* L of each */
    uint32_t filled[CHUNKS_MAX] = {0};
    for (uint32_t b = 0, c = 0; b < o->bits; b++, c++) {
        while (filled[c % h->chunks] == h->chunk[c % h->chunks].width)
            c++;
        const uint32_t to = c % h->chunks;
        order[h->chunk[to].start + filled[to]++] = (uint8_t)b;
    }
    for (uint32_t c = 0; c < h->chunks; c++)
        for (uint32_t i = h->chunk[c].start; i < (uint32_t)h->chunk[c].start + h->chunk[c].width;
             i++) {
            chunk_of[i] = (uint8_t)c;
            for (uint32_t j = h->chunk[c].start; j <= i; j++)
                cost[c] += o->weight[order[i]][order[j]];
        }
    bool moved = true;
    for (uint32_t pass = 0; pass < PASSES && moved; pass++) {
        moved = false;
        for (uint32_t i = 0; i < o->bits; i++)
            for (uint32_t j = i + 1; j < o->bits; j++) {
                const uint32_t a = chunk_of[i], b = chunk_of[j];
                if (a == b)
                    continue;
                const phash_segment_chunk *ca = &h->chunk[a], *cb = &h->chunk[b];
                const double la =
                    cost[a] - added(o, order, ca, i, order[i]) + added(o, order, ca, i, order[j]);
                const double lb =
                    cost[b] - added(o, order, cb, j, order[j]) + added(o, order, cb, j, order[i]);
                /* exp is monotonous and convex: its second-order stand-in decides the same way near
                 * a balance, and costs nothing. */
                const double before = cost[a] + cost[b] + cost[a] * cost[a] + cost[b] * cost[b];
                const double after = la + lb + la * la + lb * lb;
                if (after >= before - 1e-6)
                    continue;
                const uint8_t t = order[i];
                order[i] = order[j], order[j] = t;
                cost[a] = la, cost[b] = lb;
                moved = true;
            }
    }
}

static void order_prefix(const order_build *o, uint8_t *order)
{
    float sum[BITS_MAX];
    bool taken[BITS_MAX] = {false};
    for (uint32_t b = 0; b < o->bits; b++)
        sum[b] = o->weight[b][b];
    for (uint32_t i = 0; i < o->bits; i++) {
        uint32_t best = 0;
        while (taken[best])
            best++;
        for (uint32_t b = best + 1; b < o->bits; b++)
            if (!taken[b] && sum[b] < sum[best])
                best = b;
        taken[best] = true;
        order[i] = (uint8_t)best;
        for (uint32_t b = 0; b < o->bits; b++)
            sum[b] += o->weight[b][best];
    }
}

phash_status phash_build_order(phash_build *b)
{
    phash_segment *s = b->segment;
    phash_segment_header *h = &s->head;
    for (uint32_t i = 0; i < h->bits; i++)
        h->order[i] = (uint8_t)i;
    if (b->pairs >= SAMPLE_MIN) {
        order_build *o = phash_alloc_zero(1, sizeof *o);
        if (!o)
            return PHASH_E_MEMORY;
        o->bits = h->bits;
        uint64_t *planes = sample_planes(b, o);
        if (planes) {
            o->planes = planes;
            for (uint32_t i = 0; i < h->bits; i++)
                for (size_t w = 0; w < o->words; w++)
                    o->ones[i] += (uint32_t)__builtin_popcountll(planes[i * o->words + w]);
            phash_parallel(b->threads, h->bits, weigh_bit, o);
            if (h->chunks)
                order_chunks(o, h, h->order);
            else
                order_prefix(o, h->order);
            phash_wipe_free(planes, o->bits * o->words * 8);
        }
        phash_wipe_free(o, sizeof *o);
        if (!planes)
            return PHASH_E_MEMORY;
    }
    phash_order_fill(h->order, h->bits, s->order_table);
    return PHASH_OK;
}
