/* The cost model: which engine answers, and how a radius is spread over the chunks.
 *
 * The constants are nanoseconds on one core of a Sapphire Rapids server; what decides is their
 * ratio, which other machines share roughly. A wrong choice costs time, never an answer.
 */
#include "core/internal.h"
#include "index/search.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

static const double PROBE_NS = 4.2;      /* a look-up: a cache miss among many */
static const double GROUP_NS = 15;       /* setting up the look-ups of one chunk */
static const double RUN_NS = 5;          /* what finding a run costs beyond a line */
static const double LINE_NS = 3.0;       /* each further line of a bucket */
static const double OVERFLOW_NS = 25;    /* what did not fit in a line: nobody asked for it ahead */
static const double VERIFY_NS = 20.0;    /* a candidate: its posting and its row */
static const double VERIFY_HEAVY_NS = 2; /* one of a great many, whose rows lie together */
static const double FLAT_PAIR_NS = 0.07;
static const double FLAT_BLOCK_NS = 0.18;    /* shared by the queries of a batch, with planes */
static const double FLAT_TRANSPOSE_NS = 1.2; /* and without */
static const double FLAT_ROW_NS = 1.3;

uint32_t phash_choose(uint32_t n, uint32_t k)
{
    uint64_t r = 1;
    for (uint32_t i = 0; i < k; i++)
        r = r * (n - i) / (i + 1);
    return k > n ? 0 : (uint32_t)r;
}

/* within[m][k]: the share of even, independent m-bit values with at most k ones. */
typedef struct tails {
    double within[PHASH_CHECK_BITS + 1][PHASH_CHECK_BITS + 1];
} tails;

/* A look-up in each chunk. */
typedef struct costs {
    double look_up[CHUNKS_MAX];
} costs;

static void fill_tails(tails *t)
{
    for (uint32_t m = 0; m <= PHASH_CHECK_BITS; m++) {
        double sum = 0;
        for (uint32_t k = 0; k <= PHASH_CHECK_BITS; k++) {
            sum += k <= m ? phash_choose(m, k) : 0;
            t->within[m][k] = sum / (double)(UINT32_C(1) << m);
        }
    }
}

static double tail(const tails *t, uint32_t m, int limit)
{
    return limit < 0 ? 0 : t->within[m][limit < PHASH_CHECK_BITS ? limit : PHASH_CHECK_BITS];
}

/* The share of lines that overflow, if entries fall where they like (Poisson). */
static double overflow_share(const phash_segment_header *h, double load)
{
    if (!phash_layout_has_lines(h))
        return 0;
    const double mean = load > 1 ? load - 1 : 0; /* the load is that of a hash of the set */
    double term = exp(-mean), fit = term;
    for (uint32_t k = 1; k <= phash_line_checks(h); k++) {
        term *= mean / k;
        fit += term;
    }
    return fit < 1 ? 1 - fit : 0;
}

static void fill_costs(const phash_segment_header *h, costs *k)
{
    for (uint32_t c = 0; c < h->chunks; c++) {
        const double load = (double)h->chunk[c].load / LOAD_UNIT;
        k->look_up[c] = PROBE_NS + (h->layout == LAYOUT_RUNS ? RUN_NS : 0) +
                        load * phash_check_bits(h) / 8 / 64 * LINE_NS +
                        overflow_share(h, load) * OVERFLOW_NS;
    }
}

/* Looking up all keys at distance d of chunk c. */
static double level_cost(const phash_segment_header *h, const costs *k, uint32_t c, int d)
{
    return phash_choose(h->chunk[c].key_bits, (uint32_t)d) * k->look_up[c];
}

/* A radius that is spread over the chunks, one bit at a time, each where look-ups are cheapest. */
typedef struct spread {
    int radii[CHUNKS_MAX];
    double next[CHUNKS_MAX]; /* what one bit more would cost in each */
} spread;

static void spread_start(const phash_segment_header *h, const costs *k, spread *s)
{
    for (uint32_t c = 0; c < h->chunks; c++) {
        s->radii[c] = -1;
        s->next[c] = level_cost(h, k, c, 0);
    }
}

/* False if no chunk can take another. */
static bool spread_more(const phash_segment_header *h, const costs *k, spread *s)
{
    uint32_t best = CHUNKS_MAX;
    for (uint32_t c = 0; c < h->chunks; c++)
        if (s->radii[c] + 1 < PHASH_PROBE_LEVELS && s->radii[c] + 1 <= h->chunk[c].width &&
            (best == CHUNKS_MAX || s->next[c] < s->next[best]))
            best = c;
    if (best == CHUNKS_MAX)
        return false;
    s->radii[best]++;
    s->next[best] = level_cost(h, k, best, s->radii[best] + 1);
    return true;
}

static void set_plan(const phash_segment_header *h, const costs *k, const spread *s, const tails *t,
                     phash_plan *plan)
{
    plan->multi = true;
    plan->nanoseconds = 0;
    memcpy(plan->radii, s->radii, sizeof plan->radii);
    for (uint32_t c = 0; c < h->chunks; c++) {
        const phash_segment_chunk *chunk = &h->chunk[c];
        const double load = (double)chunk->load / LOAD_UNIT;
        const int pair = plan->radii[c] + plan->radii[(c + 1) % h->chunks] + 1;
        const uint32_t own = phash_chunk_own(h, c), used = phash_chunk_checked(h, c);
        for (int d = 0; d <= plan->radii[c] && d <= chunk->key_bits; d++) {
            /* The two tests are taken as independent: good enough to choose by. */
            const double pass =
                tail(t, used, pair - d) * (own ? tail(t, own, plan->radii[c] - d) * 2 : 1);
            plan->nanoseconds +=
                level_cost(h, k, c, d) + phash_choose(chunk->key_bits, (uint32_t)d) * load *
                                             (pass < 1 ? pass : 1) * VERIFY_NS;
        }
        plan->nanoseconds += GROUP_NS;
    }
}

bool phash_plan_multi(const phash_segment_header *h, uint32_t radius, phash_plan *plan)
{
    spread s = {{0}, {0}};
    tails t;
    costs k;
    plan->multi = false;
    plan->nanoseconds = 0;
    if (!h->chunks)
        return false;
    fill_costs(h, &k);
    spread_start(h, &k, &s);
    for (uint32_t i = 0; i < radius + 1; i++)
        if (!spread_more(h, &k, &s))
            return false;
    fill_tails(&t);
    set_plan(h, &k, &s, &t, plan);
    return true;
}

double phash_plan_flat(uint64_t rows, bool planes, size_t queries, uint32_t bits, uint32_t radius)
{
    const double steps = bits < 256 ? 2 : 2.0 + radius / 14;
    const double batch = queries < 1 ? 1 : queries > 256 ? 256 : (double)queries;
    const double shared = (planes ? FLAT_BLOCK_NS : FLAT_TRANSPOSE_NS) / batch;
    double pair = FLAT_PAIR_NS * steps / 4 + shared;
    if (pair > FLAT_ROW_NS)
        pair = FLAT_ROW_NS;
    return (double)rows * pair;
}

/* Plans of all radii are made once, when a segment is: a search must not pay for one. */
phash_status phash_plan_all(phash_segment *segment)
{
    static _Atomic uint64_t serials;
    segment->serial = atomic_fetch_add(&serials, 1) + 1;
    if (!segment->head.chunks)
        return PHASH_OK;
    segment->plans = phash_alloc(segment->head.bits + 1, sizeof *segment->plans);
    if (!segment->plans)
        return PHASH_E_MEMORY;
    const phash_segment_header *h = &segment->head;
    spread s = {{0}, {0}};
    tails t;
    costs k;
    fill_tails(&t);
    fill_costs(h, &k);
    spread_start(h, &k, &s);
    bool covered = true;
    for (uint32_t r = 0; r <= h->bits; r++) {
        covered = covered && spread_more(h, &k, &s);
        if (covered)
            set_plan(h, &k, &s, &t, &segment->plans[r]);
        else
            segment->plans[r].multi = false;
    }
    return PHASH_OK;
}

const phash_plan *phash_plan_choose(const phash_segment *segment, size_t queries, uint32_t radius,
                                    phash_index_engine force)
{
    if (!segment->plans || force == PHASH_INDEX_FLAT)
        return NULL;
    const phash_plan *plan = &segment->plans[radius];
    if (!plan->multi || force == PHASH_INDEX_MULTI)
        return plan->multi ? plan : NULL;
    const double flat = phash_plan_flat(segment->head.hashes, segment->planes != NULL, queries,
                                        segment->head.bits, radius);
    return plan->nanoseconds <= flat ? plan : NULL;
}

double phash_plan_budget(const phash_segment *segment, size_t queries, uint32_t radius)
{
    const phash_segment_header *h = &segment->head;
    return (double)queries *
           phash_plan_flat(h->hashes, segment->planes != NULL, queries, h->bits, radius) /
           VERIFY_HEAVY_NS;
}
