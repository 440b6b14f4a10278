/* Status texts, CPU names and masks, versions. */
#include "check_main.h"

#include <phash/phash.h>

#include <string.h>

START_TEST(every_status_has_a_text_and_a_name)
{
    const int codes[] = {0,  1,  2,  3,  16, 17, 18, 19, 20, 32, 33, 34,
                         35, 36, 37, 38, 39, 40, 41, 42, 43, 64, 65};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        ck_assert_str_ne(phash_status_text((phash_status)codes[i]), "unknown status");
        ck_assert_int_eq(strncmp(phash_status_name((phash_status)codes[i]), "PHASH_", 6), 0);
        ck_assert_str_ne(phash_status_name((phash_status)codes[i]), "PHASH_E_?");
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(phash_status_text((phash_status)codes[i]),
                             phash_status_text((phash_status)codes[j]));
    }
    ck_assert_str_eq(phash_status_text((phash_status)9999), "unknown status");
    ck_assert_str_eq(phash_status_name((phash_status)9999), "PHASH_E_?");
}
END_TEST

START_TEST(version_is_the_headers)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", PHASH_VERSION_MAJOR, PHASH_VERSION_MINOR,
             PHASH_VERSION_PATCH);
    ck_assert_str_eq(phash_version(), text);
    ck_assert_uint_eq(phash_version_number(), PHASH_VERSION_NUMBER);
}
END_TEST

START_TEST(cpu_masks_are_read_strictly)
{
    uint32_t mask = 12345;
    ck_assert_int_eq(phash_cpu_parse("c", &mask), PHASH_OK);
    ck_assert_uint_eq(mask, 0);
    ck_assert_int_eq(phash_cpu_parse("avx2", &mask), PHASH_OK);
    ck_assert_uint_eq(mask, PHASH_CPU_POPCNT | PHASH_CPU_AVX2);
    ck_assert_int_eq(phash_cpu_parse("popcnt,neon", &mask), PHASH_OK);
    ck_assert_uint_eq(mask, PHASH_CPU_POPCNT | PHASH_CPU_NEON);
    ck_assert_int_eq(phash_cpu_parse("all", &mask), PHASH_OK);
    ck_assert_uint_eq(mask, PHASH_CPU_ALL);
    const char *const bad[] = {"", "sse9", "avx", "avx2+", "+avx2", "avx2,,c", "AVX2", " avx2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mask = 12345;
        ck_assert_int_eq(phash_cpu_parse(bad[i], &mask), PHASH_E_ARGUMENT);
        ck_assert_uint_eq(mask, 12345);
    }
    ck_assert_int_eq(phash_cpu_parse(NULL, &mask), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_cpu_parse("c", NULL), PHASH_E_ARGUMENT);
}
END_TEST

START_TEST(cpu_names_fit_any_buffer)
{
    char out[64];
    ck_assert_uint_eq(phash_cpu_names(0, out, sizeof out), 1);
    ck_assert_str_eq(out, "c");
    ck_assert_uint_eq(phash_cpu_names(PHASH_CPU_POPCNT | PHASH_CPU_AVX2, out, sizeof out), 11);
    ck_assert_str_eq(out, "popcnt+avx2");
    ck_assert_uint_eq(phash_cpu_names(PHASH_CPU_POPCNT | PHASH_CPU_AVX2, out, 5), 11);
    ck_assert_str_eq(out, "popc");
    ck_assert_uint_eq(phash_cpu_names(PHASH_CPU_POPCNT, NULL, 0), 6);
}
END_TEST

START_TEST(cpu_mask_restricts_what_is_active)
{
    const uint32_t all = phash_cpu_detected();
    phash_cpu_mask(PHASH_CPU_ALL);
    ck_assert_uint_eq(phash_cpu_active(), all);
    phash_cpu_mask(PHASH_CPU_POPCNT);
    ck_assert_uint_eq(phash_cpu_active(), all & PHASH_CPU_POPCNT);
    phash_cpu_mask(0);
    ck_assert_uint_eq(phash_cpu_active(), 0);
    phash_cpu_mask(PHASH_CPU_ALL);
    ck_assert_uint_eq(phash_cpu_active(), all);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("core");
    TCase *t = tcase_create("core");
    tcase_add_test(t, every_status_has_a_text_and_a_name);
    tcase_add_test(t, version_is_the_headers);
    tcase_add_test(t, cpu_masks_are_read_strictly);
    tcase_add_test(t, cpu_names_fit_any_buffer);
    tcase_add_test(t, cpu_mask_restricts_what_is_active);
    suite_add_tcase(s, t);
    return test_main(s);
}
