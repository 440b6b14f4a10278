/* Landlock through its system calls: glibc has no wrappers, and Debian 12's header knows ABI 2 only.
 * Bits are those of the kernel's user-space API documentation (Documentation/userspace-api/landlock). */
#include "landlock.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__) && defined(SYS_landlock_create_ruleset)

/* struct landlock_ruleset_attr as of ABI 6; an older kernel takes the first `size` bytes. */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scope;
};

enum { CREATE_RULESET_VERSION = 1 };

int landlock_version(void)
{
    const long v = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return v > 0 ? (int)v : 0;
}

bool landlock_deny_all(void)
{
    const int version = landlock_version();
    if (version < 1)
        return false;
    /* Rights by ABI: 1 has bits 0 to 12; 2 adds refer (13), 3 truncate (14), 5 ioctl on devices (15);
     * 4 adds TCP bind and connect; 6 adds abstract Unix sockets and signals. */
    unsigned rights = 13;
    if (version >= 2)
        rights = 14;
    if (version >= 3)
        rights = 15;
    if (version >= 5)
        rights = 16;
    const struct ruleset rules = {
        (UINT64_C(1) << rights) - 1,
        version >= 4 ? 3 : 0,
        version >= 6 ? 3 : 0,
    };
    size_t size = sizeof rules.files;
    if (version >= 4)
        size = offsetof(struct ruleset, scope);
    if (version >= 6)
        size = sizeof rules;
    const int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (fd < 0)
        return false;
    const bool ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    (void)close(fd);
    return ok;
}

#else

int landlock_version(void)
{
    return 0;
}

bool landlock_deny_all(void)
{
    return false;
}

#endif
