/* The page: one HTML file with everything in it, for screens of any width and for paper. */
#include "bench.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>phash-bench report</title>\n<style>\n"
    ":root{color-scheme:light}\n"
    "body{font:16px/1.5 system-ui,Helvetica,Arial,sans-serif;color:#222;background:#fff;"
    "max-width:54rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.7rem;line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid #ccc}\n"
    "figure{margin:1.5rem 0}figcaption{color:#444;font-size:.9rem}\n"
    ".plot{overflow-x:auto}.plot svg{width:100%;min-width:34rem;height:auto;display:block}\n"
    "code,pre{font:.85rem/1.4 ui-monospace,Menlo,Consolas,monospace;background:#f4f4f4}\n"
    "pre{padding:.6rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}\n"
    "th,td{padding:.2rem .5rem;text-align:right;border-bottom:1px solid #e4e4e4;"
    "white-space:nowrap}\n"
    "th:first-child,th.name,td:first-child{text-align:left}thead th{border-bottom:2px solid #999}\n"
    "td.name{white-space:normal;overflow-wrap:anywhere;text-align:left;min-width:11rem}\n"
    "summary{cursor:pointer;font-weight:600;margin:1rem 0}\n"
    "@media print{body{max-width:none;padding:0;font-size:10pt}h2{break-after:avoid}"
    "figure,tr{break-inside:avoid}.plot,.wide{overflow:visible}.plot svg{min-width:0}"
    "#recall svg{max-height:24cm}}\n"
    "</style>\n</head>\n<body>\n";

void page_text(FILE *page, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", page);
            break;
        case '<':
            fputs("&lt;", page);
            break;
        case '>':
            fputs("&gt;", page);
            break;
        default:
            fputc(*text, page);
        }
}

static void row(FILE *page, const char *label, const char *value)
{
    fputs("<tr><td>", page);
    page_text(page, label);
    fputs("</td><td class=\"name\">", page);
    page_text(page, value);
    fputs("</td></tr>\n", page);
}

static void write_environment(const struct report *r, FILE *page)
{
    const json_t *e = json_object_get(r->robustness, "environment");
    const json_t *d = json_object_get(r->robustness, "dataset");
    char text[256];
    size_t i;
    json_t *name;
    fputs("<div class=\"wide\"><table>\n", page);
    snprintf(text, sizeof text,
             "%.0f files; %.0f with enough features and size are counted, %.0f are featureless "
             "(quality under %.0f), %.0f small, %.0f could not be decoded",
             report_number(d, "pictures"), report_number(d, "counted"),
             report_number(d, "featureless"), report_number(d, "min_quality"),
             report_number(d, "small"), report_number(d, "undecoded"));
    row(page, "Pictures", text);
    row(page, "Digest (XXH3-128)", report_string(d, "digest"));
    snprintf(text, sizeof text, "%.0f; longest side %.0f pixels", report_number(d, "seed"),
             report_number(d, "max_side"));
    row(page, "Seed", text);
    snprintf(text, sizeof text, "%s, %.0f cores, %.0f GiB, %s", report_string(e, "cpu"),
             report_number(e, "cores"), report_number(e, "memory_gib"),
             report_string(e, "instruction_sets"));
    row(page, "Machine", text);
    snprintf(text, sizeof text, "%s, kernel %s", report_string(e, "system"),
             report_string(e, "kernel"));
    row(page, "System", text);
    snprintf(text, sizeof text, "%s, %s", report_string(e, "compiler"), report_string(e, "flags"));
    row(page, "Compiler", text);
    fputs("<tr><td>Libraries</td><td class=\"name\">", page);
    json_array_foreach(json_object_get(e, "libraries"), i, name)
    {
        fputs(i ? ", " : "", page);
        page_text(page, json_string_value(name));
    }
    fputs("</td></tr>\n", page);
    row(page, "Commit", report_string(e, "commit"));
    row(page, "Date", report_string(e, "date"));
    fputs("</table></div>\n<pre>", page);
    page_text(page, report_string(e, "command"));
    fputs("</pre>\n", page);
}

/* Names of the transforms whose recall by PDQ is in a range. */
static void list_between(const struct report *r, FILE *page, double low, double high)
{
    size_t i, shown = 0;
    json_t *transform;
    json_array_foreach(json_object_get(r->robustness, "transforms"), i, transform)
    {
        const double recall = report_recall(transform, "pdq");
        if (recall < low || recall >= high || !strcmp(report_string(transform, "name"), "identity"))
            continue;
        fprintf(page, "%s%s (%.0f)", shown++ ? ", " : "", report_string(transform, "name"),
                100 * recall);
    }
    fputs(shown ? ".</p>\n" : "none.</p>\n", page);
}

static void write_summary(const struct report *r, FILE *page)
{
    fputs("<h2>In short</h2>\n<p><strong>PDQ survives</strong> (recall in percent at radius 31): ",
          page);
    list_between(r, page, 0.95, 2);
    fputs("<p><strong>It finds some copies after:</strong> ", page);
    list_between(r, page, 0.05, 0.95);
    fputs("<p><strong>It does not survive:</strong> ", page);
    list_between(r, page, 0, 0.05);
    fputs("<p>Mirrored and turned copies are found by searching with the eight hashes of the "
          "query's orientations (pdq-dihedral).</p>\n",
          page);
}

static void write_engines(const struct report *r, FILE *page)
{
    size_t i;
    json_t *e;
    fputs("<h2>Engines</h2>\n<div class=\"wide\"><table><thead><tr><th>engine</th><th>largest "
          "distance</th><th>usual radius</th><th class=\"name\">who says so</th></tr></thead>\n",
          page);
    json_array_foreach(json_object_get(r->robustness, "engines"), i, e)
    {
        fprintf(page, "<tr><td>%s</td><td>%.0f</td><td>%.0f</td><td class=\"name\">",
                report_string(e, "name"), report_number(e, "max"), report_number(e, "threshold"));
        page_text(page, report_string(e, "threshold_source"));
        if (*report_string(e, "note")) {
            fputs("; ", page);
            page_text(page, report_string(e, "note"));
        }
        fputs("</td></tr>\n", page);
    }
    fputs("</table></div>\n", page);
}

static void write_plot(const struct report *r, FILE *page, const struct plot *plot)
{
    const json_t *result = !strcmp(plot->source, "search") ? r->search : r->robustness;
    const char *command = report_string(json_object_get(result, "environment"), "command");
    char *svg = plots_svg(r, plot);
    if (!svg)
        return;
    fprintf(page, "<h2>%s</h2>\n<figure id=\"%s\"><div class=\"plot\">\n", plot->title, plot->name);
    fputs(svg, page);
    fprintf(page, "</div>\n<figcaption>%s</figcaption></figure>\n<pre>", plot->caption);
    page_text(page, *command ? command : report_string(result, "command"));
    fprintf(page, "\ncd plots &amp;&amp; gnuplot %s.gp</pre>\n", plot->name);
    free(svg);
}

/* Every figure of every transform, for those who want to read them. */
static void write_numbers(const struct report *r, FILE *page)
{
    size_t i, k;
    json_t *t, *e;
    const json_t *engines = json_object_get(r->robustness, "engines");
    fputs("<details><summary>The same as numbers: recall at the usual radius, its 95% interval, "
          "median distance, AUC, equal error rate</summary>\n",
          page);
    json_array_foreach(engines, k, e)
    {
        const char *name = report_string(e, "name");
        fprintf(page,
                "<h3>%s</h3><div class=\"wide\"><table><thead><tr><th>alteration</th><th>recall, "
                "%%</th><th>interval</th><th>median</th><th>5 to 95%%</th><th>AUC</th><th>equal "
                "error, %%</th><th>at radius</th></tr></thead>\n",
                report_string(e, "title"));
        json_array_foreach(json_object_get(r->robustness, "transforms"), i, t)
        {
            const json_t *cell = report_cell(t, name);
            const json_t *recall = json_object_get(cell, "recall_at_threshold");
            const json_t *distance = json_object_get(cell, "distance");
            if (!cell) {
                fprintf(page,
                        "<tr><td>%s</td><td colspan=\"7\" class=\"name\">skipped: %s</td></tr>\n",
                        report_string(t, "name"), report_string(t, "skipped_because"));
                continue;
            }
            fprintf(page,
                    "<tr><td>%s</td><td>%.1f</td><td>%.1f to %.1f</td><td>%.0f</td><td>%.0f to "
                    "%.0f</td><td>%.4f</td><td>%.2f</td><td>%.0f</td></tr>\n",
                    report_string(t, "name"), 100 * report_number(recall, "recall"),
                    100 * report_number(recall, "low"), 100 * report_number(recall, "high"),
                    report_number(distance, "median"), report_number(distance, "q05"),
                    report_number(distance, "q95"), report_number(cell, "auc"),
                    100 * report_number(cell, "equal_error_rate"),
                    report_number(cell, "equal_error_radius"));
        }
        fputs("</table></div>\n", page);
    }
    fputs("</details>\n", page);
}

static void write_rates(FILE *page, const json_t *engine)
{
    size_t i;
    json_t *row_;
    fprintf(page, "<tr><th colspan=\"6\">%s</th></tr>\n", report_string(engine, "title"));
    json_array_foreach(json_object_get(engine, "rates"), i, row_)
    {
        fprintf(page,
                "<tr><td>%.0f</td><td>%.0f of %.0f</td><td>%.2g</td><td>%.2g</td><td>%.2g</td>"
                "<td>%.2g</td></tr>\n",
                report_number(row_, "radius"), report_number(row_, "pairs_within"),
                report_number(json_object_get(engine, "distance"), "n"),
                report_number(row_, "high"), report_number(row_, "per_query_at_most"),
                report_number(row_, "model"), report_number(row_, "per_day_model"));
    }
}

static void write_false_positives(const struct report *r, FILE *page)
{
    size_t i, k;
    json_t *item, *name;
    const json_t *dataset = json_object_get(r->fpr, "dataset");
    if (!r->fpr)
        return;
    fprintf(page,
            "<h2>False positives</h2>\n<p>All pairs of unrelated pictures, and what that means for "
            "a bank of %.0f hashes and %.0f queries a day. Where no pair was within a radius, the "
            "rate is at most that of the rule of three (95%%): a folder of this size cannot say "
            "more. The model (Daugman 2004) takes bits for coins with the mean and the spread that "
            "were measured; it is the least to expect, for pictures that look alike without being "
            "copies are not in it.</p>\n<div class=\"wide\"><table><thead><tr><th>radius</th>"
            "<th>pairs within</th><th>rate at most</th><th>matches of a query, at most</th>"
            "<th>rate, model</th><th>a day, model</th></tr></thead>\n",
            report_number(r->fpr, "bank"), report_number(r->fpr, "queries"));
    json_array_foreach(json_object_get(r->fpr, "engines"), i, item)
    {
        write_rates(page, item);
    }
    fprintf(page,
            "</table></div>\n<p>Pairs at %.0f bits or less in any orientation were taken for "
            "versions of one picture and left out. A group below that is none is a false positive "
            "that is missing above: name its pairs with --distinct.</p>\n<ul>\n",
            report_number(dataset, "group_radius"));
    json_array_foreach(json_object_get(dataset, "groups"), i, item)
    {
        fputs("<li>", page);
        json_array_foreach(item, k, name)
        {
            fputs(k ? ", " : "", page);
            page_text(page, json_string_value(name));
        }
        fputs("</li>\n", page);
    }
    fputs("</ul>\n<pre>", page);
    page_text(page, report_string(json_object_get(r->fpr, "environment"), "command"));
    fputs("</pre>\n", page);
}

int page_write(const struct report *r)
{
    char path[4200], beside[4300];
    snprintf(path, sizeof path, "%s/index.html", r->folder);
    snprintf(beside, sizeof beside, "%s.partial", path);
    FILE *page = fopen(beside, "w");
    if (!page)
        return bench_fail("%s: %s", beside, strerror(errno));
    fputs(head, page);
    fputs("<h1>What perceptual hashes survive, and what they cost</h1>\n", page);
    write_environment(r, page);
    write_summary(r, page);
    write_engines(r, page);
    for (size_t i = 0; i < plot_count; i++) {
        write_plot(r, page, &plots[i]);
        if (!strcmp(plots[i].name, "recall"))
            write_numbers(r, page);
        if (!strcmp(plots[i].name, "unrelated"))
            write_false_positives(r, page);
    }
    fputs("</body>\n</html>\n", page);
    const bool failed = ferror(page) || fflush(page) || fsync(fileno(page));
    if (fclose(page) || failed || rename(beside, path)) {
        remove(beside);
        return bench_fail("%s: cannot write", path);
    }
    return 0;
}
