/* SPDX-License-Identifier: Apache-2.0 */
#include "app/replay.h"

#include "adapters/csv/deck_csv.h"
#include "adapters/postgres/ledger.h"
#include "adapters/tzdata/zone_file.h"
#include "app/replay_profiles.h"
#include "app/replay_sample.h"
#include "app/system_clock.h"
#include "core/numbering.h"
#include "core/numbering_data.h"

#include <stdlib.h>

static struct ts_rates_snapshot *
load(const struct ts_replay *replay, const struct ts_rates_choice *choice, struct ts_error *err)
{
    return ts_rates_snapshot_load(replay->session->config.postgres.url,
                                  replay->numbering,
                                  ts_csv_decks(NULL),
                                  ts_zone_files(),
                                  choice,
                                  err);
}

static bool load_rates(struct ts_replay *replay, struct ts_error *err)
{
    const struct ts_rates_choice in_force = {.oldest_answer_ms = INT64_MIN};
    const struct ts_rates_choice *chosen = &replay->options->decks;
    replay->numbering = ts_numbering_create(ts_numbering_plan_embedded(), err);
    if (replay->numbering == NULL) {
        return false;
    }
    replay->rates = load(replay, chosen, err);
    if (replay->rates != NULL && (chosen->deck_version != 0 || chosen->at_one_moment)) {
        replay->live = load(replay, &in_force, err);
        return replay->live != NULL;
    }
    return replay->rates != NULL;
}

bool ts_replay_start_metrics(struct ts_replay *replay, struct ts_error *err)
{
    const char *listen = replay->options->listen;
    replay->metrics = listen != NULL ? ts_replay_metrics_start(listen, &replay->stats, err) : NULL;
    return listen == NULL || replay->metrics != NULL;
}

bool ts_replay_open(struct ts_replay *replay,
                    struct ts_session *session,
                    const struct ts_replay_options *options,
                    struct ts_error *err)
{
    const struct ts_config *config = &session->config;
    struct ts_observer observer = ts_log_observer(&session->log);
    *replay = (struct ts_replay){
        .session = session, .options = options, .started_ms = ts_system_now_ms()};
    ts_replay_report_init(&replay->report);
    if (!ts_replay_open_report(replay, err) || !ts_replay_start_metrics(replay, err) ||
        !ts_servers_kafka_init(&replay->kafka, config, observer, err) ||
        !ts_registry_codec_open(&replay->codec, config, observer, err) ||
        (replay->store = ts_replay_store_open(config->postgres.url, err)) == NULL ||
        !load_rates(replay, err) || !ts_replay_connect_profiles(replay, err)) {
        return false;
    }
    replay->accounts = ts_account_cache_create(TS_REPLAY_ACCOUNTS_MAX, err);
    replay->zones = replay->accounts == NULL ? NULL : ts_zone_cache_create(ts_zone_files(), err);
    return replay->zones != NULL;
}

void ts_replay_finish(struct ts_replay *replay)
{
    ts_replay_metrics_stop(replay->metrics);
    ts_replay_samples_finish(replay);
    ts_replay_report_finish(&replay->report);
    ts_zone_cache_destroy(replay->zones);
    ts_account_cache_destroy(replay->accounts);
    ts_postgres_destroy(replay->postgres);
    ts_rates_snapshot_destroy(replay->live);
    ts_rates_snapshot_destroy(replay->rates);
    ts_numbering_destroy(replay->numbering);
    ts_replay_store_close(replay->store);
    ts_registry_codec_close(&replay->codec);
    ts_servers_kafka_finish(&replay->kafka);
    if (replay->report_file != NULL) {
        fclose(replay->report_file);
    }
    free(replay->ranges);
}
