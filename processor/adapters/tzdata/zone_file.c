/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/tzdata/zone_file.h"

#include "base/utf8.h"
#include "core/account.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_SIZE_MAX = 64 * 1024, PATH_SIZE_MAX = 512, QUOTED_MAX = 80 };

/* Names come from users: they may not lead out of the folder. */
static bool is_zone_name(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= TS_ZONE_NAME_MAX || name[0] == '/' || strstr(name, "..") != NULL) {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/") ==
           size;
}

static struct ts_zone *no_zone(const char *name, const char *why, struct ts_error *err)
{
    char quoted[QUOTED_MAX];
    ts_utf8_quote(ts_bytes_of(name), quoted, sizeof quoted);
    ts_error_set(err, TS_ERROR_REJECT, 0, "time zone %s: %s", quoted, why);
    return NULL;
}

struct ts_zone *ts_zone_file_load(const char *name, struct ts_error *err)
{
    char bytes[FILE_SIZE_MAX];
    char path[PATH_SIZE_MAX];
    const char *folder = getenv("TZDIR");
    if (!is_zone_name(name)) {
        return no_zone(name, "not the name of an IANA time zone, as America/New_York", err);
    }
    if (strcmp(name, "UTC") == 0) {
        /* Never changed through this pointer: ts_zone_destroy leaves it alone. */
        return (struct ts_zone *)(uintptr_t)ts_zone_utc();
    }
    snprintf(path,
             sizeof path,
             "%s/%s",
             folder != NULL && folder[0] != '\0' ? folder : "/usr/share/zoneinfo",
             name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        bool passes = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        no_zone(name, errno == ENOENT ? "there is no such zone" : strerror(errno), err);
        err->class = passes ? TS_ERROR_RETRY : TS_ERROR_REJECT;
        return NULL;
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    bool good = ferror(file) == 0 && size < sizeof bytes;
    fclose(file);
    if (!good) {
        return no_zone(name, "its file cannot be read", err);
    }
    return ts_zone_create(name, (struct ts_bytes){bytes, size}, err);
}

static struct ts_zone *load(void *self, const char *name, struct ts_error *err)
{
    (void)self;
    return ts_zone_file_load(name, err);
}

struct ts_zones ts_zone_files(void)
{
    return (struct ts_zones){.load = load, .self = NULL};
}
