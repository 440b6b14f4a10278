/* The journal file: making it, appending changes, moving the later ones to a new one. The format is
 * told in journal.c. */
#include "core/internal.h"
#include "index/journal_format.h"

#include <string.h>
#include <xxhash.h>

phash_status phash_journal_create(const phash_io_place *place, const char *name, const char *rights,
                                  uint32_t bits, const uint8_t *generation, uint64_t base,
                                  phash_journal **journal, phash_error *error)
{
    *journal = NULL;
    phash_journal *j = phash_alloc_zero(1, sizeof *j);
    if (!j)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    j->bits = bits;
    j->base = j->sequence = base;
    j->end = j->bytes = sizeof(journal_header);
    memcpy(j->generation, generation, sizeof j->generation);

    journal_header head;
    memset(&head, 0, sizeof head);
    memcpy(head.magic, journal_magic, sizeof head.magic);
    head.byte_order = JOURNAL_BYTE_ORDER;
    head.version = JOURNAL_VERSION;
    head.bits = bits;
    head.base = base;
    memcpy(head.generation, generation, sizeof head.generation);
    head.sum = XXH3_64bits(&head, offsetof(journal_header, sum));

    int e = phash_io_open(place->folder, name, PHASH_IO_NEW, &j->fd);
    phash_status status = PHASH_OK;
    if (e)
        status = phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX, "cannot make the journal: %s",
                               strerror(e));
    int old = -1;
    if (!e && rights && !phash_io_open(place->folder, rights, PHASH_IO_READ, &old))
        e = phash_io_copy_rights(old, j->fd);
    phash_io_close(&old);
    if (!e)
        e = phash_io_write(j->fd, &head, sizeof head, 0);
    if (!e)
        e = phash_io_sync(j->fd);
    if (e && status == PHASH_OK) {
        status = phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX, "cannot make the journal: %s",
                               strerror(e));
        (void)phash_io_unlink(place->folder, name);
    }
    if (status == PHASH_OK)
        *journal = j;
    else
        phash_journal_free(&j);
    return status;
}

/* A change on its way into the file, record by record. */
typedef struct append {
    phash_journal *journal;
    uint64_t at;
    uint64_t sequence;
    size_t fill; /* bytes in the buffer: a record's header and body */
    uint16_t kind;
    int error; /* errno */
} append;

static void flush(append *a, bool last)
{
    if (!a->kind || a->error)
        return;
    journal_record r = {0};
    uint8_t *body = a->journal->buffer + sizeof r;
    r.bytes = (uint32_t)(a->fill - sizeof r);
    r.body_sum = XXH3_64bits(body, r.bytes);
    r.sequence = ++a->sequence;
    r.kind = a->kind;
    r.flags = last ? JOURNAL_LAST : 0;
    r.head_sum = XXH3_64bits(&r.body_sum, sizeof r - sizeof r.head_sum);
    memcpy(a->journal->buffer, &r, sizeof r);
    a->error = phash_io_write(a->journal->fd, a->journal->buffer, a->fill, a->at);
    a->at += a->fill;
    a->kind = 0;
}

/* Begins a record; the one before it, if any, turns out not to have been the last. */
static uint8_t *begin(append *a, uint16_t kind)
{
    flush(a, false);
    a->kind = kind;
    a->fill = sizeof(journal_record);
    return a->journal->buffer + a->fill;
}

static void append_pairs(append *a, const phash_journal_change *c)
{
    const size_t row = a->journal->bits / 8, most = JOURNAL_BODY_MAX / (8 + row);
    for (size_t i = 0; i < c->add_count && !a->error;) {
        const size_t n = c->add_count - i < most ? c->add_count - i : most;
        uint8_t *body = begin(a, JOURNAL_ADD);
        memcpy(body, c->ids + i, n * 8);
        memcpy(body + n * 8, c->hashes + i * row, n * row);
        a->fill += n * (8 + row);
        i += n;
    }
}

static void append_removals(append *a, const phash_journal_change *c)
{
    const size_t most = JOURNAL_BODY_MAX / 8;
    for (size_t i = 0; i < c->remove_count && !a->error;) {
        const size_t n = c->remove_count - i < most ? c->remove_count - i : most;
        memcpy(begin(a, JOURNAL_REMOVE), c->removed + i, n * 8);
        a->fill += n * 8;
        i += n;
    }
}

static void append_labels(append *a, const phash_journal_change *c)
{
    for (size_t i = 0; i < c->label_count && !a->error; i++) {
        const uint32_t length[2] = {c->labels[i] ? (uint32_t)c->label_lengths[i] : 0, 0};
        const size_t bytes = 16 + pad8(length[0]);
        uint8_t *p =
            a->kind == JOURNAL_LABEL && a->fill + bytes <= sizeof(journal_record) + JOURNAL_BODY_MAX
                ? a->journal->buffer + a->fill
                : begin(a, JOURNAL_LABEL);
        memcpy(p, &c->label_ids[i], 8);
        memcpy(p + 8, length, 8);
        memset(p + 16, 0, bytes - 16);
        if (length[0])
            memcpy(p + 16, c->labels[i], length[0]);
        a->fill += bytes;
    }
}

phash_status phash_journal_append(phash_journal *j, const phash_journal_change *change,
                                  bool *broken, phash_error *error)
{
    if (phash_journal_room(j, JOURNAL_RECORD_MAX) != PHASH_OK)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    append a = {j, j->end, j->sequence, 0, 0, 0};
    append_removals(&a, change);
    append_pairs(&a, change);
    append_labels(&a, change);
    flush(&a, true);
    if (a.error) {
        *broken |= phash_io_truncate(j->fd, j->end) != 0;
        return phash_fail_at(error, PHASH_E_WRITE, a.error, j->end, "cannot write the journal: %s",
                             strerror(a.error));
    }
    if (a.sequence != j->sequence)
        j->closed = false;
    j->end = j->bytes = a.at;
    j->sequence = a.sequence;
    return PHASH_OK;
}

void phash_journal_close_note(phash_journal *j)
{
    if (j->closed || phash_journal_room(j, JOURNAL_RECORD_MAX) != PHASH_OK)
        return;
    append a = {j, j->end, j->sequence, 0, 0, 0};
    (void)begin(&a, JOURNAL_CLOSED);
    flush(&a, true);
    if (a.error) {
        (void)phash_io_truncate(j->fd, j->end);
        return;
    }
    j->end = j->bytes = a.at;
    j->sequence = a.sequence;
    j->closed = true;
}

phash_status phash_journal_copy(const phash_journal *from_journal, uint64_t from, phash_journal *to,
                                phash_error *error)
{
    if (phash_journal_room(to, JOURNAL_RECORD_MAX) != PHASH_OK)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    uint64_t out = to->end;
    for (uint64_t at = from; at < from_journal->end;) {
        const uint64_t left = from_journal->end - at;
        const size_t want = left < to->capacity ? (size_t)left : to->capacity;
        size_t got;
        int e = phash_io_read(from_journal->fd, to->buffer, want, at, &got);
        if (e || got != want)
            return phash_fail_at(error, PHASH_E_READ, e, at, "cannot read the journal: %s",
                                 e ? strerror(e) : "it is being truncated");
        e = phash_io_write(to->fd, to->buffer, got, out);
        if (e)
            return phash_fail_at(error, PHASH_E_WRITE, e, out, "cannot write the journal: %s",
                                 strerror(e));
        at += got;
        out += got;
    }
    to->end = to->bytes = out;
    to->sequence = from_journal->sequence;
    if (from < from_journal->end)
        to->closed = from_journal->closed;
    return PHASH_OK;
}
