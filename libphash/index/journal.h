/* The journal: every change since a snapshot, on disk before it is acknowledged. Format, and how it
 * stays in step with the snapshot: journal.c. */
#ifndef PHASH_INDEX_JOURNAL_H
#define PHASH_INDEX_JOURNAL_H

#include "core/io.h"
#include "index/snapshot.h"

typedef struct phash_journal {
    int fd;
    uint32_t bits;
    uint8_t generation[PHASH_GENERATION_BYTES]; /* of the snapshot it was begun for */
    uint64_t base;                              /* sequence of the last change before its first */
    uint64_t sequence;                          /* of the last complete change in it, or base */
    uint64_t end;                               /* where that change ends */
    uint64_t bytes;  /* of the file when it was opened; more than end: a torn change follows */
    bool closed;     /* the last record says that the writer closed it in order */
    uint8_t *buffer; /* a record being made or read */
    size_t capacity;
} phash_journal;

/* Makes a journal without changes, synced, under a name of its own. Errors: PHASH_E_OPEN,
 * PHASH_E_WRITE, PHASH_E_MEMORY. */
phash_status phash_journal_create(const phash_io_place *place, const char *name, const char *rights,
                                  uint32_t bits, const uint8_t *generation, uint64_t base,
                                  phash_journal **journal, phash_error *error);

/* Opens a journal and checks every record. A torn change at its end (one that was being written
 * when the machine or the process died, so that nobody was told that it is safe) is left out; with
 * `writable` it is cut off.
 * Errors: PHASH_E_OPEN (sys_errno ENOENT where there is none), PHASH_E_READ, PHASH_E_FORMAT,
 * PHASH_E_VERSION, PHASH_E_CORRUPT, PHASH_E_TRUNCATED (no whole header), PHASH_E_MEMORY. */
phash_status phash_journal_open(const phash_io_place *place, const char *name, bool writable,
                                phash_journal **journal, phash_error *error);

/* Looks for changes that have been written since. Errors: as phash_journal_open. */
phash_status phash_journal_rescan(phash_journal *journal, phash_error *error);

/* What a journal's changes are handed to, in their order. A function that fails ends the replay. */
typedef struct phash_journal_sink {
    phash_status (*add)(void *data, const uint8_t *hashes, const uint64_t *ids, size_t n,
                        phash_error *error);
    phash_status (*remove)(void *data, const uint64_t *ids, size_t n, phash_error *error);
    phash_status (*label)(void *data, uint64_t id, const char *label, size_t length,
                          phash_error *error);
    void *data;
} phash_journal_sink;

/* A place between two records. */
typedef struct phash_journal_place {
    uint64_t byte;
    uint64_t sequence; /* of the record before */
} phash_journal_place;
phash_journal_place phash_journal_start(const phash_journal *journal);

/* Hands the changes from `from` on to the sink, but for those up to the sequence `after`, and moves
 * `from` behind them. Errors: the sink's own, PHASH_E_READ, PHASH_E_CORRUPT. */
phash_status phash_journal_replay(phash_journal *journal, phash_journal_place *from, uint64_t after,
                                  const phash_journal_sink *sink, phash_error *error);

/* One change: any of its parts may be empty. It takes effect as a whole or not at all. */
typedef struct phash_journal_change {
    const uint8_t *hashes;
    const uint64_t *ids; /* of the hashes */
    size_t add_count;
    const uint64_t *removed;
    size_t remove_count;
    const uint64_t *label_ids;
    const char *const *labels; /* NULL or empty: the label goes */
    const size_t *label_lengths;
    size_t label_count;
} phash_journal_change;

/* Appends a change; it is safe after phash_io_sync_data. On failure nothing of it is left, or, if
 * that cannot be had, *broken is set: nothing more may be appended. Errors: PHASH_E_WRITE,
 * PHASH_E_MEMORY. */
phash_status phash_journal_append(phash_journal *journal, const phash_journal_change *change,
                                  bool *broken, phash_error *error);

/* Notes that nothing follows. Not synced: without the note the next writer only looks closer. */
void phash_journal_close_note(phash_journal *journal);

/* Copies the records from byte `from` to the present end into another journal, behind its own,
 * which must end with the change before; brings `to` up to date. Not synced. Errors: PHASH_E_READ,
 * PHASH_E_WRITE. */
phash_status phash_journal_copy(const phash_journal *from_journal, uint64_t from, phash_journal *to,
                                phash_error *error);

/* Closes the file and frees; NULL and pointers to NULL are fine. */
void phash_journal_free(phash_journal **journal);

#endif
