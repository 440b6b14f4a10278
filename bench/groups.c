#include "groups.h"

void groups_start(uint32_t *parent, size_t count)
{
    for (size_t i = 0; i < count; i++)
        parent[i] = (uint32_t)i;
}

uint32_t groups_find(uint32_t *parent, uint32_t item)
{
    while (parent[item] != item) {
        parent[item] = parent[parent[item]]; /* halves the path for the next time */
        item = parent[item];
    }
    return item;
}

void groups_join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = groups_find(parent, a);
    b = groups_find(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}
