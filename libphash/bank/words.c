/* Texts that repeat, kept once: types, statuses, feedback values, names; and the order of statuses.
 */
#include "bank/db.h"

#include <string.h>

static phash_status find_or_add(phash_bank *bank, phash_sql find, phash_sql add, const char *text,
                                int64_t *id)
{
    bool row;
    sqlite3_stmt *s = phash_bank_stmt(bank, find);
    sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
    phash_status status = phash_bank_step(bank, s, &row);
    if (status)
        return status;
    if (row) {
        *id = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return PHASH_OK;
    }
    s = phash_bank_stmt(bank, add);
    sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
    status = phash_bank_run(bank, s);
    *id = sqlite3_last_insert_rowid(bank->db);
    bank->changed = true;
    return status;
}

phash_status phash_bank_word(phash_bank *bank, const char *text, int64_t *id)
{
    /* The fixed ones, in the order of their ids: nearly all there ever are. */
    static const char *const fixed[WORDS_FIXED] = {"Unknown",   "Received", "Active",
                                                   "Withdrawn", "Deleted",  "ImagePDQ"};
    for (int i = 0; i < WORDS_FIXED; i++)
        if (!strcmp(text, fixed[i])) {
            *id = i;
            return PHASH_OK;
        }
    return find_or_add(bank, SQL_WORD_FIND, SQL_WORD_ADD, text, id);
}

phash_status phash_bank_source(phash_bank *bank, const char *name, int64_t *id)
{
    return find_or_add(bank, SQL_SOURCE_FIND, SQL_SOURCE_ADD, name, id);
}

bool phash_bank_is_over(int64_t status)
{
    return status == WORD_WITHDRAWN || status == WORD_DELETED;
}

int64_t phash_bank_stronger(int64_t a, int64_t b)
{
    static const int rank[] = {[WORD_UNKNOWN] = 2,
                               [WORD_RECEIVED] = 3,
                               [WORD_ACTIVE] = 4,
                               [WORD_WITHDRAWN] = 1,
                               [WORD_DELETED] = 0};
    const int ra = a <= WORD_DELETED ? rank[a] : 2, rb = b <= WORD_DELETED ? rank[b] : 2;
    return rb > ra ? b : a;
}
