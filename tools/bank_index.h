/* bank_index.h: the index that keeps in step with a bank.
 *
 * Beside BANK lie BANK.phidx and what belongs to it (see phash/index.h). It is made when it is first
 * needed, and brought up to date whenever it is opened: what the bank erased is gone from it, bytes
 * included, before the first search. It can be deleted at any time.
 */
#ifndef PHASH_TOOLS_BANK_INDEX_H
#define PHASH_TOOLS_BANK_INDEX_H

#include <phash/bank.h>
#include <phash/index.h>

#include <stdbool.h>

/* Opens the index of a bank, up to date. Where its files cannot be had (read-only folder, another
 * process is at it) the same index is made in memory. NULL after a message. */
phash_index *bank_index_open(phash_bank *bank, const char *bank_path);

/* How far an index that bank_index_open gave is: the highest signal it was told of. What it holds
 * besides is no more than the bank held then. -1 when that is not known. */
int64_t bank_index_position(phash_bank *bank, phash_index *index);

/* What a match with a signal is called: the numbers of its cases, joined by blanks, or "" for one
 * that a list brought. False when the bank holds it no more: then it is no match. */
enum { BANK_LABEL = 1024 };
bool bank_index_label(phash_bank *bank, uint64_t id, char label[BANK_LABEL]);

/* Brings the index up to date if there is one; after something was erased from the bank. False after
 * a message. */
bool bank_index_follow(phash_bank *bank, const char *bank_path);

#endif
