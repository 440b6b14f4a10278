/* Case numbers, case files, keys and sealing: round trips, and everything that must be refused. */
#include "check_main.h"

#include <phash/exchange.h>

#include <string.h>

static phash_case_signal signal_of(uint8_t seed, int quality, int dihedral)
{
    phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
    memset(s.hash.bytes, seed, sizeof s.hash.bytes);
    s.quality = quality;
    s.has_dihedral = dihedral;
    for (int d = 0; dihedral && d < 8; d++)
        memset(s.dihedral[d].bytes, d ? seed + d : seed, 32);
    return s;
}

static void make(char **text, size_t *length, char number[PHASH_CASE_NUMBER_SIZE])
{
    char pin[PHASH_CASE_PIN_SIZE];
    phash_case *c;
    ck_assert_int_eq(phash_case_new(1795395723, pin, &c, NULL), PHASH_OK);
    ck_assert_uint_eq(strlen(pin), 9);
    ck_assert_uint_eq(strlen(phash_case_number(c)), 21);
    phash_case_signal a = signal_of(1, 50, 0), b = signal_of(0x40, 100, 1),
                      low = signal_of(9, 49, 0);
    ck_assert_int_eq(phash_case_add(c, &a, NULL), PHASH_OK);
    ck_assert_int_eq(phash_case_add(c, &b, NULL), PHASH_OK);
    ck_assert_int_eq(phash_case_add(c, &a, NULL), PHASH_OK);
    ck_assert_int_eq(phash_case_add(c, &low, NULL), PHASH_E_ARGUMENT);
    ck_assert_uint_eq(phash_case_count(c), 2);
    ck_assert_int_eq(phash_case_write(c, text, length, NULL), PHASH_OK);
    ck_assert_ptr_null(strstr(*text, pin));
    strcpy(number, phash_case_number(c));
    phash_case_free(&c);
    ck_assert_ptr_null(c);
}

START_TEST(file_round_trip)
{
    char *text, *again, number[PHASH_CASE_NUMBER_SIZE];
    size_t length, again_length;
    phash_case *c;
    make(&text, &length, number);
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_msg(phash_case_read(text, length, &c, &e) == PHASH_OK, "%s", e.message);
    ck_assert_str_eq(phash_case_number(c), number);
    ck_assert_int_eq(phash_case_created(c), 1795395723);
    ck_assert_ptr_nonnull(strstr(text, "\"2026-11-23T"));
    phash_case_signal s = PHASH_CASE_SIGNAL_INIT;
    ck_assert_int_eq(phash_case_signal_get(c, 1, &s), PHASH_OK);
    ck_assert_int_eq(s.has_dihedral, 1);
    ck_assert_uint_eq(s.dihedral[7].bytes[31], 0x47);
    ck_assert_int_eq(phash_case_signal_get(c, 2, &s), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_case_write(c, &again, &again_length, NULL), PHASH_OK);
    ck_assert_str_eq(again, text);
    phash_case_free(&c);
    phash_text_free(&again, again_length);
    phash_text_free(&text, length);
    ck_assert_ptr_null(text);
}
END_TEST

/* Replaces `from` in the text by `to` and reads the result. */
static phash_status changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no %s", from);
    char *copy = malloc(strlen(text) + strlen(to) + 1);
    ck_assert_ptr_nonnull(copy);
    const size_t before = (size_t)(at - text);
    memcpy(copy, text, before);
    strcpy(copy + before, to);
    strcat(copy, at + strlen(from));
    phash_case *c;
    const phash_status status = phash_case_read(copy, strlen(copy), &c, NULL);
    ck_assert_int_eq(status == PHASH_OK, c != NULL);
    phash_case_free(&c);
    free(copy);
    return status;
}

START_TEST(changed_files_are_refused)
{
    char *text, number[PHASH_CASE_NUMBER_SIZE];
    size_t length;
    make(&text, &length, number);
    static const struct {
        const char *from, *to;
        phash_status status;
    } rows[] = {
        {"phash-case", "phash-case", PHASH_OK},
        {"phash-case", "phash-casE", PHASH_E_FORMAT},
        {"\"version\": 1", "\"version\": 2", PHASH_E_VERSION},
        {"\"version\": 1", "\"version\": 1e0", PHASH_E_VERSION},
        {"\"version\": 1", "\"version\": 99999999999999999999", PHASH_E_CORRUPT},
        {"\"version\": 1", "\"version\": 1, \"version\": 1", PHASH_E_CORRUPT},
        {"\"version\": 1", "\"version\": 1, \"name\": \"x\"", PHASH_E_CORRUPT},
        {"2026-11-23", "2026-02-30", PHASH_E_CORRUPT},
        {"2026-11-23", "1926-11-23", PHASH_E_CORRUPT},
        {"2026-11-23", "2026-1 -23", PHASH_E_CORRUPT},
        {"m=65536", "m=99999999", PHASH_E_CORRUPT},
        {"t=2", "t=4000000000", PHASH_E_CORRUPT},
        {"argon2id", "argon2i", PHASH_E_CORRUPT},
        {"p=1$", "p=1$\\u0000", PHASH_E_CORRUPT},
        {"ImagePDQ", "VideoMD5", PHASH_E_CORRUPT},
        {"\"quality\": 50", "\"quality\": 101", PHASH_E_CORRUPT},
        {"\"quality\": 50", "\"quality\": -1", PHASH_E_CORRUPT},
        {"\"quality\": 50", "\"quality\": 50.0", PHASH_E_CORRUPT},
        {"\"quality\": 50", "\"quality\": 50, \"path\": \"a\"", PHASH_E_CORRUPT},
        {"0101", "010", PHASH_E_CORRUPT},
        {"0101", "01 1", PHASH_E_CORRUPT},
        {"rotate90", "rotate91", PHASH_E_CORRUPT},
        {"flipx", "flip\xff", PHASH_E_CORRUPT},
        {"\"signals\": [", "\"signals\": [[[[[[[[[[[[[[[[[[", PHASH_E_CORRUPT},
        {"\"signals\": [", "\"signals\": [7, ", PHASH_E_CORRUPT},
        {"]}", "]} {}", PHASH_E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(changed(text, rows[i].from, rows[i].to) == rows[i].status, "%s -> %s: %s",
                      rows[i].from, rows[i].to,
                      phash_status_name(changed(text, rows[i].from, rows[i].to)));
    phash_case *c;
    for (size_t n = 0; n + 1 < length; n++)
        ck_assert_int_ne(phash_case_read(text, n, &c, NULL), PHASH_OK);
    char *deep = malloc(1000000);
    ck_assert_ptr_nonnull(deep);
    memset(deep, '[', 1000000);
    ck_assert_int_eq(phash_case_read(deep, 1000000, &c, NULL), PHASH_E_CORRUPT);
    free(deep);
    ck_assert_int_eq(phash_case_read(text, PHASH_CASE_FILE_MAX + 1, &c, NULL), PHASH_E_LIMIT_INPUT);
    ck_assert_int_eq(phash_case_read(NULL, 0, &c, NULL), PHASH_E_ARGUMENT);
    phash_text_free(&text, length);
}
END_TEST

START_TEST(numbers_show_what_was_mistyped)
{
    char *text, number[PHASH_CASE_NUMBER_SIZE], parsed[PHASH_CASE_NUMBER_SIZE], typed[64];
    size_t length;
    make(&text, &length, number);
    phash_text_free(&text, length);
    ck_assert_int_eq(phash_case_number_parse(number, parsed), PHASH_OK);
    ck_assert_str_eq(parsed, number);
    /* As people type: small letters, no hyphens, spaces, look-alikes. */
    size_t n = 0;
    for (const char *p = number; *p; p++)
        if (*p != '-') {
            typed[n++] = *p == '1' ? 'l' : *p == '0' ? 'o' : *p >= 'A' ? (char)(*p + 32) : *p;
            typed[n++] = ' ';
        }
    typed[n] = '\0';
    ck_assert_int_eq(phash_case_number_parse(typed, parsed), PHASH_OK);
    ck_assert_str_eq(parsed, number);
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (size_t i = 0; number[i]; i++) {
        if (number[i] == '-')
            continue;
        strcpy(typed, number);
        for (const char *p = alphabet; *p; p++) {
            typed[i] = *p;
            ck_assert_int_eq(phash_case_number_parse(typed, parsed),
                             *p == number[i] ? PHASH_OK : PHASH_E_CORRUPT);
        }
        typed[i] = '-'; /* one character short */
        ck_assert_int_eq(phash_case_number_parse(typed, parsed), PHASH_E_CORRUPT);
        strcpy(typed, number);
        const size_t next = number[i + 1] == '-' ? i + 2 : i + 1;
        if (number[next] && number[next] != number[i]) {
            typed[i] = number[next];
            typed[next] = number[i];
            ck_assert_int_eq(phash_case_number_parse(typed, parsed), PHASH_E_CORRUPT);
        }
    }
    ck_assert_int_eq(phash_case_number_parse("", parsed), PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_case_number_parse("0000-0000-0000-0000-0-0", parsed), PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_case_number_parse(NULL, parsed), PHASH_E_ARGUMENT);
}
END_TEST

START_TEST(sealing)
{
    char *pub[2], *sec[2], *sealed, *text, print[2][PHASH_FINGERPRINT_SIZE];
    size_t pub_n[2], sec_n[2], sealed_n, text_n;
    static const char secret[] = "a secret";
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(phash_keys_new(&pub[i], &pub_n[i], &sec[i], &sec_n[i], NULL), PHASH_OK);
    ck_assert_int_eq(phash_key_fingerprint(pub[0], pub_n[0], print[0], NULL), PHASH_OK);
    ck_assert_int_eq(phash_key_fingerprint(sec[0], sec_n[0], print[1], NULL), PHASH_OK);
    ck_assert_str_eq(print[0], print[1]);
    ck_assert_int_eq(phash_key_fingerprint(pub[1], pub_n[1], print[1], NULL), PHASH_OK);
    ck_assert_str_ne(print[0], print[1]);

    ck_assert_int_eq(phash_seal(secret, 8, pub[0], pub_n[0], &sealed, &sealed_n, NULL), PHASH_OK);
    ck_assert_ptr_null(strstr(sealed, secret));
    ck_assert_int_eq(phash_unseal(sealed, sealed_n, sec[0], sec_n[0], &text, &text_n, NULL),
                     PHASH_OK);
    ck_assert_str_eq(text, secret);
    ck_assert_uint_eq(text_n, 8);
    phash_text_free(&text, text_n);
    ck_assert_int_eq(phash_unseal(sealed, sealed_n, sec[1], sec_n[1], &text, &text_n, NULL),
                     PHASH_E_CORRUPT);
    ck_assert_ptr_null(text);
    ck_assert_int_eq(phash_unseal(sealed, sealed_n, pub[0], pub_n[0], &text, &text_n, NULL),
                     PHASH_E_KIND);
    ck_assert_int_eq(phash_seal(secret, 8, sec[0], sec_n[0], &text, &text_n, NULL), PHASH_E_KIND);
    ck_assert_int_eq(phash_seal(secret, 8, secret, 8, &text, &text_n, NULL), PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_unseal(secret, 8, sec[0], sec_n[0], &text, &text_n, NULL),
                     PHASH_E_CORRUPT);
    ck_assert_int_eq(phash_unseal(pub[0], pub_n[0], sec[0], sec_n[0], &text, &text_n, NULL),
                     PHASH_E_FORMAT);
    /* Every byte of the file, changed, is noticed; so is every cut. */
    for (size_t i = 0; i + 1 < sealed_n; i++) {
        sealed[i] ^= 1;
        const phash_status status =
            phash_unseal(sealed, sealed_n, sec[0], sec_n[0], &text, &text_n, NULL);
        ck_assert_msg(status != PHASH_OK || sealed[i] == '!' || sealed[i] == ' ', "byte %zu", i);
        if (status == PHASH_OK)
            phash_text_free(&text, text_n);
        sealed[i] ^= 1;
        ck_assert_int_ne(phash_unseal(sealed, i, sec[0], sec_n[0], &text, &text_n, NULL), PHASH_OK);
    }
    phash_text_free(&sealed, sealed_n);
    for (int i = 0; i < 2; i++) {
        phash_text_free(&pub[i], pub_n[i]);
        phash_text_free(&sec[i], sec_n[i]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("case");
    TCase *t = tcase_create("case");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, file_round_trip);
    tcase_add_test(t, changed_files_are_refused);
    tcase_add_test(t, numbers_show_what_was_mistyped);
    tcase_add_test(t, sealing);
    suite_add_tcase(s, t);
    return test_main(s);
}
