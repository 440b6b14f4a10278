/* Rows of bytes that are read side by side: row q at lanes[q], or, where that is NULL, at
 * first + q * pitch. Looked up row by row where it is loaded: sixteen pointers do not fit registers. */
#ifndef PHASH_PDQ_ROWS_H
#define PHASH_PDQ_ROWS_H

#include <stddef.h>
#include <stdint.h>

typedef struct pdq_rows {
    const uint8_t *const *lanes;
    const uint8_t *first;
    ptrdiff_t pitch;
} pdq_rows;

static inline __attribute__((always_inline)) const uint8_t *pdq_row(const pdq_rows *r, int q)
{
    return r->lanes ? r->lanes[q] : r->first + q * r->pitch;
}

#endif
