/* The main function of every Check suite, and the seed of every random test.
 *
 * PHASH_TEST_SEED sets the seed; it is printed at start, so that a failure can be repeated.
 * PHASH_TEST_CPUMASK restricts the instruction sets. PHASH_TEST_SHARE is how much is done of what could
 * go on for any time, in percent: for builds that are slow. A suite in which nothing ran fails.
 */
#ifndef PHASH_TESTS_CHECK_MAIN_H
#define PHASH_TESTS_CHECK_MAIN_H

#include <phash/cpu.h>

#include <check.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Check notes where an assertion held, in a file, so that it can say behind which one a test crashed.
 * In loops over bits and pixels that is millions of system calls, far more than the test itself: here
 * a line notes it the first time only. */
#ifdef CHECK_MAJOR_VERSION
static inline void test_held(const char *file, int line)
{
    static atomic_bool noted[4096];
    atomic_bool *here = &noted[(unsigned)line % 4096];
    if (atomic_load_explicit(here, memory_order_relaxed))
        return;
    atomic_store_explicit(here, 1, memory_order_relaxed);
    (_mark_point)(file, line);
}
#define _mark_point(file, line) test_held((file), (line))
#endif

static inline uint64_t test_seed(void)
{
    static uint64_t seed;
    if (!seed) {
        const char *text = getenv("PHASH_TEST_SEED");
        seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
        seed += !seed;
        printf("PHASH_TEST_SEED=%" PRIu64 "\n", seed);
        fflush(stdout);
    }
    return seed;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Of so many random rounds, those that are to be done: one at least. */
static inline int test_share(int rounds)
{
    const char *text = getenv("PHASH_TEST_SHARE");
    const long percent = text ? strtol(text, NULL, 10) : 100;
    if (percent < 1 || percent > 100) {
        fprintf(stderr, "PHASH_TEST_SHARE: \"%s\" is not from 1 to 100\n", text);
        exit(1);
    }
    const int share = (int)((int64_t)rounds * percent / 100);
    return share ? share : 1;
}

static inline int test_main(Suite *suite)
{
    (void)test_seed();
    const char *sets = getenv("PHASH_TEST_CPUMASK");
    uint32_t mask = PHASH_CPU_ALL;
    if (sets && phash_cpu_parse(sets, &mask) != PHASH_OK) {
        fprintf(stderr, "PHASH_TEST_CPUMASK: unknown set in \"%s\"\n", sets);
        return 1;
    }
    phash_cpu_mask(mask);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int ran = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (ran == 0)
        fprintf(stderr, "no test ran\n");
    return ran == 0 || failed != 0;
}

#endif
