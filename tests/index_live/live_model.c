#define _DEFAULT_SOURCE
#include "live_model.h"
#include "check_main.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void model_free(model *m)
{
    free(m->pairs);
    *m = (model){NULL, 0, 0};
}

void model_add(model *m, const phash_hash256 *hash, uint64_t id)
{
    if (m->count == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 256;
        m->pairs = realloc(m->pairs, m->capacity * sizeof *m->pairs);
        if (!m->pairs)
            abort();
    }
    m->pairs[m->count++] = (model_pair){*hash, id};
}

size_t model_remove(model *m, uint64_t id)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->pairs[i].id != id)
            m->pairs[kept++] = m->pairs[i];
    const size_t removed = m->count - kept;
    m->count = kept;
    return removed;
}

void random_hash(uint64_t *state, phash_hash256 *hash)
{
    uint64_t words[4];
    const uint64_t kind = test_random(state);
    uint64_t centre = kind % 16 + 1000;
    for (int i = 0; i < 4; i++)
        words[i] = test_random(kind & 0x300 ? state : &centre);
    if (!(kind & 0x300))
        for (uint64_t i = test_random(state) % 40; i; i--) {
            const uint64_t bit = test_random(state) % 256;
            words[bit / 64] ^= UINT64_C(1) << bit % 64;
        }
    memcpy(hash->bytes, words, sizeof words);
}

static int compare(const void *left, const void *right)
{
    const phash_match *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

bool model_agrees(const model *m, phash_index *index, const phash_hash256 *queries, size_t n,
                  uint32_t radius)
{
    phash_searcher *searcher;
    phash_matches found = PHASH_MATCHES_INIT;
    phash_error error = PHASH_ERROR_INIT;
    if (phash_searcher_new(index, &searcher) != PHASH_OK ||
        phash_search_radius(searcher, queries, n, radius, &found, &error) != PHASH_OK) {
        printf("search: %s\n", error.message);
        return false;
    }
    size_t count = 0, capacity = 1024;
    phash_match *want = malloc(capacity * sizeof *want);
    for (size_t q = 0; q < n; q++)
        for (size_t i = 0; i < m->count; i++) {
            const unsigned d = phash_hash256_distance(&queries[q], &m->pairs[i].hash);
            if (d > radius)
                continue;
            if (count == capacity)
                want = realloc(want, (capacity *= 2) * sizeof *want);
            want[count++] = (phash_match){m->pairs[i].id, (uint32_t)q, d};
        }
    if (count)
        qsort(want, count, sizeof *want, compare);
    bool same = found.count == count;
    for (size_t i = 0; i < count && same; i++)
        same = !compare(&want[i], &found.items[i]);
    if (!same)
        printf("found %zu, model has %zu\n", found.count, count);
    free(want);
    phash_matches_free(&found);
    phash_searcher_free(&searcher);
    return same;
}

static int compare_pairs(const void *left, const void *right)
{
    const model_pair *a = left, *b = right;
    const int c = memcmp(&a->hash, &b->hash, sizeof a->hash);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

bool model_same_pairs(const model *m, phash_index *index)
{
    phash_cursor *cursor;
    if (phash_cursor_new(index, &cursor) != PHASH_OK)
        return false;
    model_pair *have = malloc((m->count + 101) * sizeof *have);
    model_pair *want = malloc((m->count + 1) * sizeof *want);
    if (m->count)
        memcpy(want, m->pairs, m->count * sizeof *want);
    phash_hash256 hashes[100];
    uint64_t ids[100];
    size_t count = 0, n;
    while (count <= m->count && (n = phash_cursor_next(cursor, 100, hashes, ids)) > 0)
        for (size_t i = 0; i < n && count <= m->count; i++)
            have[count++] = (model_pair){hashes[i], ids[i]};
    phash_cursor_free(&cursor);
    bool same = count == m->count;
    if (same && count) {
        qsort(have, count, sizeof *have, compare_pairs);
        qsort(want, count, sizeof *want, compare_pairs);
        for (size_t i = 0; i < count && same; i++)
            same = !compare_pairs(&have[i], &want[i]);
    }
    if (!same)
        printf("the index has %zu pairs, the model %zu, or others\n", count, m->count);
    free(have);
    free(want);
    return same;
}

/* ---- files ---- */

static char folder[64];

static const char *make_folder(const char *pattern)
{
    strcpy(folder, pattern);
    if (!mkdtemp(folder))
        abort();
    return folder;
}

const char *folder_new(void)
{
    return make_folder("phash-live-XXXXXX");
}

const char *folder_new_in_memory(void)
{
    return make_folder(access("/dev/shm", W_OK) ? "phash-live-XXXXXX"
                                                : "/dev/shm/phash-live-XXXXXX");
}

const char *in_folder(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%.63s/%.100s", folder, name);
    return path;
}

void folder_remove(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlink(in_folder(e->d_name));
    if (d)
        closedir(d);
    rmdir(folder);
}

uint8_t *file_read(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st))
        abort();
    uint8_t *data = malloc((size_t)st.st_size + 1);
    *bytes = fread(data, 1, (size_t)st.st_size, f);
    fclose(f);
    return data;
}

void file_write(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f || (bytes && fwrite(data, 1, bytes, f) != bytes) || fclose(f))
        abort();
}

bool folder_holds(const void *needle, size_t bytes)
{
    bool found = false;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n;
        if (e->d_name[0] == '.')
            continue;
        uint8_t *data = file_read(in_folder(e->d_name), &n);
        for (size_t i = 0; data && i + bytes <= n; i++)
            found |= !memcmp(data + i, needle, bytes);
        free(data);
    }
    if (d)
        closedir(d);
    return found;
}
