#include "environment.h"
#include "bench.h"
#include "commit.h"
#include "config.h"
#include "parallel.h"
#if BENCH_HAS_OPENCV
#include "opencv_shim.h"
#endif
#if BENCH_HAS_FAISS
#include "search.h"
#endif
#if BENCH_HAS_VIPS
#include <vips/vips.h>
#endif

#include <phash/phash.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

/* The value of a line of a file such as /proc/cpuinfo; false where there is none. */
static bool line_of(const char *path, const char *key, char *out, size_t size)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        if (!strncmp(line, key, strlen(key))) {
            const char *value = line + strcspn(line, ":=");
            value += strspn(value, ":=\t \"");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\"\n"), value);
            found = true;
        }
    if (file)
        fclose(file);
    return found;
}

static json_t *libraries(void)
{
    json_t *list = json_array();
    char text[96];
    snprintf(text, sizeof text, "libphash %s", phash_version());
    json_array_append_new(list, json_string(text));
#if PHASH_HAS_DECODE
    json_array_append_new(list, json_string(phash_decode_libraries()));
#endif
#if BENCH_HAS_VIPS
    snprintf(text, sizeof text, "libvips %s", vips_version_string());
    json_array_append_new(list, json_string(text));
#endif
    snprintf(text, sizeof text, "xxHash %u", XXH_versionNumber());
    json_array_append_new(list, json_string(text));
    json_array_append_new(list, json_string("jansson " JANSSON_VERSION));
#if BENCH_HAS_OPENCV
    json_array_append_new(list, json_string(shim_version()));
#endif
#if BENCH_HAS_FAISS
    snprintf(text, sizeof text, "Faiss %s", search_faiss_version());
    json_array_append_new(list, json_string(text));
#endif
    return list;
}

/* The arguments as they were given; the program by its last name, which says enough. */
static json_t *command_line(int argc, char **argv)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return json_null();
    fputs("phash-bench", stream);
    for (int i = 0; i < argc; i++)
        fprintf(stream, " %s", argv[i]);
    fclose(stream);
    json_t *out = json_string(text);
    free(text);
    return out ? out : json_null();
}

json_t *environment_json(int argc, char **argv)
{
    struct utsname system;
    char cpu[256] = "unknown", os[128] = "", sets[64], date[32];
    const time_t now = time(NULL);
    struct tm utc;
    uname(&system);
    line_of("/proc/cpuinfo", "model name", cpu, sizeof cpu);
    line_of("/etc/os-release", "PRETTY_NAME", os, sizeof os);
    phash_cpu_names(phash_cpu_active(), sets, sizeof sets);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    const double memory =
        (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:s, s:s, s:s, s:s, s:o, s:o}", "machine",
                     system.machine, "system", os, "kernel", system.release, "cpu", cpu,
                     "instruction_sets", sets, "cores", (int)parallel_cores(), "memory_gib", memory,
                     "compiler", BENCH_COMPILER, "flags", BENCH_FLAGS, "commit", BENCH_COMMIT,
                     "date", date, "libraries", libraries(), "command", command_line(argc, argv));
}

int environment_write(const json_t *result, const char *path)
{
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.partial", path) >= sizeof beside)
        return bench_fail("%s: the name is too long", path);
    FILE *file = fopen(beside, "w");
    if (!file)
        return bench_fail("%s: %s", beside, strerror(errno));
    int failed = json_dumpf(result, file, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0;
    failed |= fputc('\n', file) == EOF || fflush(file) || fsync(fileno(file));
    failed |= fclose(file) != 0;
    if (failed || rename(beside, path)) {
        const int error = errno;
        remove(beside);
        return bench_fail("%s: %s", path, strerror(error));
    }
    return 0;
}
