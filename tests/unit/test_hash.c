/* The 256-bit hash as a value. */
#include "check_main.h"

#include <phash/hash.h>

#include <string.h>

static const char example[] = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";

START_TEST(hex_round_trip)
{
    phash_hash256 h;
    char out[PHASH_HASH256_HEX + 1], upper[PHASH_HASH256_HEX];
    ck_assert_int_eq(phash_hash256_from_hex(example, 64, &h), PHASH_OK);
    ck_assert_uint_eq(h.bytes[0], 0xf8);
    ck_assert_uint_eq(h.bytes[31], 0x22);
    phash_hash256_to_hex(&h, out);
    ck_assert_str_eq(out, example);
    for (size_t i = 0; i < 64; i++)
        upper[i] = example[i] >= 'a' ? (char)(example[i] - 32) : example[i];
    phash_hash256 g;
    ck_assert_int_eq(phash_hash256_from_hex(upper, 64, &g), PHASH_OK);
    ck_assert_mem_eq(&g, &h, sizeof h);
}
END_TEST

START_TEST(hex_is_strict)
{
    phash_hash256 h, before;
    memset(&h, 0xa5, sizeof h);
    before = h;
    char text[80];
    const size_t lengths[] = {0, 1, 63, 65, 66};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(text, '0', sizeof text);
        ck_assert_int_eq(phash_hash256_from_hex(text, lengths[i], &h), PHASH_E_HEX);
    }
    /* Every byte that is no hex digit, at every place. */
    for (size_t at = 0; at < 64; at++)
        for (int c = 0; c < 256; c++) {
            memcpy(text, example, 64);
            text[at] = (char)c;
            const int is_digit =
                (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
            if (is_digit)
                continue;
            ck_assert_int_eq(phash_hash256_from_hex(text, 64, &h), PHASH_E_HEX);
            ck_assert_mem_eq(&h, &before, sizeof h);
        }
    ck_assert_int_eq(phash_hash256_from_hex(NULL, 64, &h), PHASH_E_HEX);
    ck_assert_int_eq(phash_hash256_from_hex(example, 64, NULL), PHASH_E_HEX);
}
END_TEST

START_TEST(distance_counts_differing_bits)
{
    uint64_t state = test_seed();
    for (int round = 0; round < 1000; round++) {
        phash_hash256 a, b;
        unsigned expected = 0;
        for (size_t i = 0; i < 32; i++) {
            a.bytes[i] = (uint8_t)test_random(&state);
            b.bytes[i] = (uint8_t)test_random(&state);
            for (int bit = 0; bit < 8; bit++)
                expected += (unsigned)((a.bytes[i] ^ b.bytes[i]) >> bit & 1);
        }
        ck_assert_uint_eq(phash_hash256_distance(&a, &b), expected);
        ck_assert_uint_eq(phash_hash256_distance(&a, &a), 0);
    }
    phash_hash256 zeros, ones;
    memset(&zeros, 0, sizeof zeros);
    memset(&ones, 0xff, sizeof ones);
    ck_assert_uint_eq(phash_hash256_distance(&zeros, &ones), 256);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hash");
    TCase *t = tcase_create("hash256");
    tcase_add_test(t, hex_round_trip);
    tcase_add_test(t, hex_is_strict);
    tcase_add_test(t, distance_counts_differing_bits);
    suite_add_tcase(s, t);
    return test_main(s);
}
