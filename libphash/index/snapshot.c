/* The snapshot file.
 *
 *     0          192                192 + 32 n
 *     +----------+------------------+---+-----------+---+-----------+-- … --+-----------+
 *     |  header  |  table, n rows   | 0 | section 1 | 0 | section 2 |       | section n |
 *     +----------+------------------+---+-----------+---+-----------+-- … --+-----------+
 *                                       ^ every section starts at a multiple of 64 bytes, or of
 *                                         4096 from 64 KiB on, in the order of the table; the bytes
 *                                         between are zero; the file ends with the last section
 *
 *     header                               a row of the table
 *       0   8  magic "\x89PHIDX\r\n"         0  4  kind
 *       8   4  byte order, 0x01020304        4  4  zero
 *      12   4  version, 1                    8  8  offset in the file
 *      16   4  size of this header          16  8  length in bytes, not 0
 *      20   4  n, rows of the table         24  8  XXH3 of the section
 *      24   8  length of the file
 *      32   4  bits of a hash
 *      36   4  radius it is tuned to
 *      40   8  pairs
 *      48   8  labels
 *      56   8  sequence: the last change that is in here
 *      64  16  generation: random, names this snapshot
 *      80  16  generation of the journal at the time of writing, or zero
 *      96  32  algorithm, padded with zeros
 *     128  48  zero
 *     176   8  XXH3 of the table
 *     184   8  XXH3 of the 184 bytes before
 *
 * Numbers are little-endian. Sections are position-independent: kinds below 100 belong to the
 * segment (layout.h), the others are listed in snapshot.h. How a snapshot and a journal stay
 * together is told in journal.c.
 *
 * Opening reads the header and the table alone; that is some kilobytes whatever the size. Section
 * checksums are read by phash_snapshot_check. The length of the file is compared with the header at
 * opening: a mapped file that someone truncates later would kill its readers with SIGBUS, which no
 * check can prevent; the library itself never changes a snapshot, it only replaces it, and it
 * overwrites a replaced one only when nobody has it open (the shared lock tells).
 */
#include "index/snapshot.h"
#include "core/internal.h"
#include "index/layout.h"

#include <xxhash.h>

#include <errno.h>
#include <string.h>

enum {
    BYTE_ORDER_MARK = 0x01020304,
    VERSION = 1,
    ALIGN_SMALL = 64,
    ALIGN_LARGE = 4096,
    LARGE = 64 << 10,
    PIECE = 16 << 20 /* read at a time when a snapshot is loaded */
};

static const uint8_t magic[8] = {0x89, 'P', 'H', 'I', 'D', 'X', '\r', '\n'};

typedef struct file_header {
    uint8_t magic[8];
    uint32_t byte_order;
    uint32_t version;
    uint32_t header_bytes;
    uint32_t section_count;
    uint64_t file_bytes;
    uint32_t bits;
    uint32_t radius;
    uint64_t pairs;
    uint64_t labels;
    uint64_t sequence;
    uint8_t generation[PHASH_GENERATION_BYTES];
    uint8_t parent[PHASH_GENERATION_BYTES];
    char algorithm[32];
    uint8_t zero[48];
    uint64_t table_sum;
    uint64_t header_sum;
} file_header;

typedef struct file_row {
    uint32_t kind;
    uint32_t zero;
    uint64_t offset;
    uint64_t bytes;
    uint64_t sum;
} file_row;

_Static_assert(sizeof(file_header) == 192 && sizeof(file_row) == 32, "the format has no padding");

static uint64_t place_after(uint64_t end, uint64_t bytes)
{
    const uint64_t align = bytes >= LARGE ? ALIGN_LARGE : ALIGN_SMALL;
    return (end + align - 1) / align * align;
}

/* ---- writing ---- */

static phash_status write_all(int fd, phash_snapshot_info *info, const phash_section *sections,
                              size_t n, phash_error *error)
{
    struct {
        file_header head;
        file_row rows[PHASH_SNAPSHOT_SECTIONS_MAX];
    } start;
    memset(&start, 0, sizeof start);
    file_header *head = &start.head;
    for (size_t i = 0; i < n; i++)
        head->section_count += sections[i].bytes != 0;
    uint64_t end = sizeof *head + head->section_count * sizeof *start.rows;
    file_row *row = start.rows;
    for (size_t i = 0; i < n; i++) {
        if (!sections[i].bytes)
            continue;
        row->kind = sections[i].kind;
        row->bytes = sections[i].bytes;
        row->offset = place_after(end, row->bytes);
        row->sum = XXH3_64bits(sections[i].data, (size_t)row->bytes);
        const int e = phash_io_write(fd, sections[i].data, (size_t)row->bytes, row->offset);
        if (e)
            return phash_fail_at(error, PHASH_E_WRITE, e, row->offset,
                                 "cannot write the snapshot: %s", strerror(e));
        end = row->offset + row->bytes;
        row++;
    }
    memcpy(head->magic, magic, sizeof magic);
    head->byte_order = BYTE_ORDER_MARK;
    head->version = VERSION;
    head->header_bytes = sizeof *head;
    head->file_bytes = info->bytes = end;
    head->bits = info->bits;
    head->radius = info->radius;
    head->pairs = info->pairs;
    head->labels = info->labels;
    head->sequence = info->sequence;
    memcpy(head->generation, info->generation, sizeof head->generation);
    memcpy(head->parent, info->parent, sizeof head->parent);
    memcpy(head->algorithm, info->algorithm, sizeof head->algorithm);
    head->table_sum = XXH3_64bits(start.rows, head->section_count * sizeof *start.rows);
    head->header_sum = XXH3_64bits(head, offsetof(file_header, header_sum));
    int e = phash_io_write(fd, &start, sizeof *head + head->section_count * sizeof *start.rows, 0);
    if (!e)
        e = phash_io_sync(fd);
    if (e)
        return phash_fail_at(error, PHASH_E_WRITE, e, 0, "cannot write the snapshot: %s",
                             strerror(e));
    return PHASH_OK;
}

phash_status phash_snapshot_write(const phash_io_place *place, const char *name, const char *rights,
                                  phash_snapshot_info *info, const phash_section *sections,
                                  size_t n, phash_error *error)
{
    if (n > PHASH_SNAPSHOT_SECTIONS_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "too many sections");
    int fd;
    int e = phash_io_open(place->folder, name, PHASH_IO_NEW, &fd);
    if (e)
        return phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX, "cannot make the snapshot: %s",
                             strerror(e));
    int old;
    if (rights && !phash_io_open(place->folder, rights, PHASH_IO_READ, &old)) {
        e = phash_io_copy_rights(old, fd);
        phash_io_close(&old);
    }
    phash_status status =
        e ? phash_fail_at(error, PHASH_E_WRITE, e, UINT64_MAX,
                          "cannot give the snapshot its access rights: %s", strerror(e))
          : write_all(fd, info, sections, n, error);
    phash_io_close(&fd);
    if (status != PHASH_OK)
        (void)phash_io_unlink(place->folder, name);
    return status;
}

/* ---- opening ---- */

static bool all_zero(const uint8_t *p, uint64_t n)
{
    while (n--)
        if (*p++)
            return false;
    return true;
}

static phash_status check_header(const file_header *head, uint64_t file_bytes, phash_error *error)
{
    if (memcmp(head->magic, magic, sizeof magic) != 0)
        return phash_fail_at(error, PHASH_E_FORMAT, 0, 0, "not an index snapshot");
    if (head->byte_order != BYTE_ORDER_MARK)
        return phash_fail_at(error,
                             head->byte_order == __builtin_bswap32(BYTE_ORDER_MARK)
                                 ? PHASH_E_UNSUPPORTED
                                 : PHASH_E_CORRUPT,
                             0, offsetof(file_header, byte_order),
                             "the snapshot is of another byte order, or damaged");
    if (head->version != VERSION)
        return phash_fail_at(error, PHASH_E_VERSION, 0, offsetof(file_header, version),
                             "snapshot format version %u; this build knows %u", head->version,
                             (unsigned)VERSION);
    if (head->header_sum != XXH3_64bits(head, offsetof(file_header, header_sum)))
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, 0, "the snapshot's header is damaged");
    if (file_bytes < head->file_bytes)
        return phash_fail_at(error, PHASH_E_TRUNCATED, 0, file_bytes,
                             "the snapshot ends at byte %llu of %llu",
                             (unsigned long long)file_bytes, (unsigned long long)head->file_bytes);
    if (file_bytes > head->file_bytes)
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, head->file_bytes,
                             "the snapshot goes on behind its end");
    /* Only someone who computes checksums gets further with a bad value. */
    if (head->header_bytes != sizeof *head || head->section_count > PHASH_SNAPSHOT_SECTIONS_MAX ||
        (head->bits != 64 && head->bits != 256) || head->radius > head->bits ||
        head->algorithm[sizeof head->algorithm - 1] || !all_zero(head->zero, sizeof head->zero))
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, 0,
                             "the snapshot's header holds an impossible value");
    return PHASH_OK;
}

static phash_status check_table(const file_header *head, const file_row *rows, phash_error *error)
{
    if (head->table_sum != XXH3_64bits(rows, head->section_count * sizeof *rows))
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, sizeof *head,
                             "the snapshot's section table is damaged");
    uint64_t end = sizeof *head + head->section_count * sizeof *rows;
    for (uint32_t i = 0; i < head->section_count; i++) {
        const uint64_t at = sizeof *head + i * sizeof *rows;
        bool bad = !rows[i].bytes || rows[i].zero || rows[i].bytes > head->file_bytes ||
                   rows[i].offset != place_after(end, rows[i].bytes) ||
                   rows[i].offset > head->file_bytes - rows[i].bytes;
        for (uint32_t j = 0; j < i; j++)
            bad |= rows[j].kind == rows[i].kind;
        if (bad)
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, at,
                                 "row %u of the snapshot's section table is impossible", i);
        end = rows[i].offset + rows[i].bytes;
    }
    if (end != head->file_bytes)
        return phash_fail_at(error, PHASH_E_CORRUPT, 0, end,
                             "the snapshot's sections do not fill it");
    return PHASH_OK;
}

static void take(phash_snapshot *s, const file_header *head, const file_row *rows)
{
    s->info.bits = head->bits;
    s->info.radius = head->radius;
    memcpy(s->info.algorithm, head->algorithm, sizeof s->info.algorithm);
    s->info.pairs = head->pairs;
    s->info.bytes = head->file_bytes;
    s->info.labels = head->labels;
    s->info.sequence = head->sequence;
    memcpy(s->info.generation, head->generation, sizeof s->info.generation);
    memcpy(s->info.parent, head->parent, sizeof s->info.parent);
    s->section_count = head->section_count;
    for (uint32_t i = 0; i < head->section_count; i++) {
        s->sections[i] = (phash_section){rows[i].kind, (const uint8_t *)NULL, rows[i].bytes};
        s->sums[i] = rows[i].sum;
    }
}

/* Maps or loads the file, and points the sections into it. */
static phash_status hold(phash_snapshot *s, const file_row *rows, bool load, phash_error *error)
{
    if (!load) {
        const int e = phash_io_map(s->fd, s->bytes, &s->map);
        if (e)
            return phash_fail_at(error, e == ENOMEM ? PHASH_E_MEMORY : PHASH_E_READ, e, UINT64_MAX,
                                 "cannot map the snapshot: %s", strerror(e));
    } else {
        s->loaded = phash_pages_alloc(s->bytes);
        if (!s->loaded)
            return phash_fail(error, PHASH_E_MEMORY, "out of memory");
        for (uint64_t at = 0; at < s->bytes; at += PIECE) {
            const size_t want = s->bytes - at < PIECE ? (size_t)(s->bytes - at) : PIECE;
            size_t got;
            const int e = phash_io_read(s->fd, (uint8_t *)s->loaded + at, want, at, &got);
            if (e || got != want)
                return phash_fail_at(error, e ? PHASH_E_READ : PHASH_E_TRUNCATED, e, at + got,
                                     "cannot read the snapshot: %s",
                                     e ? strerror(e) : "it is being truncated");
        }
    }
    const uint8_t *base = load ? s->loaded : s->map;
    for (size_t i = 0; i < s->section_count; i++)
        s->sections[i].data = base + rows[i].offset;
    return load ? phash_snapshot_check(s, error) : PHASH_OK;
}

static phash_status open_file(phash_snapshot *s, const phash_io_place *place, const char *name,
                              bool load, phash_error *error)
{
    int e = phash_io_open(place->folder, name, PHASH_IO_READ, &s->fd);
    if (!e)
        e = phash_io_size(s->fd, &s->bytes);
    if (e)
        return phash_fail_at(error, PHASH_E_OPEN, e, UINT64_MAX, "cannot open the index: %s",
                             strerror(e));
    /* Fails only while its overwriting goes on: then it has been replaced, and was opened in the
     * moment before. File systems without locks are served all the same. */
    if (phash_io_lock(s->fd, false) == EWOULDBLOCK)
        return phash_fail_at(error, PHASH_E_LOCKED, EWOULDBLOCK, UINT64_MAX,
                             "the snapshot is being erased");
    struct {
        file_header head;
        file_row rows[PHASH_SNAPSHOT_SECTIONS_MAX];
    } start;
    size_t got;
    e = phash_io_read(s->fd, &start, sizeof start, 0, &got);
    if (e)
        return phash_fail_at(error, PHASH_E_READ, e, 0, "cannot read the index: %s", strerror(e));
    if (got < sizeof magic || memcmp(start.head.magic, magic, sizeof magic) != 0)
        return phash_fail_at(error, PHASH_E_FORMAT, 0, 0, "not an index snapshot");
    if (got < sizeof start.head)
        return phash_fail_at(error, PHASH_E_TRUNCATED, 0, got,
                             "the snapshot ends within its header");
    phash_status status = check_header(&start.head, s->bytes, error);
    if (status != PHASH_OK)
        return status;
    if (got < sizeof start.head + start.head.section_count * sizeof *start.rows)
        return phash_fail_at(error, PHASH_E_TRUNCATED, 0, got,
                             "the snapshot ends within its section table");
    status = check_table(&start.head, start.rows, error);
    if (status != PHASH_OK)
        return status;
    take(s, &start.head, start.rows);
    return hold(s, start.rows, load, error);
}

phash_status phash_snapshot_open(const phash_io_place *place, const char *name, bool load,
                                 phash_snapshot **snapshot, phash_error *error)
{
    *snapshot = NULL;
    phash_snapshot *s = phash_alloc_zero(1, sizeof *s);
    if (!s)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    s->fd = -1;
    s->refs = 1;
    phash_status status = open_file(s, place, name, load, error);
    if (status == PHASH_OK)
        *snapshot = s;
    else
        phash_snapshot_close(&s);
    return status;
}

phash_status phash_snapshot_check(const phash_snapshot *s, phash_error *error)
{
    const uint8_t *base = s->map ? s->map : s->loaded;
    uint64_t end = sizeof(file_header) + s->section_count * sizeof(file_row);
    for (size_t i = 0; i < s->section_count; i++) {
        const phash_section *section = &s->sections[i];
        const uint64_t offset = (uint64_t)((const uint8_t *)section->data - base);
        if (!all_zero(base + end, offset - end))
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, end,
                                 "bytes between sections are not zero");
        if (XXH3_64bits(section->data, (size_t)section->bytes) != s->sums[i])
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, offset,
                                 "section %u of the snapshot is damaged (checksum)", section->kind);
        end = offset + section->bytes;
    }
    return PHASH_OK;
}

phash_section phash_snapshot_section(const phash_snapshot *s, uint32_t kind)
{
    for (size_t i = 0; i < s->section_count; i++)
        if (s->sections[i].kind == kind)
            return s->sections[i];
    return (phash_section){kind, NULL, 0};
}

phash_snapshot *phash_snapshot_hold(phash_snapshot *s)
{
    s->refs++;
    return s;
}

void phash_snapshot_close(phash_snapshot **snapshot)
{
    phash_snapshot *s = snapshot ? *snapshot : NULL;
    if (snapshot)
        *snapshot = NULL;
    if (!s || --s->refs)
        return;
    phash_io_unmap(s->map, s->bytes);
    phash_pages_free(s->loaded, s->bytes);
    phash_io_close(&s->fd);
    phash_wipe_free(s, sizeof *s);
}
