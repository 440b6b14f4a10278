/* Case files: making, writing, reading. */
#define _DEFAULT_SOURCE /* timegm */

#include "exchange/case.h"

#include "core/internal.h"
#include "exchange/crockford.h"
#include "exchange/json.h"
#include "exchange/text.h"

#include <phash/pdq.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FORMAT "phash-case"
#define TYPE   "ImagePDQ"

/* 9999-12-31T23:59:59Z: the written form has four digits for the year. */
#define CREATED_MAX INT64_C(253402300799)

struct phash_case {
    char number[PHASH_CASE_NUMBER_SIZE];
    char verifier[PHASH_VERIFIER_SIZE];
    int64_t created;
    phash_case_signal *signals;
    size_t count, capacity;
};

void phash_case_free(phash_case **c)
{
    if (!c || !*c)
        return;
    phash_wipe_free((*c)->signals, (*c)->capacity * sizeof *(*c)->signals);
    phash_wipe_free(*c, sizeof **c);
    *c = NULL;
}

phash_status phash_case_new(int64_t created, char pin[PHASH_CASE_PIN_SIZE], phash_case **out,
                            phash_error *error)
{
    if (out)
        *out = NULL;
    if (!out || !pin || created < 0 || created > CREATED_MAX)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (sodium_init() < 0)
        return phash_fail(error, PHASH_E_UNSUPPORTED, "no random source");
    phash_case *c = phash_alloc_zero(1, sizeof *c);
    if (!c)
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    c->created = created;
    phash_case_number_random(c->number);
    phash_base32_random(pin, 2);
    if (!phash_verifier_new(pin, c->verifier)) {
        phash_wipe(pin, PHASH_CASE_PIN_SIZE);
        phash_case_free(&c);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory for the PIN's verifier");
    }
    *out = c;
    return PHASH_OK;
}

static phash_status append(phash_case *c, const phash_case_signal *signal, phash_error *error)
{
    for (size_t i = 0; i < c->count; i++)
        if (!memcmp(&c->signals[i].hash, &signal->hash, sizeof signal->hash))
            return PHASH_OK;
    if (c->count == PHASH_CASE_SIGNALS_MAX)
        return phash_fail(error, PHASH_E_LIMIT_INPUT, "more than %d images in one case",
                          PHASH_CASE_SIGNALS_MAX);
    if (c->count == c->capacity) {
        const size_t capacity = c->capacity ? 2 * c->capacity : 16;
        phash_case_signal *grown = phash_alloc(capacity, sizeof *grown);
        if (!grown)
            return phash_fail(error, PHASH_E_MEMORY, "out of memory");
        if (c->count)
            memcpy(grown, c->signals, c->count * sizeof *grown);
        phash_wipe_free(c->signals, c->capacity * sizeof *c->signals);
        c->signals = grown;
        c->capacity = capacity;
    }
    c->signals[c->count++] = *signal;
    return PHASH_OK;
}

phash_status phash_case_add(phash_case *c, const phash_case_signal *signal, phash_error *error)
{
    if (!c || !signal || signal->size < sizeof *signal || signal->quality > 100)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (signal->quality < PHASH_PDQ_QUALITY_MIN)
        return phash_fail(error, PHASH_E_ARGUMENT,
                          "quality under %d: too few features to be told from other pictures",
                          PHASH_PDQ_QUALITY_MIN);
    return append(c, signal, error);
}

static void write_signal(phash_text *t, const phash_case_signal *s)
{
    phash_text_puts(t, "{\"type\": \"" TYPE "\", \"hash\": \"");
    phash_text_hex(t, s->hash.bytes, sizeof s->hash.bytes);
    phash_text_puts(t, "\", \"quality\": ");
    phash_text_int(t, s->quality);
    for (int d = 1; s->has_dihedral && d < PHASH_DIHEDRALS; d++) {
        phash_text_puts(t, d == 1 ? ", \"dihedral\": {\"" : ", \"");
        phash_text_puts(t, phash_dihedral_name((phash_dihedral)d));
        phash_text_puts(t, "\": \"");
        phash_text_hex(t, s->dihedral[d].bytes, sizeof s->dihedral[d].bytes);
        phash_text_puts(t, d == PHASH_DIHEDRALS - 1 ? "\"}" : "\"");
    }
    phash_text_puts(t, "}");
}

phash_status phash_case_write(const phash_case *c, char **text, size_t *length, phash_error *error)
{
    if (text)
        *text = NULL;
    if (!c || !text || !length)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    const time_t seconds = (time_t)c->created;
    struct tm tm;
    char created[32];
    if (!gmtime_r(&seconds, &tm) || !strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid creation time");
    phash_text t = {0};
    phash_text_puts(&t, "{\"format\": \"" FORMAT "\", \"version\": 1,\n \"caseNumber\": \"");
    phash_text_puts(&t, c->number);
    phash_text_puts(&t, "\",\n \"created\": \"");
    phash_text_puts(&t, created);
    phash_text_puts(&t, "\",\n \"pinVerifier\": \"");
    phash_text_puts(&t, c->verifier);
    phash_text_puts(&t, "\",\n \"signals\": [");
    for (size_t i = 0; i < c->count; i++) {
        phash_text_puts(&t, i ? ",\n  " : "\n  ");
        write_signal(&t, &c->signals[i]);
    }
    phash_text_puts(&t, "]}\n");
    if (t.failed) {
        phash_text_drop(&t);
        return phash_fail(error, PHASH_E_MEMORY, "out of memory");
    }
    *text = t.bytes;
    *length = t.length;
    return PHASH_OK;
}

/* Seconds since 1970 of "2026-11-23T01:02:03Z", or -1. */
static int64_t parse_created(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    if (!text || strlen(text) != sizeof form - 1)
        return -1;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return -1;
    struct tm tm = {0};
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    const struct tm given = tm;
    const time_t seconds = timegm(&tm);
    /* timegm normalises: the 31st of February comes back as another day. */
    const bool same = tm.tm_year == given.tm_year && tm.tm_mon == given.tm_mon &&
                      tm.tm_mday == given.tm_mday && tm.tm_hour == given.tm_hour &&
                      tm.tm_min == given.tm_min && tm.tm_sec == given.tm_sec;
    return same && seconds >= 0 ? (int64_t)seconds : -1;
}

static bool parse_hash(const json_t *value, phash_hash256 *hash)
{
    return json_is_string(value) &&
           phash_hash256_from_hex(json_string_value(value), json_string_length(value), hash) ==
               PHASH_OK;
}

static bool parse_dihedral(const json_t *object, phash_case_signal *s)
{
    if (!json_is_object(object) || json_object_size(object) != PHASH_DIHEDRALS - 1)
        return false;
    s->dihedral[0] = s->hash;
    for (int d = 1; d < PHASH_DIHEDRALS; d++)
        if (!parse_hash(json_object_get(object, phash_dihedral_name((phash_dihedral)d)),
                        &s->dihedral[d]))
            return false;
    s->has_dihedral = 1;
    return true;
}

static bool parse_signal(const json_t *object, phash_case_signal *s)
{
    const json_t *dihedral = json_object_get(object, "dihedral"),
                 *quality = json_object_get(object, "quality");
    const char *type = json_string_value(json_object_get(object, "type"));
    *s = (phash_case_signal)PHASH_CASE_SIGNAL_INIT;
    if (!type || strcmp(type, TYPE) != 0 || !json_is_integer(quality) ||
        json_integer_value(quality) < 0 || json_integer_value(quality) > 100 ||
        !parse_hash(json_object_get(object, "hash"), &s->hash) ||
        json_object_size(object) != (dihedral ? 4u : 3u))
        return false;
    s->quality = (int)json_integer_value(quality);
    return !dihedral || parse_dihedral(dihedral, s);
}

static phash_status take(phash_case *c, const json_t *object, phash_error *error)
{
    const char *number = json_string_value(json_object_get(object, "caseNumber"));
    const char *verifier = json_string_value(json_object_get(object, "pinVerifier"));
    const json_t *signals = json_object_get(object, "signals");
    if (json_object_size(object) != 6)
        return phash_fail(error, PHASH_E_CORRUPT,
                          "fields that a case file does not have, or lacks");
    if (!number || phash_case_number_parse(number, c->number) != PHASH_OK ||
        strcmp(number, c->number) != 0)
        return phash_fail(error, PHASH_E_CORRUPT, "caseNumber is not valid");
    c->created = parse_created(json_string_value(json_object_get(object, "created")));
    if (c->created < 0)
        return phash_fail(error, PHASH_E_CORRUPT, "created is not a time");
    if (!verifier || !phash_verifier_is_ours(verifier))
        return phash_fail(error, PHASH_E_CORRUPT, "pinVerifier is not valid");
    memcpy(c->verifier, verifier, strlen(verifier) + 1);
    if (!json_is_array(signals))
        return phash_fail(error, PHASH_E_CORRUPT, "signals is not a list");
    if (json_array_size(signals) > PHASH_CASE_SIGNALS_MAX)
        return phash_fail(error, PHASH_E_LIMIT_INPUT, "more than %d images in one case",
                          PHASH_CASE_SIGNALS_MAX);
    size_t i;
    const json_t *one;
    json_array_foreach(signals, i, one)
    {
        phash_case_signal s;
        if (!parse_signal(one, &s))
            return phash_fail_at(error, PHASH_E_CORRUPT, 0, i, "signal %zu is not valid", i);
        const phash_status status = append(c, &s, error);
        phash_wipe(&s, sizeof s);
        if (status)
            return status;
    }
    return PHASH_OK;
}

phash_status phash_case_read(const void *data, size_t bytes, phash_case **out, phash_error *error)
{
    if (out)
        *out = NULL;
    if (!data || !out)
        return phash_fail(error, PHASH_E_ARGUMENT, "invalid argument");
    if (bytes > PHASH_CASE_FILE_MAX)
        return phash_fail(error, PHASH_E_LIMIT_INPUT, "longer than a case file can be");
    json_t *object;
    phash_status status = phash_json_file(data, bytes, FORMAT, &object, error);
    if (status)
        return status;
    phash_case *c = phash_alloc_zero(1, sizeof *c);
    status = c ? take(c, object, error) : phash_fail(error, PHASH_E_MEMORY, "out of memory");
    phash_json_wipe(object);
    if (status) {
        phash_case_free(&c);
        return status;
    }
    *out = c;
    return PHASH_OK;
}

const char *phash_case_number(const phash_case *c)
{
    return c ? c->number : NULL;
}

int64_t phash_case_created(const phash_case *c)
{
    return c ? c->created : 0;
}

const char *phash_case_verifier(const phash_case *c)
{
    return c ? c->verifier : NULL;
}

size_t phash_case_count(const phash_case *c)
{
    return c ? c->count : 0;
}

phash_status phash_case_signal_get(const phash_case *c, size_t i, phash_case_signal *signal)
{
    if (!c || i >= c->count || !signal || signal->size < sizeof *signal)
        return PHASH_E_ARGUMENT;
    *signal = c->signals[i];
    return PHASH_OK;
}
