/* Argon2 over libsodium's own, at the least cost instead of a tenth of a second and 64 MiB; verifiers
 * look as they always do. The allocations are those of the real one: it is the real one. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "cheap_pins.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEAR  "$argon2id$v=19$m=65536,t=2,p=1$"
#define CHEAP "$argon2id$v=19$m=8,t=1,p=1$"

bool cheap_pins;

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "no %s to call\n", name);
        abort();
    }
    return function;
}

int crypto_pwhash_str(char out[crypto_pwhash_STRBYTES], const char *const pin,
                      unsigned long long length, unsigned long long ops, size_t memory)
{
    int (*real)(char *, const char *, unsigned long long, unsigned long long, size_t);
    *(void **)&real = next("crypto_pwhash_str");
    if (!cheap_pins)
        return real(out, pin, length, ops, memory);
    char made[crypto_pwhash_STRBYTES];
    if (real(made, pin, length, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN) != 0)
        return -1;
    memset(out, 0, crypto_pwhash_STRBYTES);
    const int n = snprintf(out, crypto_pwhash_STRBYTES, DEAR "%s", made + strlen(CHEAP));
    return n < (int)crypto_pwhash_STRBYTES ? 0 : -1;
}

int crypto_pwhash_str_verify(const char verifier[crypto_pwhash_STRBYTES], const char *const pin,
                             unsigned long long length)
{
    int (*real)(const char *, const char *, unsigned long long);
    *(void **)&real = next("crypto_pwhash_str_verify");
    char made[crypto_pwhash_STRBYTES] = {0};
    if (!cheap_pins || strncmp(verifier, DEAR, strlen(DEAR)) != 0)
        return real(verifier, pin, length);
    const int n = snprintf(made, sizeof made, CHEAP "%s", verifier + strlen(DEAR));
    return n < (int)sizeof made ? real(made, pin, length) : -1;
}
