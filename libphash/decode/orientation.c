/* EXIF orientation by libexif. The only file that sees libexif. */
#include "decode/orientation.h"

#include <libexif/exif-data.h>
#include <libexif/exif-mem.h>
#include <libexif/exif-utils.h>

#include <string.h>

/* libexif's allocator hook takes no argument of ours, and libexif passes over most failed
 * allocations in silence. The flag is set and read within one call of orientation_of_exif. */
static _Thread_local bool out_of_memory;

/* Each block is preceded by its size, so that it can be wiped: EXIF says where and when. */
enum { PREFIX = 64 };

static void *exif_alloc(ExifLong bytes)
{
    uint8_t *block = phash_alloc_zero(1, (size_t)bytes + PREFIX);
    if (!block) {
        out_of_memory = true;
        return NULL;
    }
    const size_t size = bytes;
    memcpy(block, &size, sizeof size);
    return block + PREFIX;
}

static void exif_free(void *memory)
{
    if (!memory)
        return;
    uint8_t *block = (uint8_t *)memory - PREFIX;
    size_t size;
    memcpy(&size, block, sizeof size);
    phash_wipe_free(block, size + PREFIX);
}

static void *exif_realloc(void *memory, ExifLong bytes)
{
    void *grown = exif_alloc(bytes);
    if (!grown || !memory)
        return grown;
    size_t size;
    memcpy(&size, (uint8_t *)memory - PREFIX, sizeof size);
    memcpy(grown, memory, size < bytes ? size : bytes);
    exif_free(memory);
    return grown;
}

/* EXIF 2.3: Orientation is one SHORT in IFD 0. Browsers take no other form of it either. */
static uint32_t find_orientation(ExifData *data)
{
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || entry->format != EXIF_FORMAT_SHORT || entry->components != 1 || entry->size < 2 ||
        !entry->data)
        return 1;
    const ExifShort value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= 1 && value <= 8 ? value : 1;
}

static uint32_t parse(ExifMem *mem, const uint8_t *exif, size_t bytes)
{
    ExifData *data = exif_data_new_mem(mem);
    if (!data)
        return 1;
    /* Found, not mended: with this option set libexif would add tags that the file lacks. */
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_load_data(data, exif, (unsigned)bytes);
    const uint32_t orientation = out_of_memory ? 1 : find_orientation(data);
    exif_data_unref(data);
    return orientation;
}

phash_status orientation_of_exif(const uint8_t *exif, size_t bytes, uint32_t *orientation)
{
    static const uint8_t header[6] = {'E', 'x', 'i', 'f', 0, 0};
    *orientation = 1;
    /* An EXIF block fits a JPEG segment. What is longer is not one, and libexif counts in int. */
    if (bytes < sizeof header || bytes > 0xffff)
        return PHASH_OK;
    const bool bare = memcmp(exif, header, sizeof header) != 0;
    uint8_t *whole = NULL;
    if (bare) {
        whole = phash_alloc(1, sizeof header + bytes);
        if (!whole)
            return PHASH_E_MEMORY;
        memcpy(whole, header, sizeof header);
        memcpy(whole + sizeof header, exif, bytes);
    }
    out_of_memory = false;
    ExifMem *mem = exif_mem_new(exif_alloc, exif_realloc, exif_free);
    if (mem) {
        *orientation = bare ? parse(mem, whole, sizeof header + bytes) : parse(mem, exif, bytes);
        exif_mem_unref(mem);
    }
    phash_wipe_free(whole, whole ? sizeof header + bytes : 0);
    return out_of_memory ? PHASH_E_MEMORY : PHASH_OK;
}
