/* Reading hashes from images, lists and arguments: see hashes.h. */
#include "hashes.h"
#include "inputs.h"
#include "pool.h"
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SNIFF = 8,
    HEAD = 512,
    STRANGE_MAX = 8 /* bad lines at the start of a list, before it is taken for something else */
};

struct reading {
    const struct hashes_options *options;
    bool (*take)(void *context, const struct hash_item *item);
    void *context;
    int next;              /* argument that comes next */
    struct inputs *inputs; /* of the argument before it, or NULL */
    struct input list;     /* a list that was met; fd -1: none */
    uint64_t failed;
    bool stopped;
};

static void fail(struct reading *r, const char *path, const char *reason)
{
    r->failed++;
    cli_path_message(path, reason);
    r->stopped |= r->options->strict;
}

static bool is_image(int fd)
{
    uint8_t head[SNIFF];
    const ssize_t n = pread(fd, head, sizeof head, 0);
    return n == SNIFF &&
           (!memcmp(head, "\xff\xd8\xff", 3) || !memcmp(head, "\x89PNG\r\n\x1a\n", SNIFF));
}

static bool is_binary(int fd)
{
    char head[HEAD];
    const ssize_t n = pread(fd, head, sizeof head, 0);
    return n > 0 && memchr(head, 0, (size_t)n);
}

enum argument { ARGUMENT_PATH, ARGUMENT_LIST, ARGUMENT_HASH, ARGUMENT_OTHER_HASH };

/* What an argument is. A hash of another kind is not a file that happens to be missing. */
static enum argument classify(const struct reading *r, const char *argument, phash_bits *hash)
{
    if (!strcmp(argument, "-"))
        return ARGUMENT_LIST;
    if (!r->options->arguments_are_hashes)
        return ARGUMENT_PATH;
    const size_t length = strlen(argument);
    const unsigned bits = algorithm_bits(&r->options->args.algorithm);
    if (phash_bits_from_hex(argument, length, bits, hash) == PHASH_OK)
        return ARGUMENT_HASH;
    return (length == 16 || length == PHASH_HASH256_HEX) &&
                   phash_bits_from_hex(argument, length, (uint32_t)length * 4, hash) == PHASH_OK &&
                   access(argument, F_OK) != 0
               ? ARGUMENT_OTHER_HASH
               : ARGUMENT_PATH;
}

static void refuse_other_hash(struct reading *r, const char *argument)
{
    const struct algorithm *a = &r->options->args.algorithm;
    char message[160], name[ALGORITHM_NAME];
    snprintf(message, sizeof message, "a hash of %zu bits%s, not of %s, which has %u",
             strlen(argument) * 4, strlen(argument) == PHASH_HASH256_HEX ? " (as pdq has)" : "",
             algorithm_name(a, name), algorithm_bits(a));
    fail(r, argument, message);
}

/* ---- images ---- */

/* The next image, up to the next thing that is none. */
static enum pool_next next_job(void *context, struct pool_job *job)
{
    struct reading *r = context;
    while (r->list.fd < 0 && !r->stopped) {
        if (!r->inputs) {
            phash_bits hash;
            if (r->next == r->options->count ||
                classify(r, r->options->arguments[r->next], &hash) != ARGUMENT_PATH)
                return POOL_END;
            const struct inputs_options what = {.paths = r->options->arguments + r->next,
                                                .count = 1,
                                                .recursive = r->options->recursive};
            r->inputs = inputs_open(&what);
            r->next++;
        }
        struct input input;
        if (inputs_next(r->inputs, &input) != INPUTS_FILE) {
            inputs_free(r->inputs);
            r->inputs = NULL;
            continue;
        }
        if (input.fd >= 0 && !is_image(input.fd)) {
            r->list = input;
            return POOL_END;
        }
        decode_args_job(&r->options->args, &input, job);
        return POOL_JOB;
    }
    return POOL_END;
}

static bool take_image(void *context, void *tag, const struct worker_record *record)
{
    struct reading *r = context;
    char *path = tag;
    if (record && record->status != PHASH_OK) {
        fail(r, path, cli_reason(&record->error));
    } else if (record) {
        struct algorithm_hashes hashes;
        const bool pdq = r->options->args.algorithm.kind == ALGORITHM_PDQ;
        if (pdq)
            algorithm_from_pdq(&record->result, &hashes);
        const struct algorithm_hashes *image = pdq ? &hashes : &record->hashes;
        const struct hash_item item = {.hash = image->variants[0].bytes,
                                       .image = image,
                                       .quality = pdq ? record->result.quality : -1,
                                       .path = path,
                                       .extra = ""};
        r->stopped |= !r->take(r->context, &item);
    }
    if (record)
        progress_add(record->status != PHASH_OK);
    free(path);
    return !r->stopped;
}

static void tick(void *context)
{
    (void)context;
    progress_tick();
}

/* ---- lists ---- */

static void read_list(struct reading *r, int fd, const char *path)
{
    phash_list *list;
    phash_error error = PHASH_ERROR_INIT;
    phash_list_record record = PHASH_LIST_RECORD_INIT;
    phash_list_options form = PHASH_LIST_OPTIONS_INIT;
    const struct algorithm *algorithm = &r->options->args.algorithm;
    form.bits = algorithm_bits(algorithm);
    (void)algorithm_name(algorithm, form.algorithm);
    if (r->options->columns)
        form.form = PHASH_LIST_METADATA;
    if (phash_list_open_fd(fd, &form, &list, &error) != PHASH_OK)
        cli_no_memory();
    unsigned strange = 0; /* lines, while none was good */
    while (!r->stopped && !progress_stopped()) {
        const phash_status status = phash_list_next(list, &record, &error);
        if (status == PHASH_E_NOT_FOUND)
            break;
        if (status == PHASH_OK) {
            const struct hash_item item = {.hash = record.hash.bytes,
                                           .quality = -1,
                                           .fast = record.fast != 0,
                                           .path = path,
                                           .form = phash_list_format_get(list),
                                           .line = record.line,
                                           .extra = record.extra,
                                           .extra_length = record.extra_length};
            r->stopped |= !r->take(r->context, &item);
            continue;
        }
        if (status == PHASH_E_FORMAT && (is_binary(fd) || ++strange > STRANGE_MAX)) {
            if (!r->options->skip_other)
                fail(r, path, "neither an image that is read here nor a list of hashes");
            break;
        }
        if (status != PHASH_E_FORMAT || !r->options->skip_other)
            fail(r, path, cli_reason(&error));
        if (status == PHASH_E_KIND && r->options->other_kind)
            r->stopped = *r->options->other_kind = true;
        if (phash_list_failed(list))
            break;
    }
    phash_list_free(&list);
}

/* ---- all of it ---- */

/* What next_job stopped at. False: nothing is left. */
static bool read_other(struct reading *r)
{
    if (r->list.fd >= 0) {
        struct input list = r->list;
        r->list.fd = -1;
        read_list(r, list.fd, list.path);
        close(list.fd);
        free(list.path);
        return true;
    }
    if (r->next == r->options->count)
        return false;
    const char *argument = r->options->arguments[r->next++];
    phash_bits hash;
    const enum argument what = classify(r, argument, &hash);
    if (what == ARGUMENT_HASH) {
        const struct hash_item item = {
            .hash = hash.bytes, .quality = -1, .extra = "", .argument = argument};
        r->stopped |= !r->take(r->context, &item);
    } else if (what == ARGUMENT_OTHER_HASH) {
        refuse_other_hash(r, argument);
    } else {
        read_list(r, STDIN_FILENO, "-");
    }
    return true;
}

/* Single hashes and a list on stdin need no workers. */
static bool may_have_images(const struct reading *r)
{
    phash_bits hash;
    for (int i = 0; i < r->options->count; i++)
        if (classify(r, r->options->arguments[i], &hash) == ARGUMENT_PATH)
            return true;
    return false;
}

bool hashes_option_take(const struct command *self, struct hashes_options *options,
                        struct cli_voice *voice, int option, const char *value)
{
    switch (option) {
    case 'r':
        options->recursive = true;
        return true;
    case 'j':
        options->jobs = (unsigned)cli_number(self, "-j", value, false, 1, POOL_WORKERS_MAX);
        return true;
    case OPTION_STRICT:
        options->strict = true;
        return true;
    case OPTION_SKIP_OTHER:
        options->skip_other = true;
        return true;
    default:
        options->quiet |= option == 'q';
        return cli_voice_take(voice, option) ||
               decode_args_take(self, &options->args, option, value);
    }
}

uint64_t hashes_read(const struct hashes_options *options,
                     bool (*take)(void *context, const struct hash_item *item), void *context)
{
    struct reading r = {.options = options, .take = take, .context = context, .list = {.fd = -1}};
    struct pool *pool = NULL;
    if (may_have_images(&r))
        pool = decode_args_pool(&options->args, options->jobs ? options->jobs : pool_processors());
    progress_catch_signals();
    if (options->unit && !options->quiet && isatty(STDERR_FILENO))
        progress_start(options->unit, 0);
    const struct pool_client client = {&r, next_job, take_image, tick, -1};
    do {
        const int failure = pool ? pool_run(pool, &client) : 0;
        if (failure) {
            cli_message("the worker processes are gone: %s", strerror(failure));
            r.failed++;
            break;
        }
    } while (!r.stopped && !progress_stopped() && read_other(&r));
    progress_end();
    pool_stop(&pool);
    if (r.list.fd >= 0) {
        close(r.list.fd);
        free(r.list.path);
    }
    inputs_free(r.inputs);
    return r.failed;
}
