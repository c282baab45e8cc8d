/* SPDX-License-Identifier: Apache-2.0 */
/* Puts dead letters back on the topic they came from, as they came: the same bytes, key and
 * headers. What was put there is marked only afterwards, so a letter can be put there twice if
 * this is killed in between, and is then found to be a duplicate, but none is lost. */
#ifndef TS_APP_DEAD_LETTERS_H
#define TS_APP_DEAD_LETTERS_H

#include "adapters/kafka/writer.h"
#include "adapters/postgres/dead_letter_store.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { TS_REQUEUE_PAGE = 200 };

struct ts_requeue {
    struct ts_dead_letter_store *store;
    struct ts_kafka_writer *writer;
    int64_t now_ms;
    int64_t requeued; /* out: put back and marked */
};

/* Those that the filter finds (its page size and contents are set here), page by page, until none
 * is left. False with err as soon as one can't be put back or marked. */
bool ts_requeue_run(struct ts_requeue *requeue,
                    const struct ts_dead_letter_filter *filter,
                    struct ts_error *err);

#endif
