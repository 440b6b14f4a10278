/* Crockford's base32 (https://www.crockford.com/base32.html): numbers that people read out. */
#ifndef PHASH_EXCHANGE_CROCKFORD_H
#define PHASH_EXCHANGE_CROCKFORD_H

#include <phash/exchange.h>

#include <stdbool.h>

/* Writes `groups` groups of four random characters, joined by hyphens, and a NUL. */
void phash_base32_random(char *out, size_t groups);

/* The same from `bytes`: five bits per character, 20 per group. */
void phash_base32_bytes(char *out, size_t groups, const uint8_t *bytes);

/* Draws a case number. */
void phash_case_number_random(char out[PHASH_CASE_NUMBER_SIZE]);

/* Brings a PIN that was typed into its written form. */
bool phash_case_pin_parse(const char *text, char pin[PHASH_CASE_PIN_SIZE]);

#endif
