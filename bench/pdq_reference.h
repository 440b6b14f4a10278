/* PDQ written the way Meta's reference does it: what speed is measured against. */
#ifndef BENCH_PDQ_REFERENCE_H
#define BENCH_PDQ_REFERENCE_H

#include <phash/pdq.h>

#include <stddef.h>
#include <stdint.h>

/* Buffers for images of one size. Returns NULL without memory. */
typedef struct pdq_reference pdq_reference;
pdq_reference *pdq_reference_new(size_t width, size_t height);
void pdq_reference_free(pdq_reference *r);

/* Hashes an image of packed rows, 1 or 3 channels; fills hash, quality and, if asked for, the
 * dihedral hashes. */
void pdq_reference_hash(pdq_reference *r, const uint8_t *pixels, size_t channels, int dihedral,
                        phash_pdq_result *result);

#endif
