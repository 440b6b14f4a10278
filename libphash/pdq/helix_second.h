/* The second column box of the helix (helix.h), for any vector of floats: a block's samples are laid in
 * rows, and rows summed. Included once by each ISA's file, after helix_template.h. */

/* Where samples stand 8 columns apart, row q's sample i is in vector i + (lead + 8 + 2q) / 8 of z: four
 * lanes of as many vectors as there are lanes are one transposition, as four groups of pixels are. In
 * some of these lanes that is one sample further on than in the others, or up to three: what goes
 * beyond the row's ends is beside it in `laid`. */
INLINE void lay_four(const pdq_helix *h, float rows[][PDQ_HELIX_LAID], const int lane)
{
    enum { L = PDQ_HELIX_ROWS };
    const int q = PARTS * (LANES - 1 - lane % LANES) + lane / LANES; /* of the first lane */
    const int least = (q - 3 * PARTS) / 4, shift = q / 4 - least; /* vectors behind the last lane */
    const float *z = h->z[h->lead / 8 + 1 + (uint32_t)least] + lane;
    float *row[4];
    for (int j = 0; j < 4; j++)
        row[j] = rows[q - j * PARTS] + PDQ_HELIX_BESIDE - (q - j * PARTS) / 4 + least;
    for (int i = 0; i < PDQ_SIDE + shift; i += LANES) {
        const pdq_rows samples = {NULL, (const uint8_t *)(z + i * L), L * sizeof *z};
        VI d[4];
        group_of(&samples, 0, 1, 0, d);
        for (int j = 0; j < 4; j++)
            store_dwords(row[j] + i, d[j]);
    }
}

INLINE void lay(const pdq_helix *h, float rows[][PDQ_HELIX_LAID])
{
    lay_four(h, rows, 0);
    lay_four(h, rows, 4);
    lay_four(h, rows, 8);
    lay_four(h, rows, 12);
}

/* The second column box, over the samples of rows h->row - 16 and on. */
INLINE void add_rows(pdq_helix *h, float rows[][PDQ_HELIX_LAID])
{
    enum { PIECES = PDQ_SIDE / PDQ_HELIX_ROWS, L = PDQ_HELIX_ROWS };
    const VF scale = splat(0x1p-8f); /* the four divisions by 4 */
    sixteen sum[PIECES];
    for (int i = 0; i < PIECES; i++)
        sum[i] = get(h->sum + i * L);
    for (uint32_t q = 0; q < L; q++) {
        const float *in = rows[q] + PDQ_HELIX_BESIDE;
        const float *gone =
            q < PDQ_HELIX_WINDOW ? h->last[q] : in - PDQ_HELIX_WINDOW * PDQ_HELIX_LAID;
        for (int i = 0; i < PIECES; i++)
            sum[i] = minus(plus(sum[i], get(in + i * L)), get(gone + i * L));
        if (h->sample_row[h->next_sample] != h->row - L + q)
            continue;
        float *out = h->out + (size_t)h->next_sample++ * PDQ_SIDE;
        for (int i = 0; i < PIECES; i++)
            for (int p = 0; p < PARTS; p++)
                store(out + i * L + p * LANES, mul(sum[i].part[p], scale));
    }
    for (int i = 0; i < PIECES; i++)
        put(h->sum + i * L, sum[i]);
    for (int q = 0; q < PDQ_HELIX_WINDOW; q++)
        copy(h->last[q], rows[L - PDQ_HELIX_WINDOW + q] + PDQ_HELIX_BESIDE, PDQ_SIDE / L);
}

/* After a seam. */
static void second_helix(pdq_helix *h)
{
    float(*const rows)[PDQ_HELIX_LAID] = h->laid[(h->row / PDQ_HELIX_ROWS + 1) % 2];
    if (h->row && h->eighths)
        lay(h, rows);
    if (h->row)
        add_rows(h, rows);
    /* The seam wrote behind the end of the block before; it is the beginning of this one, too. */
    if (h->eighths)
        copy(h->z[0], h->z[h->period / 8], (int)(h->seam / 8));
}
