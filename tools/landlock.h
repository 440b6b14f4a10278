/* Landlock: taking away all access to files, in one call. */
#ifndef PHASH_TOOLS_LANDLOCK_H
#define PHASH_TOOLS_LANDLOCK_H

#include <stdbool.h>

/* From now on this process can open, make, rename, or remove no file, connect or bind no TCP socket,
 * and signal nobody outside; descriptors that are open stay open. False where the kernel has no
 * Landlock. no_new_privs must be set. */
bool landlock_deny_all(void);

/* The kernel's Landlock ABI version, 0 for none. */
int landlock_version(void);

#endif
