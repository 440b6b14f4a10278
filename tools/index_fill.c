/* Collecting pairs: see index_fill.h. */
#include "index_fill.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct filling {
    const struct hashes_options *options;
    const struct fill_options *fill;
    struct pairs *pairs;
    uint64_t failed;
};

bool fill_number(const char *text, size_t length, uint64_t *number)
{
    uint64_t n = 0;
    if (!length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *number = n;
    return true;
}

/* What column `n` of an item holds: to the next comma, or to the end of the line. NULL: it is not
 * there. */
static const char *column(const struct hash_item *item, unsigned n, bool rest, size_t *length)
{
    const char *p = item->extra, *end = p + item->extra_length;
    for (; n > 2; n--) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        if (!comma)
            return NULL;
        p = comma + 1;
    }
    const char *comma = rest ? NULL : memchr(p, ',', (size_t)(end - p));
    *length = (size_t)((comma ? comma : end) - p);
    return p;
}

static void grow(struct pairs *p, size_t bytes, bool labels)
{
    const size_t capacity = p->capacity ? p->capacity * 2 : 4096;
    p->hashes = realloc(p->hashes, capacity * bytes);
    p->ids = realloc(p->ids, capacity * sizeof *p->ids);
    if (labels)
        p->labels = realloc(p->labels, capacity * sizeof *p->labels);
    if (!p->hashes || !p->ids || (labels && !p->labels))
        cli_no_memory();
    p->capacity = capacity;
}

/* Tells of a line that has a hash but not what else it should have. */
static bool refuse(struct filling *f, const struct hash_item *item, const char *reason)
{
    char line[160];
    f->failed++;
    if (item->line)
        snprintf(line, sizeof line, "line %llu: %s", (unsigned long long)item->line, reason);
    cli_path_message(item->path, item->line ? line : reason);
    return !f->options->strict;
}

static bool take(void *context, const struct hash_item *item)
{
    struct filling *f = context;
    struct pairs *p = f->pairs;
    const unsigned id_column = f->fill->id_column, label_column = f->fill->label_column;
    if ((id_column || label_column) && item->image)
        return refuse(f, item, "an image has no columns");
    if (item->fast)
        return refuse(f, item, "a hash of profile fast, an approximation, not of profile full");
    size_t length = 0;
    uint64_t id = f->fill->first_id + p->count;
    if (id_column) {
        const char *text = column(item, id_column, false, &length);
        if (!text || !fill_number(text, length, &id))
            return refuse(f, item, "no number where the id should be");
    }
    const char *label = label_column ? column(item, label_column, true, &length) : NULL;
    if (label && (length > PHASH_LABEL_MAX || memchr(label, 0, length)))
        return refuse(f, item, "the label is too long");
    const size_t bytes = algorithm_bits(&f->options->args.algorithm) / 8;
    if (p->count == p->capacity)
        grow(p, bytes, label_column != 0);
    memcpy(p->hashes + p->count * bytes, item->hash, bytes);
    p->ids[p->count] = id;
    if (label_column) {
        p->labels[p->count] = label && length ? strndup(label, length) : NULL;
        if (label && length && !p->labels[p->count])
            cli_no_memory();
    }
    p->count++;
    return true;
}

uint64_t fill_pairs(const struct hashes_options *options, const struct fill_options *fill,
                    struct pairs *pairs)
{
    struct filling f = {options, fill, pairs, 0};
    struct hashes_options what = *options;
    what.other_kind = &pairs->other_kind;
    what.columns = fill->id_column || fill->label_column;
    const uint64_t failed = hashes_read(&what, take, &f);
    return failed + f.failed;
}

void pairs_free(struct pairs *p)
{
    for (size_t i = 0; p->labels && i < p->count; i++)
        free(p->labels[i]);
    free(p->labels);
    free(p->hashes);
    free(p->ids);
    *p = (struct pairs){0};
}
