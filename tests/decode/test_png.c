/* PNG: every colour type and depth, interlaced or not, gives the samples that were put in; only
 * damage to critical chunks is an error. */
#include "encode.h"

static const struct {
    int colour, depth;
} kinds[] = {
    {PNG_COLOR_TYPE_GRAY, 1},        {PNG_COLOR_TYPE_GRAY, 2},      {PNG_COLOR_TYPE_GRAY, 4},
    {PNG_COLOR_TYPE_GRAY, 8},        {PNG_COLOR_TYPE_GRAY, 16},     {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
    {PNG_COLOR_TYPE_GRAY_ALPHA, 16}, {PNG_COLOR_TYPE_PALETTE, 1},   {PNG_COLOR_TYPE_PALETTE, 2},
    {PNG_COLOR_TYPE_PALETTE, 4},     {PNG_COLOR_TYPE_PALETTE, 8},   {PNG_COLOR_TYPE_RGB, 8},
    {PNG_COLOR_TYPE_RGB, 16},        {PNG_COLOR_TYPE_RGB_ALPHA, 8}, {PNG_COLOR_TYPE_RGB_ALPHA, 16},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

START_TEST(every_type_and_depth)
{
    static const uint32_t shapes[][2] = {{1, 1}, {3, 9}, {17, 5}, {64, 41}, {131, 70}};
    for (size_t i = 0; i < KINDS; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            for (int form = 0; form < 4; form++) {
                const bool trns = form & 2;
                if (trns && kinds[i].colour & PNG_COLOR_MASK_ALPHA)
                    continue;
                const png_spec spec = {.width = shapes[k][0],
                                       .height = shapes[k][1],
                                       .colour = kinds[i].colour,
                                       .depth = kinds[i].depth,
                                       .interlaced = form & 1,
                                       .trns = trns};
                uint8_t *expected;
                const blob file = encode_png(&spec, test_seed() + i, &expected);
                assert_pixels(&file, NULL, PHASH_FILE_PNG, spec.width, spec.height,
                              kinds[i].colour & PNG_COLOR_MASK_COLOR ? 3 : 1, expected);
                free(expected);
                free(file.p);
            }
}
END_TEST

static blob small(bool interlaced, uint8_t **expected)
{
    const png_spec spec = {.width = 30,
                           .height = 20,
                           .colour = PNG_COLOR_TYPE_RGB,
                           .depth = 8,
                           .interlaced = interlaced};
    return encode_png(&spec, 1, expected);
}

START_TEST(other_chunks_do_not_matter)
{
    uint8_t *expected;
    const blob plain = small(false, &expected);
    enum { MUCH = 20 * 1000 * 1000 };
    char *much = calloc(1, MUCH);
    ck_assert_ptr_nonnull(much);
    memcpy(much, "Comment", 8);
    static const struct {
        const char *type, *before;
        size_t bytes;
    } chunks[] = {{"tEXt", "IDAT", MUCH}, {"tEXt", "IEND", MUCH}, {"iCCP", "IDAT", 500},
                  {"gAMA", "IDAT", 4},    {"gAMA", "IDAT", 77},   {"sBIT", "IDAT", 3},
                  {"bKGD", "IDAT", 1},    {"acTL", "IDAT", 8},    {"eXIf", "IDAT", 3},
                  {"eXIf", "IDAT", MUCH}, {"eXIf", "IDAT", 0},    {"zTXt", "IEND", 40}};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        const blob with =
            png_with_chunk(&plain, chunks[i].type, much, chunks[i].bytes, chunks[i].before);
        assert_pixels(&with, NULL, PHASH_FILE_PNG, 30, 20, 3, expected);
        free(with.p);
    }
    const blob critical = png_with_chunk(&plain, "QQQQ", much, 5, "IDAT");
    assert_fails(&critical, NULL, PHASH_E_CORRUPT, NULL);
    free(critical.p);
    free(much);
    free(expected);
    free(plain.p);
}
END_TEST

static size_t find_chunk(const blob *file, const char *type)
{
    for (size_t i = 8; i + 8 <= file->n; i++)
        if (memcmp(file->p + i + 4, type, 4) == 0)
            return i;
    ck_abort_msg("no chunk %s", type);
    return 0;
}

START_TEST(damage_has_a_reason)
{
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        uint8_t *expected;
        blob f = small(interlaced, &expected);
        const size_t idat = find_chunk(&f, "IDAT"), iend = find_chunk(&f, "IEND");
        f.p[idat + 40] ^= 1;
        assert_fails(&f, NULL, PHASH_E_CORRUPT, NULL);
        f.p[idat + 40] ^= 1;
        f.p[iend - 1] ^= 1; /* the last checksum of the data */
        assert_fails(&f, NULL, PHASH_E_CORRUPT, "corrupt: libpng: IDAT: CRC error");
        f.p[iend - 1] ^= 1;
        f.p[f.n - 1] ^= 1; /* the end chunk's */
        assert_fails(&f, NULL, PHASH_E_CORRUPT, "corrupt: libpng: IEND: CRC error");
        f.p[f.n - 1] ^= 1;
        f.n = iend;
        assert_fails(&f, NULL, PHASH_E_TRUNCATED,
                     "truncated: the file ends inside the chunks after the image data");
        f.n = idat + 60;
        assert_fails(&f, NULL, PHASH_E_TRUNCATED, "truncated: the file ends inside the image data");
        f.n = 20;
        assert_fails(&f, NULL, PHASH_E_TRUNCATED, "truncated: the file ends inside the header");
        free(expected);
        free(f.p);
    }
}
END_TEST

/* A header with other sides than the data has, its checksum right. */
static blob with_sides(uint32_t width, uint32_t height, bool interlaced)
{
    uint8_t *expected;
    blob f = small(interlaced, &expected);
    free(expected);
    uint8_t ihdr[13];
    memcpy(ihdr, f.p + 16, 13);
    for (int i = 0; i < 4; i++) {
        ihdr[i] = (uint8_t)(width >> (24 - 8 * i));
        ihdr[4 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    /* The new header in front, the old one cut out. */
    const blob two = png_with_chunk(&f, "IHDR", ihdr, 13, "IHDR");
    free(f.p);
    memmove(two.p + 33, two.p + 58, two.n - 58);
    return (blob){two.p, two.n - 25};
}

START_TEST(sides_are_checked_before_memory_is_taken)
{
    static const struct {
        uint32_t width, height;
        phash_status status;
        const char *message;
    } cases[] = {
        {60000, 60000, PHASH_E_LIMIT_PIXELS,
         "too large: 60000x60000 is over the limit of 268435456 pixels"},
        {70000, 10, PHASH_E_LIMIT_DIMENSION,
         "too large: 70000x10 is over the limit of 65535 pixels on a side"},
        {10, 0x7fffffff, PHASH_E_LIMIT_DIMENSION,
         "too large: 10x2147483647 is over the limit of 65535 pixels on a side"},
        {0, 10, PHASH_E_CORRUPT, "corrupt: libpng: Image width is zero in IHDR"},
        {10, 0, PHASH_E_CORRUPT, NULL},
        {0xffffffff, 10, PHASH_E_CORRUPT, NULL},
        {30, 21, PHASH_E_CORRUPT, NULL}, /* a row more than there is data for */
    };
    for (int interlaced = 0; interlaced < 2; interlaced++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const blob f = with_sides(cases[i].width, cases[i].height, interlaced);
            assert_fails(&f, NULL, cases[i].status, cases[i].message);
            free(f.p);
        }
    phash_decode_options o = PHASH_DECODE_OPTIONS_INIT;
    o.max_memory = 1000 * 1000; /* 30x20000 streamed takes little, held takes 1.8 MB */
    blob f = with_sides(30, 20000, true);
    assert_fails(&f, &o, PHASH_E_LIMIT_MEMORY, NULL);
    free(f.p);
    f = with_sides(30, 20000, false);
    assert_fails(&f, &o, PHASH_E_CORRUPT, NULL); /* too little data, that is */
    o.max_memory = 1000;
    assert_fails(&f, &o, PHASH_E_LIMIT_MEMORY, NULL);
    free(f.p);
}
END_TEST

START_TEST(wrong_checksum_of_an_other_chunk_is_passed_over)
{
    uint8_t *expected;
    const blob plain = small(false, &expected);
    const blob with = png_with_chunk(&plain, "tEXt", "Title\0x", 7, "IDAT");
    with.p[find_chunk(&with, "tEXt") + 9] ^= 1;
    assert_pixels(&with, NULL, PHASH_FILE_PNG, 30, 20, 3, expected);
    free(with.p);
    free(plain.p);
    free(expected);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("png");
    TCase *t = tcase_create("png");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_type_and_depth);
    tcase_add_test(t, other_chunks_do_not_matter);
    tcase_add_test(t, damage_has_a_reason);
    tcase_add_test(t, sides_are_checked_before_memory_is_taken);
    tcase_add_test(t, wrong_checksum_of_an_other_chunk_is_passed_over);
    suite_add_tcase(s, t);
    return test_main(s);
}
