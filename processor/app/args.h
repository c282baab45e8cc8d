/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of a command, parsed by its row of the command table. Options may stand anywhere;
 * "--" ends them. Everything wrong is told on stderr with what would be right. */
#ifndef TS_APP_ARGS_H
#define TS_APP_ARGS_H

#include "app/cli.h"
#include "app/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TS_ARGS_OPTIONS_MAX = 32, TS_ARGS_REPEATED_MAX = 8 };

struct ts_args {
    const struct ts_cli_command *command;
    const struct ts_cli_action *action; /* NULL when the command has none */
    char **operands;                    /* in argv, in order */
    size_t operand_count;
    const char *values[TS_ARGS_OPTIONS_MAX]; /* by option; a flag's is "" */

    /* Values, in order, of the one option of a command that may be given several times: its value
     * is written with "..." in the table. */
    const char *repeated[TS_ARGS_REPEATED_MAX];
    size_t repeated_count;
};

/* Reorders argv. False after telling what is wrong. */
bool ts_args_parse(struct ts_args *args, const char *command, int argc, char **argv);

/* NULL when the option was not given. Asking for one that is not in the table is our own bug. */
const char *ts_args_value(const struct ts_args *args, const char *option);
bool ts_args_flag(const struct ts_args *args, const char *option);
bool ts_args_action_is(const struct ts_args *args, const char *name);

/* False after telling that the value is not a whole number from min to max; `*out` is untouched
 * when the option was not given. */
bool ts_args_number(
    const struct ts_args *args, const char *option, int64_t min, int64_t max, int64_t *out);

/* False after telling, unless there are from min to max operands. */
bool ts_args_count(const struct ts_args *args, size_t min, size_t max);

/* --format, --json; the table when neither was given. False after telling. */
bool ts_args_format(const struct ts_args *args, enum ts_format *out);

/* Tells on stderr: "tollstream NAME: text", and where the help is. Returns TS_EXIT_USAGE. */
int ts_args_refuse(const struct ts_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
