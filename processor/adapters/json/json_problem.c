/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/json_problem.h"

#include "base/utf8.h"

#include <jansson.h>

#include <string.h>

const char *ts_json_problem(const json_error_t *error, char out[TS_JSON_PROBLEM_MAX])
{
    ts_utf8_quote(ts_bytes_of(error->text), out, TS_JSON_PROBLEM_MAX);
    size_t inner = strlen(out) - 2; /* within the quotes */
    memmove(out, out + 1, inner);
    out[inner] = '\0';
    return out;
}
