/* The journal's structures on disk, for the files that read and write them. See journal.c. */
#ifndef PHASH_INDEX_JOURNAL_FORMAT_H
#define PHASH_INDEX_JOURNAL_FORMAT_H

#include "index/journal.h"

enum {
    JOURNAL_BYTE_ORDER = 0x01020304,
    JOURNAL_VERSION = 1,
    JOURNAL_ADD = 1,
    JOURNAL_REMOVE = 2,
    JOURNAL_LABEL = 3,
    JOURNAL_CLOSED = 4,
    JOURNAL_LAST = 1, /* flag */
    JOURNAL_BODY_MAX = 1 << 20
};

typedef struct journal_header {
    uint8_t magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint32_t bits;
    uint32_t zero;
    uint8_t generation[PHASH_GENERATION_BYTES];
    uint64_t base;
    uint64_t zero2;
    uint64_t sum;
} journal_header;

typedef struct journal_record {
    uint64_t head_sum;
    uint64_t body_sum;
    uint64_t sequence;
    uint32_t bytes;
    uint16_t kind;
    uint16_t flags;
} journal_record;

_Static_assert(sizeof(journal_header) == 64 && sizeof(journal_record) == 32,
               "the format has no padding");
_Static_assert(JOURNAL_BODY_MAX % 8 == 0 && JOURNAL_BODY_MAX >= 16 + PHASH_LABEL_MAX,
               "any label fits into a record");

enum { JOURNAL_RECORD_MAX = (int)sizeof(journal_record) + JOURNAL_BODY_MAX };

#define journal_magic "\x89PHJRN\r\n"

static inline size_t pad8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* Makes the buffer at least this large; its content is lost. */
phash_status phash_journal_room(phash_journal *journal, size_t bytes);

#endif
