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

enum { PHASH_HASH64_HEX = 16 };

/* What the hashes of a list must be. */
typedef struct {
    uint32_t bits;      /* 64 or 256 */
    char algorithm[32]; /* such as "pdq" */
} phash_list_kind;

/* One line, and what it turned out to be. */
typedef struct {
    const phash_list_kind *kind;
    char *text;     /* the parser may change it (it takes doubled quotes apart in place) */
    size_t length;  /* without the line break */
    size_t scanned; /* bytes in which the end of a quoted field was sought already; 0 at first */
    bool first;     /* no record before: a heading may stand here */
    phash_status status;
    const char *reason;
    char said[128];   /* room for a reason that names kinds */
    const char *name; /* the column that says what made the hash; NULL: none */
    size_t name_length;
    phash_list_record record; /* hash, quality, extra */
} phash_line;

/* Reads one line of a list whose form is `format` so far, and updates the form. */
phash_line_result phash_list_parse(phash_line *line, phash_list_format *format);

/* One object of the JSON form; in builds without jansson PHASH_E_UNSUPPORTED. The text that
 * record.extra points at is put over line->text. */
phash_line_result phash_list_parse_json(phash_line *line);

/* The kinds, see list_kind.c. All of these give LINE_RECORD or LINE_BAD. */

/* Whether `text` is a name that lists call algorithms by. */
bool phash_list_is_kind(const char *text, size_t length);

/* The line says what made its hash. */
phash_line_result phash_line_named(phash_line *line, const char *name, size_t length);

/* The line does not say it; like_pdq: it has what only lists of PDQ have. */
phash_line_result phash_line_nameless(phash_line *line, bool like_pdq);

/* Reads the hash in front of the first comma or, `whole`, of all of `text`. */
phash_line_result phash_line_hash(phash_line *line, const char *text, size_t length, bool whole);

static inline phash_line_result phash_line_bad(phash_line *line, phash_status status,
                                               const char *reason)
{
    line->status = status;
    line->reason = reason;
    return LINE_BAD;
}

#endif
