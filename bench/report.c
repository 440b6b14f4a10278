/* phash-bench report: every measurement of a folder of pictures, and one page of it. */
#include "report.h"
#include "bench.h"
#include "environment.h"
#include "fpr.h"
#include "robustness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "Usage: phash-bench report -p DIR -o OUTDIR [OPTION]...\n"
    "       phash-bench report --render OUTDIR\n"
    "Measures robustness, false positives and speed over the pictures below DIR, and search over\n"
    "made-up hashes; writes the figures as JSON, the plots as SVG with their gnuplot scripts, and\n"
    "OUTDIR/index.html, which holds all of it. --render makes plots and page anew from the "
    "JSON.\n\n" STUDY_HELP "      --transforms LIST  only these families or names of transforms\n"
    "      --bank N           hashes in the bank that false positives are counted for\n"
    "      --queries N        queries a day to it\n"
    "      --search-sizes N,… hashes in the indexes that are searched "
    "(default 10000,30000,…,1000000)\n";

/* Sizes over two decades: enough for an exponent, and done in a minute. */
static const char search_sizes[] = "10000,30000,100000,300000,1000000";
static const char *const search_arguments[] = {"search", "--radii", "31",  "--batches",
                                               "1",      "--data",  "1",   "--rounds",
                                               "3",      "--ms",    "100", "--json"};
#define SEARCH_ARGUMENTS (sizeof search_arguments / sizeof search_arguments[0])

/* The search subcommand writes a table to stdout, which is not wanted here. */
static int run_search(const char *folder, const char *sizes)
{
    const struct bench_command *search = bench_find("search");
    char path[4200];
    char *argv[SEARCH_ARGUMENTS + 4];
    if (!search)
        return 0;
    snprintf(path, sizeof path, "%s/search.json", folder);
    for (size_t i = 0; i < SEARCH_ARGUMENTS; i++)
        argv[i] = (char *)search_arguments[i];
    argv[SEARCH_ARGUMENTS] = path;
    argv[SEARCH_ARGUMENTS + 1] = (char *)"--sizes";
    argv[SEARCH_ARGUMENTS + 2] = (char *)(sizes ? sizes : search_sizes);
    argv[SEARCH_ARGUMENTS + 3] = NULL;
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    if (kept < 0 || nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        return bench_fail("search: %s", strerror(errno));
    optind = 0; /* getopt begins anew */
    fputs("measuring search\n", stderr);
    const int failed = search->run((int)SEARCH_ARGUMENTS + 3, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(nowhere);
    return failed;
}

static json_t *load(const char *folder, const char *name, bool needed)
{
    char path[4200];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    json_t *result = json_load_file(path, 0, &error);
    if (!result && needed)
        bench_fail("%s: %s", path, error.text);
    return result;
}

static int render(const char *folder)
{
    struct report report = {.folder = folder};
    int failed = BENCH_FAILED;
    report.robustness = load(folder, "robustness", true);
    report.fpr = load(folder, "fpr", false);
    report.search = load(folder, "search", false);
    if (report.robustness)
        failed = plots_draw(&report) || page_write(&report);
    json_decref(report.robustness);
    json_decref(report.fpr);
    json_decref(report.search);
    if (!failed)
        printf("%s/index.html\n", folder);
    return failed ? BENCH_FAILED : BENCH_DONE;
}

static int keep(json_t *result, const char *folder, const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    const int failed = !result || environment_write(result, path);
    json_decref(result);
    return failed;
}

static int run(int argc, char **argv)
{
    struct study_options options;
    struct study study;
    if (argc == 3 && !strcmp(argv[1], "--render"))
        return render(argv[2]);
    study_parse(argc, argv, &options, help);
    if (!options.output)
        return bench_fail("report: name a folder for the results with --output");
    if (mkdir(options.output, 0777) && errno != EEXIST)
        return bench_fail("%s: %s", options.output, strerror(errno));
    study_start_vips();
    int failed = study_open(&study, &options);
    if (!failed)
        failed = keep(robustness_result(&study, true, false, argc, argv), options.output,
                      "robustness") ||
                 keep(fpr_result(&study, false, argc, argv), options.output, "fpr");
    study_close(&study);
    if (failed || run_search(options.output, options.search_sizes))
        return BENCH_FAILED;
    return render(options.output);
}

const struct bench_command bench_report = {
    "report", "everything over a folder of pictures, as one page with plots", run};
