/* SPDX-License-Identifier: Apache-2.0 */
/* A line on the terminal that tells how far a long command is. Silent where standard error is no
 * terminal. */
#ifndef TS_APP_PROGRESS_H
#define TS_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct ts_progress {
    bool shown;
    const char *noun; /* "accounts" */
    int64_t total;    /* of `done`; 0: not known */
    int64_t start_ms;
    int64_t told_ms;
};

void ts_progress_init(struct ts_progress *progress, const char *noun, int64_t total, bool quiet);

/* `done` of the total (bytes, say) and `count` of the noun. Cheap: draws ten times a second. */
void ts_progress_tell(struct ts_progress *progress, int64_t done, int64_t count);

/* Removes the line, before something else is written; and for good. */
void ts_progress_clear(const struct ts_progress *progress);
void ts_progress_finish(struct ts_progress *progress);

#endif
