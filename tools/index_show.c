/* What is in an index, for people and programs: see index_show.h. */
#include "index_show.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

void index_show_put(json_t *object, const char *key, uint64_t value)
{
    if (json_object_set_new(object, key, rows_made(json_integer((json_int_t)value))))
        cli_no_memory();
}

bool index_show_print(json_t *object)
{
    struct text out = {0};
    rows_add_json(&out, object, cli_stdout_is_terminal());
    json_decref(object);
    const bool done = cli_write(out.data, out.length);
    text_free(&out);
    return done;
}

int index_show_failure(const char *path, const phash_error *error)
{
    cli_path_message(path, cli_reason(error));
    return EXIT_FAILED;
}

static bool open_index(const char *path, phash_index **index, phash_error *error)
{
    phash_index_options o = PHASH_INDEX_OPTIONS_INIT;
    o.flags = PHASH_INDEX_READ_ONLY | PHASH_INDEX_MANUAL | PHASH_INDEX_ANY_KIND;
    return phash_index_open(path, &o, index, error) == PHASH_OK;
}

static const char *const engines[] = {"auto", "flat", "multi-index"};

int index_show_info(const char *path, bool json)
{
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    if (!open_index(path, &index, &error))
        return index_show_failure(path, &error);
    phash_index_stats s = PHASH_INDEX_STATS_INIT;
    (void)phash_index_stats_get(index, &s);
    phash_index_free(&index);
    const struct {
        const char *key, *text;
        uint64_t value;
    } rows[] = {{"count", "hashes", s.count},
                {"bits", "bits each", s.bits},
                {"radius", "made for distance", s.radius},
                {"labels", "labels at most", s.labels},
                {"pending", "added since compaction", s.pending},
                {"removed", "removed since compaction", s.removed},
                {"memory_bytes", "bytes in memory", s.memory},
                {"snapshot_bytes", "bytes of the snapshot", s.snapshot_bytes},
                {"journal_bytes", "bytes of the journal", s.journal_bytes},
                {"sequence", "last change", s.sequence}};
    if (json) {
        json_t *object = rows_made(
            json_pack("{s:s, s:s}", "algorithm", s.algorithm, "engine", engines[s.engine]));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            index_show_put(object, rows[i].key, rows[i].value);
        return index_show_print(object) ? EXIT_DONE : EXIT_FAILED;
    }
    struct text out = {0};
    char line[128];
    snprintf(line, sizeof line, "%-26s%.31s\n%-26s%s\n", "algorithm", s.algorithm, "engine",
             engines[s.engine]);
    text_string(&out, line);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(line, sizeof line, "%-26s%llu\n", rows[i].text, (unsigned long long)rows[i].value);
        text_string(&out, line);
    }
    const bool done = cli_write(out.data, out.length);
    text_free(&out);
    return done ? EXIT_DONE : EXIT_FAILED;
}

int index_show_list(const char *path)
{
    enum { MANY = 256 };
    phash_index *index;
    phash_error error = PHASH_ERROR_INIT;
    if (!open_index(path, &index, &error))
        return index_show_failure(path, &error);
    phash_index_stats stats = PHASH_INDEX_STATS_INIT;
    (void)phash_index_stats_get(index, &stats);
    phash_cursor *cursor;
    if (phash_cursor_new(index, &cursor) != PHASH_OK)
        cli_no_memory();
    uint8_t hashes[MANY * sizeof(phash_hash256)];
    const size_t bytes = stats.bits / 8;
    uint64_t ids[MANY];
    struct text out = {0};
    char line[PHASH_HASH256_HEX + 32], hex[PHASH_HASH256_HEX + 1], label[PHASH_LABEL_MAX + 1];
    phash_bits hash = PHASH_BITS_INIT;
    hash.length = stats.bits;
    bool going = true;
    for (size_t n; going && (n = phash_cursor_next(cursor, MANY, hashes, ids)) > 0;) {
        text_clear(&out);
        for (size_t i = 0; i < n; i++) {
            memcpy(hash.bytes, hashes + i * bytes, bytes);
            (void)phash_bits_to_hex(&hash, hex, sizeof hex);
            snprintf(line, sizeof line, "%s,%llu", hex, (unsigned long long)ids[i]);
            text_string(&out, line);
            if (stats.labels) {
                text_string(&out, ",");
                if (phash_index_label(index, ids[i], label, sizeof label, NULL) == PHASH_OK)
                    (cli_stdout_is_terminal() ? text_escaped : text_string)(&out, label);
            }
            text_string(&out, "\n");
        }
        going = cli_write(out.data, out.length);
    }
    text_free(&out);
    phash_cursor_free(&cursor);
    phash_index_free(&index);
    return going ? EXIT_DONE : EXIT_FAILED;
}
