/* Quality: the sum of differences between neighbours, quantised so that noise counts nothing. */
#include "pdq/stages.h"

#include <stdlib.h>

static inline int step(float u, float v)
{
    /* Truncated, not rounded: differences under 2.55 grey levels vanish. */
    return abs((int)(((u - v) * 100) / 255));
}

int pdq_quality(const float a[PDQ_SIDE * PDQ_SIDE])
{
    int sum = 0;
    for (int i = 0; i < PDQ_SIDE - 1; i++)
        for (int j = 0; j < PDQ_SIDE; j++)
            sum += step(a[i * PDQ_SIDE + j], a[(i + 1) * PDQ_SIDE + j]);
    for (int i = 0; i < PDQ_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE - 1; j++)
            sum += step(a[i * PDQ_SIDE + j], a[i * PDQ_SIDE + j + 1]);
    const int quality = sum / 90;
    return quality < 100 ? quality : 100;
}
