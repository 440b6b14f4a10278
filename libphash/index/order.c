/* Bits of a hash in another order: rows are kept in the order that the build has learnt. */
#include "index/layout.h"

#include <string.h>

void phash_order_table(const uint8_t *order, uint32_t bits, uint64_t (*table)[16][WORDS_MAX])
{
    memset(table, 0, bits / 4 * sizeof *table);
    for (uint32_t to = 0; to < bits; to++) {
        const uint32_t from = order[to], nibble = from / 4, bit = from % 4;
        for (uint32_t value = 0; value < 16; value++)
            if (value >> bit & 1)
                table[nibble][value][to / 64] |= UINT64_C(1) << to % 64;
    }
}

void phash_order_apply(const phash_segment *segment, const uint8_t *hash, uint64_t *row)
{
    const size_t bytes = segment->head.bits / 8;
    uint64_t(*const table)[16][WORDS_MAX] = segment->order_table;
    if (segment->words == 1) {
        uint64_t r = 0;
        for (size_t i = 0; i < bytes; i++)
            r |= table[2 * i][hash[i] & 15][0] | table[2 * i + 1][hash[i] >> 4][0];
        row[0] = r;
        return;
    }
    uint64_t r[WORDS_MAX] = {0};
    for (size_t i = 0; i < bytes; i++)
        for (size_t w = 0; w < WORDS_MAX; w++)
            r[w] |= table[2 * i][hash[i] & 15][w] | table[2 * i + 1][hash[i] >> 4][w];
    memcpy(row, r, sizeof r);
}
