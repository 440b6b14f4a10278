/* The context: parameters, and the plans of FFTW for them.
 *
 * FFTW's planner keeps tables for the whole process and is not thread-safe, so planning and the
 * destruction of plans go on under one lock, this library's only global state. Executing a plan on
 * other arrays is thread-safe (FFTW manual, 5.4). Plans are made with FFTW_ESTIMATE: no time is
 * measured, so that every run makes the same plan, and a plan that is measured would gain nothing
 * that can be seen beside the reduction.
 */
#include "dct/stages.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

phash_status phash_dct_new(uint32_t hash_size, uint32_t factor, phash_dct **out)
{
    if (!out)
        return PHASH_E_ARGUMENT;
    *out = NULL;
    if (hash_size < PHASH_DCT_HASH_SIZE_MIN || hash_size > PHASH_DCT_HASH_SIZE_MAX ||
        factor < PHASH_DCT_HIGHFREQ_FACTOR_MIN || factor > PHASH_DCT_HIGHFREQ_FACTOR_MAX)
        return PHASH_E_ARGUMENT;
    phash_status status = PHASH_E_MEMORY;
    const uint32_t side = hash_size * factor;
    phash_dct *dct = dct_alloc(1, sizeof *dct);
    dct_idle *idle = dct_alloc(1, sizeof *idle);
    double *picture = dct_alloc((size_t)side * side, sizeof *picture),
           *scratch = dct_alloc((size_t)side * side, sizeof *scratch);
    if (idle)
        atomic_init(&idle->stream, NULL);
    if (dct)
        *dct = (phash_dct){.hash_size = hash_size, .factor = factor, .side = side, .idle = idle};
    else
        free(idle);
    if (!dct || !idle || !picture || !scratch)
        goto done;

    const int n = (int)side;
    const fftw_r2r_kind dct2 = FFTW_REDFT10;
    pthread_mutex_lock(&planner);
    dct->columns = fftw_plan_many_r2r(1, &n, n, picture, NULL, n, 1, scratch, NULL, n, 1, &dct2,
                                      FFTW_ESTIMATE);
    dct->rows = fftw_plan_many_r2r(1, &n, (int)hash_size, scratch, NULL, 1, n, picture, NULL, 1, n,
                                   &dct2, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    if (dct->columns && dct->rows)
        status = PHASH_OK;

done:
    free(scratch);
    free(picture);
    if (status == PHASH_OK)
        *out = dct;
    else
        phash_dct_free(&dct);
    return status;
}

void phash_dct_free(phash_dct **dct)
{
    if (!dct || !*dct)
        return;
    if ((*dct)->idle) {
        phash_dct_stream *stream = atomic_load(&(*dct)->idle->stream);
        phash_dct_stream_free(&stream);
        free((*dct)->idle);
    }
    pthread_mutex_lock(&planner);
    if ((*dct)->columns)
        fftw_destroy_plan((*dct)->columns);
    if ((*dct)->rows)
        fftw_destroy_plan((*dct)->rows);
    pthread_mutex_unlock(&planner);
    free(*dct);
    *dct = NULL;
}

uint32_t phash_dct_hash_size(const phash_dct *dct)
{
    return dct ? dct->hash_size : 0;
}

uint32_t phash_dct_highfreq_factor(const phash_dct *dct)
{
    return dct ? dct->factor : 0;
}

size_t phash_dct_name(const phash_dct *dct, char *out, size_t size)
{
    if (out && size)
        out[0] = '\0';
    if (!dct)
        return 0;
    const int n =
        snprintf(out, out ? size : 0, "dct-%ux%u", (unsigned)dct->hash_size, (unsigned)dct->factor);
    return n < 0 ? 0 : (size_t)n;
}

void dct_transform(const phash_dct *dct, double *picture, double *scratch)
{
    fftw_execute_r2r(dct->columns, picture, scratch);
    fftw_execute_r2r(dct->rows, scratch, picture);
}
