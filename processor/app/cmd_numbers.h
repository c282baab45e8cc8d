/* SPDX-License-Identifier: Apache-2.0 */
/* `tollstream numbers`: region and type of phone numbers, by the plan that rating uses. */
#ifndef TS_APP_CMD_NUMBERS_H
#define TS_APP_CMD_NUMBERS_H

#include <stdbool.h>
#include <stdio.h>

struct ts_error;
struct ts_numbering;

/* `tollstream numbers [FILE]`; argv[0] is "numbers". Returns the exit status. */
int ts_cmd_numbers(int argc, char **argv);

/* For each line of in one line "number,region,type" on out, in order. False with err set when
 * reading or writing fails. */
bool ts_numbers_print(const struct ts_numbering *plan, FILE *in, FILE *out, struct ts_error *err);

#endif
