/* SPDX-License-Identifier: Apache-2.0 */
#include "app/calculator.h"

#include "adapters/json/cdr_json.h"
#include "app/json_text.h"
#include "app/lines.h"
#include "base/assert.h"
#include "base/buffer.h"
#include "core/explain.h"
#include "core/money.h"
#include "core/validate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_SIZE_MAX =
        1024 * 1024, /* read whole, to know whose CDR is too long; longer ones are not */
    ANSWER_SIZE_MAX = 16 * 1024 * 1024,
    MESSAGE_MAX = 300,
    LINES_A_LOOK = 1024, /* at the clock, for progress */
};

static_assert(MESSAGE_MAX >= (int)TS_VALIDATE_MESSAGE_MAX &&
                  MESSAGE_MAX >= (int)TS_RATING_MESSAGE_MAX,
              "a message fits");

struct session {
    const struct ts_calculator *calculator;
    struct ts_json_cdr_reader *reader;
    struct ts_buffer answer;
    struct ts_buffer steps;
};

static void append_key(struct ts_buffer *out, const char *key, struct ts_bytes value)
{
    ts_buffer_append_char(out, out->size == 0 ? '{' : ',');
    ts_json_append_string(out, ts_bytes_of(key));
    ts_buffer_append_char(out, ':');
    ts_json_append_string(out, value);
}

static void append_number(struct ts_buffer *out, const char *key, int64_t value)
{
    ts_buffer_append_char(out, ',');
    ts_json_append_string(out, ts_bytes_of(key));
    ts_buffer_append_char(out, ':');
    ts_buffer_append_i64(out, value);
}

static void append_error(struct session *session,
                         struct ts_bytes cdr_id,
                         const char *error,
                         const char *message)
{
    append_key(&session->answer, "cdr_id", cdr_id);
    append_key(&session->answer, "error", ts_bytes_of(error));
    append_key(&session->answer, "message", ts_bytes_of(message));
}

static void
append_price(struct session *session, const struct ts_cdr *cdr, const struct ts_rating *rating)
{
    struct ts_buffer *out = &session->answer;
    char charge[TS_MONEY_TEXT_MAX];
    char rate[TS_MONEY_TEXT_MAX];
    ts_money_format_micros(rating->charge_micros, charge);
    ts_money_format_e8(rating->rate_e8, rate);
    append_key(out, "cdr_id", cdr->cdr_id);
    append_key(out, "category", ts_bytes_of(ts_category_name(rating->category)));
    append_key(out, "region", ts_bytes_of(rating->region));
    append_key(out, "prefix", rating->prefix);
    append_number(out, "quantity", rating->quantity);
    append_number(out, "billed", rating->billed);
    append_key(out, "unit", ts_bytes_of(ts_unit_name(rating->unit)));
    append_key(out, "charge", ts_bytes_of(charge));
    append_key(out, "currency", ts_bytes_of(session->calculator->currency));
    append_key(out, "rate", ts_bytes_of(rate));
}

static void add_step(void *self, const char *text)
{
    struct session *session = self;
    ts_buffer_append_char(&session->steps, session->steps.size == 0 ? '[' : ',');
    ts_json_append_string(&session->steps, ts_bytes_of(text));
}

static void price(struct session *session, const struct ts_cdr *cdr)
{
    const struct ts_calculator *calculator = session->calculator;
    struct ts_explain explain = {.step = add_step, .self = session};
    struct ts_rating rating;
    char message[MESSAGE_MAX] = "";
    ts_catalog_explain(calculator->catalog,
                       &calculator->profile,
                       cdr,
                       calculator->explain ? &explain : NULL,
                       &rating,
                       message);
    if (rating.reason == TS_REASON_NONE) {
        append_price(session, cdr, &rating);
    } else {
        append_error(session, cdr->cdr_id, ts_reason_name(rating.reason), message);
    }
}

static void answer(struct session *session, struct ts_bytes line)
{
    static const struct ts_validate_limits limits = {
        .now_ms = TS_VALIDATE_NO_CLOCK,
        .duration_tolerance_ms = TS_DURATION_TOLERANCE_MS_DEFAULT,
    };
    struct ts_cdr cdr;
    enum ts_reason reason = TS_REASON_NONE;
    char message[MESSAGE_MAX] = "";
    enum ts_json_cdr_status status =
        ts_json_cdr_read(session->reader, line, &cdr, &reason, message, sizeof message);
    if (status == TS_JSON_CDR_GOOD) {
        reason = ts_cdr_validate(&cdr, &limits, message, sizeof message);
    }
    if (status == TS_JSON_CDR_MALFORMED) {
        append_error(session, (struct ts_bytes){NULL, 0}, "malformed_json", message);
    } else if (reason != TS_REASON_NONE) {
        append_error(session, cdr.cdr_id, ts_reason_name(reason), message);
    } else {
        price(session, &cdr);
    }
    if (session->steps.size > 0) {
        ts_buffer_append_text(&session->answer, ",\"steps\":");
        ts_buffer_append_bytes(&session->answer, ts_buffer_bytes(&session->steps));
        ts_buffer_append_char(&session->answer, ']');
    }
    ts_buffer_append_text(&session->answer, "}\n");
}

static bool is_blank(struct ts_bytes line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (strchr(" \t\r", line.data[i]) == NULL || line.data[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* Writes the answer to one line, if it needs one. */
static bool take_line(struct session *session, struct ts_bytes line, bool too_long, FILE *out)
{
    struct ts_buffer *text = &session->answer;
    if (!too_long && is_blank(line)) {
        return true;
    }
    ts_buffer_clear(text);
    ts_buffer_clear(&session->steps);
    if (too_long) {
        append_error(session,
                     (struct ts_bytes){NULL, 0},
                     ts_reason_name(TS_REASON_FIELD_TOO_LONG),
                     "record: more than 65536 bytes");
        ts_buffer_append_text(text, "}\n");
    } else {
        answer(session, line);
    }
    if (text->failed || session->steps.failed) {
        errno = ENOMEM;
        return false;
    }
    return fwrite(text->data, 1, text->size, out) == text->size;
}

static bool run(struct session *session, struct ts_lines *lines, FILE *out, struct ts_error *err)
{
    struct ts_progress *progress = session->calculator->progress;
    struct ts_bytes line = {NULL, 0};
    for (;;) {
        enum ts_lines_status status = ts_lines_next(lines, &line);
        if (status == TS_LINES_FAILED) {
            return ts_error_set(
                err, TS_ERROR_FATAL, 0, "cannot read the CDRs: %s", strerror(errno));
        }
        bool ended = status == TS_LINES_END;
        if (ended ? fflush(out) != 0
                  : !take_line(session, line, status == TS_LINES_TOO_LONG, out)) {
            return ts_error_set(
                err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
        }
        if (ended) {
            return true;
        }
        if (progress != NULL && lines->number % LINES_A_LOOK == 0) {
            ts_progress_tell(progress, lines->bytes_read, lines->number);
        }
    }
}

bool ts_calculator_run(const struct ts_calculator *calculator,
                       FILE *in,
                       FILE *out,
                       struct ts_error *err)
{
    struct session session = {.calculator = calculator, .reader = ts_json_cdr_reader_create(err)};
    struct ts_lines lines;
    if (session.reader == NULL) {
        return false;
    }
    ts_buffer_init(&session.answer, ANSWER_SIZE_MAX);
    ts_buffer_init(&session.steps, ANSWER_SIZE_MAX);
    bool good = ts_lines_init(&lines, in, LINE_SIZE_MAX) ? run(&session, &lines, out, err)
                                                         : ts_error_no_memory(err);
    ts_lines_finish(&lines);
    ts_buffer_finish(&session.answer);
    ts_buffer_finish(&session.steps);
    ts_json_cdr_reader_destroy(session.reader);
    return good;
}
