/* SPDX-License-Identifier: Apache-2.0 */
/* The library's complaints, fit to be shown: they quote the input, whatever it is. For
 * adapters/json/ only. */
#ifndef TS_ADAPTERS_JSON_JSON_PROBLEM_H
#define TS_ADAPTERS_JSON_JSON_PROBLEM_H

struct json_error_t;

enum { TS_JSON_PROBLEM_MAX = 140 };

/* "string or '}' expected near '\x02'": always text, cut when too long. Returns `out`. */
const char *ts_json_problem(const struct json_error_t *error, char out[TS_JSON_PROBLEM_MAX]);

#endif
