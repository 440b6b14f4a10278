/* Formats of results. */
#include "rows.h"

#include "cli.h"
#include "decode_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *rows_made(json_t *value)
{
    if (!value)
        cli_no_memory();
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, rows_made(value)) != 0)
        cli_no_memory();
}

void rows_set_path(json_t *object, const char *path)
{
    struct text shown = {0}, hex = {0};
    const bool valid = text_utf8(&shown, path);
    set(object, "path", json_stringn(shown.data, shown.length));
    if (!valid) {
        text_hex(&hex, path);
        set(object, "path_hex", json_string(hex.data));
    }
    text_free(&shown);
    text_free(&hex);
}

void rows_add_json(struct text *out, const json_t *object, bool terminal)
{
    char *line = json_dumps(object, JSON_COMPACT | (terminal ? JSON_ENSURE_ASCII : 0));
    if (!line)
        cli_no_memory();
    text_string(out, line);
    text_string(out, "\n");
    free(line);
}

/* The hash of one orientation. The original's is the hash itself, also for images of 64x64, where
 * the reference's dihedral code path differs from its plain one. */
static const char *hex_of(const phash_pdq_result *result, int orientation,
                          char hex[PHASH_HASH256_HEX + 1])
{
    phash_hash256_to_hex(orientation ? &result->dihedral[orientation] : &result->hash, hex);
    return hex;
}

static void add_json(struct text *out, const char *path, const phash_pdq_result *result,
                     bool terminal)
{
    char hex[PHASH_HASH256_HEX + 1];
    json_t *object = rows_made(json_object());
    rows_set_path(object, path);
    set(object, "hash", json_string(hex_of(result, 0, hex)));
    set(object, "quality", json_integer(result->quality));
    set(object, "featureless", json_boolean(result->quality < PHASH_PDQ_QUALITY_MIN));
    set(object, "algorithm", json_string("pdq"));
    set(object, "profile", json_string(decode_args_profile(result->profile)));
    if (result->has_dihedral) {
        json_t *dihedral = rows_made(json_object());
        for (int i = 0; i < PHASH_DIHEDRALS; i++)
            set(dihedral, phash_dihedral_name((phash_dihedral)i),
                json_string(hex_of(result, i, hex)));
        set(object, "dihedral", dihedral);
    }
    rows_add_json(out, object, terminal);
    json_decref(object);
}

static void add_csv_path(struct text *out, const struct rows_options *options, const char *path)
{
    if (options->terminal) {
        struct text shown = {0};
        text_escaped(&shown, path);
        text_csv(out, shown.data);
        text_free(&shown);
    } else {
        text_csv(out, path);
    }
}

static void add_csv(struct text *out, const struct rows_options *options, const char *path,
                    const phash_pdq_result *result, int orientation)
{
    char quality[16];
    snprintf(quality, sizeof quality, ",%d,", result->quality);
    text_string(out, quality);
    add_csv_path(out, options, path);
    if (result->has_dihedral) {
        text_string(out, ",");
        text_string(out, phash_dihedral_name((phash_dihedral)orientation));
    }
    if (options->profile) {
        text_string(out, ",");
        text_string(out, decode_args_profile(result->profile));
    }
}

void rows_add(struct text *out, const struct rows_options *options, const char *path,
              const phash_pdq_result *result)
{
    if (options->format == ROWS_JSON) {
        add_json(out, path, result, options->terminal);
        return;
    }
    for (int i = 0; i < (result->has_dihedral ? PHASH_DIHEDRALS : 1); i++) {
        char hex[PHASH_HASH256_HEX + 1];
        text_string(out, hex_of(result, i, hex));
        if (options->format == ROWS_CSV)
            add_csv(out, options, path, result, i);
        text_string(out, "\n");
    }
}

/* Eight variants from `first` on, or the first of them where there are no others. */
static json_t *variants_json(const struct algorithm_hashes *hashes, unsigned first)
{
    char hex[PHASH_BITS_HEX_MAX + 1];
    json_t *object = rows_made(json_object());
    for (unsigned i = 0; i < PHASH_DIHEDRALS; i++)
        if (algorithm_has(hashes, first + i)) {
            phash_bits_to_hex(&hashes->variants[first + i], hex, sizeof hex);
            set(object, phash_dihedral_name((phash_dihedral)i), json_string(hex));
        }
    return object;
}

static void add_hashes_json(struct text *out, const struct rows_options *options, const char *path,
                            const char *name, const struct algorithm_hashes *hashes)
{
    char hex[PHASH_BITS_HEX_MAX + 1];
    json_t *object = rows_made(json_object());
    rows_set_path(object, path);
    phash_bits_to_hex(&hashes->variants[0], hex, sizeof hex);
    set(object, "hash", json_string(hex));
    set(object, "algorithm", json_string(name));
    if (hashes->has_dihedral)
        set(object, "dihedral", variants_json(hashes, 0));
    if (hashes->has_inverted)
        set(object, "inverted", variants_json(hashes, PHASH_DIHEDRALS));
    rows_add_json(out, object, options->terminal);
    json_decref(object);
}

void rows_add_hashes(struct text *out, const struct rows_options *options, const char *path,
                     const struct algorithm *algorithm, const struct algorithm_hashes *hashes)
{
    char name[ALGORITHM_NAME], variant[ALGORITHM_NAME], hex[PHASH_BITS_HEX_MAX + 1];
    algorithm_name(algorithm, name);
    if (options->format == ROWS_JSON) {
        add_hashes_json(out, options, path, name, hashes);
        return;
    }
    for (unsigned i = 0; i < ALGORITHM_VARIANTS; i++) {
        if (!algorithm_has(hashes, i))
            continue;
        phash_bits_to_hex(&hashes->variants[i], hex, sizeof hex);
        text_string(out, hex);
        if (options->format == ROWS_CSV) {
            text_string(out, ",,");
            add_csv_path(out, options, path);
            if (hashes->has_dihedral || hashes->has_inverted) {
                text_string(out, ",");
                text_string(out, algorithm_variant_name(i, variant));
            }
            text_string(out, ",");
            text_string(out, name);
        }
        text_string(out, "\n");
    }
}
