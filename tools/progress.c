/* The progress line and the signals that end a run. */
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_EVERY 0.1 /* seconds */

static struct {
    bool on, visible;
    const char *unit;
    uint64_t total, done, failed;
    double started, drawn;
} bar;
static volatile sig_atomic_t caught;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void put(const char *text, size_t length)
{
    if (write(STDERR_FILENO, text, length) < 0) {
        /* a progress line that cannot be shown is no loss */
    }
}

void progress_start(const char *unit, uint64_t total)
{
    const char *term = getenv("TERM");
    if (!isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb"))
        return;
    bar.on = true;
    bar.unit = unit;
    bar.total = total;
    bar.done = bar.failed = 0;
    bar.started = bar.drawn = now();
}

static void format_time(char *out, size_t size, double seconds)
{
    const unsigned long s = (unsigned long)(seconds + 0.5);
    if (s < 60)
        snprintf(out, size, "%lu s", s);
    else if (s < 3600)
        snprintf(out, size, "%lu min %02lu s", s / 60, s % 60);
    else
        snprintf(out, size, "%lu h %02lu min", s / 3600, s / 60 % 60);
}

static void draw(double time)
{
    char line[256], left[48] = "";
    const double seconds = time - bar.started;
    const double rate = seconds > 0 ? (double)bar.done / seconds : 0;
    int n = snprintf(line, sizeof line, "\r\033[K%" PRIu64, bar.done);
    if (bar.total) {
        n += snprintf(line + n, sizeof line - (size_t)n, " of %" PRIu64, bar.total);
        if (rate > 0 && bar.total >= bar.done) {
            char estimate[40];
            format_time(estimate, sizeof estimate, (double)(bar.total - bar.done) / rate);
            snprintf(left, sizeof left, ", %s left", estimate);
        }
    }
    n += snprintf(line + n, sizeof line - (size_t)n, " %s, %.*f a second%s", bar.unit,
                  rate < 10 ? 1 : 0, rate, left);
    if (bar.failed)
        n += snprintf(line + n, sizeof line - (size_t)n, ", %" PRIu64 " with errors", bar.failed);
    /* A line that wraps could not be wiped. The 4 bytes at the front take no column. */
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 &&
        n - 4 >= (int)window.ws_col)
        n = (int)window.ws_col - 1 + 4;
    put(line, (size_t)n);
    bar.visible = true;
    bar.drawn = time;
}

void progress_tick(void)
{
    if (!bar.on || caught)
        return;
    const double time = now();
    if (time - bar.drawn >= DRAW_EVERY)
        draw(time);
}

void progress_add(bool failed)
{
    bar.done++;
    bar.failed += failed;
    progress_tick();
}

void progress_hide(void)
{
    if (!bar.visible)
        return;
    put("\r\033[K", 4);
    bar.visible = false;
}

void progress_end(void)
{
    progress_hide();
    bar.on = false;
}

static void on_signal(int number)
{
    caught = number;
}

void progress_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old, action;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        /* No SA_RESTART: a write to a pipe that nobody reads must not hold the program. */
        action.sa_flags = SA_RESETHAND;
        sigemptyset(&action.sa_mask);
        /* What the caller had ignored (nohup) stays ignored. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

bool progress_stopped(void)
{
    return caught != 0;
}

void progress_die(void)
{
    if (!caught)
        return;
    signal(caught, SIG_DFL);
    raise(caught);
}
