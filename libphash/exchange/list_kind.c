/* What made the hashes of a list, and how long they are: a list of another kind is refused. */
#include "exchange/list.h"

#include <stdio.h>
#include <string.h>

static const char PDQ[] = "pdq";

static bool is_pdq(const phash_list_kind *kind)
{
    return !strcmp(kind->algorithm, PDQ);
}

/* One or two digits at *at; moves behind them. */
static bool skip_number(const char *text, size_t length, size_t *at)
{
    const size_t start = *at;
    while (*at < length && *at < start + 2 && text[*at] >= '0' && text[*at] <= '9')
        ++*at;
    return *at > start;
}

bool phash_list_is_kind(const char *text, size_t length)
{
    if (length == sizeof PDQ - 1 && !memcmp(text, PDQ, length))
        return true;
    size_t at = 4;
    return length > at && !memcmp(text, "dct-", at) && skip_number(text, length, &at) &&
           at < length && text[at++] == 'x' && skip_number(text, length, &at) && at == length;
}

phash_line_result phash_line_named(phash_line *line, const char *name, size_t length)
{
    const char *wanted = line->kind->algorithm;
    if (length == strlen(wanted) && !memcmp(name, wanted, length))
        return LINE_RECORD;
    if (!phash_list_is_kind(name, length))
        snprintf(line->said, sizeof line->said, "a hash of an unknown algorithm, not of %.31s",
                 wanted);
    else
        snprintf(line->said, sizeof line->said, "a hash of %.*s, not of %.31s", (int)length, name,
                 wanted);
    return phash_line_bad(line, PHASH_E_KIND, line->said);
}

phash_line_result phash_line_nameless(phash_line *line, bool like_pdq)
{
    return like_pdq && line->kind->bits == PHASH_HASH256_BITS && !is_pdq(line->kind)
               ? phash_line_named(line, PDQ, sizeof PDQ - 1)
               : LINE_RECORD;
}

/* The last field of a line names what made the hash in front. */
static bool find_name(const char *text, size_t length, const char **name, size_t *bytes)
{
    size_t start = length;
    while (start > 0 && text[start - 1] != ',')
        start--;
    *name = text + start;
    *bytes = length - start;
    return start > 0 && phash_list_is_kind(*name, *bytes);
}

/* Says what is there instead of a hash of the right length: a truncated hash is damage, one as long
 * as those of another kind is not. */
static phash_line_result wrong_length(phash_line *line, const char *text, size_t length)
{
    const phash_list_kind *kind = line->kind;
    const char *name;
    size_t bytes, digits = 0;
    while (digits < length && strchr("0123456789abcdefABCDEF", text[digits]) && text[digits])
        digits++;
    if (digits && digits < length && text[digits] == ',' &&
        find_name(text, length, &name, &bytes) &&
        (strlen(kind->algorithm) != bytes || memcmp(name, kind->algorithm, bytes) != 0))
        return phash_line_named(line, name, bytes);
    const bool ends = digits == length || text[digits] == ',';
    if (ends && digits * 4 != kind->bits &&
        (digits == PHASH_HASH64_HEX || digits == PHASH_HASH256_HEX)) {
        snprintf(line->said, sizeof line->said, "a hash of %zu bits%s, not of %.31s, which has %u",
                 digits * 4, digits == PHASH_HASH256_HEX ? " (as pdq has)" : "", kind->algorithm,
                 (unsigned)kind->bits);
        return phash_line_bad(line, PHASH_E_KIND, line->said);
    }
    snprintf(line->said, sizeof line->said, "not a hash of %u hex digits",
             (unsigned)kind->bits / 4);
    return phash_line_bad(line, PHASH_E_HEX, line->said);
}

phash_line_result phash_line_hash(phash_line *line, const char *text, size_t length, bool whole)
{
    const size_t digits = line->kind->bits / 4;
    char padded[PHASH_HASH256_HEX];
    if (length < digits || (length > digits && (whole || text[digits] != ',')))
        return wrong_length(line, text, length);
    memset(padded, '0', sizeof padded);
    memcpy(padded, text, digits);
    if (phash_hash256_from_hex(padded, sizeof padded, &line->record.hash))
        return wrong_length(line, text, length);
    return LINE_RECORD;
}
