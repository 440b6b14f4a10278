/* Which formats this build decodes, and with what. */
#include <phash/decode.h>
#include <phash/features.h>

uint32_t phash_decode_formats(void)
{
    uint32_t formats = 0;
#if PHASH_HAS_JPEG
    formats |= UINT32_C(1) << PHASH_FILE_JPEG;
#endif
#if PHASH_HAS_PNG
    formats |= UINT32_C(1) << PHASH_FILE_PNG;
#endif
    return formats;
}

const char *phash_decode_libraries(void)
{
    return PHASH_DECODE_LIBRARIES; /* from meson.build */
}
