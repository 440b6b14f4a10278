/* Any bytes as the files of an index. Input: one byte of mode, then
 *     mode & 1   the bytes of a whole file, as they are
 *     else       changes to files that the library wrote: offset (3 bytes), value (1 byte) …, after
 *                which every checksum is computed anew where mode & 2 says so; otherwise checksums
 *                would stop nearly everything at the door
 *     mode & 4   the journal is meant, else the snapshot
 * Every call ends; what opens can be searched, and once `verify` has found nothing wrong every search
 * succeeds and keeps to its radius. */
#define _XOPEN_SOURCE 700
#include "target.h"

#include <phash/index.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { PAIRS = 200, CHANGES = 8, LIMIT = 1 << 20, HEADER = 192, ROW = 32, RECORD = 32 };

typedef struct file {
    uint8_t *data;
    size_t size;
} file;

static char folder[64], path[96], journal_path[112];
static file snapshot, journal;
static phash_hash256 hashes[PAIRS];

static uint64_t get(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | p[bytes];
    return value;
}

static void put64(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static file load(const char *name)
{
    FILE *f = fopen(name, "rb");
    REQUIRE(f);
    file out = {malloc(LIMIT), 0};
    REQUIRE(out.data);
    out.size = fread(out.data, 1, LIMIT, f);
    fclose(f);
    return out;
}

static void store(const char *name, file content)
{
    FILE *f = fopen(name, "wb");
    REQUIRE(f && fwrite(content.data, 1, content.size, f) == content.size && fclose(f) == 0);
}

static void remove_files(void)
{
    static const char *const ends[] = {"", ".journal", ".lock", ".new", ".journal.new"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void leave(void)
{
    remove_files();
    rmdir(folder);
}

/* The files that changes start from; the same in every run but for their generations. */
static void prepare(void)
{
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    uint64_t ids[PAIRS];
    uint32_t state = 1;
    struct stat st;
    snprintf(folder, sizeof folder, "%s/phash-fuzz-XXXXXX",
             stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp");
    REQUIRE(mkdtemp(folder));
    atexit(leave);
    snprintf(path, sizeof path, "%s/index", folder);
    snprintf(journal_path, sizeof journal_path, "%s.journal", path);
    for (size_t i = 0; i < PAIRS; i++) {
        for (size_t j = 0; j < sizeof hashes[i]; j++)
            hashes[i].bytes[j] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
        ids[i] = i / 2;
    }
    phash_index *index;
    options.engine = PHASH_INDEX_MULTI;
    REQUIRE(phash_index_build(hashes, ids, PAIRS, &options, &index, NULL) == PHASH_OK);
    REQUIRE(phash_index_save(index, path, 0, NULL) == PHASH_OK);
    phash_index_free(&index);
    options.flags = PHASH_INDEX_MANUAL;
    options.sync = PHASH_SYNC_NEVER;
    REQUIRE(phash_index_open(path, &options, &index, NULL) == PHASH_OK);
    static const char *const labels[CHANGES] = {"one", NULL, "three"};
    REQUIRE(phash_index_add(index, hashes, ids, labels, CHANGES, NULL) == PHASH_OK);
    REQUIRE(phash_index_remove(index, ids, 3, 0, NULL, NULL) == PHASH_OK);
    phash_index_free(&index);
    snapshot = load(path);
    journal = load(journal_path);
    remove_files();
}

/* Sections first, then the table that names them, then the header. */
static void sum_snapshot(file f)
{
    if (f.size < HEADER)
        return;
    const uint64_t rows = get(f.data + 20, 4);
    if (rows <= (f.size - HEADER) / ROW) {
        for (uint64_t i = 0; i < rows; i++) {
            uint8_t *row = f.data + HEADER + i * ROW;
            const uint64_t at = get(row + 8, 8), bytes = get(row + 16, 8);
            if (at <= f.size && bytes <= f.size - at)
                put64(row + 24, XXH3_64bits(f.data + at, (size_t)bytes));
        }
        put64(f.data + 176, XXH3_64bits(f.data + HEADER, (size_t)(rows * ROW)));
    }
    put64(f.data + 184, XXH3_64bits(f.data, 184));
}

static void sum_journal(file f)
{
    if (f.size < 64)
        return;
    put64(f.data + 56, XXH3_64bits(f.data, 56));
    for (size_t at = 64; f.size - at >= RECORD;) {
        uint8_t *record = f.data + at;
        const size_t bytes = (size_t)get(record + 24, 4);
        if (bytes > f.size - at - RECORD)
            break;
        put64(record + 8, XXH3_64bits(record + RECORD, bytes));
        put64(record, XXH3_64bits(record + 8, RECORD - 8));
        at += RECORD + bytes;
    }
}

static file changed(file from, fuzz_bytes in)
{
    file out = {malloc(from.size), from.size};
    REQUIRE(out.data);
    memcpy(out.data, from.data, from.size);
    while (in.size >= 4) {
        const size_t at = fuzz_take(&in, 3) % out.size;
        out.data[at] = (uint8_t)fuzz_take(&in, 1);
    }
    return out;
}

static void search(uint32_t flags, int sound)
{
    phash_index_options options = PHASH_INDEX_OPTIONS_INIT;
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    options.flags = flags;
    options.sync = PHASH_SYNC_NEVER;
    if (phash_index_open(path, &options, &index, &error) != PHASH_OK) {
        REQUIRE(index == NULL && error.message[0]);
        return;
    }
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    REQUIRE(phash_index_stats_get(index, &stats) == PHASH_OK);
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    REQUIRE(phash_searcher_new(index, &searcher) == PHASH_OK);
    static const uint32_t radii[] = {0, 31, 64};
    for (size_t i = 0; i < sizeof radii / sizeof radii[0]; i++) {
        const phash_status status =
            phash_search_radius(searcher, hashes, 4, radii[i], &found, &error);
        REQUIRE(!sound || status == PHASH_OK);
        for (size_t j = 0; status == PHASH_OK && j < found.count; j++)
            REQUIRE(found.items[j].distance <= radii[i] && found.items[j].query < 4);
    }
    (void)phash_search_nearest(searcher, hashes, 2, 3, 256, &found, &error);
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    phash_index_free(&index);
}

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_bytes in = {data, size};
    if (!snapshot.data)
        prepare();
    const uint32_t mode = fuzz_take(&in, 1);
    const int is_journal = (mode & 4) != 0;
    file f = changed(is_journal ? journal : snapshot, (mode & 1) ? (fuzz_bytes){NULL, 0} : in);
    if (mode & 1) {
        f.size = in.size < f.size ? in.size : f.size;
        if (f.size)
            memcpy(f.data, in.data, f.size);
    }
    if (mode & 2)
        is_journal ? sum_journal(f) : sum_snapshot(f);
    store(path, is_journal ? snapshot : f);
    store(journal_path, is_journal ? f : journal);
    phash_error error = PHASH_ERROR_INIT;
    const phash_status sound = phash_index_verify(path, &error);
    REQUIRE(sound == PHASH_OK || error.message[0]);
    search(PHASH_INDEX_READ_ONLY, sound == PHASH_OK);
    search(PHASH_INDEX_READ_ONLY | PHASH_INDEX_LOAD, sound == PHASH_OK);
    search(PHASH_INDEX_MANUAL, sound == PHASH_OK); /* cuts a torn end off */
    remove_files();
    free(f.data);
    return 0;
}
