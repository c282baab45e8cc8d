/* SPDX-License-Identifier: Apache-2.0 */
#include "app/dead_letters.h"

#include "base/arena.h"

#include <stdlib.h>

/* A record is at most 64 KiB by contract, but what is refused may be larger: as large as the
 * broker takes. */
enum { ARENA_BLOCK = 1 << 20, ARENA_MAX = 512 << 20 };

struct page {
    struct ts_arena arena;
    size_t count;
    bool failed; /* out of memory */
    int64_t ids[TS_REQUEUE_PAGE];
    struct ts_kafka_write writes[TS_REQUEUE_PAGE];
};

static struct ts_bytes keep(struct page *page, struct ts_bytes bytes)
{
    struct ts_bytes copy = ts_arena_copy(&page->arena, bytes);
    page->failed = page->failed || (copy.data == NULL && bytes.data != NULL);
    return copy;
}

static void take(void *self, const struct ts_dead_letter *letter)
{
    struct page *page = self;
    if (page->failed || page->count == TS_REQUEUE_PAGE) {
        return;
    }
    struct ts_kafka_write *write = &page->writes[page->count];
    *write = (struct ts_kafka_write){.topic = keep(page, letter->topic).data,
                                     .key = keep(page, letter->key),
                                     .value = keep(page, letter->value),
                                     .headers = keep(page, letter->headers)};
    page->ids[page->count++] = letter->id;
}

/* Marks those that are back on their topic, also when others failed. */
static bool put_back(struct ts_requeue *requeue, struct page *page, struct ts_error *err)
{
    int64_t delivered[TS_REQUEUE_PAGE];
    size_t count = 0;
    int64_t marked = 0;
    struct ts_error mark_err = {0};
    bool good = ts_kafka_writer_write(requeue->writer, page->writes, page->count, err);
    for (size_t i = 0; i < page->count; i++) {
        if (page->writes[i].delivered) {
            delivered[count++] = page->ids[i];
        }
    }
    if (count > 0 &&
        !ts_dead_letter_store_mark(
            requeue->store, delivered, count, "requeued", requeue->now_ms, &marked, &mark_err)) {
        if (good && err != NULL) {
            *err = mark_err;
        }
        return false;
    }
    requeue->requeued += marked;
    return good;
}

static bool run_pages(struct ts_requeue *requeue,
                      struct ts_dead_letter_filter filter,
                      struct page *page,
                      struct ts_error *err)
{
    struct ts_dead_letter_visitor visitor = {.visit = take, .self = page};
    filter.max = TS_REQUEUE_PAGE;
    filter.contents = true;
    do {
        page->count = 0;
        ts_arena_reset(&page->arena);
        if (!ts_dead_letter_store_list(requeue->store, &filter, &visitor, err)) {
            return false;
        }
        if (page->failed) {
            return ts_error_no_memory(err);
        }
        if (page->count > 0 && !put_back(requeue, page, err)) {
            return false;
        }
        filter.after = page->count > 0 ? page->ids[page->count - 1] : filter.after;
    } while (page->count == TS_REQUEUE_PAGE);
    return true;
}

bool ts_requeue_run(struct ts_requeue *requeue,
                    const struct ts_dead_letter_filter *filter,
                    struct ts_error *err)
{
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        return ts_error_no_memory(err);
    }
    ts_arena_init(&page->arena, ARENA_BLOCK, ARENA_MAX);
    bool done = run_pages(requeue, *filter, page, err);
    ts_arena_finish(&page->arena);
    free(page);
    return done;
}
