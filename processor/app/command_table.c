/* SPDX-License-Identifier: Apache-2.0 */
#include "app/command.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
#define CONFIG                                                                                     \
    {                                                                                              \
        "config", "FILE", "settings; default $TOLLSTREAM_CONFIG, else ./tollstream.yaml"           \
    }
#define JSON                                                                                       \
    {                                                                                              \
        "json", NULL, "the same as --format json"                                                  \
    }

#ifdef TS_HAVE_CMD_RUN
static const struct ts_option config_only[] = {CONFIG, END};
#endif

static const struct ts_option check_config_options[] = {
    CONFIG,
    {"example", NULL, "print all settings at their defaults, with help, as a settings file"},
    {"format", "yaml|table|csv|json", "how to print; default yaml"},
    JSON,
    END};

#ifdef TS_HAVE_CMD_RATE
static const struct ts_option rate_options[] = {
    {"deck", "DECK.csv", "the rate deck"},
    {"base", "DECK.csv...", "deck of the base plan, of that one's base plan, and so on"},
    {"account", "FILE.json", "country, timezone, local_zone, emergency_numbers; default US"},
    {"timezone", "ZONE", "of the decks' days and times; default UTC"},
    {"currency", "CODE", "default USD"},
    {"decimals", "0..6", "of a charge; default 6"},
    {"rounding", "half_up|up|down|half_even", "of a charge; default half_up"},
    {"explain", NULL, "add the steps: rows considered, which won and why, the arithmetic"},
    END};
#endif

/* In the order in which an operator meets them. */
const struct ts_command ts_commands[] = {
#ifdef TS_HAVE_CMD_RUN
    {"run",
     "[--config FILE]",
     "process call-detail records until told to stop",
     "SIGTERM and SIGINT stop it: what is in flight is settled first, within shutdown_timeout.",
     NULL,
     config_only,
     ts_cmd_run},
#endif
    {"check-config",
     "[--config FILE] [--example]",
     "check the settings and print those in force, without secrets",
     NULL,
     NULL,
     check_config_options,
     ts_cmd_check_config},
    {"numbers",
     "[FILE]",
     "region and type of phone numbers, by the numbering plan",
     "Reads one number a line, from standard input when FILE is absent or -, and prints\n"
     "number,region,type for each, in order.",
     NULL,
     NULL,
     ts_cmd_numbers},
#ifdef TS_HAVE_CMD_RATE
    {"rate",
     "--deck DECK.csv [FILE]",
     "price call-detail records without any server",
     "Reads one JSON object a line, from standard input when FILE is absent or -, with the fields\n"
     "of a CDR, and prints one JSON object for each, in order: its price, or why it has none.",
     NULL,
     rate_options,
     ts_cmd_rate},
#endif
    {"version", "", "print the version", NULL, NULL, NULL, ts_cmd_version},
};

const size_t ts_command_count = sizeof ts_commands / sizeof *ts_commands;
