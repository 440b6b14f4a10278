/* Bits of a hash in another order: rows are kept in the order that the build has learnt. */
#include "index/layout.h"

#include <string.h>

void phash_order_fill(const uint8_t *order, uint32_t bits, phash_order_table *table)
{
    memset(table, 0, sizeof *table);
    for (uint32_t to = 0; to < bits; to++) {
        const uint32_t from = order[to], bit = from % 4;
        table->byte[to] = (uint8_t)(from / 8);
        table->mask[to] = (uint8_t)(1 << from % 8);
        for (uint32_t value = 0; value < 16; value++)
            if (value >> bit & 1)
                table->nibble[from / 4].row[value][to / 64] |= UINT64_C(1) << to % 64;
    }
}
