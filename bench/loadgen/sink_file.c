/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 20 };

struct file_sink {
    struct lg_sink sink;
    FILE *file;
    const char *name;
    bool lines;
};

static bool failed(const struct file_sink *self, struct ts_error *err)
{
    return ts_error_set(err, TS_ERROR_FATAL, 0, "%s: %s", self->name, strerror(errno));
}

static void write_sized(FILE *file, struct ts_bytes bytes)
{
    uint32_t size = (uint32_t)bytes.size;
    unsigned char le[4] = {(unsigned char)size,
                           (unsigned char)(size >> 8),
                           (unsigned char)(size >> 16),
                           (unsigned char)(size >> 24)};
    fwrite_unlocked(le, 1, sizeof le, file);
    fwrite_unlocked(bytes.data, 1, bytes.size, file);
}

static bool put(struct lg_sink *sink,
                struct ts_bytes key,
                struct ts_bytes value,
                uint32_t shift,
                struct ts_error *err)
{
    struct file_sink *self = (struct file_sink *)sink;
    (void)shift;
    if (self->lines) {
        fwrite_unlocked(value.data, 1, value.size, self->file);
        putc_unlocked('\n', self->file);
    } else {
        write_sized(self->file, key);
        write_sized(self->file, value);
    }
    return !ferror(self->file) || failed(self, err);
}

static bool close_file(struct lg_sink *sink, struct ts_error *err)
{
    struct file_sink *self = (struct file_sink *)sink;
    bool ok = fflush(self->file) == 0;
    ok = (self->file == stdout || fclose(self->file) == 0) && ok;
    ok = ok || failed(self, err);
    free(self);
    return ok;
}

struct lg_sink *lg_sink_file_open(const struct lg_options *options, struct ts_error *err)
{
    struct file_sink *self = calloc(1, sizeof *self);
    if (self == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    *self = (struct file_sink){
        .sink = {put, close_file}, .name = options->output, .lines = options->json};
    self->file = strcmp(self->name, "-") == 0 ? stdout : fopen(self->name, "wb");
    if (self->file == NULL) {
        failed(self, err);
        free(self);
        return NULL;
    }
    setvbuf(self->file, NULL, _IOFBF, BUFFER);
    return &self->sink;
}
