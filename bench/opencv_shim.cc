// The only file that sees OpenCV, and the only C++ of the bench.
#include "opencv_shim.h"

#include <opencv2/core.hpp>
#include <opencv2/img_hash.hpp>
#include <opencv2/imgproc.hpp>

#include <cstring>

namespace {

// One object for each thread: compute() keeps its working memory in it.
cv::img_hash::ImgHashBase &algorithm(enum shim_hash which)
{
    static thread_local cv::Ptr<cv::img_hash::ImgHashBase> made[4];
    if (!made[which]) {
        cv::setNumThreads(1); // pictures run in parallel, not the work on one of them
        switch (which) {
        case SHIM_PHASH:
            made[which] = cv::img_hash::PHash::create();
            break;
        case SHIM_BLOCK_MEAN:
            made[which] = cv::img_hash::BlockMeanHash::create(cv::img_hash::BLOCK_MEAN_HASH_MODE_0);
            break;
        case SHIM_MARR_HILDRETH:
            made[which] = cv::img_hash::MarrHildrethHash::create();
            break;
        default:
            made[which] = cv::img_hash::RadialVarianceHash::create();
        }
    }
    return *made[which];
}

} // namespace

int shim_hash(enum shim_hash which, const uint8_t *rgb, uint32_t width, uint32_t height,
              uint8_t *out, size_t bytes)
{
    try {
        const cv::Mat picture(static_cast<int>(height), static_cast<int>(width), CV_8UC3,
                              const_cast<uint8_t *>(rgb));
        cv::Mat bgr, hash;
        cv::cvtColor(picture, bgr, cv::COLOR_RGB2BGR); // the order that OpenCV's hashes expect
        algorithm(which).compute(bgr, hash);
        if (hash.type() != CV_8UC1 || hash.total() != bytes || !hash.isContinuous())
            return 1;
        std::memcpy(out, hash.data, bytes);
        return 0;
    } catch (const std::exception &) {
        return 1;
    }
}

double shim_radial_compare(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    const int n = static_cast<int>(bytes);
    return algorithm(SHIM_RADIAL_VARIANCE)
        .compare(cv::Mat(1, n, CV_8UC1, const_cast<uint8_t *>(a)),
                 cv::Mat(1, n, CV_8UC1, const_cast<uint8_t *>(b)));
}

const char *shim_version(void)
{
    return "OpenCV " CV_VERSION;
}
