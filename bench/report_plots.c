/* The plots: one gnuplot script each, with its data inside, so that it can be drawn again. */
#include "bench.h"
#include "report.h"
#include "stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Colours that colour-blind people tell apart (Okabe and Ito 2008). */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
                                      "#56B4E9", "#000000", "#8C6D1F", "#7F7F7F", "#B0A000"};
#define COLOURS (sizeof colours / sizeof colours[0])

const char *report_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double report_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

const json_t *report_cell(const json_t *transform, const char *engine)
{
    return json_object_get(json_object_get(transform, "engines"), engine);
}

double report_recall(const json_t *transform, const char *engine)
{
    const json_t *recall = json_object_get(
        json_object_get(report_cell(transform, engine), "recall_at_threshold"), "recall");
    return json_is_number(recall) ? json_number_value(recall) : -1;
}

static const json_t *engines_of(const json_t *result)
{
    return json_object_get(result, "engines");
}

static const json_t *find(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!strcmp(report_string(item, "name"), name))
            return item;
    }
    return NULL;
}

/* Lines "distance share" of a distribution; shares are of all, in percent. */
static void write_bars(FILE *script, const json_t *distribution, double scale)
{
    const double n = report_number(distribution, "n");
    size_t i;
    json_t *bar;
    json_array_foreach(json_object_get(distribution, "histogram"), i, bar)
    {
        fprintf(script, "%g %.6g\n", json_number_value(json_array_get(bar, 0)) * scale,
                100 * json_number_value(json_array_get(bar, 1)) / n);
    }
    fputs("e\n", script);
}

static bool write_histogram(const struct report *r, FILE *script)
{
    const json_t *pdq = find(engines_of(r->robustness), "pdq");
    static const char *const shown[] = {"jpeg-10", "crop-2%", "caption-10%"};
    const json_t *transforms = json_object_get(r->robustness, "transforms");
    if (!pdq)
        return false;
    fprintf(script,
            "set xlabel 'Hamming distance, bits of 256'\nset ylabel 'share of pairs, %%'\n"
            "set xrange [-2:180]\nset yrange [0:]\nset key outside right\nset boxwidth 2\nset "
            "style fill solid 0.6 noborder\n"
            "set arrow from %d, graph 0 to %d, graph 1 nohead dt 2 lw 1.5 lc '#333333'\n"
            "set label ' radius %d' at %d, graph 0.96 front\nplot '-' using 1:2 with boxes lc "
            "'#7F7F7F' title 'unrelated pictures'",
            31, 31, 31, 31);
    for (size_t i = 0; i < 3; i++)
        if (find(transforms, shown[i]))
            fprintf(script, ", '-' using 1:2 with boxes lc '%s' title '%s'", colours[i], shown[i]);
    fputs("\n", script);
    write_bars(script, json_object_get(pdq, "unrelated"), 1);
    for (size_t i = 0; i < 3; i++) {
        const json_t *transform = find(transforms, shown[i]);
        if (transform)
            write_bars(script, json_object_get(report_cell(transform, "pdq"), "distance"), 1);
    }
    return true;
}

static bool write_unrelated(const struct report *r, FILE *script)
{
    size_t i;
    json_t *engine;
    fputs("set xlabel 'distance as a share of the largest'\nset ylabel 'unrelated pairs within "
          "it'\nset logscale y\nset yrange [1e-5:1]\nset xrange [0:0.7]\nset format y '10^{%T}'\n"
          "set key bottom right\nplot ",
          script);
    json_array_foreach(engines_of(r->robustness), i, engine)
    {
        fprintf(script, "%s'-' using 1:2 with steps lw 2 lc '%s' title '%s'", i ? ", " : "",
                colours[i % COLOURS], report_string(engine, "name"));
    }
    fputs("\n", script);
    json_array_foreach(engines_of(r->robustness), i, engine)
    {
        const json_t *all = json_object_get(engine, "unrelated");
        double sum = 0;
        size_t k;
        json_t *bar;
        json_array_foreach(json_object_get(all, "histogram"), k, bar)
        {
            sum += json_number_value(json_array_get(bar, 1));
            fprintf(script, "%g %.6g\n",
                    json_number_value(json_array_get(bar, 0)) / report_number(engine, "max"),
                    sum / report_number(all, "n"));
        }
        fputs("e\n", script);
    }
    return json_array_size(engines_of(r->robustness)) > 0;
}

/* Counts of a distribution as an array by distance, up to max. */
static double *counts(const json_t *distribution, size_t max)
{
    double *out = calloc(max + 1, sizeof *out);
    size_t i;
    json_t *bar;
    if (!out)
        exit(bench_fail("no memory"));
    json_array_foreach(json_object_get(distribution, "histogram"), i, bar)
    {
        out[json_integer_value(json_array_get(bar, 0))] = json_number_value(json_array_get(bar, 1));
    }
    return out;
}

static bool write_roc(const struct report *r, FILE *script)
{
    size_t i;
    json_t *engine;
    fputs("set xlabel 'false positives: share of unrelated pictures within the radius'\n"
          "set ylabel 'recall: share of altered copies within it, %'\nset logscale x\n"
          "set xrange [1e-6:1]\nset yrange [0:100]\nset format x '10^{%T}'\nset key bottom right\n"
          "plot ",
          script);
    json_array_foreach(engines_of(r->robustness), i, engine)
    {
        fprintf(script, "%s'-' using 1:2 with lines lw 2 lc '%s' dt %zu title '%s (AUC %.3f)'",
                i ? ", " : "", colours[i % COLOURS], i / COLOURS + 1, report_string(engine, "name"),
                report_number(json_object_get(engine, "all"), "auc"));
    }
    fputs("\n", script);
    json_array_foreach(engines_of(r->robustness), i, engine)
    {
        const json_t *all = json_object_get(engine, "all");
        const size_t max = (size_t)report_number(engine, "max");
        const json_t *near = json_object_get(all, "distance"),
                     *far = json_object_get(all, "unrelated");
        double *copies = counts(near, max), *unrelated = counts(far, max), tp = 0, fp = 0;
        for (size_t d = 0; d <= max; d++) {
            tp += copies[d] / report_number(near, "n");
            fp += unrelated[d] / report_number(far, "n");
            if (copies[d] > 0 || unrelated[d] > 0)
                fprintf(script, "%.6g %.6g\n", fp > 1e-6 ? fp : 1e-6, 100 * tp);
        }
        fputs("e\n", script);
        free(copies);
        free(unrelated);
    }
    return json_array_size(engines_of(r->robustness)) > 0;
}

/* Recall of PDQ over the radius, for alterations near the edge of what it survives. */
static bool write_radius(const struct report *r, FILE *script)
{
    static const char *const shown[] = {"jpeg-10",   "crop-1%",  "crop-2%",  "crop-3%",   "crop-5%",
                                        "border-2%", "text-10%", "rotate-1", "caption-5%"};
    const json_t *transforms = json_object_get(r->robustness, "transforms");
    size_t drawn = 0;
    fputs("set xlabel 'radius, bits of 256'\nset ylabel 'recall of PDQ, %'\nset xrange [0:128]\n"
          "set yrange [0:100]\nset key outside right\n"
          "set arrow from 31, graph 0 to 31, graph 1 nohead dt 2 lw 1.5 lc '#333333'\nplot ",
          script);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (report_cell(find(transforms, shown[i]), "pdq"))
            fprintf(script, "%s'-' using 1:2 with steps lw 2 lc '%s' title '%s'",
                    drawn++ ? ", " : "", colours[i % COLOURS], shown[i]);
    fputs("\n", script);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        const json_t *cell = report_cell(find(transforms, shown[i]), "pdq");
        if (!cell)
            continue;
        const json_t *distance = json_object_get(cell, "distance");
        double *near = counts(distance, 256), sum = 0;
        for (size_t d = 0; d <= 256; d++) {
            sum += near[d];
            fprintf(script, "%zu %.4g\n", d, 100 * sum / report_number(distance, "n"));
        }
        fputs("e\n", script);
        free(near);
    }
    return drawn > 0;
}

/* gnuplot takes labels of tics for formats, as if they were numbers. */
static void write_tic(FILE *script, const char *axis, const char *label, size_t at)
{
    fprintf(script, "set %s add ('", axis);
    for (; *label; label++)
        fputs(*label == '%' ? "%%" : (const char[]){*label, 0}, script);
    fprintf(script, "' %zu)\n", at);
}

static bool write_heat(const struct report *r, FILE *script)
{
    const json_t *engines = engines_of(r->robustness);
    const json_t *transforms = json_object_get(r->robustness, "transforms");
    size_t i, k;
    json_t *transform, *engine;
    const size_t rows = json_array_size(transforms), columns = json_array_size(engines);
    if (!rows || !columns)
        return false;
    fprintf(script,
            "set palette defined (0 '#B2182B', 0.5 '#F7F7F7', 1 '#2166AC')\nset cbrange [0:100]\n"
            "unset colorbox\nset yrange [%zu.5:-0.5]\nset xrange [-0.5:%zu.5]\nunset key\n"
            "set lmargin at screen 0.22\nset rmargin at screen 0.99\n"
            "set tmargin at screen %.5f\nset bmargin at screen %.5f\n"
            "unset grid\nset tics scale 0\nset ytics () font ',11'\n"
            "set x2tics () rotate by 45 left\nunset xtics\nset x2range [-0.5:%zu.5]\n",
            rows - 1, columns - 1, 1 - 95. / (double)(rows * 17 + 110),
            10. / (double)(rows * 17 + 110), columns - 1);
    json_array_foreach(engines, k, engine)
    {
        write_tic(script, "x2tics", report_string(engine, "name"), k);
    }
    json_array_foreach(transforms, i, transform)
    {
        write_tic(script, "ytics", report_string(transform, "name"), i);
    }
    fputs("$recall << EOD\n", script);
    json_array_foreach(transforms, i, transform)
    {
        json_array_foreach(engines, k, engine)
        {
            const double recall = report_recall(transform, report_string(engine, "name"));
            if (recall >= 0)
                fprintf(script, "%zu %zu %.1f\n", k, i, 100 * recall);
        }
    }
    fputs("EOD\nplot $recall using 1:2:(0.5):(0.5):3 with boxxyerror fs solid lc palette, "
          "$recall using 1:2:(sprintf('%.0f', $3)):($3 < 20 || $3 > 80 ? 0xffffff : 0x222222) "
          "axes x2y1 with labels font ',10' tc rgb variable\n",
          script);
    return true;
}

static bool write_speed(const struct report *r, FILE *script)
{
    const json_t *speed = json_object_get(r->robustness, "speed");
    const size_t n = json_array_size(speed);
    size_t i;
    json_t *row;
    if (!n)
        return false;
    fprintf(script,
            "set xlabel 'megapixels per second, one core'\nunset key\nset style fill solid 0.8 "
            "noborder\nset yrange [%zu.6:-0.6]\nset xrange [0:*]\nset offsets 0,0,0,0\nset grid x\n"
            "set lmargin 14\nset rmargin 12\n",
            n - 1);
    json_array_foreach(speed, i, row)
    {
        write_tic(script, "ytics", report_string(row, "name"), i);
    }
    fputs("$speed << EOD\n", script);
    json_array_foreach(speed, i, row)
    {
        fprintf(script, "%zu %.5g %.4g\n", i, report_number(row, "megapixels_per_second"),
                report_number(row, "milliseconds_per_picture"));
    }
    fputs(
        "EOD\nplot $speed using ($2/2):1:($2/2):(0.35) with boxxyerror lc '#0072B2', $speed using "
        "2:1:(sprintf('  %.3g ms', $3)) with labels left\n",
        script);
    return true;
}

/* Cost of a query over the number of hashes, for one kind of data, radius and batch: the first that
 * the results have. Engines with fewer than two sizes are left out. */
static bool write_scale(const struct report *r, FILE *script)
{
    const json_t *rows = json_object_get(r->search, "results");
    const json_t *first = json_array_get(rows, 0);
    char names[16][48];
    size_t count = 0, i, drawn = 0;
    json_t *row;
    if (!first)
        return false;
    json_array_foreach(rows, i, row)
    {
        size_t k = 0;
        while (k < count && strcmp(names[k], report_string(row, "engine")))
            k++;
        if (k == count && count < 16)
            snprintf(names[count++], sizeof names[0], "%s", report_string(row, "engine"));
    }
    fprintf(script,
            "set xlabel 'hashes in the index (%s data, radius %.0f, batches of %.0f)'\nset ylabel "
            "'microseconds per query'\nset logscale xy\nset format x '10^{%%T}'\nset format y "
            "'10^{%%T}'\nset key outside right\n",
            report_string(first, "data"), report_number(first, "radius"),
            report_number(first, "batch"));
    for (size_t k = 0; k < count; k++) {
        double x[32], y[32];
        size_t n = 0;
        struct power_law fit;
        fprintf(script, "$d%zu << EOD\n", k);
        json_array_foreach(rows, i, row)
        {
            if (n < 32 && !strcmp(names[k], report_string(row, "engine")) &&
                !strcmp(report_string(first, "data"), report_string(row, "data")) &&
                report_number(first, "radius") == report_number(row, "radius") &&
                report_number(first, "batch") == report_number(row, "batch")) {
                x[n] = report_number(row, "hashes");
                y[n++] = report_number(row, "us_median");
                fprintf(script, "%.0f %.6g\n", x[n - 1], y[n - 1]);
            }
        }
        fputs("EOD\n", script);
        if (stats_fit_power(x, y, n, &fit))
            fprintf(script, "title%zu = '%s: N^{%.2f}'\n", k, names[k], fit.exponent);
        else
            fprintf(script, "title%zu = ''\n", k);
    }
    for (size_t k = 0; k < count; k++)
        fprintf(script,
                "%s$d%zu using 1:2 with linespoints lw 2 pt 7 ps 0.5 lc '%s' dt %zu title title%zu",
                drawn++ ? ", " : "plot ", k, colours[k % COLOURS], k / COLOURS + 1, k);
    fputs("\n", script);
    return drawn > 0;
}

const struct plot plots[] = {
    {"recall", "What each hash survives",
     "Share of altered copies that are found at each engine's usual radius, in percent.",
     "robustness", write_heat, 760, 0},
    {"histogram", "Distances of PDQ",
     "Altered copies and unrelated pictures. What is left of the line counts as the same.",
     "robustness", write_histogram, 720, 420},
    {"radius", "What a larger radius would find",
     "Recall of PDQ over the radius for alterations near the edge of what it survives. What it "
     "costs stands under false positives.",
     "robustness", write_radius, 720, 420},
    {"roc", "Recall against false positives",
     "All alterations together, many of which no global hash survives: compare the curves, not "
     "their height. Every point is one radius.",
     "robustness", write_roc, 720, 480},
    {"unrelated", "Unrelated pictures",
     "Share of pairs of unrelated pictures within a distance. The further right and the steeper, "
     "the safer.",
     "robustness", write_unrelated, 720, 420},
    {"speed", "Speed of hashing",
     "From pixels to hash, processor time on one pinned core, median of nine rounds in which the "
     "engines took turns; "
     "beside the bars the time for one picture. pdq-fast decodes a JPEG, the others are given "
     "decoded pixels.",
     "robustness", write_speed, 720, 360},
    {"scale", "Cost of a search",
     "Time of one query over the size of the index, with the exponent of growth that fits best.",
     "search", write_scale, 760, 440},
};
const size_t plot_count = sizeof plots / sizeof plots[0];

static int run_gnuplot(const char *folder, const char *script)
{
    const pid_t child = fork();
    int status = -1;
    if (child == 0) {
        if (!chdir(folder))
            execlp("gnuplot", "gnuplot", script, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return bench_fail("gnuplot did not run");
    if (WEXITSTATUS(status) == 127)
        return bench_fail("gnuplot was not found; Debian has it in gnuplot-nox");
    return WEXITSTATUS(status) ? bench_fail("gnuplot failed on %s", script) : 0;
}

int plots_draw(const struct report *r)
{
    char folder[4096], path[4200], script[80];
    const size_t rows = json_array_size(json_object_get(r->robustness, "transforms"));
    snprintf(folder, sizeof folder, "%s/plots", r->folder);
    if (mkdir(folder, 0777) && errno != EEXIST)
        return bench_fail("%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < plot_count; i++) {
        const struct plot *p = &plots[i];
        snprintf(script, sizeof script, "%s.gp", p->name);
        snprintf(path, sizeof path, "%s/%s", folder, script);
        FILE *file = fopen(path, "w");
        if (!file)
            return bench_fail("%s: %s", path, strerror(errno));
        fprintf(file,
                "set terminal svg size %d,%d dynamic font 'Helvetica,Arial,sans-serif,14' "
                "background 'white' name '%s'\nset output '%s.svg'\nset encoding utf8\n"
                "set grid lc '#dddddd' lt 1 lw 1\nset border 3 lc '#555555'\nset tics nomirror\n",
                p->width, p->height ? p->height : (int)rows * 17 + 110, p->name, p->name);
        const bool drawn = p->write(r, file);
        /* The same as pixels, for places that take no SVG, where gnuplot can. */
        fprintf(file,
                "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                "set terminal pngcairo size %d,%d font 'sans,10' background 'white'\n"
                "set output '%s.png'\nreplot\n}\nset output\n",
                p->width, p->height ? p->height : (int)rows * 17 + 110, p->name);
        if (fclose(file))
            return bench_fail("%s: cannot write", path);
        if (!drawn)
            remove(path);
        else if (run_gnuplot(folder, script))
            return BENCH_FAILED;
    }
    return 0;
}

char *plots_svg(const struct report *r, const struct plot *plot)
{
    char path[4200], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/plots/%s.gp", r->folder, plot->name);
    if (access(path, R_OK))
        return NULL;
    snprintf(path, sizeof path, "%s/plots/%s.svg", r->folder, plot->name);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    fclose(file);
    char *begin = text ? strstr(text, "<svg") : NULL;
    if (begin)
        memmove(text, begin, strlen(begin) + 1);
    return text;
}
