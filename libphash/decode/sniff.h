/* File type by content. */
#ifndef PHASH_DECODE_SNIFF_H
#define PHASH_DECODE_SNIFF_H

#include "decode/source.h"

#include <phash/decode.h>

/* Looks at the first bytes of the input, without taking them. Fails with the reason when they are
 * not the start of an image that this build reads. */
phash_status sniff(decode_source *source, phash_file_type *type, phash_error *error);

#endif
