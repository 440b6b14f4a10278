#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct histogram histogram_new(unsigned max)
{
    struct histogram h = {max, 0, calloc((size_t)max + 1, sizeof(uint64_t))};
    if (!h.counts) {
        fputs("phash-bench: no memory\n", stderr);
        exit(2);
    }
    return h;
}

void histogram_free(struct histogram *h)
{
    free(h->counts);
    *h = (struct histogram){0};
}

void histogram_add(struct histogram *h, unsigned distance)
{
    h->counts[distance < h->max ? distance : h->max]++;
    h->total++;
}

void histogram_merge(struct histogram *h, const struct histogram *more)
{
    for (unsigned d = 0; d <= h->max; d++)
        h->counts[d] += more->counts[d];
    h->total += more->total;
}

uint64_t histogram_within(const struct histogram *h, unsigned radius)
{
    uint64_t sum = 0;
    for (unsigned d = 0; d <= radius && d <= h->max; d++)
        sum += h->counts[d];
    return sum;
}

unsigned histogram_quantile(const struct histogram *h, double q)
{
    uint64_t sum = 0;
    for (unsigned d = 0; h->total && d <= h->max; d++) {
        sum += h->counts[d];
        if (sum && (double)sum >= q * (double)h->total)
            return d;
    }
    return 0;
}

double histogram_mean(const struct histogram *h)
{
    double sum = 0;
    for (unsigned d = 0; d <= h->max; d++)
        sum += (double)d * (double)h->counts[d];
    return h->total ? sum / (double)h->total : 0;
}

double histogram_deviation(const struct histogram *h)
{
    if (h->total < 2)
        return 0;
    const double mean = histogram_mean(h);
    double sum = 0;
    for (unsigned d = 0; d <= h->max; d++)
        sum += (d - mean) * (d - mean) * (double)h->counts[d];
    return sqrt(sum / (double)(h->total - 1));
}

struct interval stats_wilson(uint64_t hits, uint64_t n, double z)
{
    if (!n)
        return (struct interval){0, 1};
    const double count = (double)n, p = (double)hits / count, zz = z * z;
    const double centre = (p + zz / (2 * count)) / (1 + zz / count);
    const double half = z / (1 + zz / count) * sqrt(p * (1 - p) / count + zz / (4 * count * count));
    /* The ends are exact at the extremes; rounding must not push them past 0 and 1. */
    return (struct interval){hits == 0 ? 0 : centre - half, hits == n ? 1 : centre + half};
}

double stats_rule_of_three(uint64_t n)
{
    return n ? -expm1(log(0.05) / (double)n) : 1;
}

double stats_auc(const struct histogram *copies, const struct histogram *unrelated)
{
    if (!copies->total || !unrelated->total)
        return 0.5;
    double sum = 0, nearer = 0; /* nearer: copies at a smaller distance */
    for (unsigned d = 0; d <= copies->max && d <= unrelated->max; d++) {
        sum += (double)unrelated->counts[d] * (nearer + 0.5 * (double)copies->counts[d]);
        nearer += (double)copies->counts[d];
    }
    return sum / ((double)copies->total * (double)unrelated->total);
}

struct equal_error stats_equal_error(const struct histogram *copies,
                                     const struct histogram *unrelated)
{
    struct equal_error best = {0, 1};
    double gap = 2, found = 0, wrong = 0;
    if (!copies->total || !unrelated->total)
        return best;
    for (unsigned d = 0; d <= copies->max && d <= unrelated->max; d++) {
        found += (double)copies->counts[d];
        wrong += (double)unrelated->counts[d];
        const double miss = 1 - found / (double)copies->total;
        const double false_rate = wrong / (double)unrelated->total;
        if (fabs(miss - false_rate) < gap) {
            gap = fabs(miss - false_rate);
            best = (struct equal_error){d, (miss + false_rate) / 2};
        }
    }
    return best;
}

int stats_radius_at(const struct histogram *unrelated, double rate)
{
    double sum = 0;
    for (unsigned d = 0; d <= unrelated->max; d++) {
        sum += (double)unrelated->counts[d];
        if (sum > rate * (double)unrelated->total)
            return (int)d - 1;
    }
    return (int)unrelated->max;
}

bool stats_fit_power(const double *x, const double *y, size_t n, struct power_law *fit)
{
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0, rest = 0;
    bool varied = false; /* not xx > 0: equal logarithms need not add up to exactly their mean */
    for (size_t i = 0; i < n; i++) {
        varied |= x[i] < x[0] || x[i] > x[0];
        if (!(x[i] > 0) || !(y[i] > 0))
            return false;
        mean_x += log(x[i]) / (double)n;
        mean_y += log(y[i]) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (log(x[i]) - mean_x) * (log(x[i]) - mean_x);
        xy += (log(x[i]) - mean_x) * (log(y[i]) - mean_y);
    }
    if (!varied || !(xx > 0))
        return false;
    const double slope = xy / xx;
    for (size_t i = 0; i < n; i++) {
        const double off = log(y[i]) - mean_y - slope * (log(x[i]) - mean_x);
        rest += off * off;
    }
    *fit = (struct power_law){slope, exp(mean_y - slope * mean_x),
                              n > 2 ? sqrt(rest / (double)(n - 2) / xx) : 0};
    return true;
}

double stats_freedom(double mean_share, double deviation_share)
{
    const double variance = deviation_share * deviation_share;
    return variance > 0 ? mean_share * (1 - mean_share) / variance : 0;
}

/* Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's
 * method; converges fast for x below (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m <= 1000; m++) {
        double term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + term * d;
        c = 1 + term / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        value *= d * c;
        term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + term * d;
        c = 1 + term / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        value *= d * c;
        if (fabs(d * c - 1) < 1e-12)
            break;
    }
    return value;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_coins_within(double n, double p, double q)
{
    if (q >= 1 || !(n > 0))
        return 1;
    return incomplete_beta(n - q * n, q * n + 1, 1 - p);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_median(double *values, size_t n)
{
    if (!n)
        return 0;
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
