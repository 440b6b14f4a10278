/* The bench's statistics against values computed by hand or taken from tables. */
#include "check_main.h"

#include <groups.h>
#include <stats.h>

#include <math.h>

static struct histogram of(unsigned max, const unsigned *distances, size_t n)
{
    struct histogram h = histogram_new(max);
    for (size_t i = 0; i < n; i++)
        histogram_add(&h, distances[i]);
    return h;
}

START_TEST(distribution)
{
    const unsigned d[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct histogram h = of(16, d, 8);
    ck_assert_uint_eq(h.total, 8);
    ck_assert_uint_eq(histogram_within(&h, 1), 0);
    ck_assert_uint_eq(histogram_within(&h, 4), 4);
    ck_assert_uint_eq(histogram_within(&h, 100), 8);
    ck_assert_double_eq_tol(histogram_mean(&h), 5, 1e-12);
    /* Squares of the differences add up to 32; 32 / 7. */
    ck_assert_double_eq_tol(histogram_deviation(&h), sqrt(32. / 7), 1e-12);
    ck_assert_uint_eq(histogram_quantile(&h, 0), 2);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 4);
    ck_assert_uint_eq(histogram_quantile(&h, 0.51), 5);
    ck_assert_uint_eq(histogram_quantile(&h, 1), 9);
    histogram_add(&h, 1000); /* counts as the largest */
    ck_assert_uint_eq(h.counts[16], 1);
    histogram_free(&h);
}
END_TEST

START_TEST(wilson)
{
    /* z = 1.96, 8 of 10: (0.8 + 0.19208 -+ 1.96 sqrt(0.016 + 0.009604)) / 1.38416. */
    struct interval i = stats_wilson(8, 10, 1.96);
    ck_assert_double_eq_tol(i.low, 0.49016, 1e-4);
    ck_assert_double_eq_tol(i.high, 0.94331, 1e-4);
    i = stats_wilson(0, 20, 1.96); /* upper end: z^2 / (n + z^2) */
    ck_assert_double_eq(i.low, 0);
    ck_assert_double_eq_tol(i.high, 3.8416 / 23.8416, 1e-9);
    i = stats_wilson(20, 20, 1.96);
    ck_assert_double_eq_tol(i.low, 20 / 23.8416, 1e-9);
    ck_assert_double_eq(i.high, 1);
    i = stats_wilson(0, 0, 1.96);
    ck_assert(i.low == 0 && i.high == 1);
}
END_TEST

START_TEST(rule_of_three)
{
    ck_assert_double_eq_tol(stats_rule_of_three(100), 0.0295130, 1e-6); /* 1 - 0.05^0.01 */
    ck_assert_double_eq_tol(stats_rule_of_three(1000000) * 1e6, 2.9957, 1e-3);
    ck_assert_double_eq_tol(stats_rule_of_three(1), 0.95, 1e-12);
    ck_assert_double_eq(stats_rule_of_three(0), 1);
}
END_TEST

START_TEST(roc)
{
    const unsigned near[] = {0, 1, 2, 5}, far[] = {2, 6, 7, 8};
    struct histogram copies = of(10, near, 4), unrelated = of(10, far, 4);
    /* Of 16 pairs: 0 and 1 are nearer than all (8), 2 ties once (3.5), 5 is nearer than three. */
    ck_assert_double_eq_tol(stats_auc(&copies, &unrelated), 14.5 / 16, 1e-12);
    ck_assert_double_eq_tol(stats_auc(&unrelated, &copies), 1.5 / 16, 1e-12);
    /* Up to 4: one copy of four is missed, one unrelated of four is within: first at 2. */
    const struct equal_error e = stats_equal_error(&copies, &unrelated);
    ck_assert_uint_eq(e.radius, 2);
    ck_assert_double_eq_tol(e.rate, 0.25, 1e-12);
    ck_assert_int_eq(stats_radius_at(&unrelated, 0), 1);
    ck_assert_int_eq(stats_radius_at(&unrelated, 0.25), 5);
    ck_assert_int_eq(stats_radius_at(&copies, 0), -1);
    struct histogram empty = histogram_new(10);
    ck_assert_double_eq(stats_auc(&empty, &unrelated), 0.5);
    histogram_free(&empty);
    histogram_free(&copies);
    histogram_free(&unrelated);
}
END_TEST

START_TEST(power_law)
{
    const double x[] = {10, 100, 1000}, exact[] = {6, 6 * 31.6227766016838, 6000},
                 bent[] = {1, 10, 1000};
    struct power_law fit;
    ck_assert(stats_fit_power(x, exact, 3, &fit));
    ck_assert_double_eq_tol(fit.exponent, 1.5, 1e-9);
    ck_assert_double_eq_tol(fit.factor, 6 / pow(10, 1.5), 1e-9);
    ck_assert_double_eq_tol(fit.error, 0, 1e-6);
    /* In decades: slope of (1,0), (2,1), (3,3) is 1.5; residuals 1/6, -1/3, 1/6: squares 1/6. */
    ck_assert(stats_fit_power(x, bent, 3, &fit));
    ck_assert_double_eq_tol(fit.exponent, 1.5, 1e-9);
    ck_assert_double_eq_tol(fit.error, sqrt(1. / 6 / 2), 1e-9);
    const double zero[] = {1, 0, 1}, same[] = {5, 5, 5};
    ck_assert(!stats_fit_power(x, zero, 3, &fit));
    ck_assert(!stats_fit_power(same, x, 3, &fit));
    ck_assert(!stats_fit_power(x, exact, 1, &fit));
}
END_TEST

START_TEST(coins)
{
    /* 10 fair coins, at most 3 heads: 176 of 1024. */
    ck_assert_double_eq_tol(stats_coins_within(10, 0.5, 0.3), 176. / 1024, 1e-9);
    /* 4 coins of bias 0.25, none: 0.75^4. */
    ck_assert_double_eq_tol(stats_coins_within(4, 0.25, 0), 0.31640625, 1e-9);
    /* 256 fair coins, none: 2^-256. */
    ck_assert_double_eq_tol(stats_coins_within(256, 0.5, 0) / ldexp(1, -256), 1, 1e-6);
    ck_assert_double_eq_tol(stats_freedom(0.5, 0.03125), 256, 1e-9);
    ck_assert_double_eq(stats_freedom(0.5, 0), 0);
}
END_TEST

START_TEST(median)
{
    double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2};
    ck_assert_double_eq(stats_median(odd, 3), 3);
    ck_assert_double_eq(stats_median(even, 4), 2.5);
    ck_assert_double_eq(stats_median(NULL, 0), 0);
}
END_TEST

START_TEST(union_find)
{
    uint32_t parent[8];
    groups_start(parent, 8);
    groups_join(parent, 6, 2);
    groups_join(parent, 7, 6);
    groups_join(parent, 0, 1);
    ck_assert_uint_eq(groups_find(parent, 7), 2);
    ck_assert_uint_eq(groups_find(parent, 1), 0);
    ck_assert_uint_eq(groups_find(parent, 3), 3);
    groups_join(parent, 7, 1);
    for (uint32_t i = 0; i < 8; i++)
        ck_assert_uint_eq(groups_find(parent, i), i >= 3 && i <= 5 ? i : 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench statistics");
    TCase *cases = tcase_create("stats");
    tcase_add_test(cases, distribution);
    tcase_add_test(cases, wilson);
    tcase_add_test(cases, rule_of_three);
    tcase_add_test(cases, roc);
    tcase_add_test(cases, power_law);
    tcase_add_test(cases, coins);
    tcase_add_test(cases, median);
    tcase_add_test(cases, union_find);
    suite_add_tcase(suite, cases);
    return test_main(suite);
}
