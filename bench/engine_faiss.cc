// Faiss (MIT licence), as Debian packages it: flat, and multi-index hashing of keys of 16 bits: 16 keys
// with one flip cover radius 31 of 256 bits, 4 keys with two flips radius 11 of 64.
#include "search.h"

#include <faiss/Index.h>
#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>

#include <omp.h>

#include <memory>

namespace {

void *build_flat(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t)
try {
    auto index = std::make_unique<faiss::IndexBinaryFlat>(static_cast<int>(bits));
    index->add(static_cast<faiss::IndexBinary::idx_t>(n), hashes);
    return static_cast<faiss::IndexBinary *>(index.release());
} catch (...) {
    return nullptr;
}

void *build_hash(const uint8_t *hashes, size_t n, uint32_t bits, uint32_t radius)
try {
    const int keys = static_cast<int>(bits / 16), flips = bits == 256 ? 1 : 2;
    if (radius >= static_cast<uint32_t>(keys * (flips + 1)))
        return nullptr;
    auto index = std::make_unique<faiss::IndexBinaryMultiHash>(static_cast<int>(bits), keys, 16);
    index->nflip = flips;
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
    const auto *flat = static_cast<const faiss::IndexBinary *>(index);
    return static_cast<uint64_t>(flat->ntotal) * static_cast<uint64_t>(flat->code_size);
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
    "faiss-flat", "Faiss IndexBinaryFlat", 0, false, build_flat, search, memory_flat, release, nullptr, nullptr};
const search_engine engine_faiss_hash = {"faiss-hash",
                                         "Faiss IndexBinaryMultiHash, keys of 16 bits",
                                         0,
                                         false,
                                         build_hash,
                                         search,
                                         memory_unknown,
                                         release,
                                         nullptr,
                                         nullptr};

#define TEXT(x)   #x
#define NUMBER(x) TEXT(x)
const char *search_faiss_version(void)
{
    return NUMBER(FAISS_VERSION_MAJOR) "." NUMBER(FAISS_VERSION_MINOR) "." NUMBER(FAISS_VERSION_PATCH);
}
}
