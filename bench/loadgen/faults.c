/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/faults.h"

#include "core/attributes.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

enum { LARGE = 70000, ATTRIBUTES = 33 };

static void answer(struct ts_cdr *cdr)
{
    if (!cdr->has_answer) {
        cdr->has_answer = true;
        cdr->answer_ms = cdr->end_ms;
        cdr->disposition = TS_DISPOSITION_ANSWERED;
    }
}

static void many_attributes(struct lg_call *call)
{
    ts_buffer_clear(&call->attributes);
    for (int i = 0; i < ATTRIBUTES; i++) {
        char name[2] = {'a', (char)('A' + i)};
        ts_attributes_append(&call->attributes, (struct ts_bytes){name, 2}, TS_LITERAL("x"));
    }
    ts_attributes_end(&call->attributes);
    call->cdr.attributes =
        (struct ts_cdr_attributes){ts_buffer_bytes(&call->attributes), ATTRIBUTES};
}

static void spoil_text(enum lg_fault fault, struct lg_call *call)
{
    static char large[LARGE]; /* zeros: text is not judged before length */
    struct ts_cdr *cdr = &call->cdr;
    switch (fault) {
    case LG_FAULT_NO_CDR_ID:
        cdr->cdr_id = TS_LITERAL("");
        break;
    case LG_FAULT_NO_TO_NUMBER:
        cdr->to_number = TS_LITERAL("");
        break;
    case LG_FAULT_LONG_SOURCE:
        cdr->source =
            TS_LITERAL("a-switch-with-a-name-that-nobody-would-give-it-if-it-were-not-a-test");
        break;
    case LG_FAULT_MANY_ATTRIBUTES:
        many_attributes(call);
        break;
    case LG_FAULT_LARGE_RECORD:
        cdr->call_id = (struct ts_bytes){large, sizeof large};
        break;
    case LG_FAULT_CONTROL_CHARACTER:
        cdr->department = TS_LITERAL("Sales\x07");
        break;
    case LG_FAULT_BAD_UTF8:
        cdr->user_name = TS_LITERAL("Zo\xeb");
        break;
    case LG_FAULT_LETTERS_IN_NUMBER:
        cdr->to_number = TS_LITERAL("+1800FLOWERS");
        break;
    case LG_FAULT_LONG_NUMBER:
        cdr->to_number = TS_LITERAL("+1234567890123456789012345678901234567890");
        break;
    case LG_FAULT_UNKNOWN_ACCOUNT:
        cdr->account_id = TS_LITERAL("office-nobody-knows");
        break;
    default:
        break;
    }
}

static void spoil_numbers(enum lg_fault fault, struct ts_cdr *cdr)
{
    switch (fault) {
    case LG_FAULT_YEAR_1970:
        cdr->start_ms = 0;
        break;
    case LG_FAULT_YEAR_2100:
        cdr->end_ms = INT64_C(4102444800000);
        break;
    case LG_FAULT_ENDS_BEFORE_START:
        cdr->end_ms = cdr->start_ms - 60000;
        break;
    case LG_FAULT_NEGATIVE_DURATION:
        cdr->duration_ms = -1;
        break;
    case LG_FAULT_ENDLESS_DURATION:
        answer(cdr);
        cdr->duration_ms = 8 * DAY_MS;
        break;
    case LG_FAULT_WRONG_DURATION:
        answer(cdr);
        cdr->duration_ms += 60000;
        break;
    case LG_FAULT_WRONG_DISPOSITION:
        answer(cdr);
        cdr->disposition = TS_DISPOSITION_BUSY;
        break;
    case LG_FAULT_UNANSWERED_WITH_PAGES:
        cdr->has_answer = false;
        cdr->disposition = TS_DISPOSITION_NO_ANSWER;
        cdr->duration_ms = 0;
        cdr->pages = 2;
        break;
    case LG_FAULT_PAGES_ON_VOICE:
        answer(cdr);
        cdr->service = TS_SERVICE_VOICE;
        cdr->disposition = TS_DISPOSITION_ANSWERED;
        cdr->pages = 1;
        break;
    case LG_FAULT_NEGATIVE_PAGES:
        answer(cdr);
        cdr->pages = -1;
        break;
    case LG_FAULT_CONFLICT:
        answer(cdr);
        cdr->duration_ms += 1000;
        cdr->end_ms += 1000;
        break;
    default:
        break;
    }
}

void lg_fault_spoil_call(enum lg_fault fault, struct lg_call *call)
{
    spoil_text(fault, call);
    spoil_numbers(fault, &call->cdr);
}

void lg_fault_spoil_message(enum lg_fault fault, struct lg_random *random, struct ts_buffer *value)
{
    switch (fault) {
    case LG_FAULT_TRUNCATED:
        value->size = 1 + lg_random_below(random, value->size - 1);
        break;
    case LG_FAULT_TRAILING_BYTES:
        ts_buffer_append_text(value, "more");
        break;
    case LG_FAULT_NO_MARKER:
        value->data[0] = '{';
        break;
    case LG_FAULT_UNKNOWN_SCHEMA:
        memset(value->data + 2, 0x5a, 8);
        break;
    case LG_FAULT_UNKNOWN_SCHEMA_ID:
        memcpy(value->data, "\0\0\0\x01\x02", 5);
        break;
    default:
        break;
    }
}
