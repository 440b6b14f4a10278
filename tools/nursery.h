/* nursery.h: the process that makes workers.
 *
 * It is forked before the program opens any input and does nothing but fork workers when asked and
 * tell when one died. So a worker that replaces a dead one is as clean as the first: it inherits
 * neither the names nor the hashes, keys or open files that the parent has gathered since.
 *
 *     parent --- nursery --- workers          each dies with the one to its left
 */
#ifndef PHASH_TOOLS_NURSERY_H
#define PHASH_TOOLS_NURSERY_H

#include <stdint.h>
#include <sys/types.h>

struct nursery {
    pid_t pid;
    int socket;
};

enum { NURSERY_SPAWN = 1, NURSERY_KILL, NURSERY_SPAWNED, NURSERY_DIED };

/* Requests: SPAWN; KILL pid. Reports: SPAWNED pid with the worker's socket, or pid -1 and value
 * errno; DIED pid with value as from waitpid. */
struct nursery_message {
    int kind;
    pid_t pid;
    int value;
};

/* Its workers enter the sandbox; each may use `memory` bytes. 0, or an errno. */
int nursery_start(struct nursery *nursery, uint64_t memory);
/* Ends the nursery and every worker, and waits for them. */
void nursery_stop(struct nursery *nursery);

#endif
