/* SPDX-License-Identifier: Apache-2.0 */
#include "app/log.h"

#include "app/redact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
    [TS_LEVEL_DEBUG] = "debug",
    [TS_LEVEL_INFO] = "info",
    [TS_LEVEL_WARNING] = "warning",
    [TS_LEVEL_ERROR] = "error",
};

static int64_t clock_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The slot of an event name: its own, a free one, or (all taken) the last. */
static struct ts_log_slot *slot_of(struct ts_log *log, const char *event)
{
    for (size_t i = 0; i < TS_LOG_EVENTS_MAX; i++) {
        struct ts_log_slot *slot = &log->slots[i];
        if (slot->event[0] == '\0') {
            snprintf(slot->event, sizeof slot->event, "%s", event);
        }
        if (strncmp(slot->event, event, sizeof slot->event - 1) == 0) {
            return slot;
        }
    }
    return &log->slots[TS_LOG_EVENTS_MAX - 1];
}

/* Whether a line of this event may be written now; `suppressed` were not since the last one. */
static bool admit(struct ts_log *log, const char *event, uint64_t *suppressed)
{
    int64_t now_ms = log->settings.mono_ms();
    pthread_mutex_lock(&log->lock);
    struct ts_log_slot *slot = slot_of(log, event);
    if (slot->written == 0 || now_ms - slot->period_start_ms >= TS_LOG_PERIOD_MS) {
        slot->period_start_ms = now_ms;
        slot->written = 0;
    }
    bool admitted = slot->written < TS_LOG_BURST;
    if (admitted) {
        slot->written++;
        *suppressed = slot->suppressed;
        slot->suppressed = 0;
    } else {
        slot->suppressed++;
    }
    pthread_mutex_unlock(&log->lock);
    return admitted;
}

/* A line being made; what does not fit is cut. */
struct line {
    size_t size;
    char text[TS_LOG_LINE_MAX];
};

static void put(struct line *line, const char *text)
{
    size_t room = sizeof line->text - line->size;
    size_t size = strlen(text);
    size = size < room ? size : room;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* Quoted with the escapes that JSON and logfmt share. Keeps room for the end of the line. */
static void put_quoted(struct line *line, const char *text)
{
    enum { END_ROOM = 16, ESCAPE_MAX = 8 };
    put(line, "\"");
    for (; *text != '\0' && line->size + ESCAPE_MAX + END_ROOM < sizeof line->text; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[ESCAPE_MAX] = {(char)c, '\0'};
        if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
        } else if (c == '\n') {
            snprintf(escape, sizeof escape, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
        }
        put(line, escape);
    }
    put(line, "\"");
}

static void put_field(struct line *line, bool json, const char *name, const char *value, bool quote)
{
    if (json) {
        put(line, line->size == 0 ? "{\"" : ",\"");
        put(line, name);
        put(line, "\":");
    } else {
        put(line, line->size == 0 ? "" : " ");
        put(line, name);
        put(line, "=");
    }
    if (quote) {
        put_quoted(line, value);
    } else {
        put(line, value);
    }
}

static void time_text(char text[32])
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t size = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + size, 32 - size, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR) {
            return; /* nobody is left to tell */
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

static void write_line(
    struct ts_log *log, enum ts_level level, const char *event, const char *text, uint64_t missed)
{
    bool json = log->settings.json;
    struct line line = {0};
    char time[32];
    time_text(time);
    put_field(&line, json, "time", time, json);
    put_field(&line, json, "level", level_names[level], json);
    put_field(&line, json, "event", event, json);
    if (missed > 0) {
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, missed);
        put_field(&line, json, "suppressed", number, false);
    }
    put_field(&line, json, "text", text, true);
    put(&line, json ? "}\n" : "\n");
    write_all(log->settings.fd, line.text, line.size);
}

__attribute__((format(printf, 4, 5))) static void
say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    struct ts_log *log = self;
    uint64_t missed = 0;
    if (level < log->settings.level || !admit(log, event, &missed)) {
        return;
    }
    char text[TS_LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int saved = errno;
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ts_redact(text);
    write_line(log, level, event, text, missed);
    errno = saved;
}

void ts_log_init(struct ts_log *log, const struct ts_log_settings *settings)
{
    *log = (struct ts_log){.settings = *settings};
    if (log->settings.mono_ms == NULL) {
        log->settings.mono_ms = clock_mono_ms;
    }
    pthread_mutex_init(&log->lock, NULL);
}

void ts_log_finish(struct ts_log *log)
{
    pthread_mutex_destroy(&log->lock);
}

struct ts_observer ts_log_observer(struct ts_log *log)
{
    static const struct ts_observer_ops ops = {.say = say};
    return (struct ts_observer){.ops = &ops, .self = log};
}
