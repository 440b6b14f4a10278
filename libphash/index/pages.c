/* Memory for sections. A look-up in a multi-index touches hundreds of random lines; on huge pages
 * that needs no walk of the page tables. */
#define _DEFAULT_SOURCE /* madvise */

#include "core/internal.h"
#include "index/layout.h"

#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

void *phash_pages_alloc(uint64_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes < HUGE_PAGE)
        return phash_alloc_zero((size_t)bytes, 1);
    const size_t rounded = ((size_t)bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    void *p = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* Only a hint: where it is refused, small pages serve. */
    (void)madvise(p, rounded, MADV_HUGEPAGE);
#endif
    return p;
}

/* Mapped pages need no wiping: the kernel hands none out again before it has zeroed it. */
void phash_pages_free(void *memory, uint64_t bytes)
{
    if (!memory)
        return;
    if (bytes < HUGE_PAGE)
        phash_wipe_free(memory, (size_t)bytes);
    else
        munmap(memory, ((size_t)bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1));
}
