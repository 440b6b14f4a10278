/* The journal file: reading and checking. journal_write.c appends.
 *
 *     +--------------------+----------+----------+-- … --+
 *     | header, 64 bytes   | record   | record   |       |
 *     +--------------------+----------+----------+-- … --+
 *
 *     header                               record
 *       0   8  magic "\x89PHJRN\r\n"         0  8  XXH3 of the 24 bytes that follow
 *       8   4  byte order, 0x01020304        8  8  XXH3 of the body
 *      12   4  version, 1                   16  8  sequence: that of the record before, plus 1
 *      16   4  bits of a hash               24  4  length of the body, a multiple of 8
 *      20   4  zero                         28  2  kind
 *      24  16  generation                   30  2  1 for the last record of a change, else 0
 *      40   8  base: sequence before the    32     body
 *              first record
 *      48   8  zero                         kinds
 *      56   8  XXH3 of the 56 bytes before   1  add: n ids of 64 bits, then their n hashes
 *                                            2  remove: ids
 *                                            3  label: id, 32-bit length, 32 zero bits, bytes
 *                                               padded with zeros to a multiple of 8; length 0
 *                                               takes the label away
 *                                            4  closed: no body; the writer left in order
 *
 * A change (one call of the library) is one or more records in a row and counts only when its last
 * one is whole. Numbers are little-endian.
 *
 * How snapshot and journal stay together. Every snapshot has a random generation, knows the
 * sequence of the last change that it holds, and the generation of the journal that was in use when
 * it was written (its parent). A journal goes with a snapshot when it names the snapshot's
 * generation or its parent, and does not begin after the snapshot's sequence; its records up to
 * that sequence are skipped. So a new snapshot is made in these steps, and a crash after any of
 * them loses nothing:
 *     1. write NAME.new, sync     old snapshot, old journal: as before
 *     2. rename it to NAME        new snapshot, old journal (its parent): the first part is skipped
 *     3. write NAME.journal.new with the later records, sync; rename it to NAME.journal
 * Writers append to the old journal until the rename of step 3, which is done while none writes.
 *
 * A torn end. A process that is killed while it writes leaves a record that stops short; a machine
 * that loses power may leave blocks of zeros in it. Either is cut off at the next opening for
 * writing: nobody was told that the change is safe. Any other damage is refused: a whole record
 * with a wrong checksum was damaged after it had been written. What cannot be told from the records
 * is whether whole records are missing at the end; for this the note "closed" is written, and
 * `verify` says when it is not there.
 */
#include "index/journal.h"
#include "core/internal.h"
#include "index/journal_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BLOCK = 512 }; /* the smallest unit in which a disk forgets */

phash_status phash_journal_room(phash_journal *j, size_t bytes)
{
    if (bytes <= j->capacity)
        return PHASH_OK;
    uint8_t *larger = phash_alloc(1, bytes);
    if (!larger)
        return PHASH_E_MEMORY;
    phash_wipe_free(j->buffer, j->capacity);
    j->buffer = larger;
    j->capacity = bytes;
    return PHASH_OK;
}

static phash_status damaged(phash_error *error, uint64_t at, const char *what)
{
    return phash_fail_at(error, PHASH_E_CORRUPT, 0, at, "the journal is damaged at byte %llu: %s",
                         (unsigned long long)at, what);
}

static phash_status read_failed(phash_error *error, int e, uint64_t at)
{
    return phash_fail_at(error, PHASH_E_READ, e, at, "cannot read the journal: %s", strerror(e));
}

static phash_status read_header(phash_journal *j, phash_error *error)
{
    journal_header head;
    size_t got;
    const int e = phash_io_read(j->fd, &head, sizeof head, 0, &got);
    if (e)
        return read_failed(error, e, 0);
    if (got < sizeof head.magic || memcmp(head.magic, journal_magic, sizeof head.magic) != 0)
        return phash_fail_at(error, PHASH_E_FORMAT, 0, 0, "not an index journal");
    if (got < sizeof head)
        return phash_fail_at(error, PHASH_E_TRUNCATED, 0, got,
                             "the journal ends within its header");
    if (head.version != JOURNAL_VERSION)
        return phash_fail_at(error, PHASH_E_VERSION, 0, offsetof(journal_header, version),
                             "journal format version %u; this build knows %u", head.version,
                             (unsigned)JOURNAL_VERSION);
    if (head.sum != XXH3_64bits(&head, offsetof(journal_header, sum)) ||
        head.byte_order != JOURNAL_BYTE_ORDER || head.zero || head.zero2 ||
        (head.bits != 64 && head.bits != 256))
        return damaged(error, 0, "header");
    j->bits = head.bits;
    j->base = j->sequence = head.base;
    memcpy(j->generation, head.generation, sizeof j->generation);
    j->end = sizeof head;
    return PHASH_OK;
}

/* Whether a whole block of zeros lies in n bytes from `at` on, or the last block's share of them is
 * zero: writes that a power cut lost. */
static bool has_lost_block(const uint8_t *p, size_t n, uint64_t at)
{
    size_t run = 0;
    for (size_t i = 0; i < n; i++) {
        run = p[i] ? 0 : run + 1;
        if (run >= BLOCK && (at + i + 1) % BLOCK == 0)
            return true;
    }
    const size_t last = (size_t)((at + n - 1) % BLOCK) + 1;
    return n && run >= (last < n ? last : n);
}

typedef enum record_state { RECORD_WHOLE, RECORD_NONE, RECORD_TORN, RECORD_BAD } record_state;

/* Whether a body's length and content can be of its kind. Both sums were right, so this only stops
 * those who compute sums. */
static bool body_possible(const journal_record *r, const uint8_t *body, uint32_t bits)
{
    switch (r->kind) {
    case JOURNAL_ADD:
        return r->bytes && r->bytes % (8 + bits / 8) == 0;
    case JOURNAL_REMOVE:
        return r->bytes && r->bytes % 8 == 0;
    case JOURNAL_LABEL:
        for (size_t at = 0; at < r->bytes;) {
            uint32_t length[2];
            if (r->bytes - at < 16)
                return false;
            memcpy(length, body + at + 8, sizeof length);
            if (length[1] || length[0] > PHASH_LABEL_MAX || pad8(length[0]) > r->bytes - at - 16)
                return false;
            at += 16 + pad8(length[0]);
        }
        return r->bytes != 0;
    case JOURNAL_CLOSED:
        return r->bytes == 0 && (r->flags & JOURNAL_LAST);
    default:
        return false;
    }
}

/* Reads the record at `at` into the buffer: header, then body. */
static phash_status read_record(phash_journal *j, uint64_t at, uint64_t sequence,
                                record_state *state, phash_error *error)
{
    journal_record r;
    size_t got;
    *state = RECORD_TORN;
    if (phash_journal_room(j, JOURNAL_RECORD_MAX) != PHASH_OK)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    int e = phash_io_read(j->fd, &r, sizeof r, at, &got);
    if (e)
        return read_failed(error, e, at);
    if (got < sizeof r) {
        *state = got ? RECORD_TORN : RECORD_NONE;
        return PHASH_OK;
    }
    const bool sum = r.head_sum == XXH3_64bits(&r.body_sum, sizeof r - sizeof r.head_sum);
    if (!sum || r.bytes > JOURNAL_BODY_MAX) {
        /* All that is left, as far as one record could go. */
        e = phash_io_read(j->fd, j->buffer, JOURNAL_RECORD_MAX, at, &got);
        if (e)
            return read_failed(error, e, at);
        *state = has_lost_block(j->buffer, got, at) ? RECORD_TORN : RECORD_BAD;
        return PHASH_OK;
    }
    memcpy(j->buffer, &r, sizeof r);
    uint8_t *body = j->buffer + sizeof r;
    e = phash_io_read(j->fd, body, r.bytes, at + sizeof r, &got);
    if (e)
        return read_failed(error, e, at);
    if (got < r.bytes)
        return PHASH_OK;
    if (r.body_sum != XXH3_64bits(body, r.bytes))
        *state = has_lost_block(body, r.bytes, at + sizeof r) ? RECORD_TORN : RECORD_BAD;
    else
        *state = r.sequence == sequence && r.flags <= JOURNAL_LAST && r.bytes % 8 == 0 &&
                         body_possible(&r, body, j->bits)
                     ? RECORD_WHOLE
                     : RECORD_BAD;
    return PHASH_OK;
}

/* Whether a whole record with a later sequence starts anywhere in what follows a torn one: then it
 * is no end, and cutting there would lose changes that are safe. Records start at multiples of 8. */
static phash_status later_record(phash_journal *j, uint64_t at, uint64_t sequence, bool *found,
                                 phash_error *error)
{
    *found = false;
    for (uint64_t next = at + 8; next + sizeof(journal_record) <= j->bytes;) {
        size_t got;
        const int e = phash_io_read(j->fd, j->buffer, JOURNAL_RECORD_MAX, next, &got);
        if (e)
            return read_failed(error, e, next);
        size_t i = 0;
        for (; i + sizeof(journal_record) <= got; i += 8) {
            journal_record r;
            memcpy(&r, j->buffer + i, sizeof r);
            if (r.sequence > sequence && r.kind && r.kind <= JOURNAL_CLOSED &&
                r.head_sum == XXH3_64bits(&r.body_sum, sizeof r - sizeof r.head_sum)) {
                *found = true;
                return PHASH_OK;
            }
        }
        if (!i)
            break;
        next += i;
    }
    return PHASH_OK;
}

/* Checks the records behind `end` and moves it behind the last complete change. */
static phash_status scan(phash_journal *j, phash_error *error)
{
    const int e = phash_io_size(j->fd, &j->bytes);
    if (e)
        return read_failed(error, e, 0);
    uint64_t at = j->end, sequence = j->sequence;
    for (;;) {
        record_state state;
        phash_status status = read_record(j, at, sequence + 1, &state, error);
        if (status != PHASH_OK)
            return status;
        if (state == RECORD_BAD)
            return damaged(error, at, "checksum, order or value of a record");
        if (state == RECORD_TORN) {
            bool later;
            status = later_record(j, at, sequence, &later, error);
            if (status != PHASH_OK)
                return status;
            return later ? damaged(error, at, "a record, and others follow") : PHASH_OK;
        }
        if (state == RECORD_NONE)
            return PHASH_OK;
        const journal_record *r = (const journal_record *)j->buffer;
        at += sizeof *r + r->bytes;
        sequence++;
        if (r->flags & JOURNAL_LAST) {
            j->end = at;
            j->sequence = sequence;
            j->closed = r->kind == JOURNAL_CLOSED;
        }
    }
}

phash_status phash_journal_rescan(phash_journal *j, phash_error *error)
{
    return scan(j, error);
}

phash_status phash_journal_open(const phash_io_place *place, const char *name, bool writable,
                                phash_journal **journal, phash_error *error)
{
    *journal = NULL;
    phash_journal *j = phash_alloc_zero(1, sizeof *j);
    if (!j)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    j->fd = -1;
    int e = phash_io_open(place->folder, name, writable ? PHASH_IO_CHANGE : PHASH_IO_READ, &j->fd);
    phash_status status = e ? phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX,
                                            "cannot open the journal: %s", strerror(e))
                            : read_header(j, error);
    if (status == PHASH_OK)
        status = scan(j, error);
    if (status == PHASH_OK && writable && j->bytes > j->end) {
        e = phash_io_truncate(j->fd, j->end);
        if (e)
            status = phash_fail_at(error, PHASH_E_WRITE, e, j->end,
                                   "cannot cut the journal's torn end: %s", strerror(e));
        j->bytes = j->end;
    }
    if (status == PHASH_OK)
        *journal = j;
    else
        phash_journal_free(&j);
    return status;
}

/* The ids lie before the hashes, both in the record's buffer; ids are aligned there. */
static phash_status hand_over(const phash_journal *j, const phash_journal_sink *sink,
                              phash_error *error)
{
    const journal_record *r = (const journal_record *)j->buffer;
    const uint8_t *body = j->buffer + sizeof *r;
    const uint64_t *ids = (const uint64_t *)(const void *)body;
    phash_status status = PHASH_OK;
    if (r->kind == JOURNAL_ADD) {
        const size_t n = r->bytes / (8 + j->bits / 8);
        status = sink->add(sink->data, body + n * 8, ids, n, error);
    } else if (r->kind == JOURNAL_REMOVE) {
        status = sink->remove(sink->data, ids, r->bytes / 8, error);
    } else if (r->kind == JOURNAL_LABEL) {
        for (size_t at = 0; at < r->bytes && status == PHASH_OK;) {
            uint64_t id;
            uint32_t length;
            memcpy(&id, body + at, sizeof id);
            memcpy(&length, body + at + 8, sizeof length);
            status = sink->label(sink->data, id, (const char *)body + at + 16, length, error);
            at += 16 + pad8(length);
        }
    }
    return status;
}

phash_journal_place phash_journal_start(const phash_journal *j)
{
    return (phash_journal_place){sizeof(journal_header), j->base};
}

phash_status phash_journal_replay(phash_journal *j, phash_journal_place *from, uint64_t after,
                                  const phash_journal_sink *sink, phash_error *error)
{
    while (from->byte < j->end) {
        record_state state;
        phash_status status = read_record(j, from->byte, from->sequence + 1, &state, error);
        if (status != PHASH_OK)
            return status;
        if (state != RECORD_WHOLE)
            return damaged(error, from->byte, "a record that was whole a moment ago");
        if (from->sequence + 1 > after)
            status = hand_over(j, sink, error);
        if (status != PHASH_OK)
            return status;
        from->sequence++;
        from->byte += sizeof(journal_record) + ((const journal_record *)j->buffer)->bytes;
    }
    return PHASH_OK;
}

void phash_journal_free(phash_journal **journal)
{
    phash_journal *j = journal ? *journal : NULL;
    if (!j)
        return;
    phash_io_close(&j->fd);
    phash_wipe_free(j->buffer, j->capacity);
    phash_wipe_free(j, sizeof *j);
    *journal = NULL;
}
