/* The tests of probe_template.h, one entry at a time. */
#include "hamming/hamming.h"

typedef struct near_test {
    uint16_t check, mask, own_mask;
    int limit, own_limit;
} near_test;

static inline near_test near_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (near_test){(uint16_t)check, (uint16_t)chunk->mask, (uint16_t)chunk->own_mask,
                       chunk->limit[level], chunk->own_limit[level]};
}

static inline uint64_t near_run(const near_test *t, const uint16_t *checks, uint32_t count)
{
    uint64_t near = 0;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned x = (unsigned)(checks[i] ^ t->check);
        const bool fits = __builtin_popcount(x & t->mask) <= t->limit &&
                          __builtin_popcount(x & t->own_mask) <= t->own_limit;
        near |= (uint64_t)fits << i;
    }
    return near;
}

static inline uint64_t near_line(const near_test *t, const uint16_t *line, uint32_t count)
{
    return near_run(t, line + PHASH_LINE_HEAD, count);
}

typedef struct wide_test {
    near_test low;
    uint32_t check, mask, own_mask;
} wide_test;

static inline wide_test wide_at(const phash_probe_chunk *chunk, uint32_t level, uint32_t check)
{
    return (wide_test){near_at(chunk, level, check), check, chunk->mask, chunk->own_mask};
}

static inline uint64_t near_wide(const wide_test *t, const uint16_t *line, uint32_t count)
{
    const uint16_t *low = line + PHASH_LINE_HEAD;
    const uint8_t *high = (const uint8_t *)line + PHASH_WIDE_HIGH;
    uint64_t near = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t x = (low[i] | (uint32_t)high[i] << 16) ^ t->check;
        const bool fits = __builtin_popcount(x & t->mask) <= t->low.limit &&
                          __builtin_popcount(x & t->own_mask) <= t->low.own_limit;
        near |= (uint64_t)fits << i;
    }
    return near;
}
