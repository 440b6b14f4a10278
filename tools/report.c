/* The report of a scan: one HTML page, no script, nothing loaded from elsewhere; no picture
 * but the thumbnails that were asked for. */
#include "report.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Text from names: first what would drive a terminal, then what would be markup. */
static void add_text(struct text *t, const char *string)
{
    struct text shown = {0};
    text_escaped(&shown, string);
    for (size_t i = 0; i < shown.length; i++) {
        switch (shown.data[i]) {
        case '<':
            text_string(t, "&lt;");
            break;
        case '>':
            text_string(t, "&gt;");
            break;
        case '&':
            text_string(t, "&amp;");
            break;
        case '"':
            text_string(t, "&quot;");
            break;
        default:
            text_bytes(t, shown.data + i, 1);
        }
    }
    text_free(&shown);
}

static void add_time(struct text *t, time_t when)
{
    char out[40] = "-";
    struct tm tm;
    if (gmtime_r(&when, &tm))
        strftime(out, sizeof out, "%Y-%m-%d %H:%M:%S UTC", &tm);
    text_string(t, out);
}

static void add_number(struct text *t, uint64_t value)
{
    char out[32];
    snprintf(out, sizeof out, "%llu", (unsigned long long)value);
    text_string(t, out);
}

size_t report_add(struct text *rows, const struct report_match *match, bool pictures)
{
    text_string(rows, "<tr>");
    if (pictures)
        text_string(rows, "<td>");
    const size_t at = rows->length;
    text_string(rows, "<td class=path>");
    add_text(rows, match->path);
    text_string(rows, "<td>");
    add_time(rows, match->modified);
    text_string(rows, "<td class=number>");
    add_number(rows, match->bytes);
    text_string(rows, "<td class=number>");
    add_number(rows, match->distance);
    text_string(rows, "<td>");
    add_text(rows, match->orientation);
    text_string(rows, "<td>");
    add_text(rows, match->label);
    text_string(rows, "<td class=hash>");
    add_text(rows, match->sha256);
    text_string(rows, "\n");
    return at;
}

static void add_head(struct text *t, bool pictures)
{
    text_string(t,
                "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
                "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
                "'unsafe-inline'");
    if (pictures)
        text_string(t, "; img-src data:");
    text_string(
        t,
        "\">\n<title>phash scan</title>\n<style>\n"
        "body{font:14px/1.4 sans-serif;margin:2em;color:#111;background:#fff}\n"
        "table{border-collapse:collapse;width:100%}\n"
        "td,th{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top}\n"
        ".path,.hash{overflow-wrap:anywhere}.hash{font:11px monospace}.number{text-align:right}\n"
        "tr{break-inside:avoid}thead{display:table-header-group}\n"
        "@media print{body{margin:0;font-size:10px}}\n</style>\n<h1>Scan report</h1>\n");
}

static void add_facts(struct text *t, const struct report_facts *facts)
{
    const struct report_counts *counts = &facts->counts;
    text_string(t, "<p>Begun ");
    add_time(t, facts->started);
    text_string(t, ", ended ");
    add_time(t, time(NULL));
    text_string(t, ", with phash ");
    add_text(t, phash_version());
    text_string(t, ".</p>\n<ul>\n");
    for (int i = 0; i < facts->folder_count; i++) {
        text_string(t, "<li>");
        add_text(t, facts->folders[i]);
        text_string(t, "\n");
    }
    text_string(t, "</ul>\n<p>");
    add_number(t, counts->files);
    text_string(t, " files: ");
    add_number(t, counts->images);
    text_string(t, " images, of which ");
    add_number(t, counts->matching);
    text_string(t, " match; ");
    add_number(t, counts->not_images);
    text_string(t, " other files; ");
    add_number(t, counts->failed);
    text_string(t, " that could not be read.</p>\n<p>An image matches when its perceptual hash "
                   "(PDQ) differs from a known one in at most ");
    add_number(t, facts->radius);
    text_string(t, " of 256 bits (the distance). A match is a reason to look, not proof.</p>\n");
}

static bool write_all(int fd, const char *data, size_t bytes)
{
    while (bytes) {
        const ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            bytes -= (size_t)n;
        }
    }
    return fsync(fd) == 0;
}

bool report_write(const char *path, const struct report_facts *facts, const struct text *rows)
{
    struct text page = {0};
    add_head(&page, facts->pictures);
    add_facts(&page, facts);
    if (rows->length) {
        text_string(&page, "<table><thead><tr>");
        if (facts->pictures)
            text_string(&page, "<th>Blurred");
        text_string(&page, "<th>File<th>File time<th>Bytes<th>Distance<th>Turned"
                           "<th>Case or label<th>SHA-256</thead><tbody>\n");
        text_bytes(&page, rows->data, rows->length);
        text_string(&page, "</tbody></table>\n");
    }
    text_string(&page, "</html>\n");
    char beside[4200];
    snprintf(beside, sizeof beside, "%s.part.%d", path, (int)getpid());
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, page.data, page.length);
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(beside, path) == 0;
    if (!good) {
        cli_path_message(path, strerror(errno));
        if (fd >= 0)
            unlink(beside);
    }
    text_free(&page);
    return good;
}
