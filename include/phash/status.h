/* phash/status.h: what every call returns, and the details it can give.
 *
 * Every function that can fail returns a phash_status: one code per cause. A caller who wants to
 * say more than the cause (which byte, which row, which limit) passes a phash_error, which the call
 * fills on failure. Nothing in this library prints, exits, or keeps an error for later.
 */
#ifndef PHASH_STATUS_H
#define PHASH_STATUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) || defined(__CYGWIN__)
#define PHASH_API
#elif defined(__GNUC__)
#define PHASH_API __attribute__((visibility("default")))
#else
#define PHASH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Values are fixed for the life of the major version; new causes get new numbers at the end of
 * their group. */
typedef enum phash_status {
    PHASH_OK = 0,

    /* The call. */
    PHASH_E_ARGUMENT = 1,    /* an argument breaks the contract in the header */
    PHASH_E_STATE = 2,       /* the handle is not in the state that this call needs */
    PHASH_E_UNSUPPORTED = 3, /* this build or machine has no such feature */

    /* The system. */
    PHASH_E_MEMORY = 16, /* an allocation failed */
    PHASH_E_OPEN = 17,   /* cannot open; phash_error.sys_errno says why */
    PHASH_E_READ = 18,   /* a read failed; phash_error.sys_errno says why */
    PHASH_E_WRITE = 19,  /* a write, sync or rename failed; phash_error.sys_errno says why */
    PHASH_E_LOCKED = 20, /* another process holds the file for writing */

    /* Input data. */
    PHASH_E_NOT_IMAGE = 32,       /* not an image that this build reads */
    PHASH_E_CORRUPT = 33,         /* damaged: checksum, structure or value is wrong */
    PHASH_E_TRUNCATED = 34,       /* ends before it is complete */
    PHASH_E_TOO_SMALL = 35,       /* an image with a side under 5 pixels has no PDQ hash */
    PHASH_E_LIMIT_PIXELS = 36,    /* more pixels than the caller's limit */
    PHASH_E_LIMIT_DIMENSION = 37, /* a side longer than the caller's limit */
    PHASH_E_LIMIT_INPUT = 38,     /* more input bytes than the caller's limit */
    PHASH_E_LIMIT_MEMORY = 39,    /* decoding needs more memory than the caller's limit */
    PHASH_E_HEX = 40,             /* not exactly the hex digits of a hash */
    PHASH_E_VERSION = 41,         /* a file of a format version that this build does not know */
    PHASH_E_FORMAT = 42,          /* a file of another format altogether */
    PHASH_E_KIND = 43,            /* hashes of different kinds (algorithm, length) were mixed */

    /* Look-ups. */
    PHASH_E_NOT_FOUND = 64, /* no such id, case, or entry */
    PHASH_E_EXISTS = 65     /* it is there already */
} phash_status;

/* Details of a failure. The caller sets `size` (PHASH_ERROR_INIT does) and owns the struct; a call
 * that fails fills the rest, a call that succeeds leaves it alone. */
typedef struct phash_error {
    size_t size;         /* sizeof(phash_error) of the caller */
    phash_status status; /* same as the returned code */
    int sys_errno;       /* errno of the failing system call, or 0 */
    uint64_t offset; /* byte or row where it was noticed, or UINT64_MAX where that means nothing */
    char message[192]; /* one line, no newline, NUL-terminated; never contains a hash or pixels */
} phash_error;

#define PHASH_ERROR_INIT                                                                           \
    {                                                                                              \
        sizeof(phash_error), PHASH_OK, 0, UINT64_MAX,                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* A short English text for a code, such as "truncated". Static; never NULL, also for numbers that
 * are no code. Thread-safe. */
PHASH_API const char *phash_status_text(phash_status status);

/* The name of a code, such as "PHASH_E_TRUNCATED", for programs and logs. Static; never NULL.
 * Thread-safe. */
PHASH_API const char *phash_status_name(phash_status status);

#ifdef __cplusplus
}
#endif
#endif
