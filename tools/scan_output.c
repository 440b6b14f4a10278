/* Matches of a scan, printed and kept for the report. */
#include "scan_output.h"

#include "bank_index.h"
#include "cli.h"
#include "rows.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LABEL_SIZE = PHASH_LABEL_MAX + 1, SHA_HEX = crypto_hash_sha256_BYTES * 2 + 1 };

/* SHA-256 of what was hashed, in hex; "" when it cannot be read again. */
static void digest(int fd, char out[SHA_HEX])
{
    static unsigned char buffer[65536];
    unsigned char sha[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    off_t at = 0;
    ssize_t n;
    out[0] = '\0';
    if (fd < 0)
        return;
    while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
        crypto_hash_sha256_update(&state, buffer, (unsigned long long)n);
        at += n;
    }
    crypto_hash_sha256_final(&state, sha);
    if (n == 0)
        sodium_bin2hex(out, SHA_HEX, sha, sizeof sha);
}

/* False for a signal that is not in the bank any more. */
static bool label_of(const struct scan_output *out, uint64_t id, char label[LABEL_SIZE])
{
    if (out->bank)
        return bank_index_label(out->bank, id, label);
    label[0] = '\0';
    (void)phash_index_label(out->index, id, label, LABEL_SIZE, NULL);
    return true;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, rows_made(value)))
        cli_no_memory();
}

static bool put_json(const struct report_match *m, uint64_t id)
{
    json_t *o = rows_made(json_object());
    rows_set_path(o, m->path);
    set(o, "distance", json_integer(m->distance));
    set(o, "orientation", json_string(m->orientation));
    set(o, "id", json_integer((json_int_t)id));
    struct text label = {0}; /* of an index, in any encoding */
    (void)text_utf8(&label, m->label);
    set(o, "label", json_stringn(label.data ? label.data : "", label.length));
    text_free(&label);
    set(o, "bytes", json_integer((json_int_t)m->bytes));
    set(o, "modified", json_integer((json_int_t)m->modified));
    set(o, "sha256", json_string(m->sha256));
    struct text line = {0};
    rows_add_json(&line, o, cli_stdout_is_terminal());
    const bool good = cli_write(line.data, line.length);
    text_free(&line);
    json_decref(o);
    return good;
}

static void keep_file(struct scan_output *out, const char *path, const struct stat *status,
                      size_t at)
{
    if (out->file_count == out->file_capacity) {
        out->file_capacity = out->file_capacity ? 2 * out->file_capacity : 64;
        out->files = realloc(out->files, out->file_capacity * sizeof *out->files);
        if (!out->files)
            cli_no_memory();
    }
    struct scan_file *file = &out->files[out->file_count++];
    *file = (struct scan_file){strdup(path), *status, at};
    if (!file->path)
        cli_no_memory();
}

bool scan_output_add(struct scan_output *out, const char *path, int fd, const phash_match *matches,
                     size_t count)
{
    char sha[SHA_HEX], label[LABEL_SIZE];
    struct stat st;
    size_t at;
    bool any = false;
    if (fd < 0 || fstat(fd, &st) != 0)
        memset(&st, 0, sizeof st);
    for (size_t i = 0; i < count; i++) {
        if (!label_of(out, matches[i].id, label))
            continue;
        if (!any)
            digest(fd, sha);
        const struct report_match m = {path,
                                       st.st_mtime,
                                       sha,
                                       (uint64_t)st.st_size,
                                       matches[i].distance,
                                       phash_dihedral_name((phash_dihedral)matches[i].query),
                                       label};
        if (!put_json(&m, matches[i].id))
            return false;
        at = out->report ? report_add(&out->rows, &m, out->pictures) : 0;
        if (!any && out->pictures)
            keep_file(out, path, &st, at);
        out->matching += !any;
        any = true;
    }
    return true;
}

void scan_output_free(struct scan_output *out)
{
    text_free(&out->rows);
    for (size_t i = 0; i < out->file_count; i++)
        free(out->files[i].path);
    free(out->files);
}
