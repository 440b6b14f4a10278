/* Takes pages of records apart without holding a page: fields and records come out one by one. */
#ifndef PHASH_EXCHANGE_SPLIT_H
#define PHASH_EXCHANGE_SPLIT_H

#include <phash/exchange.h>

#include "exchange/text.h"

typedef enum {
    SPLIT_FIELD,    /* `key` and its value in `raw` */
    SPLIT_RECORD,   /* an element of hashRecords in `raw` */
    SPLIT_FEEDBACK, /* an element of hashFeedbacks in `raw` */
    SPLIT_PAGE_END,
    SPLIT_END
} phash_split_event;

enum { SPLIT_RAW_MAX = 1048576, SPLIT_KEY_MAX = 64, SPLIT_BUFFER = 65536 };

typedef struct {
    phash_read_fn read;
    void *context;
    enum { AT_TOP, AT_FIELD, AT_RECORDS, AT_FEEDBACKS } state;
    bool at_eof, at_start;
    bool has_keys, is_page; /* the object had keys, and one that pages have */
    size_t begin, end;
    phash_text raw;          /* what was taken out last */
    const char *wrong;       /* why `raw` is not whole, or NULL */
    char key[SPLIT_KEY_MAX]; /* "" for a longer one */
    char buffer[SPLIT_BUFFER];
} phash_split;

/* Gives the next piece. Errors: PHASH_E_FORMAT, PHASH_E_TRUNCATED, PHASH_E_MEMORY, those of
 * `read`; nothing can be read after one. */
phash_status phash_split_next(phash_split *split, phash_split_event *event, phash_error *error);

#endif
