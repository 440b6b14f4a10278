/* phash guide: what to do now. */
#include "cli.h"
#include "guide.h"

#include <string.h>

enum { OPTION_LANG = OPTION_OWN };

static const char help[] =
    "Usage: phash guide [--lang LANGUAGE]\n"
    "What to do now, for somebody whose pictures are used against them.\n"
    "\n"
    "      --lang LANGUAGE    en (English) or ms (Bahasa Melayu); default by the locale\n"
    "      --help             this text\n";

static const struct option options[] = {
    CLI_COMMON_OPTIONS, {"lang", required_argument, NULL, OPTION_LANG}, {NULL, 0, NULL, 0}};

static int guide_run(const struct command *self, int argc, char **argv)
{
    const char *language = guide_language();
    while (cli_option(self, argc, argv, ":h", options) != -1)
        language = optarg;
    if (optind != argc)
        cli_usage(self, "takes no arguments");
    const char *text = guide_text(language);
    if (!text)
        cli_usage(self, "--lang: en and ms are there");
    return text && cli_write(text, strlen(text)) ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_guide = {"guide", "what to do now", help, guide_run};
