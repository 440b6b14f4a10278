/* The streaming reader of hash lists: bytes to lines to records, in one buffer of fixed size.
 *
 * The buffer holds the line (or the record, where a quoted field spans lines) that is being read,
 * from `begin`, and whatever came with it, up to `end`. When no line end is in sight, what is left
 * moves to the front and more is read; when the buffer is full and still none is in sight, the line
 * is too long and is passed over without being kept.
 */
#define _POSIX_C_SOURCE 200809L

#include "exchange/list.h"
#include "core/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct phash_list {
    phash_read_fn read;
    void *context;
    char *buffer;
    size_t capacity; /* more than max_line: room for CR LF */
    size_t begin, end;
    size_t max_line;
    bool at_eof;
    bool at_start;       /* nothing was looked at yet: a byte order mark may stand here */
    bool has_records;    /* at least one line was good */
    bool multiline;      /* quoted fields may span lines; given up after one that never ends */
    phash_status failed; /* what every later call returns */
    uint64_t line;       /* number of the line at `begin` */
    phash_list_format format;
    phash_list_kind kind;
    struct {
        const char *data;
        size_t bytes;
        int fd;
    } source;
};

enum { CHUNK = 65536 };

static phash_status read_fd(void *context, void *buffer, size_t capacity, size_t *got,
                            phash_error *error)
{
    const phash_list *list = context;
    ssize_t n;
    do
        n = read(list->source.fd, buffer, capacity);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        const int e = errno;
        return phash_fail_at(error, PHASH_E_READ, e, list->line, "line %" PRIu64 ": cannot read",
                             list->line);
    }
    *got = (size_t)n;
    return PHASH_OK;
}

static phash_status read_memory(void *context, void *buffer, size_t capacity, size_t *got,
                                phash_error *error)
{
    (void)error;
    phash_list *list = context;
    const size_t n = capacity < list->source.bytes ? capacity : list->source.bytes;
    if (n)
        memcpy(buffer, list->source.data, n);
    list->source.data += n;
    list->source.bytes -= n;
    *got = n;
    return PHASH_OK;
}

static phash_status open_list(phash_read_fn read, void *context, const phash_list_options *options,
                              phash_list **out, phash_error *error)
{
    static const phash_list_options defaults = PHASH_LIST_OPTIONS_INIT;
    if (!out)
        return phash_fail(error, PHASH_E_ARGUMENT, "no place for the list");
    *out = NULL;
    if (!options)
        options = &defaults;
    if (!read || options->size < sizeof *options || options->max_line <= PHASH_HASH256_HEX ||
        options->max_line > (size_t)64 << 20 ||
        (options->bits != PHASH_HASH256_BITS && options->bits != 64) ||
        !memchr(options->algorithm, 0, sizeof options->algorithm) ||
        (options->form != PHASH_LIST_UNKNOWN && options->form != PHASH_LIST_METADATA))
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid list options");
    phash_list *list = phash_alloc_zero(1, sizeof *list);
    const size_t capacity = options->max_line + 2 + CHUNK;
    char *buffer = list ? phash_alloc(capacity, 1) : NULL;
    if (!buffer) {
        phash_wipe_free(list, sizeof *list);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    list->read = read;
    list->context = context ? context : list;
    list->buffer = buffer;
    list->capacity = capacity;
    list->max_line = options->max_line;
    list->format = options->form;
    list->kind.bits = options->bits;
    memcpy(list->kind.algorithm, options->algorithm, sizeof list->kind.algorithm);
    list->multiline = list->at_start = true;
    list->line = 1;
    *out = list;
    return PHASH_OK;
}

phash_status phash_list_open_reader(phash_read_fn read, void *context,
                                    const phash_list_options *options, phash_list **list,
                                    phash_error *error)
{
    const phash_status status = open_list(read, context, options, list, error);
    if (!status)
        (*list)->context = context;
    return status;
}

phash_status phash_list_open_fd(int fd, const phash_list_options *options, phash_list **list,
                                phash_error *error)
{
    if (fd < 0) {
        if (list)
            *list = NULL;
        return phash_fail(error, PHASH_E_ARGUMENT, "not a descriptor");
    }
    const phash_status status = open_list(read_fd, NULL, options, list, error);
    if (!status)
        (*list)->source.fd = fd;
    return status;
}

phash_status phash_list_open_memory(const void *data, size_t bytes,
                                    const phash_list_options *options, phash_list **list,
                                    phash_error *error)
{
    if (!data && bytes) {
        if (list)
            *list = NULL;
        return phash_fail(error, PHASH_E_ARGUMENT, "no data");
    }
    const phash_status status = open_list(read_memory, NULL, options, list, error);
    if (!status) {
        (*list)->source.data = data ? data : "";
        (*list)->source.bytes = bytes;
    }
    return status;
}

void phash_list_free(phash_list **list)
{
    if (!list || !*list)
        return;
    phash_wipe_free((*list)->buffer, (*list)->capacity);
    phash_wipe_free(*list, sizeof **list);
    *list = NULL;
}

int phash_list_failed(const phash_list *list)
{
    return list && list->failed != PHASH_OK;
}

phash_list_format phash_list_format_get(const phash_list *list)
{
    return list ? list->format : PHASH_LIST_UNKNOWN;
}

/* Reads more behind `end`; moves what is left to the front first where room is short. */
static phash_status fill(phash_list *list, phash_error *error)
{
    if (list->capacity - list->end < CHUNK && list->begin) {
        memmove(list->buffer, list->buffer + list->begin, list->end - list->begin);
        list->end -= list->begin;
        list->begin = 0;
    }
    size_t got = 0;
    const phash_status status = list->read(list->context, list->buffer + list->end,
                                           list->capacity - list->end, &got, error);
    if (status) {
        list->failed = status;
        return status;
    }
    if (got > list->capacity - list->end) {
        list->failed = PHASH_E_ARGUMENT;
        return phash_fail(error, PHASH_E_ARGUMENT, "the read function gave more than was asked");
    }
    list->at_eof = got == 0;
    list->end += got;
    return PHASH_OK;
}

/* Finds the first line break at or behind `from` (counted from `begin`), reading as needed.
 *   length   bytes in front of it, or all that is left at the end of the data
 * PHASH_E_LIMIT_INPUT: none within max_line; PHASH_E_NOT_FOUND: nothing is left at all. */
static phash_status find_line_end(phash_list *list, size_t from, size_t *length, phash_error *error)
{
    for (;;) {
        const char *start = list->buffer + list->begin;
        const size_t have = list->end - list->begin;
        const char *lf = from < have ? memchr(start + from, '\n', have - from) : NULL;
        if (lf || list->at_eof) {
            *length = lf ? (size_t)(lf - start) : have;
            if (!have)
                return PHASH_E_NOT_FOUND;
            return *length > list->max_line + 1 ? PHASH_E_LIMIT_INPUT : PHASH_OK;
        }
        if (have > list->max_line + 1)
            return PHASH_E_LIMIT_INPUT;
        from = have;
        const phash_status status = fill(list, error);
        if (status)
            return status;
    }
}

/* Drops `length` bytes and the line break behind them. */
static void consume(phash_list *list, size_t length)
{
    const size_t have = list->end - list->begin;
    list->begin += length < have ? length + 1 : have;
    list->line++;
}

/* Drops everything up to and with the next line break, keeping nothing. */
static phash_status skip_line(phash_list *list, phash_error *error)
{
    for (;;) {
        const char *start = list->buffer + list->begin;
        const size_t have = list->end - list->begin;
        const char *lf = have ? memchr(start, '\n', have) : NULL;
        if (lf || list->at_eof) {
            consume(list, lf ? (size_t)(lf - start) : have);
            return PHASH_OK;
        }
        list->begin = list->end = 0;
        const phash_status status = fill(list, error);
        if (status)
            return status;
    }
}

/* Parses the line of `length` bytes at `begin`; takes in the lines behind it while a quoted field
 * is open. `length` grows with them, `lines` counts the breaks inside. */
static phash_status parse_record(phash_list *list, phash_line *line, size_t *length,
                                 uint64_t *lines, phash_line_result *result, phash_error *error)
{
    const size_t first = *length;
    for (;;) {
        line->text = list->buffer + list->begin;
        line->length = *length;
        if (line->length && line->text[line->length - 1] == '\r')
            line->length--;
        *result = phash_list_parse(line, &list->format);
        if (*result != LINE_OPEN_QUOTE)
            return PHASH_OK;
        phash_status status = PHASH_E_LIMIT_INPUT;
        if (list->multiline && *length < list->end - list->begin) {
            status = find_line_end(list, *length + 1, length, error);
            if (list->failed)
                return status;
            ++*lines;
        }
        if (status) {
            /* The quote is never closed: only its own line is bad. To look for the end of every
             * such quote would cost a hostile file's length each time. */
            list->multiline = false;
            *length = first;
            *lines = 0;
            *result = phash_line_bad(line, PHASH_E_CORRUPT, "a quote is not closed");
            return PHASH_OK;
        }
    }
}

static phash_status bad_line(phash_list *list, uint64_t number, phash_status status,
                             const char *reason, phash_error *error)
{
    if (!list->has_records && (status == PHASH_E_HEX || status == PHASH_E_CORRUPT))
        status = PHASH_E_FORMAT;
    /* The whole list is of another kind: once is enough. */
    if (!list->has_records && status == PHASH_E_KIND)
        list->failed = status;
    return phash_fail_at(error, status, 0, number, "line %" PRIu64 ": %s", number, reason);
}

static phash_status skip_mark(phash_list *list, phash_error *error)
{
    while (list->end < 3 && !list->at_eof) {
        const phash_status status = fill(list, error);
        if (status)
            return status;
    }
    if (list->end >= 3 && !memcmp(list->buffer, "\xef\xbb\xbf", 3))
        list->begin = 3;
    list->at_start = false;
    return PHASH_OK;
}

phash_status phash_list_next(phash_list *list, phash_list_record *record, phash_error *error)
{
    if (!list || !record || record->size < sizeof *record)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (list->failed)
        return phash_fail(error, list->failed, "the list cannot be read any further");
    phash_status status;
    if (list->at_start && (status = skip_mark(list, error)) != PHASH_OK)
        return status;
    for (;;) {
        const uint64_t number = list->line;
        size_t length;
        status = find_line_end(list, 0, &length, error);
        if (list->failed)
            return status;
        if (status == PHASH_E_NOT_FOUND)
            return phash_fail(error, status, "end of the list");
        if (status) {
            if ((status = skip_line(list, error)) != PHASH_OK)
                return status;
            return bad_line(list, number, PHASH_E_LIMIT_INPUT, "too long", error);
        }
        phash_line line = {
            .kind = &list->kind, .first = !list->has_records, .record = PHASH_LIST_RECORD_INIT};
        phash_line_result result;
        uint64_t lines = 0;
        status = parse_record(list, &line, &length, &lines, &result, error);
        if (status)
            return status;
        consume(list, length);
        list->line += lines;
        if (result == LINE_SKIP)
            continue;
        if (result == LINE_BAD)
            return bad_line(list, number, line.status, line.reason, error);
        list->has_records = true;
        const size_t size = record->size;
        *record = line.record;
        record->size = size;
        record->line = number;
        return PHASH_OK;
    }
}

phash_list_format phash_list_sniff(const void *head, size_t bytes)
{
    static const phash_list_kind pdq = {PHASH_HASH256_BITS, "pdq"};
    const char *p = head, *end = p ? p + bytes : NULL;
    if (p && bytes >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        p += 3;
    for (; p && p < end; p++) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        /* Only the start of a line tells its form: hash, commas and quality. */
        char text[256];
        phash_line line = {
            .kind = &pdq, .text = text, .first = true, .record = PHASH_LIST_RECORD_INIT};
        line.length = (size_t)((lf ? lf : end) - p);
        if (line.length && p[line.length - 1] == '\r')
            line.length--;
        if (line.length > sizeof text)
            line.length = sizeof text;
        memcpy(text, p, line.length);
        phash_list_format format = PHASH_LIST_UNKNOWN;
        if (line.length && *text == '{')
            return PHASH_LIST_JSON;
        const phash_line_result result = phash_list_parse(&line, &format);
        if (result == LINE_RECORD || result == LINE_OPEN_QUOTE)
            return format;
        if (result == LINE_BAD || !lf)
            break;
        p = lf;
    }
    return PHASH_LIST_UNKNOWN;
}
