/* The command line of robustness and fpr. */
#include "bench.h"
#include "parallel.h"
#include "study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENGINES = 256,
    SIDE,
    SIDE_MIN,
    QUALITY,
    RADIUS,
    DISTINCT,
    SEED,
    TRANSFORMS,
    BANK,
    QUERIES,
    SIZES
};

static const struct option long_options[] = {
    {"pictures", required_argument, NULL, 'p'},
    {"limit", required_argument, NULL, 'n'},
    {"jobs", required_argument, NULL, 'j'},
    {"output", required_argument, NULL, 'o'},
    {"engines", required_argument, NULL, ENGINES},
    {"max-side", required_argument, NULL, SIDE},
    {"min-side", required_argument, NULL, SIDE_MIN},
    {"min-quality", required_argument, NULL, QUALITY},
    {"group-radius", required_argument, NULL, RADIUS},
    {"distinct", required_argument, NULL, DISTINCT},
    {"seed", required_argument, NULL, SEED},
    {"transforms", required_argument, NULL, TRANSFORMS},
    {"bank", required_argument, NULL, BANK},
    {"queries", required_argument, NULL, QUERIES},
    {"search-sizes", required_argument, NULL, SIZES},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void take(struct study_options *o, int option, const char *value, const char *help)
{
    switch (option) {
    case 'p':
        o->pictures = value;
        break;
    case 'n':
        o->limit = bench_number("--limit", value, 1, 10000000);
        break;
    case 'j':
        o->jobs = (unsigned)bench_number("--jobs", value, 1, 256);
        break;
    case 'o':
        o->output = value;
        break;
    case ENGINES:
        o->engines = value;
        break;
    case TRANSFORMS:
        o->families = value;
        break;
    case DISTINCT:
        o->distinct = value;
        break;
    case SIDE:
        o->side = (int)bench_number("--max-side", value, 64, 20000);
        break;
    case SIDE_MIN:
        o->side_min = (int)bench_number("--min-side", value, 1, 20000);
        break;
    case QUALITY:
        o->quality = (int)bench_number("--min-quality", value, 0, 100);
        break;
    case RADIUS:
        o->group_radius =
            !strcmp(value, "-1") ? 257 : (unsigned)bench_number("--group-radius", value, 0, 128);
        break;
    case SEED:
        o->seed = bench_number("--seed", value, 0, UINT64_MAX);
        break;
    case BANK:
        o->bank = (double)bench_number("--bank", value, 1, UINT64_C(1) << 50);
        break;
    case QUERIES:
        o->queries = (double)bench_number("--queries", value, 1, UINT64_C(1) << 50);
        break;
    case SIZES:
        o->search_sizes = value;
        break;
    case 'h':
        fputs(help, stdout);
        exit(BENCH_DONE);
    default:
        exit(BENCH_FAILED); /* getopt has told why */
    }
}

void study_parse(int argc, char **argv, struct study_options *options, const char *help)
{
    *options = (struct study_options)STUDY_OPTIONS_INIT;
    options->jobs = parallel_cores();
    for (int c; (c = getopt_long(argc, argv, "p:n:j:o:h", long_options, NULL)) >= 0;)
        take(options, c, optarg, help);
    if (optind < argc)
        exit(bench_fail("%s: '%s' is too much", argv[0], argv[optind]));
    if (!options->pictures)
        exit(bench_fail("%s: name a folder with --pictures", argv[0]));
}
