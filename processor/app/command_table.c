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
    {"version", "", "print the version", NULL, NULL, NULL, ts_cmd_version},
};

const size_t ts_command_count = sizeof ts_commands / sizeof *ts_commands;
