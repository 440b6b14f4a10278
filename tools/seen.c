/* The cache of a scan. The only file of the tools that sees SQLite. */
#include "seen.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    APPLICATION_ID = 0x70685343,
    SCHEMA_VERSION = 1,
    BUSY_MS = 10000,
    /* File systems keep times in steps of up to two seconds (FAT): a file that was written in this
     * one may be written again without showing it. */
    SETTLED_SECONDS = 2,
    MATCH_BYTES = 16 /* id 8, distance 4, orientation 4; little-endian */
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta(seed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE state(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE file(device INTEGER NOT NULL, inode INTEGER NOT NULL, modified INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, bytes INTEGER NOT NULL, sum BLOB NOT NULL,"
    " PRIMARY KEY(device, inode)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE content(sum BLOB NOT NULL, state INTEGER NOT NULL REFERENCES state,"
    " bytes INTEGER NOT NULL, position INTEGER NOT NULL, matches BLOB NOT NULL,"
    " PRIMARY KEY(sum, state)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX content_bytes ON content(bytes);";

enum sql { BEGIN, COMMIT, FILE_GET, FILE_SET, BYTES_GET, CONTENT_GET, CONTENT_SET, SQL_COUNT };

static const char *const sql[SQL_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [FILE_GET] = "SELECT sum FROM file WHERE device = ?1 AND inode = ?2 AND modified = ?3"
                 " AND changed = ?4 AND bytes = ?5",
    [FILE_SET] = "INSERT OR REPLACE INTO file VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [BYTES_GET] = "SELECT 1 FROM content WHERE bytes = ?1 LIMIT 1",
    [CONTENT_GET] = "SELECT matches FROM content WHERE sum = ?1 AND state = ?2 AND position >= ?3"
                    " AND bytes = ?4",
    [CONTENT_SET] = "INSERT OR REPLACE INTO content VALUES(?1, ?2, ?4, ?3, ?5)",
};

struct seen {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
    const char *path; /* the caller's */
    int64_t state;
    uint64_t seed;
    bool writing, broken;
    time_t begun;
};

static void refuse(struct seen *seen, const char *reason)
{
    char message[256];
    snprintf(message, sizeof message, "the cache: %.200s", reason);
    cli_path_message(seen->path, message);
}

/* sqlite3_errstr names the cause. False, and no more use of the cache, for anything but `rc` good. */
static bool good(struct seen *seen, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return true;
    if (!seen->broken) {
        char reason[160];
        snprintf(reason, sizeof reason, "%s; going on without it", sqlite3_errstr(rc));
        refuse(seen, reason);
    }
    seen->broken = true;
    return false;
}

static sqlite3_stmt *statement(struct seen *seen, enum sql which)
{
    sqlite3_stmt **s = &seen->statements[which];
    if (*s)
        sqlite3_reset(*s);
    else
        (void)good(
            seen, sqlite3_prepare_v3(seen->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL));
    return *s;
}

/* Whether there was a row; only then the statement is left on it. */
static bool step(struct seen *seen, sqlite3_stmt *s)
{
    if (!s)
        return false;
    const int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return true;
    sqlite3_reset(s);
    (void)good(seen, rc);
    return false;
}

/* ---- opening ---- */

static bool ask(sqlite3 *db, const char *question, int64_t *value)
{
    sqlite3_stmt *s = NULL;
    bool found = sqlite3_prepare_v2(db, question, -1, &s, NULL) == SQLITE_OK &&
                 sqlite3_step(s) == SQLITE_ROW;
    if (found)
        *value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return found;
}

/* The file, before SQLite does anything to it: the owner's alone, and none that a link leads to. */
static bool make_file(struct seen *seen)
{
    struct stat status;
    const int fd = open(seen->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) {
        refuse(seen, strerror(errno));
        return false;
    }
    const bool fits = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                      status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
    close(fd);
    if (!fits)
        refuse(seen, "not a file that you alone can write");
    return fits;
}

static bool configure(sqlite3 *db)
{
    return sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
           sqlite3_exec(db,
                        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                        "PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL;"
                        "PRAGMA secure_delete = ON",
                        NULL, NULL, NULL) == SQLITE_OK;
}

/* Makes the tables in an empty file; NULL, or what is wrong with the file. */
static const char *prepare(sqlite3 *db)
{
    int64_t application = 0, version = 0, tables = 0;
    if (!configure(db) || !ask(db, "PRAGMA application_id", &application) ||
        !ask(db, "PRAGMA user_version", &version) ||
        !ask(db, "SELECT count(*) FROM sqlite_master", &tables))
        return sqlite3_errstr(sqlite3_errcode(db));
    if (application == APPLICATION_ID)
        return version == SCHEMA_VERSION ? NULL : "of another version: delete it";
    if (application || version || tables)
        return "not a cache of phash scan";
    sqlite3_int64 seed;
    randombytes_buf(&seed, sizeof seed);
    char *mark = sqlite3_mprintf("INSERT INTO meta VALUES(%lld);"
                                 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                 seed, APPLICATION_ID, SCHEMA_VERSION);
    const bool made =
        mark && sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, mark, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(mark);
    return made ? NULL : sqlite3_errstr(sqlite3_errcode(db));
}

static bool find_state(struct seen *seen, const char *name)
{
    int64_t seed = 0;
    sqlite3_stmt *s = NULL;
    if (!ask(seen->db, "SELECT seed FROM meta", &seed))
        return false;
    seen->seed = (uint64_t)seed;
    bool found = false;
    static const char *const both[] = {"INSERT OR IGNORE INTO state(name) VALUES(?1)",
                                       "SELECT id FROM state WHERE name = ?1"};
    for (int i = 0; i < 2; i++) {
        if (sqlite3_prepare_v2(seen->db, both[i], -1, &s, NULL) != SQLITE_OK)
            return false;
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        found = sqlite3_step(s) == SQLITE_ROW;
        if (found)
            seen->state = sqlite3_column_int64(s, 0);
        sqlite3_finalize(s);
    }
    return found;
}

struct seen *seen_open(const char *path, const char *state)
{
    struct seen *seen = cli_allocate(1, sizeof *seen);
    seen->path = path;
    const char *wrong = "";
    if (make_file(seen)) {
        const int rc = sodium_init() < 0
                           ? SQLITE_ERROR
                           : sqlite3_open_v2(path, &seen->db,
                                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (rc == SQLITE_OK) {
            sqlite3_busy_timeout(seen->db, BUSY_MS);
            wrong = prepare(seen->db);
        } else {
            wrong = sqlite3_errstr(rc);
        }
        if (!wrong && !find_state(seen, state))
            wrong = sqlite3_errstr(sqlite3_errcode(seen->db));
        if (wrong)
            refuse(seen, wrong);
    }
    if (wrong)
        seen_close(&seen);
    return seen;
}

/* ---- transactions ---- */

static void commit(struct seen *seen)
{
    if (seen->writing)
        (void)step(seen, statement(seen, COMMIT));
    seen->writing = false;
}

/* One transaction for a second's work: a sync for each file would be slower than decoding it. */
static bool begin(struct seen *seen)
{
    if (!seen->writing && !seen->broken) {
        (void)step(seen, statement(seen, BEGIN));
        seen->writing = !seen->broken;
        seen->begun = time(NULL);
    }
    return !seen->broken;
}

void seen_tick(struct seen *seen)
{
    if (seen->writing && time(NULL) != seen->begun)
        commit(seen);
}

void seen_close(struct seen **out)
{
    struct seen *seen = *out;
    if (!seen)
        return;
    if (!seen->broken)
        commit(seen);
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(seen->statements[i]);
    sqlite3_close(seen->db);
    free(seen);
    *out = NULL;
}

/* ---- files ---- */

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void bind_identity(sqlite3_stmt *s, const struct stat *status)
{
    sqlite3_bind_int64(s, 1, (int64_t)status->st_dev);
    sqlite3_bind_int64(s, 2, (int64_t)status->st_ino);
    sqlite3_bind_int64(s, 3, nanoseconds(status->st_mtim));
    sqlite3_bind_int64(s, 4, nanoseconds(status->st_ctim));
    sqlite3_bind_int64(s, 5, (int64_t)status->st_size);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           nanoseconds(a->st_mtim) == nanoseconds(b->st_mtim) &&
           nanoseconds(a->st_ctim) == nanoseconds(b->st_ctim);
}

/* Whether the times of a file would show if it was written now. */
static bool settled(const struct stat *status)
{
    const time_t now = time(NULL) - SETTLED_SECONDS;
    return status->st_mtim.tv_sec < now && status->st_ctim.tv_sec < now;
}

/* XXH3-128 of a file's content; the seed keeps strangers from making two files of one sum. */
static bool sum(const struct seen *seen, int fd, uint8_t out[SEEN_SUM])
{
    static unsigned char buffer[1 << 17];
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        cli_no_memory();
    XXH3_128bits_reset_withSeed(state, seen->seed);
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
        XXH3_128bits_update(state, buffer, (size_t)n);
        at += n;
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    memcpy(out, canonical.digest, SEEN_SUM);
    XXH3_freeState(state);
    return n == 0;
}

static bool find_file(struct seen *seen, struct seen_file *file)
{
    sqlite3_stmt *s = statement(seen, FILE_GET);
    if (s)
        bind_identity(s, &file->status);
    if (!step(seen, s))
        return false;
    file->summed = sqlite3_column_bytes(s, 0) == SEEN_SUM;
    if (file->summed)
        memcpy(file->sum, sqlite3_column_blob(s, 0), SEEN_SUM);
    sqlite3_reset(s);
    return file->summed;
}

static void set_file(struct seen *seen, const struct seen_file *file)
{
    sqlite3_stmt *s = begin(seen) ? statement(seen, FILE_SET) : NULL;
    if (!s)
        return;
    bind_identity(s, &file->status);
    sqlite3_bind_blob(s, 6, file->sum, SEEN_SUM, SQLITE_STATIC);
    (void)step(seen, s);
}

/* Reading a file for its sum alone is worth it only where that could be known. */
static bool size_is_known(struct seen *seen, const struct stat *status)
{
    sqlite3_stmt *s = statement(seen, BYTES_GET);
    if (s)
        sqlite3_bind_int64(s, 1, (int64_t)status->st_size);
    const bool known = step(seen, s);
    if (known)
        sqlite3_reset(s);
    return known;
}

/* ---- verdicts ---- */

static uint64_t get_number(const unsigned char *from, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

static void put_number(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

/* False for what this program did not write. */
static bool unpack(const unsigned char *from, size_t bytes, struct seen_matches *found)
{
    const size_t n = bytes / MATCH_BYTES;
    if (bytes % MATCH_BYTES || (n && !from))
        return false;
    found->items = cli_allocate(n + 1, sizeof *found->items);
    found->count = n;
    bool sound = true;
    for (size_t i = 0; i < n; i++, from += MATCH_BYTES) {
        phash_match *m = &found->items[i];
        m->id = get_number(from, 8);
        m->distance = (uint32_t)get_number(from + 8, 4);
        m->query = (uint32_t)get_number(from + 12, 4);
        sound = sound && m->distance <= PHASH_HASH256_BITS && m->query < PHASH_DIHEDRALS;
    }
    if (!sound)
        seen_matches_free(found);
    return sound;
}

void seen_matches_free(struct seen_matches *found)
{
    free(found->items);
    *found = (struct seen_matches){NULL, 0};
}

static bool find_content(struct seen *seen, const struct seen_file *file, int64_t position,
                         struct seen_matches *found)
{
    sqlite3_stmt *s = statement(seen, CONTENT_GET);
    if (s) {
        sqlite3_bind_blob(s, 1, file->sum, SEEN_SUM, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, seen->state);
        sqlite3_bind_int64(s, 3, position);
        sqlite3_bind_int64(s, 4, (int64_t)file->status.st_size);
    }
    if (!step(seen, s))
        return false;
    const unsigned char *blob = sqlite3_column_blob(s, 0);
    const bool sound = unpack(blob, (size_t)sqlite3_column_bytes(s, 0), found);
    sqlite3_reset(s);
    return sound;
}

bool seen_find(struct seen *seen, int fd, int64_t position, struct seen_file *file,
               struct seen_matches *found)
{
    memset(file, 0, sizeof *file);
    *found = (struct seen_matches){NULL, 0};
    file->known = fstat(fd, &file->status) == 0;
    if (!file->known || seen->broken)
        return false;
    const bool remembered = find_file(seen, file);
    if (!remembered && size_is_known(seen, &file->status))
        file->summed = sum(seen, fd, file->sum);
    if (!file->summed || !find_content(seen, file, position, found))
        return false;
    if (!remembered && settled(&file->status))
        set_file(seen, file);
    return true;
}

void seen_add(struct seen *seen, int fd, int64_t position, struct seen_file *file,
              const struct seen_matches *found)
{
    struct stat now;
    if (seen->broken || !file->known || !settled(&file->status))
        return;
    /* Its content as it is now: seen_find may have known an older one of the same times. */
    if (!sum(seen, fd, file->sum) || fstat(fd, &now) != 0 || !same(&now, &file->status))
        return;
    if (!begin(seen))
        return;
    unsigned char *blob = cli_allocate(found->count + 1, MATCH_BYTES), *at = blob;
    for (size_t i = 0; i < found->count; i++, at += MATCH_BYTES) {
        put_number(at, found->items[i].id, 8);
        put_number(at + 8, found->items[i].distance, 4);
        put_number(at + 12, found->items[i].query, 4);
    }
    sqlite3_stmt *s = statement(seen, CONTENT_SET);
    if (s) {
        sqlite3_bind_blob(s, 1, file->sum, SEEN_SUM, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, seen->state);
        sqlite3_bind_int64(s, 3, position);
        sqlite3_bind_int64(s, 4, (int64_t)file->status.st_size);
        sqlite3_bind_blob64(s, 5, blob, found->count * MATCH_BYTES, SQLITE_STATIC);
        (void)step(seen, s);
        sqlite3_clear_bindings(s);
    }
    free(blob);
    set_file(seen, file);
    seen_tick(seen);
}
