/* SPDX-License-Identifier: Apache-2.0 */
#include "app/system_clock.h"

#include <time.h>

static int64_t mono_us(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#ifdef TS_FAULT_POINTS
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_EVERY_US = 100000 };

/* What the file says; 0 when it says nothing (yet). */
static int64_t read_shift_ms(const char *name)
{
    char text[32] = "";
    FILE *file = fopen(name, "re");
    if (file != NULL) {
        (void)!fgets(text, sizeof text, file);
        fclose(file);
    }
    return strtoll(text, NULL, 10);
}

/* Looked up by whichever thread comes first after the last answer is too old. */
static int64_t shift_ms(void)
{
    static _Atomic int64_t shift;
    static _Atomic int64_t looked_us; /* 0: never */
    const char *name = getenv("TOLLSTREAM_TEST_CLOCK_FILE");
    if (name == NULL) {
        return 0;
    }
    int64_t now_us = mono_us(NULL);
    int64_t last_us = atomic_load(&looked_us);
    if ((last_us == 0 || now_us - last_us >= LOOK_EVERY_US) &&
        atomic_compare_exchange_strong(&looked_us, &last_us, now_us)) {
        atomic_store(&shift, read_shift_ms(name));
    }
    return atomic_load(&shift);
}
#else
static int64_t shift_ms(void)
{
    return 0;
}
#endif

static int64_t wall_ms(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + shift_ms();
}

static const struct ts_clock_ops system_clock = {.wall_ms = wall_ms, .mono_us = mono_us};
const struct ts_clock ts_system_clock = {&system_clock, NULL};
