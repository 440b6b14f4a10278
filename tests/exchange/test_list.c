/* The reader of hash lists: every form, every kind of bad line, every cut of the input. */
#include "check_main.h"

#include <phash/exchange.h>

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define H1 "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
#define H2 "D8F8F0CEE0F4A84F0637022A078F67F0B36E2ED596621E1D33E6339C4E9C9B22"

/* Gives its text in pieces of `step` bytes; at `fail_at` it fails. */
typedef struct {
    const char *text;
    size_t bytes, at, step, fail_at;
} pieces;

static phash_status read_pieces(void *context, void *buffer, size_t capacity, size_t *got,
                                phash_error *error)
{
    (void)error;
    pieces *p = context;
    size_t n = p->bytes - p->at;
    if (p->at >= p->fail_at)
        return PHASH_E_READ;
    n = n < p->step ? n : p->step;
    n = n < capacity ? n : capacity;
    memcpy(buffer, p->text + p->at, n);
    p->at += n;
    *got = n;
    return PHASH_OK;
}

/* Reads everything and writes what came as one line of text per record or error, to compare. */
static void run(phash_list *list, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (;;) {
        phash_list_record r = PHASH_LIST_RECORD_INIT;
        phash_error e = PHASH_ERROR_INIT;
        const phash_status status = phash_list_next(list, &r, &e);
        if (status == PHASH_E_NOT_FOUND)
            break;
        int n;
        if (status)
            n = snprintf(out + used, size - used, "%d:E%d\n", (int)e.offset, (int)status);
        else
            n = snprintf(out + used, size - used, "%d:%02x,%d,%.*s%s\n", (int)r.line,
                         r.hash.bytes[0], r.quality, (int)r.extra_length, r.extra,
                         r.fast ? " (fast)" : "");
        ck_assert_int_gt(n, 0);
        used += (size_t)n;
        ck_assert_uint_lt(used, size);
        if (phash_list_failed(list))
            break;
    }
}

#define CASE(form, text, expected)                                                                 \
    {                                                                                              \
        form, text, sizeof(text) - 1, expected                                                     \
    }
static const struct {
    phash_list_format form;
    const char *text;
    size_t bytes;
    const char *expected;
} cases[] = {
    CASE(PHASH_LIST_UNKNOWN, "", ""),
    CASE(PHASH_LIST_UNKNOWN, "\xef\xbb\xbf", ""),
    CASE(PHASH_LIST_UNKNOWN, "\n \t\n# a list\r\n", ""),
    CASE(PHASH_LIST_HEX, H1, "1:f8,-1,\n"),
    CASE(PHASH_LIST_HEX, "\xef\xbb\xbf" H1 "\r\n\r\n" H2 "\n", "1:f8,-1,\n3:d8,-1,\n"),
    CASE(PHASH_LIST_HEX, "hash\n#" H1 "\n" H2, "3:d8,-1,\n"),
    CASE(PHASH_LIST_METADATA, H1 ",meta, \"data\", 5\n" H2 "\n" H2 ",\n",
         "1:f8,-1,meta, \"data\", 5\n2:d8,-1,\n3:d8,-1,\n"),
    CASE(PHASH_LIST_METADATA, "pdq,label\n" H1 ",101,x\n" H2 ",50,y\n",
         "2:f8,-1,101,x\n3:d8,-1,50,y\n"),
    CASE(PHASH_LIST_METADATA, H2 "\n" H1 ",100\n", "1:d8,-1,\n2:f8,-1,100\n"),
    CASE(PHASH_LIST_CSV, H1 ",7,a.jpg,fast\n" H1 ",7,b.jpg,full\n" H2 ",8,c.jpg,rotate90\n",
         "1:f8,7,a.jpg (fast)\n2:f8,7,b.jpg\n3:d8,8,c.jpg\n"),
    CASE(PHASH_LIST_CSV, H1 ",7,\"a,b\",fast,flipx\n" H1 ",7,fast\n" H1 ",7,,fast\n",
         "1:f8,7,a,b (fast)\n2:f8,7,fast\n3:f8,7, (fast)\n"),
    CASE(PHASH_LIST_CSV, H1 ",7,a,b,faster\n" H1 ",7,\"a\",fast,x\n" H1 ",7,\"a\"fast\n",
         "1:f8,7,a,b,faster\n2:f8,7,a (fast)\n3:E33\n"),
    CASE(PHASH_LIST_KEY_VALUE,
         "hash=" H1 ",norm=128,delta=0,quality=77,filename=a=b,c.jpg\n"
         "quality=0,hash=" H2 "\nhash=" H2 ",quality=101\nquality=3\nhash=" H1 "0\nhash\n" H1 "\n",
         "1:f8,77,a=b,c.jpg\n2:d8,0,\n3:E33\n4:E40\n5:E40\n6:E33\n7:E33\n"),
    CASE(PHASH_LIST_CSV,
         "HEX,QUALITY,PATH\r\n" H1 ",100,a b,c.jpg\r\n" H2 ",,\"x \"\"y\"\", z\"\r\n" H2 ",7\n" H2
         "\n",
         "2:f8,100,a b,c.jpg\n3:d8,-1,x \"y\", z\n4:d8,7,\n5:d8,-1,\n"),
    CASE(PHASH_LIST_CSV, H1 ",9,\"two\r\nlines\"\n" H2 ",8,\"\n\n\"\n" H2 ",0,\"\",more\n",
         "1:f8,9,two\r\nlines\n3:d8,8,\n\n\n6:d8,0,\n"),
    CASE(PHASH_LIST_CSV, H1 ",9,\"\"\"\"\"\"\n" H1 ",9,\"a\"b\n" H2 ",1,-\n",
         "1:f8,9,\"\"\n2:E33\n3:d8,1,-\n"),
    /* A quote that is never closed costs its own line, not the rest. */
    CASE(PHASH_LIST_CSV, H1 ",9,\"open\n" H2 ",1,b\n" H2 ",2,c", "1:E42\n2:d8,1,b\n3:d8,2,c\n"),
    CASE(PHASH_LIST_CSV, H1 ",9,\"", "1:E42\n"),
    CASE(PHASH_LIST_CSV, H1 ",9,\"\"\"", "1:E42\n"),
    CASE(PHASH_LIST_CSV, H1 ",1,a\n" H1 ",+1,a\n" H1 ",1000,a\n" H1 ",x\n" H1 ", 1,a\n",
         "1:f8,1,a\n2:E33\n3:E33\n4:E33\n5:E33\n"),
    CASE(PHASH_LIST_HEX,
         H1 "\n " H1 "\n" H1 " \n0x" H1 "\n" H1 "0\nzz\n" H2 "\xff\n" H1 ";1\n" H2 "\n",
         "1:f8,-1,\n2:E40\n3:E40\n4:E40\n5:E40\n6:E40\n7:E40\n8:E40\n9:d8,-1,\n"),
    CASE(PHASH_LIST_HEX, H1 "\n" H2 "\0" H2 "\n\0\n" H2 "\n", "1:f8,-1,\n2:E33\n3:E33\n4:d8,-1,\n"),
    CASE(PHASH_LIST_METADATA, H1 ",\xff\xfe\x80 not UTF-8\n", "1:f8,-1,\xff\xfe\x80 not UTF-8\n"),
    CASE(PHASH_LIST_UNKNOWN, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:E42\n2:E42\n3:E42\n"),
    CASE(PHASH_LIST_UNKNOWN, "# words\nnot a list\n", "2:E42\n"),
#if PHASH_HAS_BANK
    CASE(
        PHASH_LIST_JSON,
        "{\"hash\":\"" H1 "\",\"quality\":70,\"path\":\"a\\u00e9\\n\"}\n"
        "{\"path\":5,\"filename\":\"f\",\"hash\":\"" H2 "\",\"quality\":null,\"x\":[]}\r\n\n"
        "{\"hash\":\"" H2 "\",\"hash\":\"" H2 "\"}\n{\"hash\":\"" H2 "\",\"quality\":1e2}\n"
        "{\"hash\":\"" H2 "\",\"quality\":101}\n{\"hash\":7}\n[]\n{\"hash\":\"" H2 "\"\n" H1 "\n"
        "{\"hash\":\"" H2 "\",\"path\":\"\xff\"}\n{\"hash\":\"" H2 "\",\"path\":\"\\u0000\"}\n",
        "1:f8,70,a\xc3\xa9\n\n2:d8,-1,f\n4:E33\n5:E33\n6:E33\n7:E40\n8:E33\n9:E33\n10:E33\n11:E33\n"
        "12:E33\n"),
#else
    CASE(PHASH_LIST_JSON, "{\"hash\":\"" H1 "\"}\n", "1:E3\n"),
#endif
};
enum { CASES = sizeof cases / sizeof cases[0] };

START_TEST(forms)
{
    char out[4096];
    phash_list *list;
    ck_assert_int_eq(phash_list_open_memory(cases[_i].text, cases[_i].bytes, NULL, &list, NULL),
                     PHASH_OK);
    run(list, out, sizeof out);
    ck_assert_str_eq(out, cases[_i].expected);
    ck_assert_int_eq(phash_list_format_get(list), cases[_i].form);
    ck_assert_int_eq(phash_list_failed(list), 0);
    phash_list_free(&list);
    ck_assert_ptr_null(list);
    phash_list_free(&list);
}
END_TEST

START_TEST(pieces_of_every_size)
{
    char out[4096];
    for (size_t step = 1; step < 80; step++) {
        pieces p = {cases[_i].text, cases[_i].bytes, 0, step, SIZE_MAX};
        phash_list *list;
        ck_assert_int_eq(phash_list_open_reader(read_pieces, &p, NULL, &list, NULL), PHASH_OK);
        run(list, out, sizeof out);
        ck_assert_str_eq(out, cases[_i].expected);
        phash_list_free(&list);
    }
}
END_TEST

START_TEST(sniffing)
{
    /* Of a text whose first line is bad, nothing is said; a good first line tells the form, or as
     * much of it as one line can. */
    static const char *const none[] = {"", "\n\n", "hash\n", "GIF89a", H1 "0", "hash=", "\xef\xbb"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert_int_eq(phash_list_sniff(none[i], strlen(none[i])), PHASH_LIST_UNKNOWN);
    ck_assert_int_eq(phash_list_sniff("\xef\xbb\xbf# x\r\n\r\n" H1, 74), PHASH_LIST_HEX);
    ck_assert_int_eq(phash_list_sniff(H1 ",a", 66), PHASH_LIST_METADATA);
    ck_assert_int_eq(phash_list_sniff(H1 ",50,\"a\n", 71), PHASH_LIST_CSV);
    ck_assert_int_eq(phash_list_sniff("hash\n" H1 ",,", 71), PHASH_LIST_CSV);
    ck_assert_int_eq(phash_list_sniff("hash=" H1, 69), PHASH_LIST_KEY_VALUE);
    ck_assert_int_eq(phash_list_sniff("{\"", 2), PHASH_LIST_JSON);
    ck_assert_int_eq(phash_list_sniff(NULL, 0), PHASH_LIST_UNKNOWN);
}
END_TEST

START_TEST(long_lines_are_passed_over)
{
    /* Good, too long (by one), good, far too long, good, an unending quote, good. */
    enum { LINE = 100, HUGE_LINE = 1000000 };
    char *text = malloc(3 * HUGE_LINE);
    ck_assert_ptr_nonnull(text);
    size_t n = 0;
    n += (size_t)sprintf(text + n, "%s,1,%0*d\n", H1, LINE - 67, 7);
    n += (size_t)sprintf(text + n, "%s,1,%0*d\n", H1, LINE - 67 + 2, 7);
    n += (size_t)sprintf(text + n, "%s,1,a\n", H2);
    memset(text + n, 'x', HUGE_LINE);
    n += HUGE_LINE;
    n += (size_t)sprintf(text + n, "\n%s,1,b\n%s,1,\"open\n%s,1,c\n", H2, H1, H2);
    for (size_t i = 0; i < HUGE_LINE; i++)
        text[n++] = i % 50 ? ' ' : '\n';
    n += (size_t)sprintf(text + n, "\n%s,1,\"two\nlines\"\n%s,1,d", H1, H2);
    phash_list_options options = PHASH_LIST_OPTIONS_INIT;
    options.max_line = LINE;
    for (int part = 0; part < 3; part++) {
        pieces p = {text, n, 0, part == 0 ? 1 : part == 1 ? 997 : SIZE_MAX, SIZE_MAX};
        phash_list *list;
        ck_assert_int_eq(phash_list_open_reader(read_pieces, &p, &options, &list, NULL), PHASH_OK);
        char out[2048], *at;
        run(list, out, sizeof out);
        at = strstr(out, "2:E38\n3:d8,1,a\n4:E38\n5:d8,1,b\n6:E33\n7:d8,1,c\n");
        ck_assert_ptr_nonnull(at);
        ck_assert_int_eq(strncmp(out, "1:f8,1,0", 8), 0);
        /* Once a quote did not close, fields stay on their lines. */
        ck_assert_ptr_nonnull(strstr(at, ":E33\n2"));
        ck_assert_ptr_nonnull(strstr(at, ":E40\n2"));
        ck_assert_ptr_nonnull(strstr(at, ":d8,1,d\n"));
        phash_list_free(&list);
    }
    free(text);
}
END_TEST

START_TEST(failing_source)
{
    static const char text[] = H1 "\n" H2 "\n" H1 "\n";
    pieces p = {text, sizeof text - 1, 0, 70, 70};
    phash_list *list;
    phash_list_record r = PHASH_LIST_RECORD_INIT;
    phash_error e = PHASH_ERROR_INIT;
    ck_assert_int_eq(phash_list_open_reader(read_pieces, &p, NULL, &list, NULL), PHASH_OK);
    ck_assert_int_eq(phash_list_next(list, &r, &e), PHASH_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(phash_list_next(list, &r, &e), PHASH_E_READ);
        ck_assert_int_ne(phash_list_failed(list), 0);
    }
    phash_list_free(&list);
    /* A directory can be opened, but not read. */
    ck_assert_int_eq(phash_list_open_fd(-1, NULL, &list, &e), PHASH_E_ARGUMENT);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(phash_list_open_fd(ends[1], NULL, &list, &e), PHASH_OK);
    ck_assert_int_eq(phash_list_next(list, &r, &e), PHASH_E_READ);
    ck_assert_int_ne(e.sys_errno, 0);
    phash_list_free(&list);
    ck_assert_int_eq(write(ends[1], text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(ends[1]);
    ck_assert_int_eq(phash_list_open_fd(ends[0], NULL, &list, &e), PHASH_OK);
    char out[256];
    run(list, out, sizeof out);
    ck_assert_str_eq(out, "1:f8,-1,\n2:d8,-1,\n3:f8,-1,\n");
    phash_list_free(&list);
    close(ends[0]);
}
END_TEST

START_TEST(arguments)
{
    phash_list *list = (phash_list *)&list;
    phash_list_options options = PHASH_LIST_OPTIONS_INIT;
    options.max_line = 64;
    ck_assert_int_eq(phash_list_open_memory("", 0, &options, &list, NULL), PHASH_E_ARGUMENT);
    ck_assert_ptr_null(list);
    options.max_line = SIZE_MAX;
    ck_assert_int_eq(phash_list_open_memory("", 0, &options, &list, NULL), PHASH_E_ARGUMENT);
    options = (phash_list_options)PHASH_LIST_OPTIONS_INIT;
    options.bits = 144;
    ck_assert_int_eq(phash_list_open_memory("", 0, &options, &list, NULL), PHASH_E_ARGUMENT);
    options = (phash_list_options)PHASH_LIST_OPTIONS_INIT;
    memset(options.algorithm, 'x', sizeof options.algorithm);
    ck_assert_int_eq(phash_list_open_memory("", 0, &options, &list, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_list_open_memory(NULL, 1, NULL, &list, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_list_open_memory("", 0, NULL, NULL, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_list_open_reader(NULL, NULL, NULL, &list, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_list_next(NULL, NULL, NULL), PHASH_E_ARGUMENT);
    ck_assert_int_eq(phash_list_format_get(NULL), PHASH_LIST_UNKNOWN);
    ck_assert_int_eq(phash_list_failed(NULL), 0);
    phash_list_free(NULL);
}
END_TEST

/* What lists of 64-bit hashes, and of another algorithm, say. */
#define S1 "8f0f1e3c7899f0e1"
static const struct {
    const char *algorithm;
    uint32_t bits;
    const char *text, *expected, *said;
} kinds[] = {
    {"dct-8x4", 64, S1 "\n8F0F1E3C7899F0E2\n", "1:8f,-1,\n2:8f,-1,\n", NULL},
    {"dct-8x4", 64, S1 ",,a.png,dct-8x4\n" S1 ",,\"a,b\",rotate90,dct-8x4\n",
     "1:8f,-1,a.png\n2:8f,-1,a,b\n", NULL},
    {"dct-8x4", 64, S1 ",,a.png,inverted,dct-8x4\n" S1 ",,b,c,inverted-flipx,dct-8x4\n",
     "1:8f,-1,a.png\n2:8f,-1,b,c\n", NULL},
    {"dct-8x4", 64, S1 ",label 5\n" S1 ",x,dct-8x4\n", "1:8f,-1,label 5\n2:8f,-1,x\n", NULL},
    {"dct-8x4", 64, S1 "\n" S1 ",,a,dct-8x5\n" S1 "\n", "1:8f,-1,\n2:E43\n3:8f,-1,\n",
     "line 2: a hash of dct-8x5, not of dct-8x4"},
    {"dct-8x4", 64, S1 "\n" H1 "\n" S1 "0\n", "1:8f,-1,\n2:E43\n3:E40\n",
     "line 2: a hash of 256 bits (as pdq has), not of dct-8x4, which has 64"},
    /* A list that begins with another kind is not read any further. */
    {"dct-8x4", 64, H1 ",9,a.png\n" H1 ",9,b.png\n", "1:E43\n",
     "line 1: a hash of 256 bits (as pdq has), not of dct-8x4, which has 64"},
    {"pdq", 256, S1 "\n" S1 "\n", "1:E43\n",
     "line 1: a hash of 64 bits, not of pdq, which has 256"},
    {"pdq", 256, S1 ",,a.png,dct-8x4\n", "1:E43\n", "line 1: a hash of dct-8x4, not of pdq"},
    {"pdq", 256, H1 ",,a.png,dct-16x4\n", "1:E43\n", "line 1: a hash of dct-16x4, not of pdq"},
    {"pdq", 256, H1 ",7,a.png,pdq\n" H1 ",7,a.png,dct-16\n", "1:f8,7,a.png\n2:f8,7,a.png,dct-16\n",
     NULL},
    {"dct-16x4", 256, H1 "\n" H2 ",,a.png,dct-16x4\n", "1:f8,-1,\n2:d8,-1,a.png\n", NULL},
    {"dct-16x4", 256, H1 ",9,a.png\n", "1:E43\n", "line 1: a hash of pdq, not of dct-16x4"},
    {"dct-16x4", 256, "hash=" H1 ",norm=1\n", "1:E43\n", "line 1: a hash of pdq, not of dct-16x4"},
    {"dct-16x4", 256, H1 ",,a,dct-16x4\n" H1 ",,a,fast\n", "1:f8,-1,a\n2:E43\n",
     "line 2: a hash of pdq, not of dct-16x4"},
#if PHASH_HAS_BANK
    {"dct-8x4", 64,
     "{\"hash\":\"" S1 "\",\"algorithm\":\"dct-8x4\",\"path\":\"p\"}\n"
     "{\"hash\":\"" S1 "\"}\n{\"hash\":\"" S1 "\",\"algorithm\":\"md5\"}\n",
     "1:8f,-1,p\n2:8f,-1,\n3:E43\n", "line 3: a hash of an unknown algorithm, not of dct-8x4"},
    {"pdq", 256, "{\"hash\":\"" H1 "\",\"algorithm\":\"dct-16x4\"}\n", "1:E43\n",
     "line 1: a hash of dct-16x4, not of pdq"},
    {"dct-16x4", 256, "{\"hash\":\"" H1 "\",\"quality\":50}\n", "1:E43\n",
     "line 1: a hash of pdq, not of dct-16x4"},
#endif
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static phash_list_options options_of(int i)
{
    phash_list_options options = PHASH_LIST_OPTIONS_INIT;
    options.bits = kinds[i].bits;
    snprintf(options.algorithm, sizeof options.algorithm, "%s", kinds[i].algorithm);
    return options;
}

START_TEST(kinds_are_told_apart)
{
    char out[1024];
    phash_list *list;
    const phash_list_options options = options_of(_i);
    const char *text = kinds[_i].text;
    ck_assert_int_eq(phash_list_open_memory(text, strlen(text), &options, &list, NULL), PHASH_OK);
    run(list, out, sizeof out);
    ck_assert_str_eq(out, kinds[_i].expected);
    phash_list_free(&list);
    ck_assert_int_eq(phash_list_open_memory(text, strlen(text), &options, &list, NULL), PHASH_OK);
    bool said = !kinds[_i].said;
    phash_list_record r = PHASH_LIST_RECORD_INIT;
    phash_error e = PHASH_ERROR_INIT;
    for (phash_status status; (status = phash_list_next(list, &r, &e)) != PHASH_E_NOT_FOUND;) {
        if (status == PHASH_E_KIND)
            said |= kinds[_i].said && !strcmp(e.message, kinds[_i].said);
        else if (kinds[_i].bits == 64 && status == PHASH_OK)
            for (size_t i = 8; i < sizeof r.hash; i++)
                ck_assert_uint_eq(r.hash.bytes[i], 0);
        if (phash_list_failed(list))
            break;
    }
    ck_assert(said);
    phash_list_free(&list);
}
END_TEST

/* Columns are metadata here, but for the one that names the kind. */
START_TEST(kinds_are_told_apart_in_columns)
{
    static const char text[] = S1 ",,a label,dct-8x4\n" S1 ",5,x,fast\n" S1 ",dct-8x4\n";
    char out[256];
    phash_list *list;
    phash_list_options options = options_of(0);
    options.form = PHASH_LIST_METADATA;
    ck_assert_int_eq(phash_list_open_memory(text, strlen(text), &options, &list, NULL), PHASH_OK);
    run(list, out, sizeof out);
    ck_assert_str_eq(out, "1:8f,-1,,a label\n2:8f,-1,5,x,fast (fast)\n3:8f,-1,\n");
    phash_list_free(&list);
}
END_TEST

/* Random bytes from the alphabet of lists: whatever comes, the pieces it comes in change nothing.
 */
START_TEST(random_text_reads_the_same_in_any_pieces)
{
    static const char *const words[] = {H1,
                                        H2,
                                        ",",
                                        ",9,",
                                        "\"",
                                        "\n",
                                        "\r\n",
                                        "x",
                                        "hash=",
                                        "=",
                                        "{\"hash\":\"" H1 "\"}",
                                        "\n" H1,
                                        "\n" H2 ",1,\""};
    uint64_t state = test_seed();
    static char text[8192], out[2][65536];
    for (int round = 0; round < 2000; round++) {
        size_t n = 0;
        while (n < 4000 && test_random(&state) % 64) {
            const char *w = words[test_random(&state) % (sizeof words / sizeof words[0])];
            memcpy(text + n, w, strlen(w));
            n += strlen(w);
        }
        phash_list_options options = PHASH_LIST_OPTIONS_INIT;
        options.max_line = 65 + test_random(&state) % 300;
        for (int i = 0; i < 2; i++) {
            pieces p = {text, n, 0, i ? 1 + test_random(&state) % 99 : SIZE_MAX, SIZE_MAX};
            phash_list *list;
            ck_assert_int_eq(phash_list_open_reader(read_pieces, &p, &options, &list, NULL),
                             PHASH_OK);
            run(list, out[i], sizeof out[i]);
            phash_list_free(&list);
        }
        ck_assert_str_eq(out[0], out[1]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("list");
    TCase *t = tcase_create("list");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, forms, 0, CASES);
    tcase_add_loop_test(t, pieces_of_every_size, 0, CASES);
    tcase_add_test(t, sniffing);
    tcase_add_test(t, long_lines_are_passed_over);
    tcase_add_test(t, failing_source);
    tcase_add_test(t, arguments);
    tcase_add_loop_test(t, kinds_are_told_apart, 0, KINDS);
    tcase_add_test(t, kinds_are_told_apart_in_columns);
    tcase_add_test(t, random_text_reads_the_same_in_any_pieces);
    suite_add_tcase(s, t);
    return test_main(s);
}
