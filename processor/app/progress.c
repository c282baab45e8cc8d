/* SPDX-License-Identifier: Apache-2.0 */
#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { DRAW_EVERY_MS = 100, BAR = 30, MINUTE_S = 60, HOUR_S = 3600 };

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void ts_progress_init(struct ts_progress *progress, const char *noun, int64_t total, bool quiet)
{
    int64_t now_ms = mono_ms();
    *progress = (struct ts_progress){.shown = !quiet && isatty(STDERR_FILENO),
                                     .noun = noun,
                                     .total = total,
                                     .start_ms = now_ms,
                                     .told_ms = now_ms};
}

/* At the rate so far. */
static void tell_left(const struct ts_progress *progress, int64_t done, int64_t now_ms)
{
    if (done <= 0 || done >= progress->total) {
        return;
    }
    int64_t a_second = done * 1000 / (now_ms - progress->start_ms);
    int64_t left_s = (progress->total - done) / (a_second > 0 ? a_second : 1);
    if (left_s >= HOUR_S) {
        fprintf(stderr,
                ", %" PRId64 " h %" PRId64 " min left",
                left_s / HOUR_S,
                left_s % HOUR_S / MINUTE_S);
    } else if (left_s >= MINUTE_S) {
        fprintf(
            stderr, ", %" PRId64 " min %" PRId64 " s left", left_s / MINUTE_S, left_s % MINUTE_S);
    } else {
        fprintf(stderr, ", %" PRId64 " s left", left_s);
    }
}

void ts_progress_tell(struct ts_progress *progress, int64_t done, int64_t count)
{
    int64_t now_ms = progress->shown ? mono_ms() : 0;
    if (!progress->shown || now_ms - progress->told_ms < DRAW_EVERY_MS) {
        return;
    }
    progress->told_ms = now_ms;
    int64_t rate = count * 1000 / (now_ms - progress->start_ms);
    fprintf(stderr, "\r\x1b[K");
    if (progress->total > 0) {
        int filled = (int)(done >= progress->total ? BAR : done * BAR / progress->total);
        fprintf(stderr,
                "[%.*s%.*s] %3d %%  ",
                filled,
                "##############################",
                BAR - filled,
                "..............................",
                (int)(done >= progress->total ? 100 : done * 100 / progress->total));
    }
    fprintf(stderr, "%" PRId64 " %s, %" PRId64 "/s", count, progress->noun, rate);
    tell_left(progress, done, now_ms);
}

void ts_progress_clear(const struct ts_progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r\x1b[K");
    }
}

void ts_progress_finish(struct ts_progress *progress)
{
    ts_progress_clear(progress);
    progress->shown = false;
}
