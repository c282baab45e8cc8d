/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/registry/disk_cache.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE_MAX = 64 };

bool ts_registry_cache_init(struct ts_registry_cache *cache,
                            const char *folder,
                            const char *registry,
                            struct ts_error *err)
{
    *cache = (struct ts_registry_cache){.registry = ts_hash64(ts_bytes_of(registry))};
    if (folder[0] == '\0') {
        return true;
    }
    if ((mkdir(folder, 0777) != 0 && errno != EEXIST) || access(folder, R_OK | W_OK | X_OK) != 0) {
        return ts_error_set(
            err, TS_ERROR_FATAL, 0, "schema_registry.cache_dir: %s: %s", folder, strerror(errno));
    }
    if (strlen(folder) + NAME_SIZE_MAX > PATH_MAX) {
        return ts_error_set(err, TS_ERROR_FATAL, 0, "schema_registry.cache_dir: too long a path");
    }
    cache->folder = strdup(folder);
    return cache->folder != NULL || ts_error_no_memory(err);
}

void ts_registry_cache_finish(struct ts_registry_cache *cache)
{
    free(cache->folder);
    cache->folder = NULL;
}

static void
path_of(const struct ts_registry_cache *cache, uint32_t id, const char *end, char path[PATH_MAX])
{
    snprintf(path,
             PATH_MAX,
             "%s/schema-%016" PRIx64 "-%" PRIu32 "%s",
             cache->folder,
             cache->registry,
             id,
             end);
}

bool ts_registry_cache_read(const struct ts_registry_cache *cache,
                            uint32_t id,
                            struct ts_buffer *out)
{
    if (cache->folder == NULL) {
        return false;
    }
    char path[PATH_MAX];
    path_of(cache, id, ".json", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return false;
    }
    size_t size = (size_t)info.st_size;
    char *to = ts_buffer_reserve(out, size);
    bool ok = to != NULL && read(fd, to, size) == (ssize_t)size;
    ts_buffer_commit(out, ok ? size : 0);
    close(fd);
    return ok;
}

static bool write_whole(int fd, struct ts_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t size = write(fd, bytes.data, bytes.size);
        if (size < 0) {
            return false;
        }
        bytes.data += size;
        bytes.size -= (size_t)size;
    }
    return true;
}

bool ts_registry_cache_write(const struct ts_registry_cache *cache,
                             uint32_t id,
                             struct ts_bytes answer,
                             struct ts_error *err)
{
    if (cache->folder == NULL) {
        return true;
    }
    char path[PATH_MAX];
    char made[PATH_MAX];
    path_of(cache, id, ".json", path);
    path_of(cache, id, ".XXXXXX", made);
    int fd = mkstemp(made);
    bool ok = fd >= 0 && write_whole(fd, answer);
    ok = (fd < 0 || close(fd) == 0) && ok;
    ok = ok && rename(made, path) == 0;
    if (!ok) {
        ts_error_set(err, TS_ERROR_RETRY, 0, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            unlink(made);
        }
    }
    return ok;
}
