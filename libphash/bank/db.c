/* The bank's database: opening it, its schema, transactions and stamps. */
#define _POSIX_C_SOURCE 200809L

#include "bank/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x70684231, SCHEMA_VERSION = 1, BUSY_MS = 10000 };

/* What one version adds to the one before; user_version says how many are in. */
static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('clock', 0), ('next_id', 1), ('identity', randomblob(16));"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
    "INSERT INTO word VALUES(0, 'Unknown'), (1, 'Received'), (2, 'Active'), (3, 'Withdrawn'),"
    " (4, 'Deleted'), (5, 'ImagePDQ');"
    "CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next INTEGER,"
    " token TEXT) STRICT;"
    "CREATE TABLE signal(id INTEGER PRIMARY KEY, type INTEGER NOT NULL REFERENCES word,"
    " value BLOB NOT NULL, quality INTEGER NOT NULL, given INTEGER NOT NULL REFERENCES word,"
    " status INTEGER NOT NULL REFERENCES word, modified INTEGER NOT NULL,"
    " source INTEGER NOT NULL REFERENCES source, stamp INTEGER NOT NULL, other TEXT,"
    " UNIQUE(value, type)) STRICT;"
    "CREATE INDEX signal_stamp ON signal(stamp);"
    "CREATE TABLE cases(id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE,"
    " status INTEGER NOT NULL REFERENCES word, stamp INTEGER NOT NULL, created INTEGER,"
    " received INTEGER, verifier TEXT, source INTEGER REFERENCES source) STRICT;"
    "CREATE INDEX cases_stamp ON cases(stamp);"
    "CREATE TABLE link(signal INTEGER NOT NULL REFERENCES signal ON DELETE CASCADE,"
    " cases INTEGER NOT NULL REFERENCES cases, source INTEGER NOT NULL REFERENCES source,"
    " PRIMARY KEY(signal, cases)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX link_cases ON link(cases);"
    "CREATE TABLE feedback(signal INTEGER NOT NULL REFERENCES signal ON DELETE CASCADE,"
    " source INTEGER NOT NULL REFERENCES word, value INTEGER NOT NULL REFERENCES word, tags TEXT,"
    " other TEXT, via INTEGER, PRIMARY KEY(signal, source)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX feedback_source ON feedback(source);"
    "CREATE TABLE gone(id INTEGER PRIMARY KEY, type INTEGER NOT NULL, status INTEGER NOT NULL,"
    " stamp INTEGER NOT NULL, digest BLOB) STRICT;"
    "CREATE INDEX gone_stamp ON gone(stamp);",
};

phash_status phash_bank_fail(phash_bank *bank, int rc)
{
    phash_status status;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        status = PHASH_E_MEMORY;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        status = PHASH_E_LOCKED;
        break;
    case SQLITE_CORRUPT:
        status = PHASH_E_CORRUPT;
        break;
    case SQLITE_NOTADB:
        status = PHASH_E_FORMAT;
        break;
    case SQLITE_CANTOPEN:
        status = PHASH_E_OPEN;
        break;
    case SQLITE_READONLY:
        status = PHASH_E_STATE;
        break;
    case SQLITE_IOERR:
        status = rc == SQLITE_IOERR_READ ? PHASH_E_READ : PHASH_E_WRITE;
        break;
    default:
        status = PHASH_E_WRITE;
    }
    if (rc == SQLITE_IOERR_NOMEM)
        status = PHASH_E_MEMORY;
    /* sqlite3_errstr names the cause; sqlite3_errmsg could quote data. */
    return phash_fail_at(bank->error, status, bank->db ? sqlite3_system_errno(bank->db) : 0,
                         UINT64_MAX, "bank: %s", sqlite3_errstr(rc));
}

sqlite3_stmt *phash_bank_stmt(phash_bank *bank, phash_sql sql)
{
    sqlite3_stmt **s = &bank->statements[sql];
    if (*s)
        sqlite3_reset(*s);
    else
        sqlite3_prepare_v3(bank->db, phash_bank_sql[sql], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
    return *s;
}

phash_status phash_bank_step(phash_bank *bank, sqlite3_stmt *statement, bool *row)
{
    *row = false;
    if (!statement)
        return phash_bank_fail(bank, sqlite3_extended_errcode(bank->db));
    const int rc = sqlite3_step(statement);
    *row = rc == SQLITE_ROW;
    if (*row)
        return PHASH_OK;
    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? PHASH_OK : phash_bank_fail(bank, rc);
}

phash_status phash_bank_run(phash_bank *bank, sqlite3_stmt *statement)
{
    bool row;
    const phash_status status = phash_bank_step(bank, statement, &row);
    if (row)
        sqlite3_reset(statement);
    return status;
}

static phash_status read_clock(phash_bank *bank)
{
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CLOCK_GET);
    const phash_status status = phash_bank_step(bank, s, &row);
    if (status)
        return status;
    bank->clock = sqlite3_column_int64(s, 0);
    bank->next_id = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return bank->next_id > 0 ? PHASH_OK
                             : phash_fail(bank->error, PHASH_E_CORRUPT, "bank: no clock");
}

phash_status phash_bank_begin(phash_bank *bank, bool write)
{
    if (write && !bank->writable)
        return phash_fail(bank->error, PHASH_E_STATE, "the bank is open for reading only");
    bank->changed = false;
    phash_bank_erased_drop(bank);
    phash_status status =
        phash_bank_run(bank, phash_bank_stmt(bank, write ? SQL_BEGIN : SQL_BEGIN_READ));
    if (status)
        return status;
    if ((status = read_clock(bank)) != PHASH_OK) {
        phash_bank_rollback(bank);
        return status;
    }
    const int64_t now = (int64_t)time(NULL);
    bank->stamp = now > bank->clock ? now : bank->clock + 1;
    return PHASH_OK;
}

/* A statement that was left in the middle holds a snapshot, and checkpoints wait for those. */
static void reset_all(phash_bank *bank)
{
    for (int i = 0; i < SQL_COUNT; i++)
        if (bank->statements[i])
            sqlite3_reset(bank->statements[i]);
}

void phash_bank_rollback(phash_bank *bank)
{
    phash_bank_erased_drop(bank);
    reset_all(bank);
    if (!sqlite3_get_autocommit(bank->db)) {
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_ROLLBACK);
        if (s) {
            sqlite3_step(s);
            sqlite3_reset(s);
        }
    }
}

phash_status phash_bank_commit(phash_bank *bank)
{
    phash_status status = PHASH_OK;
    reset_all(bank);
    if (bank->changed) {
        sqlite3_stmt *s = phash_bank_stmt(bank, SQL_CLOCK_SET);
        sqlite3_bind_int64(s, 1, bank->stamp);
        sqlite3_bind_int64(s, 2, bank->next_id);
        status = phash_bank_run(bank, s);
    }
    if (!status)
        status = phash_bank_run(bank, phash_bank_stmt(bank, SQL_COMMIT));
    if (status)
        phash_bank_rollback(bank);
    else if (bank->erased.any)
        status = phash_bank_scrub(bank, false);
    phash_bank_erased_drop(bank);
    return status;
}

static phash_status pragma(phash_bank *bank, const char *sql, int64_t *value)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(bank->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW && value)
            *value = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? PHASH_OK : phash_bank_fail(bank, rc);
}

/* SQLite names the new mode before it has made the switch, and stays with the old one, without an
 * error, where it cannot. With a rollback journal, what was erased would be in a file that is
 * deleted, not overwritten. */
static phash_status use_wal(phash_bank *bank)
{
    sqlite3_stmt *s = NULL;
    bool wal = false;
    int rc = sqlite3_prepare_v2(bank->db, "PRAGMA journal_mode = WAL", -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(s, 0);
        wal = mode && !strcmp(mode, "wal");
        rc = sqlite3_step(s);
    }
    sqlite3_finalize(s);
    if (rc != SQLITE_DONE)
        return phash_bank_fail(bank, rc);
    return wal ? PHASH_OK
               : phash_fail(bank->error, PHASH_E_WRITE, "cannot keep a write-ahead log here");
}

static phash_status migrate(phash_bank *bank, int64_t version)
{
    int rc = sqlite3_exec(bank->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (; rc == SQLITE_OK && version < SCHEMA_VERSION; version++)
        rc = sqlite3_exec(bank->db, migrations[version], NULL, NULL, NULL);
    char *mark = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                 APPLICATION_ID, SCHEMA_VERSION);
    if (!mark)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(bank->db, mark, NULL, NULL, NULL);
    sqlite3_free(mark);
    if (rc == SQLITE_OK)
        return PHASH_OK;
    const phash_status status = phash_bank_fail(bank, rc);
    sqlite3_exec(bank->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Settings of a connection; the file keeps journal_mode only. */
static phash_status configure(phash_bank *bank)
{
    static const char *const settings[] = {
        "PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", "PRAGMA foreign_keys = ON",
        "PRAGMA secure_delete = ON",   "PRAGMA temp_store = MEMORY",  "PRAGMA synchronous = FULL",
        "PRAGMA cache_size = -262144", "PRAGMA mmap_size = 0",
    };
    sqlite3_busy_timeout(bank->db, BUSY_MS);
    sqlite3_db_config(bank->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const phash_status status = pragma(bank, settings[i], NULL);
        if (status)
            return status;
    }
    return PHASH_OK;
}

static phash_status check_version(phash_bank *bank, phash_bank_mode mode)
{
    int64_t application = 0, version = 0;
    phash_status status = pragma(bank, "PRAGMA application_id", &application);
    if (!status)
        status = pragma(bank, "PRAGMA user_version", &version);
    if (status)
        return status;
    if (mode == PHASH_BANK_CREATE)
        return migrate(bank, 0);
    if (application != APPLICATION_ID || version < 1)
        return phash_fail(bank->error, PHASH_E_FORMAT, "not a bank");
    if (version > SCHEMA_VERSION)
        return phash_fail(bank->error, PHASH_E_VERSION, "a bank of a later version (%d)",
                          (int)version);
    if (version < SCHEMA_VERSION)
        return mode == PHASH_BANK_WRITE
                   ? migrate(bank, version)
                   : phash_fail(bank->error, PHASH_E_VERSION,
                                "a bank of an earlier version: open it for writing once");
    return PHASH_OK;
}

/* Makes the file before SQLite does, so that nobody else may ever read it. */
static phash_status create_file(const char *path, phash_error *error)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        const int e = errno;
        return phash_fail_at(error, e == EEXIST ? PHASH_E_EXISTS : PHASH_E_OPEN, e, UINT64_MAX,
                             "cannot create the bank: %s", strerror(e));
    }
    close(fd);
    return PHASH_OK;
}

static phash_status open_database(phash_bank *bank, phash_bank_mode mode)
{
    /* Readers open for writing too: WAL wants its shared memory file. */
    int rc =
        sqlite3_open_v2(bank->path, &bank->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return phash_bank_fail(bank, rc);
    phash_status status = configure(bank);
    if (!status && mode == PHASH_BANK_CREATE)
        status = use_wal(bank);
    if (!status)
        status = check_version(bank, mode);
    if (!status && mode == PHASH_BANK_READ)
        status = pragma(bank, "PRAGMA query_only = ON", NULL);
    return status;
}

phash_status phash_bank_open(const char *path, phash_bank_mode mode, phash_bank **out,
                             phash_error *error)
{
    if (out)
        *out = NULL;
    if (!path || !*path || !out || mode > PHASH_BANK_CREATE)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (sodium_init() < 0)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "no random source");
    phash_bank *bank = phash_alloc_zero(1, sizeof *bank);
    const size_t bytes = strlen(path) + 1;
    char *copy = bank ? phash_alloc(bytes, 1) : NULL;
    if (!copy) {
        phash_wipe_free(bank, sizeof *bank);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    memcpy(copy, path, bytes);
    bank->path = copy;
    bank->writable = mode != PHASH_BANK_READ;
    PHASH_BANK_ENTER(bank, error);
    phash_status status = mode == PHASH_BANK_CREATE ? create_file(path, error) : PHASH_OK;
    const bool created = mode == PHASH_BANK_CREATE && !status;
    if (!status)
        status = open_database(bank, mode);
    if (status) {
        phash_bank_free(&bank);
        if (created)
            unlink(path);
        return status;
    }
    *out = bank;
    return PHASH_OK;
}

void phash_bank_free(phash_bank **bank)
{
    if (!bank || !*bank)
        return;
    phash_bank *b = *bank;
    b->error = NULL;
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(b->statements[i]);
    sqlite3_close(b->db);
    phash_bank_erased_drop(b);
    free(b->path);
    phash_wipe_free(b, sizeof *b);
    *bank = NULL;
}
