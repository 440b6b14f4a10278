/* progress.h: the line on a terminal that tells how far a long run is, and the signals that end it.
 *
 * Both are here because both own the last line of the terminal: whatever ends the program, that
 * line is wiped first.
 */
#ifndef PHASH_TOOLS_PROGRESS_H
#define PHASH_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Begins to show progress where stderr is a terminal; `total` 0 where it is not known. */
void progress_start(const char *unit, uint64_t total);
/* Counts one more as done; draws at most ten times a second. */
void progress_add(bool failed);
/* Draws again if it is time; called when nothing happened. */
void progress_tick(void);
/* Wipes the line, before anything else is written to the terminal; it comes back by itself. */
void progress_hide(void);
/* Wipes the line for good. */
void progress_end(void);

/* SIGINT, SIGTERM and SIGHUP from now on end the run in order: workers first. A second one ends the
 * program at once. */
void progress_catch_signals(void);
/* Whether one came. */
bool progress_stopped(void);
/* If one came, dies of it, as the caller's shell expects. */
void progress_die(void);

#endif
