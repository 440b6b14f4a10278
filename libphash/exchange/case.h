/* PIN verifiers, shared by case files and the bank. */
#ifndef PHASH_EXCHANGE_CASE_H
#define PHASH_EXCHANGE_CASE_H

#include <phash/exchange.h>

#include <stdbool.h>

/* Room for a verifier with its NUL: crypto_pwhash_STRBYTES. */
enum { PHASH_VERIFIER_SIZE = 128 };

/* Makes the verifier of a PIN in its written form. */
bool phash_verifier_new(const char *pin, char out[PHASH_VERIFIER_SIZE]);

/* True for a verifier with exactly our cost parameters. Others are refused where they come in: a
 * file could ask for terabytes and weeks. */
bool phash_verifier_is_ours(const char *verifier);

/* Checks a PIN as it was typed. Takes the same time whatever comes: a `verifier` of NULL and a PIN
 * that is none are checked too, against a verifier that nothing fits. PHASH_E_NOT_FOUND: wrong. */
phash_status phash_verifier_check(const char *verifier, const char *pin);

#endif
