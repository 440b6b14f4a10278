/* The table of recent pairs: see recent.h. */
#include "index/recent.h"
#include "core/internal.h"

#include <stdatomic.h>
#include <string.h>

enum {
    CHUNK_BITS = 16,
    CHUNKS_MAX_RECENT = 16,
    KEY_BITS_MIN = 8,
    LOAD = 9,      /* entries to a line when the table is full, at the most */
    CHAIN_MAX = 4, /* lines behind one that is full */
    EXTRA_SHARE = 4,
    META = PHASH_RECENT_ENTRIES, /* the last word of a line: fill of the newest line, link to it */
    FILL_BITS = 4,
    DISTANCE_BIT = 16, /* of an entry: above the check */
    ROW_BIT = 17,      /* row + 1; 0: no entry */
    AHEAD = 8          /* queries whose lines are fetched meanwhile */
};

struct phash_recent {
    size_t capacity, words;
    uint32_t chunks, key_bits;
    uint32_t *lines; /* of all chunks, then those that chains are made of; aligned to 64 bytes */
    void *memory;
    uint64_t bytes;
    uint32_t extra, extra_end; /* the next line for a chain */
    /* Rows that are not in the table. */
    uint64_t *spilled;
    uint32_t *numbers;
    _Atomic size_t spilled_count;
};

/* A hash, and its beginning once more behind its end, so that 32 bits can be read from any chunk on,
 * going round. */
typedef struct ring {
    uint64_t words[WORDS_MAX + 1];
} ring;

/* What is looked up for one query. */
typedef struct look_up {
    ring row;
    uint32_t at[CHUNKS_MAX_RECENT], codes[CHUNKS_MAX_RECENT];
} look_up;

static uint32_t ones(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

static size_t lines_of(const phash_recent *t)
{
    return (size_t)t->chunks << t->key_bits;
}

bool phash_recent_covers(uint32_t bits, uint32_t radius)
{
    return radius < 2 * bits / CHUNK_BITS;
}

phash_recent *phash_recent_new(size_t capacity, size_t words)
{
    if (capacity > PHASH_RECENT_ROWS || (words != 1 && words != WORDS_MAX))
        return NULL;
    phash_recent *t = phash_alloc_zero(1, sizeof *t);
    if (!t)
        return NULL;
    t->capacity = capacity;
    t->words = words;
    t->chunks = (uint32_t)words * 64 / CHUNK_BITS;
    t->key_bits = KEY_BITS_MIN;
    while (t->key_bits < CHUNK_BITS && capacity * (t->key_bits + 1) > (size_t)LOAD << t->key_bits)
        t->key_bits++;
    t->extra = (uint32_t)lines_of(t);
    t->extra_end = t->extra + t->extra / EXTRA_SHARE;
    t->bytes = ((uint64_t)t->extra_end + 1) * PHASH_RECENT_LINE * sizeof *t->lines;
    t->memory = phash_pages_alloc(t->bytes);
    t->spilled = phash_alloc(capacity, words * sizeof *t->spilled);
    t->numbers = phash_alloc(capacity, sizeof *t->numbers);
    if (!t->memory || !t->spilled || !t->numbers) {
        phash_recent_free(&t);
        return NULL;
    }
    t->lines = (uint32_t *)(((uintptr_t)t->memory + 63) & ~(uintptr_t)63);
    return t;
}

void phash_recent_free(phash_recent **recent)
{
    phash_recent *t = recent ? *recent : NULL;
    if (!t)
        return;
    *recent = NULL;
    phash_pages_free(t->memory, t->bytes);
    phash_wipe_free(t->spilled, t->spilled ? t->capacity * t->words * sizeof *t->spilled : 0);
    phash_wipe_free(t->numbers, 0);
    phash_wipe_free(t, sizeof *t);
}

uint64_t phash_recent_memory(const phash_recent *t)
{
    return t ? sizeof *t + t->bytes +
                   t->capacity * (t->words * sizeof *t->spilled + sizeof *t->numbers)
             : 0;
}

size_t phash_recent_capacity(const phash_recent *t)
{
    return t->capacity;
}

bool phash_recent_pays(const phash_recent *t, size_t count)
{
    return atomic_load_explicit(&t->spilled_count, memory_order_acquire) <= count / 4;
}

/* ---- adding ---- */

/* Hashes are of one length or the other: the copies are of a length that the compiler knows. */
static inline ring read_ring(const phash_recent *t, const void *hash)
{
    ring r;
    if (t->words == WORDS_MAX) {
        memcpy(r.words, hash, WORDS_MAX * sizeof *r.words);
    } else {
        memset(&r, 0, sizeof r);
        memcpy(r.words, hash, sizeof *r.words);
    }
    r.words[t->words] = r.words[0];
    return r;
}

static inline uint32_t chunk_of(const ring *r, uint32_t chunk)
{
    uint32_t bits;
    memcpy(&bits, (const char *)r->words + chunk * (CHUNK_BITS / 8), sizeof bits);
    return bits;
}

static inline uint32_t key_of(const phash_recent *t, const ring *r, uint32_t chunk)
{
    return chunk_of(r, chunk) & ((UINT32_C(1) << t->key_bits) - 1);
}

static inline uint32_t check_of(const phash_recent *t, const ring *r, uint32_t chunk)
{
    return chunk_of(r, chunk) >> t->key_bits & ((UINT32_C(1) << CHUNK_BITS) - 1);
}

static uint32_t *line_at(const phash_recent *t, uint32_t chunk, uint32_t key)
{
    return t->lines + (((size_t)chunk << t->key_bits) + key) * PHASH_RECENT_LINE;
}

static uint32_t *extra_line(const phash_recent *t, uint32_t number)
{
    return t->lines + (size_t)number * PHASH_RECENT_LINE;
}

/* The i-th key under which a row is entered: its own, then those at distance 1. */
static uint32_t neighbour(uint32_t key, uint32_t i)
{
    return i ? key ^ UINT32_C(1) << (i - 1) : key;
}

static bool has_room(const phash_recent *t, const uint32_t *line)
{
    const uint32_t meta = line[META];
    if ((meta & ((1 << FILL_BITS) - 1)) < PHASH_RECENT_ENTRIES)
        return true;
    uint32_t lines = 0;
    for (uint32_t at = meta >> FILL_BITS; at; at = extra_line(t, at)[META] >> FILL_BITS)
        lines++;
    return lines < CHAIN_MAX;
}

/* Whether the table takes the row. Asks for all lines before it looks at the first. */
static bool fits(const phash_recent *t, const ring *row)
{
    const uint32_t entries = t->chunks * (t->key_bits + 1);
    if (t->extra_end - t->extra < entries)
        return false;
    for (uint32_t c = 0; c < t->chunks; c++) {
        const uint32_t key = key_of(t, row, c);
        for (uint32_t i = 0; i <= t->key_bits; i++)
            __builtin_prefetch(line_at(t, c, neighbour(key, i)), 1);
    }
    for (uint32_t c = 0; c < t->chunks; c++) {
        const uint32_t key = key_of(t, row, c);
        for (uint32_t i = 0; i <= t->key_bits; i++)
            if (!has_room(t, line_at(t, c, neighbour(key, i))))
                return false;
    }
    return true;
}

static void put(phash_recent *t, uint32_t *line, uint32_t entry)
{
    const uint32_t meta = line[META], fill = meta & ((1 << FILL_BITS) - 1);
    if (fill < PHASH_RECENT_ENTRIES) {
        uint32_t *newest = meta >> FILL_BITS ? extra_line(t, meta >> FILL_BITS) : line;
        __atomic_store_n(&newest[fill], entry, __ATOMIC_RELAXED);
        __atomic_store_n(&line[META], meta + 1, __ATOMIC_RELEASE);
        return;
    }
    const uint32_t number = t->extra++;
    uint32_t *newest = extra_line(t, number);
    __atomic_store_n(&newest[0], entry, __ATOMIC_RELAXED);
    __atomic_store_n(&newest[META], meta, __ATOMIC_RELAXED);
    __atomic_store_n(&line[META], number << FILL_BITS | 1, __ATOMIC_RELEASE);
}

void phash_recent_add(phash_recent *t, const void *hash, size_t number)
{
    if (number >= t->capacity)
        return;
    const ring row = read_ring(t, hash);
    if (!fits(t, &row)) {
        const size_t at = atomic_load_explicit(&t->spilled_count, memory_order_relaxed);
        memcpy(t->spilled + at * t->words, row.words, t->words * sizeof *row.words);
        t->numbers[at] = (uint32_t)number;
        atomic_store_explicit(&t->spilled_count, at + 1, memory_order_release);
        return;
    }
    for (uint32_t c = 0; c < t->chunks; c++) {
        const uint32_t key = key_of(t, &row, c);
        const uint32_t entry = check_of(t, &row, c) | (uint32_t)(number + 1) << ROW_BIT;
        for (uint32_t i = 0; i <= t->key_bits; i++)
            put(t, line_at(t, c, neighbour(key, i)), entry | (i ? UINT32_C(1) << DISTANCE_BIT : 0));
    }
}

/* ---- searching ---- */

/* Two entries at a time, in halves of 64 bits. */
void phash_recent_test_c(const uint32_t *lines, const uint32_t *at, const uint32_t *codes, size_t n,
                         uint16_t *near)
{
    const uint64_t compared = (uint64_t)PHASH_RECENT_CHECK << 32 | PHASH_RECENT_CHECK;
    /* Bit 7 of a byte that counts more than the limit. */
    const uint64_t above =
        (uint64_t)(0x80 - PHASH_RECENT_LIMIT - 1) << 32 | (0x80 - PHASH_RECENT_LIMIT - 1);
    for (size_t i = 0; i < n; i++) {
        const uint64_t code = (uint64_t)codes[i] << 32 | codes[i];
        const uint32_t *line = lines + (size_t)at[i] * PHASH_RECENT_LINE;
        uint32_t far = 0;
        for (uint32_t e = 0; e < PHASH_RECENT_LINE; e += 2) {
            const uint64_t a = __atomic_load_n(&line[e], __ATOMIC_RELAXED);
            const uint64_t b = __atomic_load_n(&line[e + 1], __ATOMIC_RELAXED);
            uint64_t x = ((a | b << 32) ^ code) & compared;
            x -= x >> 1 & UINT64_C(0x5555555555555555);
            x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
            x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
            x += x >> 8; /* bytes 0 and 1, … */
            x += x >> 16;
            x = (x & UINT64_C(0x0000003f0000003f)) + above;
            far |= (uint32_t)(x >> 7 & 1) << e | (uint32_t)(x >> 39 & 1) << (e + 1);
        }
        near[i] = (uint16_t)(~far & ((1 << PHASH_RECENT_ENTRIES) - 1));
    }
}

phash_recent_test *phash_recent_test_for(uint32_t sets)
{
#if PHASH_HAVE_X86
    if (sets & PHASH_CPU_AVX512)
        return phash_recent_test_avx512;
    if (sets & PHASH_CPU_AVX2)
        return phash_recent_test_avx2;
#endif
    (void)sets;
    return phash_recent_test_c;
}

static void prepare(const phash_recent *t, const void *query, look_up *l)
{
    l->row = read_ring(t, query);
    for (uint32_t c = 0; c < t->chunks; c++) {
        l->at[c] = (c << t->key_bits) + key_of(t, &l->row, c);
        l->codes[c] = check_of(t, &l->row, c);
        __builtin_prefetch(extra_line(t, l->at[c]));
    }
}

void phash_recent_prefetch(const phash_recent *t, const void *query)
{
    look_up l;
    prepare(t, query, &l);
}

/* Whether a chunk before this one has the row among its candidates, too: each hit is reported once. */
static bool is_first(const phash_recent *t, const ring *differ, uint32_t chunk)
{
    for (uint32_t c = 0; c < chunk; c++) {
        const uint32_t d = ones(key_of(t, differ, c));
        if (d <= 1 && d + ones(check_of(t, differ, c)) <= PHASH_RECENT_LIMIT)
            return false;
    }
    return true;
}

/* The entries of one line that passed, of which the search sees those of its rows. */
static phash_status verify(const phash_recent *t, const phash_source *source, const look_up *l,
                           const uint32_t *line, uint32_t near, uint32_t chunk, uint32_t query,
                           uint32_t radius, phash_matches *found)
{
    for (; near; near &= near - 1) {
        const uint32_t entry =
            __atomic_load_n(&line[(uint32_t)__builtin_ctz(near)], __ATOMIC_RELAXED);
        const uint32_t row = (entry >> ROW_BIT) - 1; /* no entry: beyond all rows */
        if (row >= source->count)
            continue;
        ring differ = read_ring(t, (const char *)source->rows + row * t->words * 8);
        uint32_t distance = 0;
        for (size_t w = 0; w < t->words; w++) {
            differ.words[w] ^= l->row.words[w];
            distance += ones(differ.words[w]);
        }
        differ.words[t->words] = differ.words[0];
        if (distance > radius || !is_first(t, &differ, chunk))
            continue;
        const phash_status status = phash_source_emit(source, row, query, distance, found);
        if (status)
            return status;
    }
    return PHASH_OK;
}

static phash_status search_one(const phash_recent *t, const phash_source *source, const look_up *l,
                               uint32_t query, uint32_t radius, phash_recent_test *test,
                               phash_matches *found)
{
    uint16_t near[CHUNKS_MAX_RECENT];
    test(t->lines, l->at, l->codes, t->chunks, near);
    for (uint32_t c = 0; c < t->chunks; c++) {
        const uint32_t *line = extra_line(t, l->at[c]);
        uint32_t next = __atomic_load_n(&line[META], __ATOMIC_ACQUIRE) >> FILL_BITS;
        if (!near[c] && !next)
            continue;
        phash_status status = verify(t, source, l, line, near[c], c, query, radius, found);
        while (next && !status) {
            uint16_t more;
            test(t->lines, &next, &l->codes[c], 1, &more);
            line = extra_line(t, next);
            status = verify(t, source, l, line, more, c, query, radius, found);
            next = __atomic_load_n(&line[META], __ATOMIC_RELAXED) >> FILL_BITS;
        }
        if (status)
            return status;
    }
    return PHASH_OK;
}

static phash_status scan_spilled(const phash_recent *t, const phash_source *source,
                                 const void *queries, size_t n, uint32_t radius,
                                 phash_scratch *scratch, phash_matches *found)
{
    const size_t count = atomic_load_explicit(&t->spilled_count, memory_order_acquire);
    if (!count)
        return PHASH_OK;
    phash_hit *hits = phash_buffer_get(&scratch->survivors, PHASH_BLOCK_ROWS, sizeof *hits);
    if (!hits)
        return PHASH_E_MEMORY;
    for (size_t first = 0; first < count; first += PHASH_BLOCK_ROWS) {
        const size_t block = count - first < PHASH_BLOCK_ROWS ? count - first : PHASH_BLOCK_ROWS;
        for (size_t q = 0; q < n; q++) {
            uint64_t row[WORDS_MAX];
            memcpy(row, (const char *)queries + q * t->words * 8, t->words * 8);
            const size_t got = scratch->kernels.rows(t->spilled + first * t->words, block, t->words,
                                                     row, radius, hits);
            for (size_t i = 0; i < got; i++) {
                const uint32_t number = t->numbers[first + hits[i].row];
                const phash_status status =
                    number < source->count
                        ? phash_source_emit(source, number, (uint32_t)q, hits[i].distance, found)
                        : PHASH_OK;
                if (status)
                    return status;
            }
        }
    }
    return PHASH_OK;
}

phash_status phash_recent_search(const phash_recent *t, const phash_source *source,
                                 const void *queries, size_t n, uint32_t radius,
                                 phash_recent_test *test, phash_scratch *scratch,
                                 phash_matches *found)
{
    look_up next[AHEAD];
    const char *hashes = queries;
    const size_t row = t->words * 8;
    for (size_t q = 0; q < n && q < AHEAD - 1; q++)
        prepare(t, hashes + q * row, &next[q]);
    for (size_t q = 0; q < n; q++) {
        if (q + AHEAD - 1 < n)
            prepare(t, hashes + (q + AHEAD - 1) * row, &next[(q + AHEAD - 1) % AHEAD]);
        const phash_status status =
            search_one(t, source, &next[q % AHEAD], (uint32_t)q, radius, test, found);
        if (status)
            return status;
    }
    return scan_spilled(t, source, queries, n, radius, scratch, found);
}
