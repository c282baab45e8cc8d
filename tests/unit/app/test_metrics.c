/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/metrics.h"
#include "app/monitor.h"
#include "app/replay_metrics.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ts_worker_stats stats[2];
static const struct ts_worker_stats *const workers[] = {&stats[0], &stats[1]};
static const struct ts_metrics metrics = {.workers = workers,
                                          .worker_count = 2,
                                          .topics = {"tollstream.cdrs"},
                                          .version = "1.2.3",
                                          .start_ms = 1700000000123};
static struct ts_buffer text;

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        ts_worker_stats_init(&stats[i]);
        stats[i].phase = TS_PHASE_RUNNING;
        stats[i].last_progress_ms = 1000000;
    }
    ts_buffer_init(&text, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ts_buffer_finish(&text);
    return 0;
}

static const char *render(void)
{
    ts_buffer_clear(&text);
    ts_metrics_render(&metrics, &text);
    ts_buffer_append_char(&text, '\0');
    assert_false(text.failed);
    return text.data;
}

static void expect_line(const char *rendered, const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(rendered, whole) == NULL) {
        fail_msg("no line \"%s\" in:\n%s", line, rendered);
    }
}

static void test_counters_are_summed(void **state)
{
    (void)state;
    ts_count(&stats[0].settled, 40);
    ts_count(&stats[1].settled, 2);
    ts_count(&stats[1].dead_letters[TS_REASON_NO_RATE], 3);
    ts_gauge(&stats[1].batches_used, 5);
    const char *rendered = render();
    expect_line(rendered, "# TYPE tollstream_records_settled_total counter");
    expect_line(rendered, "tollstream_records_settled_total 42");
    expect_line(rendered, "tollstream_dead_letters_total{reason=\"no_rate\"} 3");
    expect_line(rendered, "tollstream_dead_letters_total{reason=\"decode_error\"} 0");
    expect_line(rendered, "tollstream_batches_in_use{worker=\"0\"} 0");
    expect_line(rendered, "tollstream_batches_in_use{worker=\"1\"} 5");
    expect_line(rendered,
                "tollstream_worker_last_progress_timestamp_seconds{worker=\"0\"} 1000.000");
    expect_line(rendered, "tollstream_worker_phase{worker=\"1\",phase=\"running\"} 1");
    expect_line(rendered, "tollstream_worker_phase{worker=\"1\",phase=\"stopped\"} 0");
    expect_line(rendered, "tollstream_build_info{version=\"1.2.3\"} 1");
    expect_line(rendered, "tollstream_start_time_seconds 1700000000.123");
}

static void test_histograms_are_cumulative(void **state)
{
    (void)state;
    ts_histogram_add(&stats[0].append_to_balance, 3, 1);
    ts_histogram_add(&stats[1].append_to_balance, 20, 4);
    ts_histogram_add(&stats[1].append_to_balance, 3600000000, 1);
    ts_histogram_add(&stats[0].stages[TS_STAGE_CHARGE], 1500000, 2);
    const char *rendered = render();
    expect_line(rendered, "tollstream_append_to_balance_seconds_bucket{le=\"0.000016\"} 1");
    expect_line(rendered, "tollstream_append_to_balance_seconds_bucket{le=\"0.000032\"} 5");
    expect_line(rendered, "tollstream_append_to_balance_seconds_bucket{le=\"+Inf\"} 6");
    expect_line(rendered, "tollstream_append_to_balance_seconds_count 6");
    expect_line(rendered, "tollstream_append_to_balance_seconds_sum 3600.000083");
    expect_line(rendered, "tollstream_stage_seconds_count{stage=\"charge\"} 2");
    expect_line(rendered, "tollstream_stage_seconds_sum{stage=\"charge\"} 3.000000");
    expect_line(rendered, "tollstream_stage_seconds_bucket{stage=\"charge\",le=\"+Inf\"} 2");
}

static void test_partitions(void **state)
{
    (void)state;
    struct ts_lane_stats *lane = &stats[1].lanes[9];
    lane->input = TS_INPUT_CDRS;
    lane->partition = 3;
    lane->next_offset = 90;
    lane->published = 80;
    expect_line(render(),
                "tollstream_partition_high_watermark"
                "{topic=\"tollstream.cdrs\",partition=\"3\"} -1");
    assert_null(strstr(render(), "tollstream_partition_lag{"));
    lane->high = 100;
    expect_line(render(), "tollstream_partition_lag{topic=\"tollstream.cdrs\",partition=\"3\"} 10");
    expect_line(render(),
                "tollstream_partition_publish_lag{topic=\"tollstream.cdrs\",partition=\"3\"} 20");
    lane->next_offset = 101; /* the mark seen last is older than what was settled since */
    expect_line(render(), "tollstream_partition_lag{topic=\"tollstream.cdrs\",partition=\"3\"} 0");
}

/* Every line is a comment or a sample of the metric announced last, with a number at its end. */
static void test_format_is_well_formed(void **state)
{
    (void)state;
    char *copy = strdup(render());
    char name[128] = "";
    assert_non_null(copy);
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, "# HELP %127s", name) == 1 || strncmp(line, "# TYPE ", 7) == 0) {
            continue;
        }
        assert_int_equal(strncmp(line, name, strlen(name)), 0);
        char *end = NULL;
        const char *number = strrchr(line, ' ') + 1;
        assert_true(isdigit((unsigned char)number[0]) || number[0] == '-');
        strtold(number, &end);
        assert_int_equal(*end, '\0');
    }
    free(copy);
}

/* Made anew by running this test with TOLLSTREAM_TEST_WRITE=1. */
static void test_document_has_not_drifted(void **state)
{
    (void)state;
    const char *path = "deploy/METRICS.md";
    ts_metrics_document(&text);
    ts_replay_metrics_document(&text);
    assert_false(text.failed);
    if (getenv("TOLLSTREAM_TEST_WRITE") != NULL) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(text.data, 1, text.size, out), text.size);
        assert_int_equal(fclose(out), 0);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *stored = calloc(1, text.size + 1);
    assert_non_null(stored);
    assert_int_equal(fread(stored, 1, text.size + 1, file), text.size);
    assert_memory_equal(stored, text.data, text.size);
    free(stored);
    fclose(file);
}

static void test_replay_tells_its_numbers(void **state)
{
    (void)state;
    struct ts_replay_stats replay = {.total = 200, .read = 7, .difference_micros = -1234567};
    ts_replay_metrics_render(&replay, &text);
    ts_buffer_append_char(&text, '\0');
    assert_non_null(strstr(text.data, "\ntollstream_replay_records_in_range 200\n"));
    assert_non_null(strstr(text.data,
                           "# TYPE tollstream_replay_records_read gauge\n"
                           "tollstream_replay_records_read 7\n"));
    assert_non_null(strstr(text.data, "\ntollstream_replay_difference_micros -1234567\n"));
}

static void expect_judgement(int64_t now_ms, bool for_ready, const char *reasons)
{
    ts_buffer_clear(&text);
    bool good = ts_monitor_judge(&metrics, now_ms, for_ready, &text);
    ts_buffer_append_char(&text, '\0');
    assert_string_equal(text.data, reasons);
    assert_int_equal(good, reasons[0] == '\0');
}

static void test_health_is_progress(void **state)
{
    (void)state;
    expect_judgement(1000000, true, "");
    expect_judgement(1000000 + TS_MONITOR_UNREADY_MS - 1, true, "");
    stats[0].last_progress_ms = 1000000 + TS_MONITOR_STALL_MS;
    expect_judgement(
        1000000 + TS_MONITOR_UNREADY_MS, true, "worker 1 has made no progress for 15 s\n");
    expect_judgement(1000000 + TS_MONITOR_UNREADY_MS, false, "");
    expect_judgement(
        1000000 + TS_MONITOR_STALL_MS, false, "worker 1 has made no progress for 60 s\n");
}

static void test_health_of_phases_and_alarms(void **state)
{
    (void)state;
    stats[0].phase = TS_PHASE_REOPENING;
    expect_judgement(1000000, false, "");
    expect_judgement(1000000, true, "worker 0 is not connected yet\n");
    stats[0].phase = TS_PHASE_STOPPED;
    expect_judgement(1000000, false, "worker 0 has stopped: see the log\n");
    stats[0].phase = TS_PHASE_RUNNING;
    stats[1].lanes[0].input = TS_INPUT_CDRS;
    stats[1].lanes[0].partition = 4;
    stats[1].lanes[0].stopped = 1;
    expect_judgement(
        1000000, false, "tollstream.cdrs partition 4 is stopped by an alarm: see the log\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counters_are_summed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_histograms_are_cumulative, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_format_is_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_document_has_not_drifted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replay_tells_its_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_health_is_progress, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_health_of_phases_and_alarms, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
