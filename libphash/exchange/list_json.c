/* The JSON form of a hash list: one object per line. */
#include "exchange/json.h"
#include "exchange/list.h"

#include <string.h>

static phash_line_result take(phash_line *line, const json_t *object)
{
    phash_list_record *r = &line->record;
    if (!json_is_object(object))
        return phash_line_bad(line, PHASH_E_CORRUPT, "not a JSON object");
    const json_t *hash = json_object_get(object, "hash");
    const json_t *algorithm = json_object_get(object, "algorithm");
    if (!json_is_string(hash))
        return phash_line_bad(line, PHASH_E_HEX, "\"hash\" is not a hash");
    phash_line_result result = LINE_RECORD;
    if (json_is_string(algorithm))
        result =
            phash_line_named(line, json_string_value(algorithm), json_string_length(algorithm));
    if (result == LINE_RECORD)
        result = phash_line_hash(line, json_string_value(hash), json_string_length(hash), true);
    if (result != LINE_RECORD)
        return result;
    const json_t *quality = json_object_get(object, "quality");
    if (quality && !json_is_null(quality)) {
        const json_int_t value = json_integer_value(quality);
        if (!json_is_integer(quality) || value < 0 || value > 100)
            return phash_line_bad(line, PHASH_E_CORRUPT, "quality is not a number from 0 to 100");
        r->quality = (int)value;
    }
    const char *profile = json_string_value(json_object_get(object, "profile"));
    r->fast = profile && !strcmp(profile, "fast");
    if (!algorithm && phash_line_nameless(line, profile || r->quality >= 0) == LINE_BAD)
        return LINE_BAD;
    static const char *const names[] = {"path", "filename", "label"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *extra = json_object_get(object, names[i]);
        if (!json_is_string(extra))
            continue;
        /* A string is never longer than its JSON form, so it fits over the line. */
        r->extra_length = json_string_length(extra);
        memcpy(line->text, json_string_value(extra), r->extra_length);
        r->extra = line->text;
        break;
    }
    return LINE_RECORD;
}

phash_line_result phash_list_parse_json(phash_line *line)
{
    json_t *object;
    const phash_status status = phash_json_parse(line->text, line->length, &object, NULL);
    if (status)
        return phash_line_bad(line, status == PHASH_E_MEMORY ? status : PHASH_E_CORRUPT,
                              status == PHASH_E_MEMORY ? "out of memory" : "not valid JSON");
    const phash_line_result result = take(line, object);
    phash_json_wipe(object);
    return result;
}
