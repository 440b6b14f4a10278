// Faiss (MIT licence), as Debian packages it: flat, and multi-index hashing of 16 keys of 16 bits
// with one flip, which covers radius 31.
#include "search.h"

#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>

#include <omp.h>

#include <memory>

namespace {

void *build_flat(const uint8_t *hashes, size_t n, uint32_t)
try {
    auto index = std::make_unique<faiss::IndexBinaryFlat>(256);
    index->add(static_cast<faiss::IndexBinary::idx_t>(n), hashes);
    return static_cast<faiss::IndexBinary *>(index.release());
} catch (...) {
    return nullptr;
}

void *build_hash(const uint8_t *hashes, size_t n, uint32_t radius)
try {
    if (radius > 31)
        return nullptr;
    auto index = std::make_unique<faiss::IndexBinaryMultiHash>(256, 16, 16);
    index->nflip = 1;
    index->add(static_cast<faiss::IndexBinary::idx_t>(n), hashes);
    return static_cast<faiss::IndexBinary *>(index.release());
} catch (...) {
    return nullptr;
}

int search(void *index, const uint8_t *queries, size_t n, uint32_t radius, phash_matches *found)
try {
    omp_set_num_threads(1); // one core, like all
    faiss::RangeSearchResult result(n);
    // Faiss finds distances below its radius.
    static_cast<faiss::IndexBinary *>(index)->range_search(static_cast<faiss::IndexBinary::idx_t>(n), queries,
                                                           static_cast<int>(radius) + 1, &result);
    for (size_t q = 0; q < n; q++)
        for (size_t i = result.lims[q]; i < result.lims[q + 1]; i++)
            if (search_append(found, static_cast<uint64_t>(result.labels[i]),
                              static_cast<uint32_t>(q),
                              static_cast<uint32_t>(result.distances[i])))
                return 1;
    return 0;
} catch (...) {
    return 1;
}

uint64_t memory_flat(const void *index)
{
    return static_cast<uint64_t>(static_cast<const faiss::IndexBinary *>(index)->ntotal) * 32;
}

// Hash tables of vectors: not known from outside.
uint64_t memory_unknown(const void *)
{
    return 0;
}

void release(void *index)
{
    delete static_cast<faiss::IndexBinary *>(index);
}

} // namespace

extern "C" {
extern const search_engine engine_faiss_flat, engine_faiss_hash;
const search_engine engine_faiss_flat = {
    "faiss-flat", "Faiss IndexBinaryFlat", 0, false, build_flat, search, memory_flat, release};
const search_engine engine_faiss_hash = {"faiss-hash",
                                         "Faiss IndexBinaryMultiHash, 16 keys of 16 bits",
                                         0,
                                         false,
                                         build_hash,
                                         search,
                                         memory_unknown,
                                         release};
}
