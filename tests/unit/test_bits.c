/* Hashes of any length as values. */
#include "check_main.h"

#include <phash/bits.h>

#include <string.h>

/* Fills a hash of `length` bits at random. */
static phash_bits random_bits(uint64_t *state, uint32_t length)
{
    phash_bits h = PHASH_BITS_INIT;
    h.length = length;
    for (size_t i = 0; i < PHASH_BITS_BYTES(length); i++)
        h.bytes[i] = (uint8_t)test_random(state);
    if (length % 8)
        h.bytes[0] &= (uint8_t)((1u << length % 8) - 1);
    return h;
}

START_TEST(every_length_round_trips)
{
    uint64_t state = test_seed();
    for (uint32_t length = 1; length <= PHASH_BITS_MAX; length += length < 300 ? 1 : 31) {
        const phash_bits h = random_bits(&state, length);
        char text[PHASH_BITS_HEX_MAX + 1];
        ck_assert_uint_eq(phash_bits_to_hex(&h, text, sizeof text), PHASH_BITS_HEX(length));
        ck_assert_uint_eq(strlen(text), PHASH_BITS_HEX(length));
        phash_bits back;
        ck_assert_int_eq(phash_bits_from_hex(text, strlen(text), length, &back), PHASH_OK);
        ck_assert_mem_eq(&back, &h, sizeof h);
        for (char *p = text; *p; p++)
            if (*p >= 'a')
                *p = (char)(*p - 32);
        ck_assert_int_eq(phash_bits_from_hex(text, strlen(text), length, &back), PHASH_OK);
        ck_assert_mem_eq(&back, &h, sizeof h);
    }
}
END_TEST

START_TEST(text_is_the_number_with_leading_zeros)
{
    phash_bits h;
    ck_assert_int_eq(phash_bits_from_hex("1ff", 3, 9, &h), PHASH_OK);
    ck_assert_uint_eq(h.bytes[0], 0x01);
    ck_assert_uint_eq(h.bytes[1], 0xff);
    ck_assert_int_eq(phash_bits_from_hex("95d6129d71e9d138", 16, 64, &h), PHASH_OK);
    ck_assert_uint_eq(h.bytes[0], 0x95);
    ck_assert_uint_eq(h.bytes[7], 0x38);
    char small[4] = "zzz";
    ck_assert_uint_eq(phash_bits_to_hex(&h, small, sizeof small), 16);
    ck_assert_str_eq(small, "95d");
    ck_assert_uint_eq(phash_bits_to_hex(&h, NULL, 0), 16);
    h.length = 0;
    ck_assert_uint_eq(phash_bits_to_hex(&h, small, sizeof small), 0);
    ck_assert_str_eq(small, "");
}
END_TEST

START_TEST(hex_is_strict)
{
    phash_bits h, before;
    memset(&h, 0xa5, sizeof h);
    before = h;
    static const struct {
        const char *text;
        uint32_t bits;
    } bad[] = {{"", 1},     {"2", 1},     {"8", 3},    {"200", 9},   {"0x1", 9},
               {"+12", 12}, {" 12", 12},  {"12", 12},  {"0012", 12}, {"12g", 12},
               {"-01", 9},  {"1\n2", 12}, {"fff", 11}, {"80000", 19}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(phash_bits_from_hex(bad[i].text, strlen(bad[i].text), bad[i].bits, &h),
                         PHASH_E_HEX);
    for (int c = 0; c < 256; c++) {
        const char text[2] = {'0', (char)c};
        const int is_digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!is_digit)
            ck_assert_int_eq(phash_bits_from_hex(text, 2, 8, &h), PHASH_E_HEX);
    }
    ck_assert_int_eq(phash_bits_from_hex("0", 1, 0, &h), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_from_hex("0", 1, PHASH_BITS_MAX + 1, &h), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_from_hex(NULL, 1, 4, &h), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_from_hex("0", 1, 4, NULL), PHASH_E_ARGUMENT);
    ck_assert_mem_eq(&h, &before, sizeof h);
}
END_TEST

START_TEST(distance_counts_differing_bits)
{
    uint64_t state = test_seed();
    for (uint32_t length = 1; length <= PHASH_BITS_MAX; length += length < 300 ? 1 : 97) {
        const phash_bits a = random_bits(&state, length), b = random_bits(&state, length);
        unsigned expected = 0, d = 0;
        for (size_t i = 0; i < PHASH_BITS_BYTES(length); i++)
            for (int bit = 0; bit < 8; bit++)
                expected += (unsigned)((a.bytes[i] ^ b.bytes[i]) >> bit & 1);
        ck_assert_int_eq(phash_bits_distance(&a, &b, &d), PHASH_OK);
        ck_assert_uint_eq(d, expected);
        ck_assert_int_eq(phash_bits_distance(&a, &a, &d), PHASH_OK);
        ck_assert_uint_eq(d, 0);
    }
}
END_TEST

START_TEST(kinds_do_not_mix)
{
    uint64_t state = test_seed();
    const phash_bits a = random_bits(&state, 64), b = random_bits(&state, 65),
                     none = PHASH_BITS_INIT;
    unsigned d = 77;
    ck_assert_int_eq(phash_bits_distance(&a, &b, &d), PHASH_E_KIND);
    ck_assert_int_eq(phash_bits_distance(&a, &none, &d), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_distance(NULL, &a, &d), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_distance(&a, &a, NULL), PHASH_E_ARGUMENT);
    ck_assert_uint_eq(d, 77);

    phash_hash256 h, back;
    for (size_t i = 0; i < sizeof h.bytes; i++)
        h.bytes[i] = (uint8_t)test_random(&state);
    phash_bits wide;
    ck_assert_int_eq(phash_bits_from_hash256(&h, &wide), PHASH_OK);
    char text[PHASH_BITS_HEX_MAX + 1], expected[PHASH_HASH256_HEX + 1];
    phash_bits_to_hex(&wide, text, sizeof text);
    phash_hash256_to_hex(&h, expected);
    ck_assert_str_eq(text, expected);
    ck_assert_int_eq(phash_bits_to_hash256(&wide, &back), PHASH_OK);
    ck_assert_mem_eq(&back, &h, sizeof h);
    ck_assert_int_eq(phash_bits_to_hash256(&a, &back), PHASH_E_KIND);
    ck_assert_int_eq(phash_bits_to_hash256(&none, &back), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_bits_from_hash256(NULL, &wide), PHASH_E_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bits");
    TCase *t = tcase_create("bits");
    tcase_add_test(t, every_length_round_trips);
    tcase_add_test(t, text_is_the_number_with_leading_zeros);
    tcase_add_test(t, hex_is_strict);
    tcase_add_test(t, distance_counts_differing_bits);
    tcase_add_test(t, kinds_do_not_mix);
    suite_add_tcase(s, t);
    return test_main(s);
}
