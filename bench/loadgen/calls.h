/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th call: who called whom, when, for how long, as an office phone service sees it. Most
 * calls are local, internal or not answered and so cost nothing; then toll-free, international,
 * faxes, and the odd premium, emergency and short number. */
#ifndef LG_CALLS_H
#define LG_CALLS_H

#include "bench/loadgen/numbers.h"
#include "bench/loadgen/offices.h"
#include "bench/loadgen/options.h"

#include "base/buffer.h"
#include "base/error.h"
#include "core/cdr.h"

#include <stdint.h>

struct lg_calls;

/* A CDR and what its strings point into. */
struct lg_call {
    struct ts_cdr cdr;
    struct lg_office office;
    char cdr_id[24];
    char call_id[24];
    char from[LG_NUMBER_MAX];
    char to[LG_NUMBER_MAX];
    char user_id[40];
    char user_name[LG_NAME_MAX];
    struct ts_buffer attributes;
};

struct lg_calls *lg_calls_create(const struct lg_options *options,
                                 const struct lg_offices *offices,
                                 const struct lg_numbers *numbers,
                                 struct ts_error *err);
void lg_calls_destroy(struct lg_calls *calls);

void lg_call_init(struct lg_call *call);
void lg_call_finish(struct lg_call *call);

/* Fills `call` with call n; the views in its CDR live until the next. Any number of threads. */
void lg_calls_make(const struct lg_calls *calls, uint64_t n, struct lg_call *call);

#endif
