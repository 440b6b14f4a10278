/* Finds out once which instruction sets may be used, and keeps the mask.
 *
 * A set counts only when the operating system saves its registers on a context switch: CPUID alone
 * says what the silicon can do, XCR0 what the kernel has enabled (Intel SDM vol. 1, 13.3).
 */
#include "core/cpu.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

static uint64_t read_xcr0(void)
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static uint32_t detect(void)
{
    unsigned a, b, c, d;
    uint32_t sets = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return 0;
    const bool popcnt = c & bit_POPCNT, osxsave = c & bit_OSXSAVE, avx = c & bit_AVX,
               fma = c & bit_FMA;
    if (popcnt)
        sets |= PHASH_CPU_POPCNT;
    if (!osxsave || !avx)
        return sets;
    enum { XCR0_SSE_YMM = 0x6, XCR0_OPMASK_ZMM = 0xe0 };
    const uint64_t xcr0 = read_xcr0();
    if ((xcr0 & XCR0_SSE_YMM) != XCR0_SSE_YMM || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return sets;
    if (!popcnt || !fma || !(b & bit_AVX2) || !(b & bit_BMI) || !(b & bit_BMI2))
        return sets;
    sets |= PHASH_CPU_AVX2;
    const unsigned ebx = bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL;
    const unsigned ecx = bit_AVX512VBMI | bit_AVX512VNNI | bit_AVX512BITALG | bit_AVX512VPOPCNTDQ;
    if ((xcr0 & XCR0_OPMASK_ZMM) == XCR0_OPMASK_ZMM && (b & ebx) == ebx && (c & ecx) == ecx)
        sets |= PHASH_CPU_AVX512;
    return sets;
}
#elif defined(__aarch64__)
/* Advanced SIMD is part of every AArch64 application profile that runs a general-purpose OS. */
static uint32_t detect(void)
{
    return PHASH_CPU_NEON;
}
#else
static uint32_t detect(void)
{
    return 0;
}
#endif

/* Bit 31 marks "detected", so that the cache needs no second variable; no set uses it. Racing
 * threads compute the same value, so relaxed order is enough. */
#define KNOWN (UINT32_C(1) << 31)
static _Atomic uint32_t cached;
static _Atomic uint32_t mask = PHASH_CPU_ALL;

uint32_t phash_cpu_detected(void)
{
    uint32_t sets = atomic_load_explicit(&cached, memory_order_relaxed);
    if (!sets) {
        sets = detect() | KNOWN;
        atomic_store_explicit(&cached, sets, memory_order_relaxed);
    }
    return sets & ~KNOWN;
}

uint32_t phash_cpu_active(void)
{
    return phash_cpu_detected() & atomic_load_explicit(&mask, memory_order_relaxed);
}

void phash_cpu_mask(uint32_t sets)
{
    atomic_store_explicit(&mask, sets, memory_order_relaxed);
}

/* `implied` holds the set and those below it: nobody who asks for AVX2 wants to do without POPCNT.
 */
static const struct {
    const char *name;
    uint32_t set;
    uint32_t implied;
} names[] = {
    {"popcnt", PHASH_CPU_POPCNT, PHASH_CPU_POPCNT},
    {"avx2", PHASH_CPU_AVX2, PHASH_CPU_POPCNT | PHASH_CPU_AVX2},
    {"avx512", PHASH_CPU_AVX512, PHASH_CPU_POPCNT | PHASH_CPU_AVX2 | PHASH_CPU_AVX512},
    {"neon", PHASH_CPU_NEON, PHASH_CPU_NEON},
    {"all", 0, PHASH_CPU_ALL},
    {"c", 0, 0},
};
enum { NAMES = sizeof names / sizeof names[0] };

phash_status phash_cpu_parse(const char *text, uint32_t *out)
{
    if (!text || !out)
        return PHASH_E_ARGUMENT;
    uint32_t sets = 0;
    for (const char *p = text;;) {
        const size_t length = strcspn(p, "+,");
        size_t i = 0;
        while (i < NAMES && !(strlen(names[i].name) == length && !memcmp(names[i].name, p, length)))
            i++;
        if (i == NAMES)
            return PHASH_E_ARGUMENT;
        sets |= names[i].implied;
        if (!p[length])
            break;
        p += length + 1;
    }
    *out = sets;
    return PHASH_OK;
}

size_t phash_cpu_names(uint32_t sets, char *out, size_t size)
{
    size_t need = 0;
    for (size_t i = 0; i <= NAMES; i++) {
        const char *part = i < NAMES ? names[i].name : need ? "" : "c";
        if (i < NAMES && !(sets & names[i].set))
            continue;
        for (const char *sep = need && *part ? "+" : ""; *sep; sep++, need++)
            if (need + 1 < size)
                out[need] = *sep;
        for (; *part; part++, need++)
            if (need + 1 < size)
                out[need] = *part;
    }
    if (size)
        out[need < size ? need : size - 1] = '\0';
    return need;
}
