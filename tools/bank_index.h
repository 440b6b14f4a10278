/* bank_index.h: the index that keeps in step with a bank.
 *
 * Beside BANK lie BANK.phidx and what belongs to it (see phash/index.h). It is made when it is first
 * needed, and brought up to date before every search: what the bank erased is gone from it, bytes
 * included. It can be deleted at any time. It is read without a lock, so any number of programs may
 * search one bank; who finds it behind brings it up to date for all.
 */
#ifndef PHASH_TOOLS_BANK_INDEX_H
#define PHASH_TOOLS_BANK_INDEX_H

#include <phash/bank.h>
#include <phash/index.h>

#include <stdbool.h>

struct bank_index;

/* Opens the index of a bank, up to date. Where its files cannot be had (read-only folder, another
 * process is at it) the same index is made in memory. NULL after a message.
 *   bank       outlives it
 *   bank_path  outlives it, too */
struct bank_index *bank_index_open(phash_bank *bank, const char *bank_path);
void bank_index_close(struct bank_index **index);

/* Gives a searcher that knows of every change that the bank had before this call; it is good until
 * the next call. NULL after a message. */
phash_searcher *bank_index_searcher(struct bank_index *index);

/* How far the last searcher is: the highest signal it was told of. What it holds besides is no more
 * than the bank held then. */
int64_t bank_index_position(const struct bank_index *index);

/* What a match with a signal is called: the numbers of its cases, joined by blanks, or "" for one
 * that a list brought. False when the bank holds it no more: then it is no match. */
enum { BANK_LABEL = 1024 };
bool bank_index_label(phash_bank *bank, uint64_t id, char label[BANK_LABEL]);

/* Brings the index up to date if there is one; after something was erased from the bank. False after
 * a message. */
bool bank_index_follow(phash_bank *bank, const char *bank_path);

#endif
