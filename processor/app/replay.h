/* SPDX-License-Identifier: Apache-2.0 */
/* A replay: calls of a range of the topic rated again and compared with the books (domain: section
 * 8). Its parts:
 *
 *   replay_args      what is asked for
 *   replay_range     which offsets that is, and whether they can be read whole
 *   replay_profiles  the accounts
 *   replay_compare   reads, rates and looks them up, page by page
 *   replay_judge     what is found: differences, duplicates, dead letters
 *   replay_months    the calls that may draw on allowances, by account and month
 *   replay_print     the report
 *   replay_apply     the differences to the topic of adjustments, until they are settled
 *   replay_revert    the opposite
 *   replay_metrics   how it goes, for Prometheus
 *
 * All of it is one thread. Nothing here changes an account: that is done by the processors, which
 * consume the adjustments like any other input. */
#ifndef TS_APP_REPLAY_H
#define TS_APP_REPLAY_H

#include "adapters/avro/codec.h"
#include "adapters/kafka/range_reader.h"
#include "adapters/postgres/replay_lookup.h"
#include "adapters/postgres/replay_store.h"
#include "adapters/postgres/replay_work.h"
#include "app/rates_catalog.h"
#include "app/registry_codec.h"
#include "app/replay_metrics.h"
#include "app/servers.h"
#include "app/session.h"
#include "base/arena.h"
#include "core/replay.h"
#include "core/replay_order.h"
#include "core/replay_report.h"
#include "pipeline/account_cache.h"
#include "pipeline/zone_cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TS_REPLAY_SAMPLES_MAX = 1000, TS_REPLAY_SAMPLE_STEPS_MAX = 8192 };

/* One end of a range. */
struct ts_replay_bound {
    enum { TS_BOUND_BEGINNING, TS_BOUND_END, TS_BOUND_OFFSET, TS_BOUND_TIME } type;
    int64_t value; /* an offset, or ms since the epoch */
};

struct ts_replay_options {
    const char *topic;
    int32_t *partitions; /* NULL: all */
    size_t partition_count;
    struct ts_replay_bound from;
    struct ts_replay_bound to;
    const char *account; /* NULL: any; likewise below */
    const char *category;
    const char *prefix;
    struct ts_rates_choice decks;
    bool apply;
    bool allow_truncated;
    int64_t max_rate; /* records read a second; 0: no limit */
    int64_t max_lag;  /* wait while the live stream is further behind; records */
    int64_t samples;
    int64_t top;    /* movers to show */
    bool top_given; /* else CSV and JSON have them all */
    int64_t timeout_ms;
    const char *name; /* NULL: one is made */
    const char *operator_name;
    const char *reason;
    const char *report_path; /* NULL: no file */
    const char *listen;      /* "address:port" of /metrics; NULL: none */
    enum ts_format format;
};

/* False after telling what is wrong. */
bool ts_replay_options_read(const struct ts_session *session, struct ts_replay_options *out);
void ts_replay_options_finish(struct ts_replay_options *options);

/* A call that changed, kept to be shown. */
struct ts_replay_sample {
    char id[160]; /* source/cdr_id/leg */
    char account[65];
    char start[32];
    char category[32];
    char prefix[40];
    int64_t settled_micros;
    int64_t rated_micros;
    char *steps; /* of the rating, in words */
};

/* Who is told of a difference. */
struct ts_replay_sink {
    bool (*difference)(void *self,
                       struct ts_bytes account_id,
                       const struct ts_adjustment *adjustment,
                       struct ts_error *err);
    /* A dead letter that has a price now, by the decks in force too. */
    bool (*letter)(void *self, int64_t id, struct ts_error *err);
    /* Everything below ranges[].next was told. */
    bool (*page)(void *self, struct ts_error *err);
    void *self;
};

struct ts_postgres;

struct ts_replay {
    struct ts_session *session;
    const struct ts_replay_options *options;
    struct ts_servers_kafka kafka;
    struct ts_numbering *numbering;
    struct ts_rates_snapshot *rates;
    struct ts_rates_snapshot *live; /* as the processors rate, when `rates` is not; else NULL */
    struct ts_registry_codec codec;
    struct ts_replay_store *store;
    struct ts_postgres *postgres; /* for profiles */
    struct ts_account_cache *accounts;
    struct ts_zone_cache *zones;
    struct ts_replay_range *ranges;
    size_t range_count;
    bool thorough;                /* sets every call aside that may draw on allowances */
    struct ts_replay_order order; /* else these tell which */
    struct ts_replay_work *work;  /* NULL: no call had to wait for others */
    bool set_aside; /* calls wait for the others of their months: they are told at the end */
    struct ts_replay_sink sink; /* functions may be NULL */
    struct ts_replay_report report;
    struct ts_replay_sample *samples;
    size_t sample_count;
    struct ts_replay_stats stats;
    struct ts_replay_metrics *metrics; /* NULL: nobody asks */
    FILE *report_file;                 /* open from the beginning; NULL: none */
    bool quiet;                        /* no progress line */
    int64_t started_ms;
    int64_t compared_ms; /* how long the comparing took */
};

/* Opens what every replay needs, and loads the decks. Finish it in either case. */
bool ts_replay_open(struct ts_replay *replay,
                    struct ts_session *session,
                    const struct ts_replay_options *options,
                    struct ts_error *err);
void ts_replay_finish(struct ts_replay *replay);

/* Sets ranges[]. Class REJECT: the range can't be read as it is asked for; the text says why. */
bool ts_replay_resolve(struct ts_replay *replay, struct ts_error *err);
/* Whether ranges[] can still be read: leaders, retention, the topic itself. */
bool ts_replay_check_ranges(struct ts_replay *replay, struct ts_error *err);

/* Rates and compares everything from ranges[].next on, into `report`, telling the sink. Without a
 * sink it may have to read twice: see core/replay_order.h. */
bool ts_replay_compare(struct ts_replay *replay, struct ts_error *err);

/* Serves `stats`, if that was asked for. */
bool ts_replay_start_metrics(struct ts_replay *replay, struct ts_error *err);

/* What replay_months needs of replay_compare's reading: the calls set aside, in their order. */
bool ts_replay_months(struct ts_replay *replay, struct ts_replay_work *work, struct ts_error *err);

bool ts_replay_tell_difference(struct ts_replay *replay,
                               struct ts_bytes account_id,
                               const struct ts_adjustment *adjustment,
                               struct ts_error *err);

/* Before anything is read: a file that can't be written is found now, one that can keeps what it
 * holds until there is a report. */
bool ts_replay_open_report(struct ts_replay *replay, struct ts_error *err);
/* Prints the report in the format asked for, and writes the report file. */
int ts_replay_print(const struct ts_replay *replay, const struct ts_replay_generation *generation);

/* A name of the time, for a replay that was given none. */
void ts_replay_make_name(int64_t now_ms, const char *prefix, char *out, size_t size);

/* `tollstream replay --apply`, `resume`, `revert`, `list`, `status`. Return exit codes. */
int ts_replay_apply(struct ts_replay *replay);
int ts_replay_resume(struct ts_session *session);
int ts_replay_revert(struct ts_session *session);
int ts_replay_go_on_reverting(struct ts_session *session,
                              const struct ts_replay_generation *generation,
                              const struct ts_replay_options *options);
int ts_replay_list(struct ts_session *session);
int ts_replay_status(struct ts_session *session);
/* The one of that name or number; its record, in the format asked for. TS_EXIT_FINDING after
 * telling that there is none. What comes as CSV or JSON is for a program: no words beside it. */
int ts_replay_find(struct ts_session *session, const char *name, struct ts_replay_generation *out);
int ts_replay_show(struct ts_session *session, const char *name);

#endif
