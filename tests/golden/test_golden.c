/* Every file of fixtures/: the sound ones give the pixels and hashes of golden.tsv, the damaged ones
 * the kind of error that damaged.tsv says. */
#include "file_table.h"
#include "table.h"

#include <phash/decode.h>

#include <string.h>

START_TEST(sound_files)
{
    printf("%u rows\n", check_file_table(FIXTURES, "golden.tsv", ""));
}
END_TEST

static const struct {
    const char *name;
    phash_status status;
} classes[] = {
    {"open", PHASH_E_OPEN},
    {"not-image", PHASH_E_NOT_IMAGE},
    {"unsupported", PHASH_E_NOT_IMAGE},
    {"corrupt", PHASH_E_CORRUPT},
    {"truncated", PHASH_E_TRUNCATED},
    {"too-small", PHASH_E_TOO_SMALL},
    {"too-large-pixels", PHASH_E_LIMIT_PIXELS},
    {"too-large-dimension", PHASH_E_LIMIT_DIMENSION},
    {"too-large-input", PHASH_E_LIMIT_INPUT},
    {"too-large-memory", PHASH_E_LIMIT_MEMORY},
};
enum { CLASSES = sizeof classes / sizeof classes[0] };

static const char *class_of(phash_status status)
{
    for (size_t i = 0; i < CLASSES; i++)
        if (classes[i].status == status)
            return classes[i].name;
    return phash_status_name(status);
}

static phash_status status_of(const char *name, size_t length)
{
    for (size_t i = 0; i < CLASSES; i++)
        if (strlen(classes[i].name) == length && memcmp(classes[i].name, name, length) == 0)
            return classes[i].status;
    ck_abort_msg("unknown class %.*s", (int)length, name);
    return PHASH_OK;
}

/* `expected` is one class or several with | between them; "any" allows a hash too. */
static bool allowed(const char *expected, phash_status status)
{
    if (strcmp(expected, "any") == 0)
        return true;
    bool found = false;
    for (const char *p = expected; *p;) {
        const size_t n = strcspn(p, "|");
        found = status_of(p, n) == status || found;
        p += n + (p[n] == '|');
    }
    return found;
}

START_TEST(damaged_files)
{
    static table t;
    static const phash_hash256 zero;
    table_open(&t, FIXTURES, "damaged.tsv");
    while (table_next(&t)) {
        char path[4096];
        const char *file = table_get(&t, "file"), *expected = table_get(&t, "expected");
        snprintf(path, sizeof path, "%s/%s", FIXTURES, file);
        phash_pdq_result r = PHASH_PDQ_RESULT_INIT;
        phash_error e = PHASH_ERROR_INIT;
        const phash_status status = phash_pdq_path(path, NULL, NULL, &r, &e);
        ck_assert_msg(allowed(expected, status), "%s: %s (%s), not %s", file, class_of(status),
                      e.message, expected);
        if (status == PHASH_OK)
            continue;
        ck_assert_msg(e.message[0] != '\0', "%s: no message", file);
        ck_assert_mem_eq(&r.hash, &zero, sizeof zero);
    }
    printf("%u rows\n", t.rows);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, sound_files);
    tcase_add_test(t, damaged_files);
    suite_add_tcase(s, t);
    return test_main(s);
}
