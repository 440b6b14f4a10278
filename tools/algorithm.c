/* Which hash is computed. The only file of the tools that knows libphash-dct. */
#include "algorithm.h"

#include "cli.h"
#include "text.h"

#if PHASH_TOOLS_HAVE_DCT
#include <phash/dct.h>
#endif

#include <stdio.h>
#include <string.h>

enum { SIZE_MIN = 2, SIZE_MAX_ = 64, SIZE = 8, HIGHFREQ_MAX = 16, HIGHFREQ = 4 };

static enum algorithm_kind parse_kind(const struct command *self, const char *value)
{
    if (!strcmp(value, "pdq"))
        return ALGORITHM_PDQ;
    if (strcmp(value, "dct") != 0) {
        struct text shown = {0};
        text_escaped(&shown, value);
        cli_usage(self, "--algorithm: '%.100s' is none of pdq, dct", shown.data);
    }
    if (!PHASH_TOOLS_HAVE_DCT)
        cli_usage(self, "--algorithm: this program was built without dct");
    return ALGORITHM_DCT;
}

bool algorithm_take(const struct command *self, struct algorithm *a, int option, const char *value)
{
    switch (option) {
    case OPTION_ALGORITHM:
        a->kind = parse_kind(self, value);
        a->given = true;
        return true;
    case OPTION_HASH_SIZE:
        a->hash_size = (unsigned)cli_number(self, "--hash-size", value, false, SIZE_MIN, SIZE_MAX_);
        return true;
    case OPTION_HIGHFREQ:
        a->highfreq = (unsigned)cli_number(self, "--highfreq", value, false, 1, HIGHFREQ_MAX);
        return true;
    case OPTION_INVERTED:
        a->inverted = true;
        return true;
    default:
        return false;
    }
}

void algorithm_settle(const struct command *self, struct algorithm *a, const phash_pdq_options *pdq)
{
    if (a->kind == ALGORITHM_PDQ) {
        if (a->hash_size || a->highfreq)
            cli_usage(self, "--hash-size and --highfreq belong to --algorithm dct");
        if (a->inverted)
            cli_usage(self, "--inverted belongs to --algorithm dct");
        return;
    }
    if (pdq->profile != PHASH_PDQ_FULL)
        cli_usage(self, "--profile belongs to --algorithm pdq");
    a->hash_size = a->hash_size ? a->hash_size : SIZE;
    a->highfreq = a->highfreq ? a->highfreq : HIGHFREQ;
}

const char *algorithm_name(const struct algorithm *a, char out[ALGORITHM_NAME])
{
    if (a->kind == ALGORITHM_PDQ)
        snprintf(out, ALGORITHM_NAME, "pdq");
    else
        snprintf(out, ALGORITHM_NAME, "dct-%ux%u", a->hash_size, a->highfreq);
    return out;
}

unsigned algorithm_bits(const struct algorithm *a)
{
    return a->kind == ALGORITHM_PDQ ? PHASH_HASH256_BITS : a->hash_size * a->hash_size;
}

bool algorithm_from_name(const char *name, struct algorithm *algorithm)
{
    struct algorithm a = *algorithm;
    char again[ALGORITHM_NAME];
    a.kind = !strcmp(name, "pdq") ? ALGORITHM_PDQ : ALGORITHM_DCT;
    if (a.kind == ALGORITHM_DCT &&
        (sscanf(name, "dct-%2ux%2u", &a.hash_size, &a.highfreq) != 2 || a.hash_size < SIZE_MIN ||
         a.hash_size > SIZE_MAX_ || !a.highfreq || a.highfreq > HIGHFREQ_MAX ||
         strcmp(algorithm_name(&a, again), name) != 0))
        return false;
    *algorithm = a;
    return true;
}

bool algorithm_is_indexed(const struct algorithm *a)
{
    return algorithm_bits(a) == 64 || algorithm_bits(a) == PHASH_HASH256_BITS;
}

unsigned algorithm_radius(const struct algorithm *a)
{
    return a->kind == ALGORITHM_PDQ ? PHASH_RADIUS_DEFAULT : algorithm_bits(a) * 10 / 64;
}

const char *algorithm_variant_name(unsigned variant, char out[ALGORITHM_NAME])
{
    const char *turn = phash_dihedral_name((phash_dihedral)(variant % PHASH_DIHEDRALS));
    if (variant < PHASH_DIHEDRALS)
        snprintf(out, ALGORITHM_NAME, "%s", turn);
    else if (variant == PHASH_DIHEDRALS)
        snprintf(out, ALGORITHM_NAME, "inverted");
    else
        snprintf(out, ALGORITHM_NAME, "inverted-%s", turn);
    return out;
}

bool algorithm_has(const struct algorithm_hashes *hashes, unsigned variant)
{
    return (variant % PHASH_DIHEDRALS == 0 || hashes->has_dihedral) &&
           (variant < PHASH_DIHEDRALS || hashes->has_inverted);
}

bool algorithm_hashes_are_sane(const struct algorithm *a, bool dihedral,
                               const struct algorithm_hashes *hashes)
{
    if (!!hashes->has_dihedral != dihedral || !!hashes->has_inverted != a->inverted)
        return false;
    for (unsigned i = 0; i < ALGORITHM_VARIANTS; i++)
        if (algorithm_has(hashes, i) && hashes->variants[i].length != algorithm_bits(a))
            return false;
    return true;
}

/* The original is the hash itself, also for images of 64x64, where the reference's dihedral code path
 * differs from its plain one. */
void algorithm_from_pdq(const phash_pdq_result *result, struct algorithm_hashes *hashes)
{
    memset(hashes, 0, sizeof *hashes);
    hashes->has_dihedral = result->has_dihedral;
    (void)phash_bits_from_hash256(&result->hash, &hashes->variants[0]);
    for (int i = 1; i < PHASH_DIHEDRALS && result->has_dihedral; i++)
        (void)phash_bits_from_hash256(&result->dihedral[i], &hashes->variants[i]);
}

#if PHASH_TOOLS_HAVE_DCT
/* A worker hashes with the same parameters all its life: the plan is made once. */
static phash_status context_for(const struct algorithm *a, const phash_dct **out)
{
    static phash_dct *dct;
    if (phash_dct_hash_size(dct) != a->hash_size || phash_dct_highfreq_factor(dct) != a->highfreq) {
        phash_dct_free(&dct);
        const phash_status status = phash_dct_new(a->hash_size, a->highfreq, &dct);
        if (status != PHASH_OK)
            return status;
    }
    *out = dct;
    return PHASH_OK;
}

phash_status algorithm_hash_fd(const struct algorithm *a, int fd,
                               const phash_decode_options *decode, bool dihedral,
                               struct algorithm_hashes *hashes, phash_error *error)
{
    const phash_dct *dct;
    phash_dct_options options = PHASH_DCT_OPTIONS_INIT;
    static phash_dct_result result; /* large, and a worker has one thread */
    result = (phash_dct_result)PHASH_DCT_RESULT_INIT;
    options.dihedral = dihedral;
    options.inverted = a->inverted;
    phash_status status = context_for(a, &dct);
    if (status != PHASH_OK) {
        error->status = status;
        snprintf(error->message, sizeof error->message, "%s", phash_status_text(status));
        return status;
    }
    status = phash_dct_fd(dct, fd, decode, &options, &result, error);
    hashes->has_dihedral = result.has_dihedral;
    hashes->has_inverted = result.has_inverted;
    memcpy(hashes->variants, result.dihedral, sizeof result.dihedral);
    memcpy(hashes->variants + PHASH_DIHEDRALS, result.inverted, sizeof result.inverted);
    hashes->variants[0] = result.hash;
    return status;
}
#else
phash_status algorithm_hash_fd(const struct algorithm *a, int fd,
                               const phash_decode_options *decode, bool dihedral,
                               struct algorithm_hashes *hashes, phash_error *error)
{
    (void)a, (void)fd, (void)decode, (void)dihedral, (void)hashes;
    error->status = PHASH_E_UNSUPPORTED;
    snprintf(error->message, sizeof error->message, "%s", phash_status_text(PHASH_E_UNSUPPORTED));
    return PHASH_E_UNSUPPORTED;
}
#endif
