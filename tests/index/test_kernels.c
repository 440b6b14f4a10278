/* Every Hamming kernel against C, and C against the definition: sizes, alignments, contents, and
 * buffers that end where a guard page begins. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, posix_memalign */

#include "check_main.h"
#include "hamming/hamming.h"
#include "index/layout.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A buffer whose last byte is followed by a page that must not be touched. */
typedef struct guarded {
    uint8_t *map, *data;
    size_t length;
} guarded;

static guarded guarded_new(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t body = (bytes + page - 1) / page * page;
    guarded g = {.length = body + page};
    g.map = mmap(NULL, g.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(g.map, MAP_FAILED);
    ck_assert_int_eq(mprotect(g.map + body, page, PROT_NONE), 0);
    g.data = g.map + body - bytes;
    return g;
}

static void guarded_free(guarded *g)
{
    munmap(g->map, g->length);
}

static const uint32_t sets[] = {0, PHASH_CPU_POPCNT, PHASH_CPU_POPCNT | PHASH_CPU_AVX2,
                                PHASH_CPU_POPCNT | PHASH_CPU_AVX2 | PHASH_CPU_AVX512,
                                PHASH_CPU_NEON};
enum { SETS = sizeof sets / sizeof sets[0] };

/* The kernels of set number `i`; false if the machine has them not. */
static bool kernels_of(int i, phash_hamming_kernels *k)
{
    if (sets[i] & ~phash_cpu_active())
        return false;
    phash_hamming_kernels_fill(k, sets[i]);
    return true;
}

static void fill(uint64_t *state, void *data, size_t bytes)
{
    uint8_t *p = data;
    const uint64_t kind = test_random(state) % 4;
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(kind == 0   ? 0
                         : kind == 1 ? 0xff
                         : kind == 2 ? test_random(state) & test_random(state) & test_random(state)
                                     : test_random(state));
}

static uint32_t bits_of(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    uint32_t d = 0;
    for (size_t i = from; i < to; i++)
        d += (uint32_t)((a[i / 8] ^ b[i / 8]) >> i % 8 & 1);
    return d;
}

START_TEST(whole_rows)
{
    phash_hamming_kernels k;
    if (!kernels_of(_i, &k))
        return;
    uint64_t state = test_seed();
    static const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 100, 511, 512};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
        for (size_t words = 1; words <= 4; words += 3)
            for (int round = 0; round < 8; round++) {
                const size_t n = counts[c];
                guarded g = guarded_new(n * words * 8 + (size_t)round); /* any alignment */
                uint64_t query[4];
                phash_hit hits[512];
                fill(&state, g.data, n * words * 8);
                fill(&state, query, sizeof query);
                const uint32_t radius = (uint32_t)(test_random(&state) % (words * 64 + 1));
                const size_t found = k.rows(g.data, n, words, query, radius, hits);
                size_t at = 0;
                for (size_t i = 0; i < n; i++) {
                    const uint32_t d =
                        bits_of(g.data + i * words * 8, (const uint8_t *)query, 0, words * 64);
                    if (d > radius)
                        continue;
                    ck_assert_uint_lt(at, found);
                    ck_assert_uint_eq(hits[at].row, i);
                    ck_assert_uint_eq(hits[at++].distance, d);
                }
                ck_assert_uint_eq(at, found);
                guarded_free(&g);
            }
}
END_TEST

START_TEST(bit_planes)
{
    phash_hamming_kernels k;
    if (!kernels_of(_i, &k))
        return;
    uint64_t state = test_seed() + 1;
    for (size_t words = 1; words <= 4; words += 3)
        for (int round = 0; round < test_share(20); round++) {
            const size_t n = round == 0 ? 512 : test_random(&state) % 513;
            const size_t bits = words == 1 ? 64 : 64 * (1 + test_random(&state) % 4);
            guarded g = guarded_new(n * words * 8);
            guarded out = guarded_new(bits * PHASH_PLANE_WORDS * 8);
            fill(&state, g.data, n * words * 8);
            k.transpose(g.data, n, words, bits, (uint64_t *)(void *)out.data);
            for (size_t b = 0; b < bits; b++)
                for (size_t r = 0; r < 512; r++) {
                    const unsigned want = r < n ? g.data[r * words * 8 + b / 8] >> b % 8 & 1u : 0;
                    ck_assert_uint_eq(out.data[b * 64 + r / 8] >> r % 8 & 1u, want);
                }
            guarded_free(&g);
            guarded_free(&out);
        }
}
END_TEST

START_TEST(slice)
{
    phash_hamming_kernels k;
    if (!kernels_of(_i, &k))
        return;
    uint64_t state = test_seed() + 2;
    uint64_t *rows = malloc(512 * 32), *planes = NULL;
    void *table = NULL;
    ck_assert_int_eq(posix_memalign((void **)&planes, 64, 256 * 64), 0);
    ck_assert_int_eq(posix_memalign(&table, 64, PHASH_SLICE_TABLE_BYTES), 0);
    for (int round = 0; round < test_share(150); round++) {
        enum { QUERIES = 16 };
        /* Few queries go another way than many. */
        const size_t asked = 1 + test_random(&state) % QUERIES;
        uint64_t queries[QUERIES][4];
        uint8_t codes[QUERIES * PHASH_SLICE_CODES];
        uint32_t out[QUERIES * 512];
        fill(&state, rows, 512 * 32);
        fill(&state, queries, sizeof queries);
        k.transpose(rows, 512, 4, 256, planes);
        const uint32_t steps = 1 + (uint32_t)(test_random(&state) % PHASH_SLICE_STEPS_MAX);
        const uint32_t radius = (uint32_t)(test_random(&state) % (PHASH_SLICE_RADIUS_MAX + 1)) >>
                                test_random(&state) % 4;
        for (size_t q = 0; q < asked; q++)
            phash_slice_codes(queries[q], 4, steps, codes + q * steps * PHASH_SLICE_GROUPS);
        const size_t found = k.slice(planes, codes, asked, steps, radius, table, out);
        bool survived[QUERIES][512] = {{false}};
        for (size_t i = 0; i < found; i++) {
            ck_assert_uint_lt(out[i] / 512, asked);
            ck_assert(!survived[out[i] / 512][out[i] % 512]);
            survived[out[i] / 512][out[i] % 512] = true;
        }
        for (size_t q = 0; q < asked; q++)
            for (size_t r = 0; r < 512; r++)
                ck_assert_int_eq(survived[q][r],
                                 bits_of((const uint8_t *)queries[q], (uint8_t *)(rows + 4 * r), 0,
                                         steps * PHASH_SLICE_BITS) <= radius);
    }
    free(table);
    free(planes);
    free(rows);
}
END_TEST

START_TEST(reorder)
{
    phash_hamming_kernels k;
    if (!kernels_of(_i, &k))
        return;
    uint64_t state = test_seed() + 3;
    phash_order_table *table = malloc(sizeof *table);
    for (size_t words = 1; words <= 4; words += 3) {
        const uint32_t bits = (uint32_t)words * 64;
        uint8_t order[256];
        for (uint32_t b = 0; b < bits; b++) {
            const uint32_t other = (uint32_t)(test_random(&state) % (b + 1));
            order[b] = order[other];
            order[other] = (uint8_t)b;
        }
        phash_order_fill(order, bits, table);
        for (size_t n = 0; n < 20; n++) {
            guarded in = guarded_new(n * words * 8), out = guarded_new(n * words * 8);
            fill(&state, in.data, n * words * 8);
            k.reorder(table, in.data, n, words, (uint64_t *)(void *)out.data);
            for (size_t i = 0; i < n; i++)
                for (uint32_t b = 0; b < bits; b++) {
                    const uint8_t *hash = in.data + i * words * 8, *row = out.data + i * words * 8;
                    ck_assert_int_eq(row[b / 8] >> b % 8 & 1,
                                     hash[order[b] / 8] >> order[b] % 8 & 1);
                }
            guarded_free(&in);
            guarded_free(&out);
        }
    }
    free(table);
}
END_TEST

/* A small index of one chunk with a key of 5 bits, in every layout; buckets of every size, some of
 * which overflow. Kernels give what C gives, whatever the room, and C what the definition says. */
enum { KEY = 5, BUCKETS = 1 << KEY, ENTRIES_MAX = BUCKETS * 200 };
enum { RUNS, LINES, WIDE, LAYOUTS };

typedef struct small_index {
    int layout;
    uint32_t offsets[BUCKETS + 1];
    guarded checks, lines, over;
    uint8_t high[ENTRIES_MAX]; /* bits of the checks that wide lines have */
    bool inside[ENTRIES_MAX];  /* a line: whether the entry is there */
    uint64_t count, over_count;
} small_index;

static void small_index_new(small_index *s, int layout, uint64_t *state)
{
    memset(s, 0, sizeof *s);
    s->layout = layout;
    const uint32_t room = layout == WIDE ? PHASH_WIDE_CHECKS : PHASH_LINE_CHECKS;
    uint64_t more = 0;
    for (uint32_t b = 0; b < BUCKETS; b++) {
        const uint32_t n = (uint32_t)(test_random(state) % (b % 4 ? 35 : 200));
        s->offsets[b + 1] = s->offsets[b] + n;
        more += n > room ? n - (room - 2) : 0;
    }
    s->count = s->offsets[BUCKETS];
    s->over_count = more;
    s->checks = guarded_new(s->count * 2 + 128);
    s->over = guarded_new(more * 2 + 128);
    s->lines = guarded_new(BUCKETS * 64);
    fill(state, s->checks.data, s->count * 2);
    fill(state, s->high, sizeof s->high);
    fill(state, s->lines.data, BUCKETS * 64);
    uint32_t over = 0;
    for (uint32_t b = 0; b < BUCKETS; b++) {
        const uint32_t n = s->offsets[b + 1] - s->offsets[b], head[2] = {s->offsets[b], n};
        const uint32_t here = n > room ? room - 2 : n;
        uint8_t *line = s->lines.data + b * 64;
        memcpy(line, head, 8);
        memcpy(line + 8, s->checks.data + s->offsets[b] * 2, here * 2);
        if (layout == WIDE)
            memcpy(line + PHASH_WIDE_HIGH, s->high + s->offsets[b], here);
        memset(s->inside + s->offsets[b], true, here);
        if (here < n) {
            memcpy(line + 60, &over, 4);
            memcpy(s->over.data + over * 2, s->checks.data + (s->offsets[b] + here) * 2,
                   (n - here) * 2);
            over += n - here;
        }
    }
}

START_TEST(probes)
{
    phash_hamming_kernels k;
    if (!kernels_of(_i, &k))
        return;
    uint64_t state = test_seed() + 4;
    uint8_t *near = malloc(ENTRIES_MAX);
    for (int round = 0; round < test_share(200); round++) {
        uint32_t masks[1 + KEY], buckets[1 + KEY + PHASH_PROBE_AHEAD] = {0};
        masks[0] = 0;
        for (uint32_t i = 0; i < KEY; i++)
            masks[1 + i] = 1u << i;
        phash_probe_chunk chunk = {
            .base = 0,
            .flip = (uint32_t)(round % 4 > 1 ? 0 : test_random(&state) % BUCKETS),
            .start = 7,
            .key_bits = KEY,
            .check_start = 12,
            .mask = round % 3 == 0   ? 0x0fff
                    : round % 3 == 1 ? 0xffff
                                     : 0xffffff,
            .own_mask = round % 4 == 0   ? 0
                        : round % 4 == 1 ? 7
                                         : 0x3ffff,
            .levels = 2,
            .limit = {(int8_t)(test_random(&state) % 14), 3},
            .own_limit = {round % 4 < 2 ? 1 : 6, round % 4 < 2 ? 0 : 3},
            .count = {1, KEY},
            .masks = {masks, masks + 1}};
        phash_probe_group groups[1];
        uint64_t row[4];
        for (size_t w = 0; w < 4; w++)
            row[w] = test_random(&state);
        for (int layout = 0; layout < LAYOUTS; layout++) {
            small_index s;
            small_index_new(&s, layout, &state);
            for (size_t room = 2; room < 100; room += 31) {
                phash_probes p = {
                    .offsets = s.offsets,
                    .lines = (const uint16_t *)(void *)s.lines.data,
                    .checks =
                        (const uint16_t *)(void *)(layout != RUNS ? s.over.data : s.checks.data),
                    .check_count = layout != RUNS ? s.over_count : s.count,
                    .run_lines = 2,
                    .cached = round % 5 == 0,
                    .stream = (const char *)s.checks.data,
                    .stream_lines = (size_t)s.count * 2 / 64,
                    .stream_pace = 3,
                    .words = 4,
                    .chunks = &chunk,
                    .chunk_count = 1,
                    .groups = groups,
                    .buckets = buckets};
                const phash_probe_key alone = {77, phash_row_bits(row, 4, 7, KEY),
                                               phash_row_bits(row, 4, 12, PHASH_CHECK_BITS)};
                if (round % 2)
                    k.probe_keys(&p, &alone, 1, 0);
                else
                    k.probe_add(&p, row, 77);
                ck_assert_uint_eq(p.group_count, 1);
                ck_assert_uint_eq(p.bucket_total, 1 + KEY);
                ck_assert_uint_eq(groups[0].query, 77);
                memset(near, 0, ENTRIES_MAX);
                phash_stretch out[100];
                while (p.group < p.group_count) {
                    const size_t n = layout == RUNS    ? k.probe_runs(&p, out, room)
                                     : layout == LINES ? k.probe_lines(&p, out, room)
                                                       : k.probe_wide(&p, out, room);
                    ck_assert_uint_le(n, room);
                    for (size_t i = 0; i < n; i++) {
                        ck_assert_uint_ne(out[i].near, 0);
                        for (uint32_t b = 0; b < 64; b++)
                            if (out[i].near >> b & 1)
                                near[out[i].posting + b]++;
                    }
                }
                /* The definition. */
                const uint32_t key = ((uint32_t)(row[0] >> 7) & (BUCKETS - 1)) ^ chunk.flip;
                const uint32_t check = (uint32_t)(row[0] >> 12) & 0xffffff;
                for (uint32_t b = 0; b < BUCKETS; b++) {
                    const int d = __builtin_popcount(b ^ key);
                    for (uint32_t e = s.offsets[b]; e < s.offsets[b + 1]; e++) {
                        uint16_t c;
                        memcpy(&c, s.checks.data + 2 * e, 2);
                        const bool high = layout == WIDE && s.inside[e];
                        const uint32_t known = high ? 0xffffff : 0xffff;
                        const uint32_t x = ((c | (uint32_t)s.high[e] << 16) ^ check) & known;
                        const int want =
                            d < 2 && __builtin_popcount(x & chunk.mask) <= chunk.limit[d] &&
                            __builtin_popcount(x & chunk.own_mask) <= chunk.own_limit[d];
                        ck_assert_int_eq(near[e], want);
                    }
                }
            }
            guarded_free(&s.checks);
            guarded_free(&s.lines);
            guarded_free(&s.over);
        }
    }
    free(near);
}
END_TEST

START_TEST(something_ran)
{
    phash_hamming_kernels k;
    ck_assert(kernels_of(0, &k));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("hamming kernels");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, something_ran);
    tcase_add_loop_test(t, whole_rows, 0, SETS);
    tcase_add_loop_test(t, bit_planes, 0, SETS);
    tcase_add_loop_test(t, slice, 0, SETS);
    tcase_add_loop_test(t, reorder, 0, SETS);
    tcase_add_loop_test(t, probes, 0, SETS);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return test_main(suite());
}
