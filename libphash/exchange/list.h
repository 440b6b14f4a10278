/* Between the reader of hash lists (list.c) and the parsers of one line (list_line.c, list_json.c).
 */
#ifndef PHASH_EXCHANGE_LIST_H
#define PHASH_EXCHANGE_LIST_H

#include <phash/exchange.h>

#include <stdbool.h>

typedef enum {
    LINE_RECORD,     /* a record was filled in */
    LINE_SKIP,       /* blank, comment or heading */
    LINE_OPEN_QUOTE, /* RFC 4180: the quoted field goes on in the next line */
    LINE_BAD         /* `status` and `reason` say why */
} phash_line_result;

/* One line, and what it turned out to be. */
typedef struct {
    char *text;     /* the parser may change it (it takes doubled quotes apart in place) */
    size_t length;  /* without the line break */
    size_t scanned; /* bytes in which the end of a quoted field was sought already; 0 at first */
    bool first;     /* no record before: a heading may stand here */
    phash_status status;
    const char *reason;
    phash_list_record record; /* hash, quality, extra */
} phash_line;

/* Reads one line of a list whose form is `format` so far, and updates the form. */
phash_line_result phash_list_parse(phash_line *line, phash_list_format *format);

/* One object of the JSON form; in builds without jansson PHASH_E_UNSUPPORTED. The text that
 * record.extra points at is put over line->text. */
phash_line_result phash_list_parse_json(phash_line *line);

static inline phash_line_result phash_line_bad(phash_line *line, phash_status status,
                                               const char *reason)
{
    line->status = status;
    line->reason = reason;
    return LINE_BAD;
}

#endif
