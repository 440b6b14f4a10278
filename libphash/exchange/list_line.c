/* One line of a hash list: which form it has, and what it says. */
#include "exchange/list.h"

#include <phash/pdq.h>

#include <string.h>

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != ' ' && text[i] != '\t')
            return false;
    return true;
}

/* The first field is a word for "hash": somebody's column names. */
static bool is_heading(const char *text, size_t length)
{
    static const char *const words[] = {"hash", "hex", "pdq"};
    size_t n = 0;
    while (n < length && text[n] != ',' && text[n] != ' ')
        n++;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t i = 0;
        while (i < n && words[w][i] && (text[i] | 0x20) == words[w][i])
            i++;
        if (i == n && !words[w][i])
            return true;
    }
    return false;
}

/* Digits up to 100; no sign, no leading blanks. */
static bool parse_quality(const char *text, size_t length, int *quality)
{
    if (!length || length > 3)
        return false;
    int value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *quality = value;
    return value <= 100;
}

/* A column that `phash hash` writes behind the path when asked for: the orientation, the profile, or
 * what made the hash. */
static bool is_column(phash_line *line, const char *text, size_t length)
{
    static const char inverted[] = "inverted";
    const size_t prefix = sizeof inverted - 1;
    const bool fast = length == 4 && !memcmp(text, "fast", 4);
    line->record.fast |= fast;
    if (fast || (length == 4 && !memcmp(text, "full", 4)))
        return true;
    if (phash_list_is_kind(text, length)) {
        line->name = text;
        line->name_length = length;
        return true;
    }
    if (length >= prefix && !memcmp(text, inverted, prefix)) {
        if (length == prefix)
            return true;
        if (text[prefix] != '-')
            return false;
        text += prefix + 1;
        length -= prefix + 1;
    }
    for (int d = 0; d < PHASH_DIHEDRALS; d++) {
        const char *name = phash_dihedral_name((phash_dihedral)d);
        if (strlen(name) == length && !memcmp(name, text, length))
            return true;
    }
    return false;
}

/* A path without quotes runs to the end of the line, but for such columns: `phash hash` puts a path
 * with commas in quotes. */
static size_t without_columns(phash_line *line, const char *text, size_t length)
{
    for (size_t end = length; end > 0;) {
        size_t start = end;
        while (start > 0 && text[start - 1] != ',')
            start--;
        if (start == 0 || !is_column(line, text + start, end - start))
            return end;
        end = start - 1;
    }
    return 0;
}

/* What of metadata stands in front of a last column that names what made the hash. */
static size_t without_name(phash_line *line, const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && text[start - 1] != ',')
        start--;
    if (!phash_list_is_kind(text + start, length - start))
        return length;
    line->name = text + start;
    line->name_length = length - start;
    return start ? start - 1 : 0;
}

static bool ends_in_fast(const char *text, size_t length)
{
    static const char fast[] = ",fast";
    const size_t n = sizeof fast - 1;
    return length >= n && !memcmp(text + length - n, fast, n);
}

/* `text` starts behind the opening quote. Finds the closing one, from `from` on, and takes doubled
 * quotes apart once it is there. */
static phash_line_result quoted(phash_line *line, char *text, size_t length)
{
    const size_t base = (size_t)(text - line->text);
    size_t at = line->scanned > base ? line->scanned - base : 0;
    for (;;) {
        const char *quote = at < length ? memchr(text + at, '"', length - at) : NULL;
        if (!quote) {
            line->scanned = line->length;
            return LINE_OPEN_QUOTE;
        }
        at = (size_t)(quote - text) + 1;
        if (at < length && text[at] == '"')
            at++;
        else
            break;
    }
    if (at < length && text[at] != ',')
        return phash_line_bad(line, PHASH_E_CORRUPT, "text behind a closing quote");
    for (size_t from = at; from < length;) {
        const char *comma = memchr(text + from + 1, ',', length - from - 1);
        const size_t end = comma ? (size_t)(comma - text) : length;
        (void)is_column(line, text + from + 1, end - from - 1); /* others are passed over */
        from = end;
    }
    size_t to = 0;
    for (size_t from = 0; from < at - 1; from++) {
        text[to++] = text[from];
        from += text[from] == '"';
    }
    line->record.extra = text;
    line->record.extra_length = to;
    return LINE_RECORD;
}

/* What stands behind "HEX,". */
static phash_line_result parse_fields(phash_line *line, phash_list_format *format, char *text,
                                      size_t length)
{
    phash_list_record *r = &line->record;
    const char *comma = memchr(text, ',', length);
    const size_t first = comma ? (size_t)(comma - text) : length;
    int quality = -1;
    const bool is_csv = comma && (first == 0 || parse_quality(text, first, &quality));
    if (*format == PHASH_LIST_UNKNOWN || *format == PHASH_LIST_HEX)
        *format = is_csv ? PHASH_LIST_CSV : PHASH_LIST_METADATA;
    if (*format == PHASH_LIST_METADATA) {
        r->extra = text;
        r->extra_length = without_name(line, text, length);
        r->fast = is_csv && ends_in_fast(text, r->extra_length);
        return LINE_RECORD;
    }
    if (!is_csv && !(first == 0 || parse_quality(text, first, &quality)))
        return phash_line_bad(line, PHASH_E_CORRUPT, "quality is not a number from 0 to 100");
    r->quality = quality;
    if (!comma)
        return LINE_RECORD;
    text += first + 1;
    length -= first + 1;
    if (length && *text == '"')
        return quoted(line, text + 1, length - 1);
    r->extra = text;
    r->extra_length = without_columns(line, text, length);
    return LINE_RECORD;
}

/* hash=HEX,key=value,…,filename=everything else */
static phash_line_result parse_key_value(phash_line *line)
{
    phash_list_record *r = &line->record;
    const char *p = line->text, *end = line->text + line->length;
    bool has_hash = false;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        if (!equals)
            return phash_line_bad(line, PHASH_E_CORRUPT, "a field is not key=value");
        const size_t key = (size_t)(equals - p);
        const char *value = equals + 1;
        if (key == 8 && !memcmp(p, "filename", 8)) {
            r->extra = value;
            r->extra_length = (size_t)(end - value);
            break;
        }
        if (key == 4 && !memcmp(p, "hash", 4)) {
            if (phash_line_hash(line, value, (size_t)(stop - value), true) == LINE_BAD)
                return LINE_BAD;
            has_hash = true;
        } else if (key == 7 && !memcmp(p, "quality", 7)) {
            if (!parse_quality(value, (size_t)(stop - value), &r->quality))
                return phash_line_bad(line, PHASH_E_CORRUPT,
                                      "quality is not a number from 0 to 100");
        }
        p = comma ? comma + 1 : end;
    }
    return has_hash ? phash_line_nameless(line, true)
                    : phash_line_bad(line, PHASH_E_HEX, "no hash=");
}

phash_line_result phash_list_parse(phash_line *line, phash_list_format *format)
{
    char *text = line->text;
    const size_t length = line->length;
    phash_list_record *r = &line->record;
    r->quality = -1;
    r->extra = "";
    r->extra_length = 0;
    r->fast = 0;
    line->name = NULL;
    if (!length || *text == '#' || is_blank(text, length))
        return LINE_SKIP;
    if (memchr(text + line->scanned, '\0', length - line->scanned))
        return phash_line_bad(line, PHASH_E_CORRUPT, "a NUL byte");
    if (*format == PHASH_LIST_JSON || (*format == PHASH_LIST_UNKNOWN && *text == '{')) {
        *format = PHASH_LIST_JSON;
        return phash_list_parse_json(line);
    }
    if (*format == PHASH_LIST_KEY_VALUE ||
        (*format == PHASH_LIST_UNKNOWN && length > 5 && !memcmp(text, "hash=", 5))) {
        const phash_line_result result = parse_key_value(line);
        if (result == LINE_RECORD)
            *format = PHASH_LIST_KEY_VALUE;
        return result;
    }
    if (phash_line_hash(line, text, length, false) == LINE_BAD)
        return line->first && is_heading(text, length) ? LINE_SKIP : LINE_BAD;
    const size_t digits = line->kind->bits / 4;
    if (length > digits) {
        const phash_line_result result =
            parse_fields(line, format, text + digits + 1, length - digits - 1);
        if (result != LINE_RECORD)
            return result;
        return line->name ? phash_line_named(line, line->name, line->name_length)
                          : phash_line_nameless(line, r->quality >= 0 || r->fast);
    }
    if (*format == PHASH_LIST_UNKNOWN)
        *format = PHASH_LIST_HEX;
    return LINE_RECORD;
}

#if !PHASH_HAS_BANK
phash_line_result phash_list_parse_json(phash_line *line)
{
    return phash_line_bad(line, PHASH_E_UNSUPPORTED, "this build reads no JSON");
}
#endif
