/* Edges of the helix (helix_template.h) where masks are vectors: read from memory each time, which is a
 * register less. Included after ops_*.h. */
#ifndef PHASH_PDQ_HELIX_EDGES_H
#define PHASH_PDQ_HELIX_EDGES_H

typedef const uint32_t *edge;

static inline edge edge_of(const uint32_t *p)
{
    return p;
}

static inline VF only(const float *p, edge e)
{
    return masked(load(p), e);
}

static inline VF join(VF v, VF a, edge e)
{
    return add(masked(v, e), a);
}

#endif
