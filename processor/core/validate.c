/* SPDX-License-Identifier: Apache-2.0 */
/* One function a reason, asked in the order of the reasons. The good record is the common one:
 * nothing is formatted until something is wrong. */
#include "core/validate.h"

#include "base/utf8.h"
#include "core/attributes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)
#define TIME_MIN_MS INT64_C(946684800000)                /* 2000-01-01T00:00:00Z */
#define TIME_MAX_WITHOUT_CLOCK_MS INT64_C(4102444800000) /* 2100-01-01T00:00:00Z */
#define DURATION_MAX_MS (7 * DAY_MS)
#define EARLY_MS 1000 /* switches that truncate: an end may be early by less than this */

enum { QUOTE_MAX = 100, NUMBER_DIGITS_MIN = 3, NUMBER_DIGITS_MAX = 15, SHORT_NUMBER_MAX = 8 };

struct text_rule {
    const char *name;
    size_t offset;
    size_t size_max; /* 0: only the record's own limit */
    bool required;
};

#define TEXT(field, size_max, required)                                                            \
    {                                                                                              \
#field, offsetof(struct ts_cdr, field), size_max, required                                 \
    }

/* from_number and to_number have rules of their own for presence and length. */
static const struct text_rule text_rules[] = {
    TEXT(cdr_id, TS_CDR_ID_MAX, true),
    TEXT(source, TS_CDR_ID_MAX, true),
    TEXT(account_id, TS_CDR_ID_MAX, true),
    TEXT(call_id, 0, false),
    TEXT(user_id, TS_CDR_NAME_MAX, false),
    TEXT(user_name, TS_CDR_NAME_MAX, false),
    TEXT(department, TS_CDR_NAME_MAX, false),
    TEXT(from_number, 0, false),
    TEXT(to_number, 0, true),
    TEXT(origin_country, 0, false),
};
enum { TEXT_RULE_COUNT = sizeof text_rules / sizeof text_rules[0] };

/* Where a check puts its text, if anybody wants it. */
struct complaint {
    char *message;
    size_t size;
};

static inline struct ts_bytes text_of(const struct ts_cdr *cdr, const struct text_rule *rule)
{
    return *(const struct ts_bytes *)(const void *)((const char *)cdr + rule->offset);
}

__attribute__((format(printf, 2, 3))) static bool
complain(const struct complaint *out, const char *format, ...)
{
    if (out->message != NULL && out->size > 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(out->message, out->size, format, arguments);
        va_end(arguments);
    }
    return true;
}

static bool missing_field(const struct ts_cdr *cdr, const struct complaint *out)
{
    for (size_t i = 0; i < TEXT_RULE_COUNT; i++) {
        if (text_rules[i].required && text_of(cdr, &text_rules[i]).size == 0) {
            return complain(out, "%s: empty", text_rules[i].name);
        }
    }
    if (cdr->from_number.size == 0 && cdr->direction != TS_DIRECTION_INBOUND) {
        return complain(out, "from_number: empty (only an INBOUND call may have no caller)");
    }
    return false;
}

static bool field_too_long(const struct ts_cdr *cdr, const struct complaint *out)
{
    char quoted[QUOTE_MAX];
    for (size_t i = 0; i < TEXT_RULE_COUNT; i++) {
        const struct text_rule *rule = &text_rules[i];
        struct ts_bytes text = text_of(cdr, rule);
        if (rule->size_max != 0 && text.size > rule->size_max) {
            return complain(out,
                            "%s: %s has %zu bytes, at most %zu are allowed",
                            rule->name,
                            ts_utf8_quote(text, quoted, sizeof quoted),
                            text.size,
                            rule->size_max);
        }
    }
    if (cdr->from_number.size > TS_CDR_ID_MAX && cdr->direction != TS_DIRECTION_OUTBOUND) {
        return complain(out,
                        "from_number: %s has %zu bytes, at most %d are allowed",
                        ts_utf8_quote(cdr->from_number, quoted, sizeof quoted),
                        cdr->from_number.size,
                        TS_CDR_ID_MAX);
    }
    if (cdr->attributes.count > TS_CDR_ATTRIBUTES_MAX) {
        return complain(out,
                        "attributes: %" PRIu32 " entries, at most %d are allowed",
                        cdr->attributes.count,
                        TS_CDR_ATTRIBUTES_MAX);
    }
    if (cdr->encoded_size > TS_CDR_ENCODED_MAX) {
        return complain(out,
                        "record: %zu bytes, at most %d are allowed",
                        cdr->encoded_size,
                        TS_CDR_ENCODED_MAX);
    }
    return false;
}

static bool invalid_attributes(const struct ts_cdr *cdr, const struct complaint *out)
{
    struct ts_attributes_walk walk;
    struct ts_bytes name;
    struct ts_bytes value;
    ts_attributes_walk_init(&walk, &cdr->attributes);
    while (ts_attributes_next(&walk, &name, &value)) {
        char quoted_name[QUOTE_MAX / 2];
        char quoted[QUOTE_MAX];
        if (!ts_utf8_is_text(name) || !ts_utf8_is_text(value)) {
            return complain(out,
                            "attributes: %s: %s is not UTF-8 without control characters",
                            ts_utf8_quote(name, quoted_name, sizeof quoted_name),
                            ts_utf8_quote(value, quoted, sizeof quoted));
        }
    }
    return false;
}

static bool invalid_text(const struct ts_cdr *cdr, const struct complaint *out)
{
    for (size_t i = 0; i < TEXT_RULE_COUNT; i++) {
        struct ts_bytes text = text_of(cdr, &text_rules[i]);
        if (!ts_utf8_is_text(text)) {
            char quoted[QUOTE_MAX];
            return complain(out,
                            "%s: %s is not UTF-8 without control characters",
                            text_rules[i].name,
                            ts_utf8_quote(text, quoted, sizeof quoted));
        }
    }
    return cdr->attributes.count > 0 && invalid_attributes(cdr, out);
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* '+' and 3 to 15 digits, or 1 to 8 of 0-9 * #. */
static bool is_number(struct ts_bytes number)
{
    if (number.size > 0 && number.data[0] == '+') {
        size_t digits = number.size - 1;
        if (digits < NUMBER_DIGITS_MIN || digits > NUMBER_DIGITS_MAX) {
            return false;
        }
        for (size_t i = 1; i < number.size; i++) {
            if (!is_digit(number.data[i])) {
                return false;
            }
        }
        return true;
    }
    if (number.size < 1 || number.size > SHORT_NUMBER_MAX) {
        return false;
    }
    for (size_t i = 0; i < number.size; i++) {
        char c = number.data[i];
        if (!is_digit(c) && c != '*' && c != '#') {
            return false;
        }
    }
    return true;
}

static bool invalid_number(const struct ts_cdr *cdr, const struct complaint *out)
{
    const char *name = "from_number";
    struct ts_bytes number = cdr->from_number;
    if (cdr->direction != TS_DIRECTION_OUTBOUND || is_number(number)) {
        name = "to_number";
        number = cdr->to_number;
        if (is_number(number)) {
            return false;
        }
    }
    char quoted[QUOTE_MAX];
    return complain(out,
                    "%s: %s is neither '+' and %d to %d digits nor a short number of 1 to %d of "
                    "0-9 * #",
                    name,
                    ts_utf8_quote(number, quoted, sizeof quoted),
                    NUMBER_DIGITS_MIN,
                    NUMBER_DIGITS_MAX,
                    SHORT_NUMBER_MAX);
}

static bool time_out_of_range(const struct ts_cdr *cdr,
                              const struct ts_validate_limits *limits,
                              const struct complaint *out)
{
    bool clock = limits->now_ms != TS_VALIDATE_NO_CLOCK;
    int64_t max = clock ? limits->now_ms + DAY_MS : TIME_MAX_WITHOUT_CLOCK_MS;
    const char *name = "start_time";
    int64_t time = cdr->start_ms;
    if (time >= TIME_MIN_MS && time <= max) {
        name = "answer_time";
        time = cdr->has_answer ? cdr->answer_ms : TIME_MIN_MS;
    }
    if (time >= TIME_MIN_MS && time <= max) {
        name = "end_time";
        time = cdr->end_ms;
    }
    if (time >= TIME_MIN_MS && time <= max) {
        return false;
    }
    return complain(out,
                    "%s: %" PRId64 " (ms since the epoch) is before 2000 or after %s",
                    name,
                    time,
                    clock ? "one day ahead of the processor's clock" : "2100");
}

/* Only called with times in range, so that sums and differences don't overflow. */
static bool time_order(const struct ts_cdr *cdr, const struct complaint *out)
{
    if (cdr->has_answer && cdr->answer_ms + EARLY_MS <= cdr->start_ms) {
        return complain(out,
                        "answer_time: %" PRId64 " is %" PRId64 " ms before start_time",
                        cdr->answer_ms,
                        cdr->start_ms - cdr->answer_ms);
    }
    int64_t before = cdr->has_answer ? cdr->answer_ms : cdr->start_ms;
    if (cdr->end_ms + EARLY_MS <= before) {
        return complain(out,
                        "end_time: %" PRId64 " is %" PRId64 " ms before %s",
                        cdr->end_ms,
                        before - cdr->end_ms,
                        cdr->has_answer ? "answer_time" : "start_time");
    }
    return false;
}

static bool duration_out_of_range(const struct ts_cdr *cdr, const struct complaint *out)
{
    if (cdr->duration_ms >= 0 && cdr->duration_ms <= DURATION_MAX_MS) {
        return false;
    }
    return complain(out, "duration_ms: %" PRId64 " is not from 0 to 7 days", cdr->duration_ms);
}

static bool duration_mismatch(const struct ts_cdr *cdr,
                              const struct ts_validate_limits *limits,
                              const struct complaint *out)
{
    if (!cdr->has_answer) {
        return false;
    }
    int64_t elapsed = cdr->end_ms - cdr->answer_ms;
    int64_t off = cdr->duration_ms - elapsed;
    if ((off < 0 ? -off : off) <= limits->duration_tolerance_ms) {
        return false;
    }
    return complain(out,
                    "duration_ms: %" PRId64 " is not within %" PRId64
                    " ms of end_time - answer_time = %" PRId64,
                    cdr->duration_ms,
                    limits->duration_tolerance_ms,
                    elapsed);
}

static bool answer_mismatch(const struct ts_cdr *cdr, const struct complaint *out)
{
    if (cdr->has_answer) {
        /* A fax that broke off after the answer is billed for what passed. */
        if (cdr->disposition == TS_DISPOSITION_ANSWERED ||
            (cdr->disposition == TS_DISPOSITION_FAILED && cdr->service == TS_SERVICE_FAX)) {
            return false;
        }
        return complain(
            out, "disposition: %s with answer_time set", ts_disposition_name(cdr->disposition));
    }
    if (cdr->disposition == TS_DISPOSITION_ANSWERED) {
        return complain(out, "disposition: ANSWERED without answer_time");
    }
    if (cdr->duration_ms != 0) {
        return complain(out, "duration_ms: %" PRId64 " without answer_time", cdr->duration_ms);
    }
    if (cdr->pages != 0) {
        return complain(out, "pages: %" PRId32 " without answer_time", cdr->pages);
    }
    return false;
}

static bool invalid_pages(const struct ts_cdr *cdr, const struct complaint *out)
{
    if (cdr->pages < 0) {
        return complain(out, "pages: %" PRId32 " is negative", cdr->pages);
    }
    if (cdr->pages > 0 && cdr->service != TS_SERVICE_FAX) {
        return complain(
            out, "pages: %" PRId32 " on service %s", cdr->pages, ts_service_name(cdr->service));
    }
    return false;
}

enum ts_reason ts_cdr_validate(const struct ts_cdr *cdr,
                               const struct ts_validate_limits *limits,
                               char *message,
                               size_t message_size)
{
    struct complaint out = {message, message_size};
    if (missing_field(cdr, &out)) {
        return TS_REASON_MISSING_FIELD;
    }
    if (field_too_long(cdr, &out)) {
        return TS_REASON_FIELD_TOO_LONG;
    }
    if (invalid_text(cdr, &out)) {
        return TS_REASON_INVALID_TEXT;
    }
    if (invalid_number(cdr, &out)) {
        return TS_REASON_INVALID_NUMBER;
    }
    if (time_out_of_range(cdr, limits, &out)) {
        return TS_REASON_TIME_OUT_OF_RANGE;
    }
    if (time_order(cdr, &out)) {
        return TS_REASON_TIME_ORDER;
    }
    if (duration_out_of_range(cdr, &out)) {
        return TS_REASON_DURATION_OUT_OF_RANGE;
    }
    if (duration_mismatch(cdr, limits, &out)) {
        return TS_REASON_DURATION_MISMATCH;
    }
    if (answer_mismatch(cdr, &out)) {
        return TS_REASON_ANSWER_MISMATCH;
    }
    return invalid_pages(cdr, &out) ? TS_REASON_INVALID_PAGES : TS_REASON_NONE;
}
