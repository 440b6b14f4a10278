/* The kernel table's rule.
 *
 * Each room that has kernels keeps a struct of function pointers. A fill function starts from the C
 * reference and overrides it in ISA order for each set in phash_cpu_active():
 *
 *     void phash_hamming_kernels_fill(phash_hamming_kernels *k, uint32_t sets)
 *     {
 *         *k = phash_hamming_kernels_c;
 *         #if PHASH_HAVE_X86
 *         if (sets & PHASH_CPU_POPCNT) phash_hamming_popcnt(k);
 *         …
 *
 * The table is filled when an object (a stream, an index) is made, so that objects never see half a
 * change of the mask. PHASH_HAVE_* say what this build compiled, not what the machine can do.
 */
#ifndef PHASH_CORE_CPU_H
#define PHASH_CORE_CPU_H

#include <phash/cpu.h>

#include <stdbool.h>

#if defined(__x86_64__)
#define PHASH_HAVE_X86 1
#else
#define PHASH_HAVE_X86 0
#endif

#if defined(__aarch64__)
#define PHASH_HAVE_NEON 1
#else
#define PHASH_HAVE_NEON 0
#endif

#endif
