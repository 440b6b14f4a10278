/* Texts and names of the status codes, and filling the caller's error struct. */
#include "core/internal.h"

#include <phash/version.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One table for name and text; looked up by value, so that gaps in the numbering cost nothing. */
static const struct {
    phash_status status;
    const char *name;
    const char *text;
} table[] = {
#define ROW(s, text)                                                                               \
    {                                                                                              \
        s, #s, text                                                                                \
    }
    ROW(PHASH_OK, "ok"),
    ROW(PHASH_E_ARGUMENT, "invalid argument"),
    ROW(PHASH_E_STATE, "not possible in this state"),
    ROW(PHASH_E_UNSUPPORTED, "not supported by this build"),
    ROW(PHASH_E_MEMORY, "out of memory"),
    ROW(PHASH_E_OPEN, "cannot open"),
    ROW(PHASH_E_READ, "cannot read"),
    ROW(PHASH_E_WRITE, "cannot write"),
    ROW(PHASH_E_LOCKED, "in use by another process"),
    ROW(PHASH_E_NOT_IMAGE, "not an image that this build reads"),
    ROW(PHASH_E_CORRUPT, "corrupt"),
    ROW(PHASH_E_TRUNCATED, "truncated"),
    ROW(PHASH_E_TOO_SMALL, "too small: a side is under 5 pixels"),
    ROW(PHASH_E_LIMIT_PIXELS, "too large: pixel limit"),
    ROW(PHASH_E_LIMIT_DIMENSION, "too large: dimension limit"),
    ROW(PHASH_E_LIMIT_INPUT, "too large: input size limit"),
    ROW(PHASH_E_LIMIT_MEMORY, "too large: decoder memory limit"),
    ROW(PHASH_E_HEX, "not a hash of exactly the expected number of hex digits"),
    ROW(PHASH_E_VERSION, "unknown format version"),
    ROW(PHASH_E_FORMAT, "not a file of this format"),
    ROW(PHASH_E_KIND, "different kinds of hashes"),
    ROW(PHASH_E_NOT_FOUND, "not found"),
    ROW(PHASH_E_EXISTS, "exists already"),
#undef ROW
};

const char *phash_status_text(phash_status status)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].text;
    return "unknown status";
}

const char *phash_status_name(phash_status status)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].status == status)
            return table[i].name;
    return "PHASH_E_?";
}

unsigned phash_version_number(void)
{
    return PHASH_VERSION_NUMBER;
}

#define STR_(x) #x
#define STR(x)  STR_(x)

const char *phash_version(void)
{
    return STR(PHASH_VERSION_MAJOR) "." STR(PHASH_VERSION_MINOR) "." STR(PHASH_VERSION_PATCH);
}

phash_status phash_fail_at(phash_error *error, phash_status status, int sys_errno, uint64_t offset,
                           const char *format, ...)
{
    if (!error || error->size < sizeof *error)
        return status;
    error->status = status;
    error->sys_errno = sys_errno;
    error->offset = offset;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    if (n < 0)
        error->message[0] = '\0';
    /* Text from a decoder may hold anything; a message is one printable line. */
    for (char *p = error->message; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return status;
}
