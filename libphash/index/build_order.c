/* The order of the bits. */
#include "index/build.h"

phash_status phash_build_order(phash_build *b)
{
    phash_segment *s = b->segment;
    for (uint32_t i = 0; i < s->head.bits; i++)
        s->head.order[i] = (uint8_t)i;
    phash_order_table(s->head.order, s->head.bits, s->order_table);
    return PHASH_OK;
}
