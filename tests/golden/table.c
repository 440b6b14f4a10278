/* Tables of golden values. */
#include "table.h"

#include <string.h>

#include <xxhash.h>

static int split(char *line, char *fields[TABLE_COLUMNS])
{
    int n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *p = line; n < TABLE_COLUMNS; p++) {
        fields[n++] = p;
        p += strcspn(p, "\t");
        if (*p == '\0')
            break;
        *p = '\0';
    }
    return n;
}

void table_open(table *t, const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    t->file = fopen(path, "r");
    ck_assert_msg(t->file != NULL, "%s: cannot open", path);
    ck_assert_msg(fgets(t->header, sizeof t->header, t->file) != NULL, "%s: empty", path);
    t->columns = split(t->header, t->names);
    t->rows = 0;
}

bool table_next(table *t)
{
    if (!fgets(t->line, sizeof t->line, t->file)) {
        fclose(t->file);
        ck_assert_msg(t->rows > 0, "a table without rows");
        return false;
    }
    t->rows++;
    ck_assert_int_eq(split(t->line, t->fields), t->columns);
    return true;
}

const char *table_get(const table *t, const char *column)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->names[i], column) == 0)
            return t->fields[i];
    ck_abort_msg("no column %s", column);
    return "";
}

phash_pdq_desc table_desc(const table *t)
{
    const bool grey = strcmp(table_get(t, "channels"), "1") == 0;
    return (phash_pdq_desc){(uint32_t)strtoul(table_get(t, "width"), NULL, 10),
                            (uint32_t)strtoul(table_get(t, "height"), NULL, 10),
                            grey ? PHASH_PIXEL_GREY8 : PHASH_PIXEL_RGB8};
}

phash_pdq_options table_options(const table *t)
{
    phash_pdq_options o = PHASH_PDQ_OPTIONS_INIT;
    const char *profile = table_get(t, "profile");
    o.profile = strcmp(profile, "nn512") == 0 ? PHASH_PDQ_NN512 : PHASH_PDQ_FULL;
    ck_assert(o.profile == PHASH_PDQ_NN512 || strcmp(profile, "full") == 0);
    o.dihedral = 1;
    return o;
}

void table_check_pixels(const table *t, const char *name, const uint8_t *pixels)
{
    const phash_pdq_desc desc = table_desc(t);
    const size_t bytes = (size_t)desc.width * desc.height * phash_pixel_bytes(desc.format);
    char sum[17];
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)XXH64(pixels, bytes, 0));
    const char *expected = table_get(t, "xxh64_pixels");
    ck_assert_msg(strcmp(sum, expected) == 0, "%s: pixels are %s, not %s", name, sum, expected);
}

static void check_hash(const table *t, const char *name, const char *column,
                       const phash_hash256 *hash)
{
    char hex[PHASH_HASH256_HEX + 1];
    phash_hash256_to_hex(hash, hex);
    const char *expected = table_get(t, column);
    ck_assert_msg(strcmp(hex, expected) == 0, "%s, %s: %s is %s, not %s", name,
                  table_get(t, "profile"), column, hex, expected);
}

void table_check_result(const table *t, const char *name, const phash_pdq_result *result)
{
    const int quality = atoi(table_get(t, "quality"));
    check_hash(t, name, "pdq", &result->hash);
    ck_assert_msg(result->quality == quality, "%s: quality is %d, not %d", name, result->quality,
                  quality);
    ck_assert_int_ne(result->has_dihedral, 0);
    for (int d = 0; d < PHASH_DIHEDRALS; d++) {
        char column[32];
        snprintf(column, sizeof column, "dih_%s", phash_dihedral_name((phash_dihedral)d));
        check_hash(t, name, column, &result->dihedral[d]);
    }
}
