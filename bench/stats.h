/* stats.h: the statistics of the bench. Plain functions of numbers; no input, no output. */
#ifndef PHASH_BENCH_STATS_H
#define PHASH_BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How often each distance from 0 to max was seen. */
struct histogram {
    unsigned max;
    uint64_t total;
    uint64_t *counts; /* max + 1 of them */
};

/* Ends the program when there is no memory for it. */
struct histogram histogram_new(unsigned max);
void histogram_free(struct histogram *h);
/* A distance over max counts as max. */
void histogram_add(struct histogram *h, unsigned distance);
/* Adds all of `more`, which has the same max. */
void histogram_merge(struct histogram *h, const struct histogram *more);

/* How many are at most `radius`. */
uint64_t histogram_within(const struct histogram *h, unsigned radius);
/* The smallest distance that at least the share q of all is at most (inverse of the empirical
 * distribution function); 0 for an empty histogram. */
unsigned histogram_quantile(const struct histogram *h, double q);
double histogram_mean(const struct histogram *h);
/* Standard deviation of the sample (n - 1); 0 for fewer than two. */
double histogram_deviation(const struct histogram *h);

struct interval {
    double low, high;
};

/* Standard normal quantile for 95% intervals. */
#define STATS_Z95 1.959963984540054

/* Wilson's score interval for a proportion (Wilson 1927): holds its level for few trials and for
 * shares near 0 and 1, where p +- z sqrt(p (1 - p) / n) does not. {0, 1} for n = 0. */
struct interval stats_wilson(uint64_t hits, uint64_t n, double z);

/* The rule of three, exactly: the largest probability under which n trials without a hit are seen
 * with probability 5%: 1 - 0.05^(1/n), about 3/n. 1 for n = 0. */
double stats_rule_of_three(uint64_t n);

/* Area under the ROC curve: the probability that a copy is nearer than an unrelated picture, ties
 * counting half (Mann-Whitney U). 0.5 where one of them is empty. */
double stats_auc(const struct histogram *copies, const struct histogram *unrelated);

/* Where misses (copies beyond the radius) and false positives (unrelated pictures within it) are
 * equally likely, or as nearly as whole radii allow; the rate is the mean of both. */
struct equal_error {
    unsigned radius;
    double rate;
};
struct equal_error stats_equal_error(const struct histogram *copies,
                                     const struct histogram *unrelated);

/* The largest radius whose share of unrelated pictures is at most `rate`; -1 where even radius 0
 * has more. */
int stats_radius_at(const struct histogram *unrelated, double rate);

/* Least squares of log y = log factor + exponent * log x.
 *   error  standard error of the exponent; 0 for two points
 * False, and nothing filled, for fewer than two points, for numbers that are not positive, or when
 * all x are the same. */
struct power_law {
    double exponent, factor, error;
};
bool stats_fit_power(const double *x, const double *y, size_t n, struct power_law *fit);

/* Daugman's model of unrelated pairs ("How iris recognition works", 2004): the share of differing
 * bits is distributed as if n independent coins of bias p had been thrown, with p the mean share
 * and n = p (1 - p) / variance. Gives n. 0 where the variance is 0. */
double stats_freedom(double mean_share, double deviation_share);
/* Probability that at most the share q of n such coins differ: the binomial distribution function,
 * continued to real n and k by the regularised incomplete beta function: I_{1-p}(n - k, k + 1) with
 * k = q n. */
double stats_coins_within(double n, double p, double q);

/* Median of n numbers, which are sorted in place; the mean of the two middle ones for even n. */
double stats_median(double *values, size_t n);

#endif
