/* phash/version.h: version of the library that is compiled against, and of the one that is linked.
 */
#ifndef PHASH_VERSION_H
#define PHASH_VERSION_H

#include <phash/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The shared object's name (soname) follows PHASH_VERSION_MAJOR: within one major version, programs
 * keep working with every later library. The build reads the version from these three lines. */
#define PHASH_VERSION_MAJOR 0
#define PHASH_VERSION_MINOR 1
#define PHASH_VERSION_PATCH 0

/* Version as one number that can be compared: 0x00MMmmpp. */
#define PHASH_VERSION_NUMBER                                                                       \
    ((PHASH_VERSION_MAJOR << 16) | (PHASH_VERSION_MINOR << 8) | PHASH_VERSION_PATCH)

/* Returns PHASH_VERSION_NUMBER of the library that is linked. Thread-safe. */
PHASH_API unsigned phash_version_number(void);

/* Returns "MAJOR.MINOR.PATCH" of the library that is linked. Static; do not free. Thread-safe. */
PHASH_API const char *phash_version(void);

#ifdef __cplusplus
}
#endif
#endif
