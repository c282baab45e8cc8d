/* SPDX-License-Identifier: Apache-2.0 */
#include "app/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { DRAW_EVERY_MS = 100, BAR = 30 };

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
