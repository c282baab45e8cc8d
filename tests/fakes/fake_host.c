/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fakes/fake_host.h"

#include "tests/fakes/fake_fiber.h"

#include "base/assert.h"
#include "base/without.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fake_lane_count(const struct fake_host *host)
{
    int count = 0;
    for (int input = 0; input < TS_INPUT_COUNT; input++) {
        count += host->partitions[input];
    }
    return count;
}

int fake_lane_number(const struct fake_host *host, struct ts_lane lane)
{
    TS_ASSERT(lane.partition >= 0 && lane.partition < host->partitions[lane.input]);
    int number = lane.partition;
    for (int input = 0; input < (int)lane.input; input++) {
        number += host->partitions[input];
    }
    return number;
}

struct ts_lane fake_lane(const struct fake_host *host, int number)
{
    int input = 0;
    while (number >= host->partitions[input]) {
        number -= host->partitions[input++];
        TS_ASSERT(input < TS_INPUT_COUNT);
    }
    return (struct ts_lane){(enum ts_input)input, number};
}

void fake_pause(struct fake_host *host)
{
    if (fake_fiber_inside() && fake_chance(host, host->pause_permille)) {
        host->wake_us = 0;
        fake_fiber_yield();
    }
}

void fake_linger(struct fake_host *host)
{
    if (fake_fiber_inside() && host->faulty && fake_chance(host, host->linger_permille)) {
        fake_sleep(host, fake_random_range(&host->random, 1, 8000));
    } else {
        fake_pause(host);
    }
}

void fake_sleep(struct fake_host *host, int64_t us)
{
    host->wake_us = host->now_us + us;
    fake_fiber_yield();
}

bool fake_fault(struct fake_host *host, unsigned permille)
{
    if (!host->faulty || host->faults_left == 0 || !fake_chance(host, permille)) {
        return false;
    }
    host->faults_left--;
    return true;
}

bool fake_chance(struct fake_host *host, unsigned permille)
{
    return fake_random_chance(&host->random, permille);
}

static const char *taken_away; /* the same, for the pipeline, which knows no host */

#ifdef TS_MUTATIONS
bool ts_without(const char *piece)
{
    return taken_away != NULL && strcmp(taken_away, piece) == 0;
}
#endif

void fake_take_away(struct fake_host *host, const char *piece)
{
    host->without = piece;
    taken_away = piece;
}

bool fake_without(const struct fake_host *host, const char *piece)
{
    return host->without != NULL && strcmp(host->without, piece) == 0;
}

static void print_head(const struct fake_host *host)
{
    printf("%10.3f ms  ", (double)host->now_us / 1000);
    if (host->process == 0) {
        printf("world     ");
    } else {
        printf("process %-2d", host->process);
    }
    printf("  ");
}

void fake_trace(struct fake_host *host, const char *format, ...)
{
    if (host->trace) {
        va_list arguments;
        va_start(arguments, format);
        print_head(host);
        vprintf(format, arguments);
        putchar('\n');
        va_end(arguments);
    }
}

void fake_violation(struct fake_host *host, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char text[sizeof host->violation];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fake_trace(host, "VIOLATION %s", text);
    if (host->violation[0] == '\0') {
        memcpy(host->violation, text, sizeof text);
    }
}

void *fake_take(struct fake_host *host, size_t size)
{
    void *memory = ts_arena_take(&host->memory, size);
    TS_ASSERT(memory != NULL);
    return memory;
}

struct ts_bytes fake_copy(struct fake_host *host, struct ts_bytes bytes)
{
    struct ts_bytes copy = ts_arena_copy(&host->memory, bytes);
    TS_ASSERT(copy.size != SIZE_MAX);
    return copy;
}

bool fake_away(struct ts_error *err, const char *what)
{
    return ts_error_set(err, TS_ERROR_RETRY, 0, "%s", what);
}

static int64_t wall_ms(void *self)
{
    const struct fake_clock *clock = self;
    return FAKE_EPOCH_MS + clock->host->now_us / 1000 + clock->skew_ms;
}

static int64_t mono_us(void *self)
{
    const struct fake_clock *clock = self;
    return 1 + clock->host->now_us;
}

struct ts_clock fake_clock_port(struct fake_clock *clock)
{
    static const struct ts_clock_ops ops = {.wall_ms = wall_ms, .mono_us = mono_us};
    return (struct ts_clock){&ops, clock};
}

static void say(void *self, enum ts_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void say(void *self, enum ts_level level, const char *event, const char *format, ...)
{
    struct fake_host *host = self;
    (void)level;
    if (host->trace) {
        va_list arguments;
        va_start(arguments, format);
        print_head(host);
        printf("says %s: ", event);
        vprintf(format, arguments);
        putchar('\n');
        va_end(arguments);
    }
}

struct ts_observer fake_observer_port(struct fake_host *host)
{
    static const struct ts_observer_ops ops = {.say = say};
    return (struct ts_observer){&ops, host};
}
