#include "progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *label;
static size_t done, all;
static bool shown;
static double began, drawn;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void draw(void)
{
    const double t = now();
    if (!shown || (t - drawn < 0.1 && done < all))
        return;
    drawn = t;
    const double left = done ? (t - began) / (double)done * (double)(all - done) : 0;
    fprintf(stderr, "\r\033[K%s: %zu of %zu", label, done, all);
    if (done && t - began > 2)
        fprintf(stderr, ", %.0f s left", left);
    fflush(stderr);
}

void progress_start(const char *what, size_t total)
{
    label = what;
    done = 0;
    all = total;
    shown = isatty(STDERR_FILENO);
    began = now();
    drawn = 0;
    draw();
}

void progress_add(void)
{
    pthread_mutex_lock(&lock);
    done++;
    draw();
    pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}
