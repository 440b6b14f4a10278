/* As much of Check's interface as the kernel and segment suites use, in one header: enough to run
 * them as one static program of another architecture, for which Check is not installed. The first
 * failure ends the program. */
#ifndef PHASH_TESTS_NEON_CHECK_H
#define PHASH_TESTS_NEON_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*check_function)(int _i);
typedef struct TCase {
    struct {
        check_function function;
        int from, to;
        const char *name;
    } tests[32];
    int count;
} TCase;
typedef TCase Suite;
typedef Suite SRunner;

static __attribute__((unused)) TCase check_case;
static __attribute__((unused)) int check_ran;

#define START_TEST(name)                                                                           \
    static void name(int _i)                                                                       \
    {                                                                                              \
        (void)_i;
#define END_TEST }

#define suite_create(name)              (&check_case)
#define tcase_create(name)              (&check_case)
#define tcase_set_timeout(t, s)         ((void)(t))
#define suite_add_tcase(s, t)           ((void)(s), (void)(t))
#define tcase_add_test(t, f)            tcase_add_loop_test(t, f, 0, 1)
#define tcase_add_loop_test(t, f, a, b) check_add((t), (f), (a), (b), #f)
#define srunner_create(s)               (s)
#define srunner_ntests_run(r)           ((void)(r), check_ran)
#define srunner_ntests_failed(r)        ((void)(r), 0)
#define srunner_free(r)                 ((void)(r))
#define CK_NORMAL                       0

static inline void check_add(TCase *t, check_function f, int from, int to, const char *name)
{
    t->tests[t->count].function = f;
    t->tests[t->count].from = from;
    t->tests[t->count].to = to;
    t->tests[t->count++].name = name;
}

static inline void srunner_run_all(SRunner *r, int mode)
{
    (void)mode;
    const char *only = getenv("CK_RUN");
    for (int t = 0; t < r->count; t++)
        for (int i = r->tests[t].from; i < r->tests[t].to; i++) {
            if (only && !strstr(only, r->tests[t].name))
                continue;
            r->tests[t].function(i);
            check_ran++;
        }
    printf("%d ran\n", check_ran);
}

#define ck_abort_msg(...)                                                                          \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                            \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fprintf(stderr, "\n");                                                                     \
        exit(1);                                                                                   \
    } while (0)
#define ck_assert_msg(c, ...)                                                                      \
    do {                                                                                           \
        if (!(c))                                                                                  \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)
#define ck_assert(c)              ck_assert_msg(c, "%s", #c)
#define ck_assert_int_eq(a, b)    ck_assert((intmax_t)(a) == (intmax_t)(b))
#define ck_assert_int_ne(a, b)    ck_assert((intmax_t)(a) != (intmax_t)(b))
#define ck_assert_uint_eq(a, b)   ck_assert((uintmax_t)(a) == (uintmax_t)(b))
#define ck_assert_uint_ne(a, b)   ck_assert((uintmax_t)(a) != (uintmax_t)(b))
#define ck_assert_uint_lt(a, b)   ck_assert((uintmax_t)(a) < (uintmax_t)(b))
#define ck_assert_uint_le(a, b)   ck_assert((uintmax_t)(a) <= (uintmax_t)(b))
#define ck_assert_uint_gt(a, b)   ck_assert((uintmax_t)(a) > (uintmax_t)(b))
#define ck_assert_ptr_ne(a, b)    ck_assert((a) != (b))
#define ck_assert_ptr_null(a)     ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a)  ck_assert((a) != NULL)
#define ck_assert_mem_eq(a, b, n) ck_assert(!memcmp((a), (b), (n)))

#endif
