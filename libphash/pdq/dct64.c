/* The 16x16 corner of the 64x64 DCT-II, as two matrix products: T = D A, B = T D'. */
#include "pdq/stages.h"

#include "pdq/dct64_matrix.h"

void pdq_dct64(const float a[PDQ_SIDE * PDQ_SIDE], float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE])
{
    float t[PDQ_DCT_SIDE][PDQ_SIDE];
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE; j++) {
            float sum = 0.0f;
            for (int k = 0; k < PDQ_SIDE; k++)
                sum += dct_matrix[i][k] * a[k * PDQ_SIDE + j];
            t[i][j] = sum;
        }
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int j = 0; j < PDQ_DCT_SIDE; j++) {
            float sum = 0.0f;
            for (int k = 0; k < PDQ_SIDE; k++)
                sum += t[i][k] * dct_matrix[j][k];
            b[i * PDQ_DCT_SIDE + j] = sum;
        }
}
