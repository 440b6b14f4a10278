/* The walls around the parts of the program that read strangers' bytes, and around all of it.
 *
 * Whole program (sandbox_enter_program, first thing in main):
 *   no_new_privs; no core dumps; seccomp: no way to make a network socket, run a program, trace
 *   another process, or submit work past the filter (io_uring). It is inherited by every worker and
 *   cannot be taken off.
 * Worker (sandbox_enter_worker, before its first byte of input), on top of that:
 *   Landlock: no file can be opened, made, renamed or removed; no TCP; no signals to others.
 *   seccomp: an allow-list; anything else ends the worker on the spot.
 *   Limits: address space, output, open files. (Processor time is limited per file, by the crew.)
 *
 * Each piece is used where the kernel has it. What is in force comes back as a set of bits, so that
 * the caller can say what is missing, or refuse to go on.
 */
#ifndef PHASH_TOOLS_SANDBOX_H
#define PHASH_TOOLS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SANDBOX_NO_NEW_PRIVS = 1,
    SANDBOX_NO_CORE = 2,
    SANDBOX_NO_NETWORK = 4, /* the program's seccomp filter */
    SANDBOX_LANDLOCK = 8,
    SANDBOX_SYSCALLS = 16, /* the worker's allow-list */
    SANDBOX_LIMITS = 32,
    SANDBOX_LOCKED = 64, /* worker memory cannot go to swap; not needed for the promise */

    SANDBOX_PROGRAM = SANDBOX_NO_NEW_PRIVS | SANDBOX_NO_CORE | SANDBOX_NO_NETWORK,
    SANDBOX_WORKER = SANDBOX_PROGRAM | SANDBOX_LANDLOCK | SANDBOX_SYSCALLS | SANDBOX_LIMITS
};

/* To be called before any thread or worker is made. Returns the pieces in force. */
unsigned sandbox_enter_program(void);

/* To be called in a freshly forked worker that has closed what it does not need.
 *   program  what sandbox_enter_program returned
 *   memory   address space that the worker may use beyond what it has now, bytes
 * Returns all pieces in force. */
unsigned sandbox_enter_worker(unsigned program, uint64_t memory);

/* The same, tried out by a process that is made for it and ends: what workers will have. */
unsigned sandbox_try_worker(unsigned program, uint64_t memory);

/* A short name of one piece, such as "landlock". */
const char *sandbox_piece_name(unsigned piece);

/* The names of the pieces of `wanted` that are not in `have`, joined by ", ", in out (always
 * NUL-terminated). Returns false when nothing is missing. */
bool sandbox_missing(unsigned wanted, unsigned have, char *out, size_t size);

#endif
