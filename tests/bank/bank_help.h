/* Shared by the bank's suites: memory as input, files in a directory of the test's own. */
#ifndef PHASH_TESTS_BANK_HELP_H
#define PHASH_TESTS_BANK_HELP_H

#include "check_main.h"

#include <phash/bank.h>

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *text;
    size_t bytes, at;
} memory;

static inline phash_status read_memory(void *context, void *buffer, size_t capacity, size_t *got,
                                       phash_error *error)
{
    (void)error;
    memory *m = context;
    *got = m->bytes - m->at < capacity ? m->bytes - m->at : capacity;
    memcpy(buffer, m->text + m->at, *got);
    m->at += *got;
    return PHASH_OK;
}

/* Imports a text. */
static inline phash_status import_bytes(phash_bank *bank, const char *source, const char *text,
                                        size_t bytes, phash_bank_import_result *result)
{
    memory m = {text, bytes, 0};
    phash_bank_import_options options = PHASH_BANK_IMPORT_OPTIONS_INIT;
    options.source = source;
    *result = (phash_bank_import_result)PHASH_BANK_IMPORT_RESULT_INIT;
    return phash_bank_import(bank, read_memory, &m, &options, result, NULL);
}

static inline phash_status import_text(phash_bank *bank, const char *source, const char *text,
                                       phash_bank_import_result *result)
{
    return import_bytes(bank, source, text, strlen(text), result);
}

/* Hash number `i`: any, but always the same. */
static inline phash_hash256 hash_of(uint64_t i)
{
    phash_hash256 h;
    uint64_t state = i * 77 + 5;
    for (int k = 0; k < 4; k++) {
        const uint64_t v = test_random(&state);
        memcpy(h.bytes + 8 * k, &v, 8);
    }
    return h;
}

static inline const char *hex_of(uint64_t i, char out[PHASH_HASH256_HEX + 1])
{
    const phash_hash256 h = hash_of(i);
    phash_hash256_to_hex(&h, out);
    return out;
}

/* A list of hashes from..to, to be freed. */
static inline char *list_of(uint64_t from, uint64_t to)
{
    char *text = malloc((to - from) * 65 + 1), *p = text;
    ck_assert_ptr_nonnull(text);
    for (uint64_t i = from; i < to; i++) {
        hex_of(i, p);
        p[64] = '\n';
        p += 65;
    }
    *p = '\0';
    return text;
}

static inline bool file_holds(const char *path, const void *needle, size_t bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    char *data = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(data);
    const size_t n = fread(data, 1, (size_t)size, f);
    fclose(f);
    const bool found = n >= bytes && memmem(data, n, needle, bytes) != NULL;
    free(data);
    return found;
}

/* Whether the hash stands in any file of the bank, in binary or hex. */
static inline bool bank_holds(const char *path, uint64_t i)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    const phash_hash256 h = hash_of(i);
    char hex[PHASH_HASH256_HEX + 1], name[512];
    hex_of(i, hex);
    bool found = false;
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        snprintf(name, sizeof name, "%s%s", path, parts[p]);
        found = found || file_holds(name, h.bytes, 32) || file_holds(name, hex, 64);
    }
    return found;
}

static char test_dir[64];

static inline void make_dir(void)
{
    strcpy(test_dir, "/tmp/phash-bank-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(test_dir));
}

static inline const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", test_dir, name);
    return path;
}

static inline void drop_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", test_dir);
    ck_assert_int_eq(system(command), 0);
}

#endif
