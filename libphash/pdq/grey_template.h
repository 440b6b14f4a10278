/* What there is to the filter of grey images (grey.h) on x86 beside the sums of samples: the columns
 * near the edges, residues, edge rows. Included once by each ISA's file, which defines before:
 *
 *   VF, VI             vectors of 16 floats, and of 16 32-bit integers or 64 bytes
 *   load, store, load_dwords, store_dwords, zeros, splat, add, sub, mul, add_dwords, to_float
 *   third(s)           s / 3, correctly rounded
 *   unequal(a, b)      a bit for each lane
 *   lanes(x)           four times 128 bits, from x[0] up
 *   shuffle(v, s)      pshufb of each 128-bit lane
 *   fours(v)           each four bytes' sum as a 32-bit integer
 *   transpose(v, out)  vector k of the result has dword k of each 128-bit lane: lane 4j + i from lane j
 *                      of vector i
 *   shifted(now, above, n)  now's lanes up by n, filled up with the last n of above's
 *   load_pairs(p, even, odd), store_pairs(p, even, odd)  16 pairs of floats
 *   edge_fours(v, p, have)  v plus the sums of four pixels that begin at p, p + 1 .. p + 15; only
 *                      `have` pixels are there, and others count as 0
 *   from_order(v)      16 samples as they stand in a vector: see pdq_grey_place
 *   columns_of_word(rows, width, x, least)  bits of the columns x .. x + 63 of the image whose mean of
 *                      four pixels, rounded up, is `least` or more
 *   sums_at(rows, width, x)  the sums of five of columns x .. x + SUMS - 1, which begin three columns
 *                      further left, as 16-bit integers. Columns right of the image count as 0
 *   sums_from(sums, least)  a bit for each that is `least` or more
 *   sum_of(sums, i)
 *   from_sample(v, j, r)  16 samples as they stand in a vector, those from number j on replaced by r's
 *
 * and after: sum_first and sum_others. */

#include <string.h>

/* Take a block through: the first samples, while the chains of the next block go along; the others. */
static void sum_first(pdq_grey *g, const pdq_grey_block *b, float chain[ROWS][2]);
static void sum_others(pdq_grey *g, const pdq_grey_block *b);

/* ---- near the edges: vectors of sixteen rows ---- */

/* Sums of pixels of a row: columns 0 .. 2; 0 .. 3 to 3 .. 6; n - 3 .. n - 1; n - 7 .. n - 4. */
typedef struct beside {
    VI first, four[4], last, before;
} beside;

/* The first and last eight pixels of rows i, i + 4, i + 8 and i + 12. */
static inline VI ends(const uint8_t *const rows[ROWS], uint32_t width, int i)
{
    __m128i v[4];
    for (int k = 0; k < 4; k++) {
        const uint8_t *p = rows[i + 4 * k];
        v[k] = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p),
                                  _mm_loadl_epi64((const __m128i *)(const void *)(p + width - 8)));
    }
    return lanes(v);
}

static inline void beside_of(const uint8_t *const rows[ROWS], uint32_t width, beside *s)
{
    enum { NO = -1 };
    const __m128i four = _mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);
    const __m128i other = _mm_setr_epi8(0, 1, 2, NO, 13, 14, 15, NO, 9, 10, 11, 12, NO, NO, NO, NO);
    VI a[4], b[4], rest[4];
    for (int i = 0; i < 4; i++) {
        const VI v = ends(rows, width, i);
        a[i] = fours(shuffle(v, four));
        b[i] = fours(shuffle(v, other));
    }
    transpose(a, s->four);
    transpose(b, rest);
    s->first = rest[0];
    s->last = rest[1];
    s->before = rest[2];
}

/* Sums down four rows; `before` are those of the sixteen rows above, and now's afterwards. */
static inline VI four_down(VI now, int32_t before[ROWS])
{
    const VI above = load_dwords(before);
    store_dwords(before, now);
    const VI two = add_dwords(now, shifted(now, above, 1));
    const VI more = add_dwords(shifted(now, above, 2), shifted(now, above, 3));
    return add_dwords(two, more);
}

/* The columns next to the edges, one step down: sum += new, sum -= old, both at once. */
static inline __m128 two_floats(const float p[2])
{
    return _mm_castpd_ps(_mm_load_sd((const double *)(const void *)p));
}

static inline __m128 chain_step(const pdq_grey *g, __m128 sum, uint32_t i, float out[2])
{
    sum = _mm_add_ps(sum, two_floats(g->chain_in[PDQ_GREY_WINDOW + i]));
    sum = _mm_sub_ps(sum, two_floats(g->chain_in[i]));
    _mm_storel_pi((__m64 *)(void *)out, sum);
    return sum;
}

/* ---- residues ---- */

/* Which residues a sum may still round: those that are no multiple of 2^-9, the last place of sums
 * from 2^14, for sums of five are under 2^15. */
static inline uint32_t rounded_again(VF r)
{
    const VF magic = splat(0x1.8p14f);
    return unequal(sub(add(r, magic), magic), r);
}

/* A sum of 2^t has weights of 80, so some column's mean of four pixels must be this or more. */
static const uint8_t least_mean[15] = {1, 1, 1, 1, 1, 1, 1, 2, 4, 7, 13, 26, 52, 103, 205};

/* The exponent t of the least sum that rounds r: 2^24 times r's last bit. 15: none does. */
static int exponent_of(float r)
{
    uint32_t bits;
    memcpy(&bits, &r, sizeof bits);
    const uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
    return r == 0.0f ? 15 : (int)(bits >> 23 & 0xff) + __builtin_ctz(mantissa) - 126;
}

/* The first column at or right of `from` whose mean of four pixels, rounded up, is `least` or more;
 * `width` if there is none. */
static inline uint32_t next_column(const uint8_t *const rows[4], uint32_t width, uint8_t least,
                                   uint32_t from)
{
    uint64_t wanted = ~UINT64_C(0) << from % 64;
    for (uint32_t x = from / 64 * 64; x < width; x += 64, wanted = ~UINT64_C(0)) {
        const uint64_t bits = columns_of_word(rows, width, x, least) & wanted;
        if (bits)
            return x + (uint32_t)__builtin_ctzll(bits);
    }
    return width;
}

/* From sample j on the residue is r. */
static inline void change_residue(float residue[PDQ_SIDE], uint32_t *step, int j, float r)
{
    VF v = load(residue);
    for (int k = 0; k < PDQ_SIDE; k += 16) {
        if (k && *step)
            v = load(residue + k);
        store(residue + k, from_sample(v, j - k, splat(r)));
    }
    *step = 16;
}

/* The residue of row i, where it changes. */
static void track(const pdq_grey *g, const uint8_t *const rows[4], pdq_grey_rows *out, int i)
{
    const uint32_t width = g->width, end = width - 4; /* of sums of five of whole pixels */
    float r = out->first[i];
    for (uint32_t x = 3;;) {
        const int t = exponent_of(r);
        if (t >= 15)
            return;
        float rounded = r;
        for (; rounded == r; x++) {
            const uint32_t column = next_column(rows, width, least_mean[t], x - 3);
            if (column > x + 4)
                x = column - 4;
            if (x >= end)
                return;
            const VI sums = sums_at(rows, width, x);
            const uint32_t n = end - x < SUMS ? end - x : SUMS;
            const uint32_t found = sums_from(sums, 1 << t) & ((1u << n) - 1);
            x += found ? (uint32_t)__builtin_ctz(found) : n - 1;
            if (!found)
                continue;
            const float e = (float)sum_of(sums, __builtin_ctz(found));
            rounded = (e + r) - e;
        }
        r = rounded;
        change_residue(out->residue[i], &out->residue_step[i], g->first_sample[x - 1], r);
    }
}

/* ---- edge rows ---- */

/* Four times the mean of three rows' sums of four pixels: columns x + 1 .. x + 16 of an edge row. */
static inline VF edge_columns(const uint8_t *const rows[3], uint32_t width, uint32_t x)
{
    VI v = zeros();
    for (int i = 0; i < 3; i++)
        v = edge_fours(v, rows[i] + x, width - x);
    return mul(third(to_float(v)), splat(4.0f));
}

static void grey_edge(pdq_grey *g, const pdq_grey_edge *edge)
{
    pdq_grey_chain *c = &g->chain;
    c->in[0] = edge->left;
    for (uint32_t x = 0; x < g->width; x += 16)
        store(c->in + 1 + x, edge_columns(edge->rows, g->width, x));
    c->in[g->width - 2] = edge->right;
    /* Until column 0 leaves, nothing does. */
    c->sum = ((c->in[0] + c->in[1]) + c->in[2]) + c->in[3];
    c->x = 2;
}

/* ---- a block ---- */

/* Prepares a block but for changes of the residues. Returns a bit for each row where there may be
 * some. */
static uint32_t prepare(pdq_grey *g, const pdq_grey_block *b, const beside *near,
                        float chain[ROWS][2])
{
    pdq_grey_rows *rows = pdq_grey_rows_of(g, b);
    VF left, right;
    load_pairs(chain[0], &left, &right);
    store(rows->right, right);
    store(rows->leaving, to_float(four_down(near->before, g->beside[4])));
    /* The second row box's first five columns. */
    VF sum = left, exact = splat(0.0f);
    for (int k = 0; k < 4; k++) {
        const VF c = to_float(four_down(near->four[k], g->beside[k]));
        sum = add(sum, c);
        exact = add(exact, c);
    }
    const VF r = sub(sub(sum, left), exact);
    store(rows->first, r);
    for (int i = 0; i < ROWS; i++)
        store(rows->residue[i], splat(rows->first[i]));
    memset(rows->residue_step, 0, sizeof rows->residue_step);
    memcpy(g->chain_sum, chain[b->count - 1], sizeof g->chain_sum);
    _mm256_storeu_ps(g->chain_in[0], _mm256_loadu_ps(g->chain_in[b->count]));
    uint32_t real = (1u << b->count) - 1;
    if (b->first == 0) {
        const pdq_grey_edge edge = {{b->rows[ABOVE], b->rows[ABOVE + 1], b->rows[ABOVE + 2]},
                                    chain[2][0] / 3.0f * 4.0f,
                                    chain[2][1] / 3.0f * 4.0f};
        memset(g->edge, 0, 2 * sizeof g->edge[0]); /* rows -2 and -1 */
        grey_edge(g, &edge);
        pdq_grey_edge_samples(g, g->edge[2]);
        real &= ~7u;
    }
    return rounded_again(r) & real;
}

static void track_rows(pdq_grey *g, const pdq_grey_block *b, uint32_t todo)
{
    for (; todo; todo &= todo - 1) {
        const int i = __builtin_ctz(todo);
        track(g, b->rows + i, pdq_grey_rows_of(g, b), i);
    }
}

/* Columns 0 and n - 2 after the first row box. */
static void begin_chains(pdq_grey *g, const beside *b)
{
    const VF four = splat(4.0f);
    store_pairs(g->chain_in[PDQ_GREY_WINDOW], mul(third(to_float(b->first)), four),
                mul(third(to_float(b->last)), four));
}

static void grey_block(pdq_grey *g, const pdq_grey_block *prepared, const pdq_grey_block *next)
{
    float chain[ROWS][2];
    beside b;
    if (next) {
        beside_of(next->rows + ABOVE, g->width, &b);
        begin_chains(g, &b);
    }
    if (prepared) {
        sum_first(g, prepared, chain);
    } else {
        __m128 sum = two_floats(g->chain_sum);
        for (uint32_t i = 0; i < ROWS; i++)
            sum = chain_step(g, sum, i, chain[i]);
    }
    uint32_t todo = 0;
    if (next) /* here, for what follows has work to do while this waits for its sums */
        todo = prepare(g, next, &b, chain);
    if (prepared)
        sum_others(g, prepared);
    if (next)
        track_rows(g, next, todo);
}
