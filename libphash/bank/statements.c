/* Every statement that the bank runs. */
#include "bank/db.h"

/* Rows behind (stamp ?1, id ?2), up to stamp ?3, in that order, ?4 of them. A comparison of row values
 * would say it shorter, but then SQLite walks over every row of stamp ?1 that came before, and one
 * import gives a million rows one stamp. The parts of UNION ALL run in order. */
#define AFTER(columns, table, also)                                                                \
    "SELECT * FROM (SELECT " columns " FROM " table                                                \
    " WHERE stamp = ?1 AND id > ?2 AND stamp <= ?3" also " ORDER BY id LIMIT ?4) UNION ALL "       \
    "SELECT * FROM (SELECT " columns " FROM " table " WHERE stamp > ?1 AND stamp <= ?3" also       \
    " ORDER BY stamp, id LIMIT ?4) LIMIT ?4"

#define SIGNAL_COLUMNS "id, quality, given, status, modified, source, other"

const char *const phash_bank_sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_CLOCK_GET] = "SELECT (SELECT value FROM meta WHERE key = 'clock'),"
                      " (SELECT value FROM meta WHERE key = 'next_id')",
    [SQL_CLOCK_SET] = "UPDATE meta SET value = CASE key WHEN 'clock' THEN ?1 ELSE ?2 END"
                      " WHERE key IN ('clock', 'next_id')",
    [SQL_WORD_FIND] = "SELECT id FROM word WHERE text = ?1",
    [SQL_WORD_ADD] = "INSERT INTO word(text) VALUES(?1)",
    [SQL_WORD_TEXT] = "SELECT text FROM word WHERE id = ?1",
    [SQL_SOURCE_ADD] = "INSERT INTO source(name) VALUES(?1)",
    [SQL_SOURCE_FIND] = "SELECT id FROM source WHERE name = ?1",
    [SQL_SOURCE_SET] = "UPDATE source SET next = ?2, token = ?3 WHERE id = ?1"
                       " AND (next IS NOT ?2 OR token IS NOT ?3)",
    [SQL_SOURCE_LIST] = "SELECT name, next, token FROM source ORDER BY id",
    [SQL_SIGNAL_ADD] =
        "INSERT INTO signal(id, type, value, quality, given, status, modified, source,"
        " stamp, other) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT DO NOTHING",
    [SQL_SIGNAL_FIND] = "SELECT " SIGNAL_COLUMNS " FROM signal WHERE value = ?1 AND type = ?2",
    [SQL_SIGNAL_ANY] = "SELECT id FROM signal WHERE value = ?1",
    [SQL_SIGNAL_SET] = "UPDATE signal SET quality = ?2, given = ?3, modified = ?4, source = ?5,"
                       " other = ?6 WHERE id = ?1",
    [SQL_SIGNAL_STATUS] = "UPDATE signal SET status = ?2 WHERE id = ?1 AND status <> ?2",
    [SQL_SIGNAL_TOUCH] = "UPDATE signal SET stamp = ?2 WHERE id = ?1 AND stamp <> ?2",
    [SQL_SIGNAL_VALUE] = "SELECT type, value FROM signal WHERE id = ?1",
    [SQL_SIGNAL_DELETE] = "DELETE FROM signal WHERE id = ?1",
    [SQL_SIGNAL_LOOSE] = "SELECT id, value FROM signal s"
                         " WHERE id > ?1 AND NOT EXISTS (SELECT 1 FROM link WHERE signal = s.id)"
                         " ORDER BY id LIMIT 1000",
    [SQL_SIGNAL_OF_SOURCE] = "SELECT id FROM signal s WHERE source = ?1"
                             " AND id > ?2 AND NOT EXISTS (SELECT 1 FROM link WHERE signal = s.id)"
                             " ORDER BY id LIMIT 1000",
    [SQL_SIGNAL_PAGE] = AFTER("id, type, value, status, stamp, other", "signal", ""),
    [SQL_SIGNAL_AFTER] = "SELECT id, type, value FROM signal WHERE id > ?1 ORDER BY id",
    [SQL_GONE_ADD] = "INSERT INTO gone(id, type, status, stamp, digest) VALUES(?1, ?2, ?3, ?4, ?5)",
    [SQL_GONE_PAGE] = AFTER("id, type, digest, status, stamp", "gone", " AND digest IS NOT NULL"),
    [SQL_GONE_AFTER] = AFTER("id, stamp", "gone", ""),
    [SQL_LINK_ADD] = "INSERT INTO link(signal, cases, source) VALUES(?1, ?2, ?3)"
                     " ON CONFLICT DO NOTHING",
    [SQL_LINK_OF_SOURCE] = "SELECT 1 FROM link WHERE signal = ?1 AND source = ?2 LIMIT 1",
    /* Links of this source that the record which is being taken does not name: ?3 is its cases' ids,
     * a JSON list. */
    [SQL_LINK_STALE] = "SELECT count(*) FROM link WHERE signal = ?1 AND source = ?2"
                       " AND cases NOT IN (SELECT value FROM json_each(?3))",
    [SQL_LINK_DROP_STALE] = "DELETE FROM link WHERE signal = ?1 AND source = ?2"
                            " AND cases NOT IN (SELECT value FROM json_each(?3))",
    [SQL_LINK_CASES] = "SELECT c.status, c.number FROM link l JOIN cases c ON c.id = l.cases"
                       " WHERE l.signal = ?1 ORDER BY c.id",
    [SQL_LINK_SIGNALS] = "SELECT signal, (SELECT given FROM signal WHERE id = signal) FROM link"
                         " WHERE cases = ?1",
    [SQL_LINK_DROP_CASE] = "DELETE FROM link WHERE cases = ?1 AND signal = ?2",
    [SQL_CASE_ADD] = "INSERT INTO cases(number, status, stamp, received, source)"
                     " VALUES(?1, ?2, ?3, ?4, ?5)",
    [SQL_CASE_FIND] = "SELECT id, status, verifier FROM cases WHERE number = ?1",
    [SQL_CASE_STATUS] = "UPDATE cases SET status = ?2, stamp = ?3 WHERE id = ?1",
    [SQL_CASE_OWN] = "UPDATE cases SET verifier = ?2, created = ?3 WHERE id = ?1",
    [SQL_CASE_CLOSE] = "UPDATE cases SET status = ?2, stamp = ?3, created = NULL, received = NULL,"
                       " verifier = NULL, source = NULL WHERE id = ?1",
    [SQL_CASE_PAGE] = AFTER("id, number, status, stamp", "cases", " AND status IN (3, 4)"),
    [SQL_CASE_LIST] = "SELECT number, w.text, created, received,"
                      " (SELECT count(*) FROM link WHERE cases = c.id)"
                      " FROM cases c JOIN word w ON w.id = c.status ORDER BY c.id",
    [SQL_CASE_INFO] = "SELECT number, w.text, created, received,"
                      " (SELECT count(*) FROM link WHERE cases = c.id)"
                      " FROM cases c JOIN word w ON w.id = c.status WHERE c.id = ?1",
    [SQL_CASE_FEEDBACK] = "SELECT s.text, v.text, count(*) FROM link l"
                          " JOIN feedback f ON f.signal = l.signal JOIN word s ON s.id = f.source"
                          " JOIN word v ON v.id = f.value WHERE l.cases = ?1"
                          " GROUP BY s.text, v.text ORDER BY s.text, v.text",
    [SQL_FEEDBACK_FIND] =
        "SELECT value, tags, other FROM feedback WHERE signal = ?1 AND source = ?2",
    [SQL_FEEDBACK_SET] = "INSERT INTO feedback(signal, source, value, tags, other, via)"
                         " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
                         " value = ?3, tags = ?4, other = ?5, via = ?6",
    [SQL_FEEDBACK_OF_SIGNAL] = "SELECT s.text, v.text, tags, other FROM feedback"
                               " JOIN word s ON s.id = source JOIN word v ON v.id = value"
                               " WHERE signal = ?1 ORDER BY source",
    [SQL_FEEDBACK_OF_SOURCE] = "SELECT g.type, g.value, v.text, f.tags, f.other FROM feedback f"
                               " JOIN word v ON v.id = f.value JOIN signal g ON g.id = f.signal"
                               " WHERE f.source = ?1 ORDER BY f.signal",
    [SQL_FEEDBACK_COUNT_VIA] = "SELECT count(*) FROM feedback WHERE signal = ?1 AND via = ?2",
    [SQL_FEEDBACK_DROP_VIA] = "DELETE FROM feedback WHERE signal = ?1 AND via = ?2",
    [SQL_COUNTS] = "SELECT (SELECT value FROM meta WHERE key = 'identity'),"
                   " (SELECT value FROM meta WHERE key = 'clock'),"
                   " (SELECT count(*) FROM signal), (SELECT count(*) FROM signal WHERE type = 5),"
                   " (SELECT count(*) FROM cases WHERE status NOT IN (3, 4)),"
                   " (SELECT count(*) FROM cases WHERE status IN (3, 4)),"
                   " (SELECT count(*) FROM feedback), (SELECT count(*) FROM source)",
};
