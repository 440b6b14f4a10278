/* phash/cpu.h: which instruction sets the library uses.
 *
 * Every kernel exists in plain C and, where it pays, for wider instruction sets. Which ones run is
 * found out once, at first use; results are the same bits whichever run. A mask can take sets away,
 * to measure, to compare, or to stay away from one.
 */
#ifndef PHASH_CPU_H
#define PHASH_CPU_H

#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Instruction sets, in ascending order of preference per architecture. */
#define PHASH_CPU_POPCNT UINT32_C(1) /* x86: POPCNT */
#define PHASH_CPU_AVX2   UINT32_C(2) /* x86: AVX2, BMI2 and FMA, and the OS saves YMM */
#define PHASH_CPU_AVX512                                                                           \
    UINT32_C(4)                     /* x86: AVX-512 F, BW, DQ, VL, CD, VBMI, VNNI, BITALG and      \
                                       VPOPCNTDQ (Ice Lake, Zen 4), and the OS saves ZMM */
#define PHASH_CPU_NEON UINT32_C(16) /* aarch64: Advanced SIMD */
#define PHASH_CPU_ALL  UINT32_MAX

/* The sets that the machine has (ignoring the mask). Thread-safe. */
PHASH_API uint32_t phash_cpu_detected(void);

/* The sets in use: detected and not masked away. Thread-safe. */
PHASH_API uint32_t phash_cpu_active(void);

/* Restricts the library to the sets in `mask` (PHASH_CPU_ALL lifts every restriction; 0 leaves
 * plain C). Objects made before the call keep the kernels they were made with, or take the new
 * ones; results do not depend on it. Safe to call at any time from any thread. */
PHASH_API void phash_cpu_mask(uint32_t mask);

/* Reads a mask from text: "all", "c" (plain C), or set names joined by '+' or ',', such as
 * "popcnt+avx2". A set includes those below it: "avx2" means popcnt and avx2.
 *   text   NUL-terminated, not NULL
 *   mask   receives the mask; untouched on failure
 * Errors: PHASH_E_ARGUMENT for an unknown or empty name. Thread-safe. */
PHASH_API phash_status phash_cpu_parse(const char *text, uint32_t *mask);

/* Writes the names of the sets in `mask`, joined by '+', or "c" for none.
 *   out    receives at most `size` bytes, always NUL-terminated when size > 0 (64 are enough)
 * Returns the length that was needed, without the NUL. Thread-safe. */
PHASH_API size_t phash_cpu_names(uint32_t mask, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
