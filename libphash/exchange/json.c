/* Small JSON files from strangers, read with jansson inside bounds. */
#include "exchange/json.h"

#include "core/internal.h"

#include <string.h>

bool phash_json_is_shallow(const char *text, size_t length)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else
                in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > PHASH_JSON_DEPTH)
                return false;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return true;
}

phash_status phash_json_parse(const char *text, size_t length, json_t **value, phash_error *error)
{
    *value = NULL;
    if (!phash_json_is_shallow(text, length))
        return phash_fail(error, PHASH_E_CORRUPT, "JSON nests too deeply");
    json_error_t details;
    for (int attempt = 0; attempt < 2 && !*value; attempt++) {
        /* jansson calls many an allocation that failed a syntax error, and leaves the code alone
         * where it knows none. A text that is bad is bad twice. */
        details = (json_error_t){.text = ""};
        *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &details);
    }
    if (*value)
        return PHASH_OK;
    /* jansson's own text would quote the input, which may be a hash. */
    switch (json_error_code(&details)) {
    case json_error_unknown: /* what jansson says of most allocations that fail */
    case json_error_out_of_memory:
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    case json_error_duplicate_key:
        return phash_fail(error, PHASH_E_CORRUPT, "a JSON key stands twice in one object");
    case json_error_invalid_utf8:
        return phash_fail(error, PHASH_E_CORRUPT, "JSON is not valid UTF-8");
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return phash_fail(error, PHASH_E_CORRUPT, "JSON holds a NUL character");
    case json_error_numeric_overflow:
        return phash_fail(error, PHASH_E_CORRUPT, "a JSON number is too large");
    case json_error_premature_end_of_input:
        return phash_fail(error, PHASH_E_TRUNCATED, "JSON ends before it is complete");
    default:
        return phash_fail_at(error, PHASH_E_CORRUPT, 0,
                             details.position < 0 ? 0 : (uint64_t)details.position,
                             "not valid JSON at byte %d", details.position);
    }
}

phash_status phash_json_file(const void *data, size_t bytes, const char *format, json_t **object,
                             phash_error *error)
{
    const phash_status status = phash_json_parse(data, bytes, object, error);
    if (status)
        return status;
    const char *name = json_string_value(json_object_get(*object, "format"));
    const json_t *version = json_object_get(*object, "version");
    phash_status found = PHASH_OK;
    const bool same = name && strcmp(name, format) == 0;
    if (!same && name && strcmp(name, PHASH_JSON_SEALED) == 0)
        found = phash_fail(error, PHASH_E_FORMAT, "sealed: a secret key is needed to open it");
    else if (!same)
        found = phash_fail(error, PHASH_E_FORMAT, "not a %s file", format);
    else if (!json_is_integer(version) || json_integer_value(version) != 1)
        found = phash_fail(error, PHASH_E_VERSION, "a %s file of an unknown version", format);
    if (found) {
        phash_json_wipe(*object);
        *object = NULL;
    }
    return found;
}

static void wipe_strings(json_t *value, int depth)
{
    if (!value || depth > PHASH_JSON_DEPTH)
        return;
    size_t i;
    const char *key;
    json_t *inner;
    if (json_is_string(value)) {
        /* jansson owns the bytes and gives them out as const; they are its heap, not literals. */
        char *bytes;
        const char *given = json_string_value(value);
        memcpy(&bytes, &given, sizeof bytes);
        phash_wipe(bytes, json_string_length(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, inner) wipe_strings(inner, depth + 1);
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, inner) wipe_strings(inner, depth + 1);
    }
}

void phash_json_wipe(json_t *value)
{
    wipe_strings(value, 0);
    json_decref(value);
}
