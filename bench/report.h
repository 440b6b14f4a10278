/* report.h: from result files to plots and one page. */
#ifndef PHASH_BENCH_REPORT_H
#define PHASH_BENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What the output folder holds; NULL for what was not run. */
struct report {
    const char *folder;
    json_t *robustness, *fpr, *search;
};

/* One plot: folder/plots/NAME.gp, which holds its data, and NAME.svg, which gnuplot makes of it. */
struct plot {
    const char *name;
    const char *title;
    const char *caption; /* how to read it */
    const char *source;  /* the result file that it is drawn from: "robustness" */
    /* Writes the script behind the common head; false where the results have nothing to draw. */
    bool (*write)(const struct report *report, FILE *script);
    int width, height; /* height 0: the script's own, by its number of rows */
};

extern const struct plot plots[];
extern const size_t plot_count;

/* Draws all plots. Nonzero after a message; a missing gnuplot is one. */
int plots_draw(const struct report *report);
/* folder/plots/NAME.svg exists and is whole: its text without the XML head, to be freed; or NULL. */
char *plots_svg(const struct report *report, const struct plot *plot);

/* Writes folder/index.html. Nonzero after a message. */
int page_write(const struct report *report);

/* Text for HTML: &, < and > replaced. */
void page_text(FILE *page, const char *text);

/* The figures of one transform and engine; NULL where there are none. */
const json_t *report_cell(const json_t *transform, const char *engine);
/* Recall at the engine's threshold; negative where there is none. */
double report_recall(const json_t *transform, const char *engine);

/* Shorter names for what jansson calls by long ones. */
const char *report_string(const json_t *object, const char *key);
double report_number(const json_t *object, const char *key);

#endif
