/* Runs a fuzz target over files, for compilers without libFuzzer and for replaying findings.
 *
 * Usage: TARGET FILE-OR-FOLDER…   Every file is given to the target once. Without a file it fails, so
 * that an empty corpus is not a pass. AFL++ runs it with one file, or (built with its compiler) in
 * its own loop. */
#define _XOPEN_SOURCE 700
#include "target.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned long done;

static int replay(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)where;
    if (type != FTW_F)
        return 0;
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    /* The exact size, so that a sanitizer sees one byte too far. */
    const size_t size = (size_t)st->st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, f) != size) {
        fprintf(stderr, "%s: cannot read\n", path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    done++;
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
            perror(argv[i]);
            return 1;
        }
    printf("%lu inputs\n", done);
    return done == 0;
}
