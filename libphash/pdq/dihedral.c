/* The DCT of a turned or mirrored image is the DCT of the image, transposed and with the sign of
 * odd frequencies changed. Row i of the corner is frequency i + 1, so an even index is an odd
 * frequency. */
#include "pdq/stages.h"

const char *phash_dihedral_name(phash_dihedral d)
{
    static const char *const names[PHASH_DIHEDRALS] = {
        "original", "rotate90", "rotate180", "rotate270",
        "flipx",    "flipy",    "transpose", "antitranspose",
    };
    return (unsigned)d < PHASH_DIHEDRALS ? names[d] : NULL;
}

void pdq_dihedral(phash_dihedral d, const float b[PDQ_DCT_SIDE * PDQ_DCT_SIDE],
                  float out[PDQ_DCT_SIDE * PDQ_DCT_SIDE])
{
    for (int i = 0; i < PDQ_DCT_SIDE; i++)
        for (int j = 0; j < PDQ_DCT_SIDE; j++) {
            const float v = b[i * PDQ_DCT_SIDE + j];
            const int here = i * PDQ_DCT_SIDE + j, across = j * PDQ_DCT_SIDE + i;
            switch (d) {
            case PHASH_DIHEDRAL_ORIGINAL:
                out[here] = v;
                break;
            case PHASH_DIHEDRAL_ROTATE90:
                out[across] = j & 1 ? v : -v;
                break;
            case PHASH_DIHEDRAL_ROTATE180:
                out[here] = (i + j) & 1 ? -v : v;
                break;
            case PHASH_DIHEDRAL_ROTATE270:
                out[across] = i & 1 ? v : -v;
                break;
            case PHASH_DIHEDRAL_FLIPX:
                out[here] = i & 1 ? v : -v;
                break;
            case PHASH_DIHEDRAL_FLIPY:
                out[here] = j & 1 ? v : -v;
                break;
            case PHASH_DIHEDRAL_TRANSPOSE:
                out[across] = v;
                break;
            case PHASH_DIHEDRAL_ANTITRANSPOSE:
                out[across] = (i + j) & 1 ? -v : v;
                break;
            }
        }
}
