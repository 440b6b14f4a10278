/* phash keygen: a key pair for a hotline. */
#include "cli.h"
#include "store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: phash keygen -o NAME\n"
    "Makes two files: NAME.pub, to be given to everybody who shall send you case files, and "
    "NAME.key,\n"
    "which opens them and must stay with you. Prints the fingerprint of NAME.pub, to be compared "
    "over\n"
    "a phone: who swaps the file on its way could read what is sealed to it.\n"
    "\n"
    "  -o, --output NAME      name of the files\n"
    "      --fingerprint FILE print the fingerprint of a key file, and make nothing\n"
    "      --help             this text\n";

enum { OPTION_FINGERPRINT = OPTION_OWN, KEY_FILE_MAX = 4096 };

static const struct option options[] = {
    CLI_COMMON_OPTIONS,
    {"output", required_argument, NULL, 'o'},
    {"fingerprint", required_argument, NULL, OPTION_FINGERPRINT},
    {NULL, 0, NULL, 0}};

static int print_fingerprint(const char *name, const void *key, size_t bytes)
{
    char fingerprint[PHASH_FINGERPRINT_SIZE + 1];
    phash_error error = PHASH_ERROR_INIT;
    if (phash_key_fingerprint(key, bytes, fingerprint, &error) != PHASH_OK) {
        cli_path_message(name, cli_reason(&error));
        return EXIT_FAILED;
    }
    strcat(fingerprint, "\n");
    return cli_write(fingerprint, strlen(fingerprint)) ? EXIT_DONE : EXIT_FAILED;
}

static int show(const char *path)
{
    size_t bytes;
    char *key = store_read(path, KEY_FILE_MAX, &bytes);
    if (!key)
        return EXIT_FAILED;
    const int code = print_fingerprint(path, key, bytes);
    store_free(key, bytes);
    return code;
}

static int make(const char *name)
{
    char pub[4200], key[4200];
    snprintf(pub, sizeof pub, "%s.pub", name);
    snprintf(key, sizeof key, "%s.key", name);
    if (!store_is_free(pub) || !store_is_free(key))
        return EXIT_FAILED;
    char *public_key, *secret_key;
    size_t public_bytes, secret_bytes;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_keys_new(&public_key, &public_bytes, &secret_key, &secret_bytes, &error)) {
        cli_message("%s", cli_reason(&error));
        return EXIT_FAILED;
    }
    int code = EXIT_FAILED;
    if (store_create(key, secret_key, secret_bytes)) {
        if (store_create(pub, public_key, public_bytes))
            code = print_fingerprint(pub, public_key, public_bytes);
        else
            unlink(key);
    }
    phash_text_free(&public_key, public_bytes);
    phash_text_free(&secret_key, secret_bytes);
    return code;
}

static int keygen_run(const struct command *self, int argc, char **argv)
{
    const char *name = NULL, *fingerprint = NULL;
    for (int c; (c = cli_option(self, argc, argv, ":ho:", options)) != -1;)
        *(c == 'o' ? &name : &fingerprint) = optarg;
    if (optind != argc || !name == !fingerprint)
        cli_usage(self, "say -o NAME");
    if (name && (!*name || strlen(name) > 4096))
        cli_usage(self, "-o: not a file name");
    if (name)
        return make(name);
    return fingerprint ? show(fingerprint) : EXIT_FAILED;
}

const struct command command_keygen = {"keygen", "make a key pair that case files are sealed to",
                                       help, keygen_run};
