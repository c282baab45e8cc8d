/* SPDX-License-Identifier: Apache-2.0 */
#include "core/category.h"

enum { E164_DIGITS_MIN = 3, E164_DIGITS_MAX = 15, SHORT_NUMBER_MAX = 8 };

static bool is_international(struct ts_bytes number)
{
    if (number.size < 1 + E164_DIGITS_MIN || number.size > 1 + E164_DIGITS_MAX ||
        number.data[0] != '+') {
        return false;
    }
    for (size_t i = 1; i < number.size; i++) {
        if (number.data[i] < '0' || number.data[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool is_short(struct ts_bytes number)
{
    for (size_t i = 0; i < number.size; i++) {
        char c = number.data[i];
        if ((c < '0' || c > '9') && c != '*' && c != '#') {
            return false;
        }
    }
    return number.size >= 1 && number.size <= SHORT_NUMBER_MAX;
}

/* A short number is the account's country's; what an odd caller's is nobody knows. */
static struct ts_number_info
look_up(const struct ts_numbering *numbering, struct ts_bytes number, const char *country)
{
    struct ts_number_info info = {.region = TS_REGION_UNKNOWN, .type = TS_NUMBER_TYPE_UNKNOWN};
    if (is_international(number)) {
        return ts_numbering_lookup(numbering, number);
    }
    if (is_short(number)) {
        memcpy(info.region, country, strnlen(country, sizeof info.region - 1) + 1);
    }
    return info;
}

static bool is_world(const struct ts_number_info *info)
{
    return strcmp(info->region, TS_REGION_WORLD) == 0;
}

static bool begins_with(struct ts_bytes number, const char *head)
{
    size_t n = strlen(head);
    return number.size >= n && memcmp(number.data, head, n) == 0;
}

static bool is_unanswered(const struct ts_cdr *cdr)
{
    bool nothing_sent = cdr->service == TS_SERVICE_VOICE || cdr->pages == 0;
    return !cdr->has_answer || (cdr->duration_ms == 0 && nothing_sent);
}

struct ruling {
    enum ts_category category;
    const char *rule;
};

/* Rules 6 to 9 for a number that was called. */
static struct ruling
rule_outbound(struct ts_bytes number, const struct ts_number_info *to, bool to_is_local)
{
    if (begins_with(number, "+800") || (to_is_local && to->type == TS_NUMBER_TYPE_TOLL_FREE)) {
        return (struct ruling){TS_CATEGORY_TOLL_FREE_OUTBOUND,
                               "to a toll-free number of the local zone, or to +800"};
    }
    if (begins_with(number, "+979") || (to_is_local && to->type == TS_NUMBER_TYPE_PREMIUM_RATE)) {
        return (struct ruling){TS_CATEGORY_PREMIUM_OUTBOUND,
                               "to a premium-rate number of the local zone, or to +979"};
    }
    if (!to_is_local) {
        return (struct ruling){TS_CATEGORY_INTERNATIONAL_OUTBOUND,
                               is_world(to) ? "to a non-geographic world code"
                                            : "to a country outside the local zone"};
    }
    return (struct ruling){TS_CATEGORY_LOCAL_OUTBOUND, "to a number of the local zone"};
}

/* The first rule that fits, in the order of the contract. */
static struct ruling rule_of(const struct ts_numbering *numbering,
                             const struct ts_rate_plan *plan,
                             const char *country,
                             const struct ts_cdr *cdr,
                             const struct ts_number_info *to)
{
    bool inbound = cdr->direction == TS_DIRECTION_INBOUND;
    if (cdr->direction == TS_DIRECTION_INTERNAL) {
        return (struct ruling){TS_CATEGORY_INTERNAL, "between lines of the account"};
    }
    if (!inbound && cdr->service == TS_SERVICE_VOICE &&
        ts_rate_plan_is_emergency(plan, cdr->to_number)) {
        return (struct ruling){TS_CATEGORY_EMERGENCY, "to an emergency number"};
    }
    if (is_unanswered(cdr)) {
        return (struct ruling){TS_CATEGORY_UNANSWERED, "not answered, or nothing passed"};
    }
    if (inbound && look_up(numbering, cdr->to_number, country).type == TS_NUMBER_TYPE_TOLL_FREE) {
        return (struct ruling){TS_CATEGORY_TOLL_FREE_INBOUND,
                               "the account's own number is toll-free"};
    }
    if (cdr->service == TS_SERVICE_FAX) {
        return inbound ? (struct ruling){TS_CATEGORY_FAX_INBOUND, "a fax received"}
                       : (struct ruling){TS_CATEGORY_FAX_OUTBOUND, "a fax sent"};
    }
    if (inbound) {
        return (struct ruling){TS_CATEGORY_LOCAL_INBOUND, "received on an ordinary number"};
    }
    return rule_outbound(cdr->to_number, to, ts_rate_plan_is_local(plan, country, to->region));
}

void ts_category_of(const struct ts_numbering *numbering,
                    const struct ts_rate_plan *plan,
                    const char *country,
                    const struct ts_cdr *cdr,
                    struct ts_call_class *out)
{
    bool inbound = cdr->direction == TS_DIRECTION_INBOUND;
    struct ts_number_info other =
        look_up(numbering, inbound ? cdr->from_number : cdr->to_number, country);
    struct ruling ruling = rule_of(numbering, plan, country, cdr, &other);
    out->category = ruling.category;
    out->rule = ruling.rule;
    out->local = ts_rate_plan_is_local(plan, country, other.region);
    memcpy(out->region, other.region, sizeof out->region);
}

bool ts_category_is_inbound(enum ts_category category)
{
    return category == TS_CATEGORY_TOLL_FREE_INBOUND || category == TS_CATEGORY_FAX_INBOUND ||
           category == TS_CATEGORY_LOCAL_INBOUND;
}

bool ts_category_is_free(enum ts_category category)
{
    return category == TS_CATEGORY_INTERNAL || category == TS_CATEGORY_EMERGENCY ||
           category == TS_CATEGORY_UNANSWERED;
}

int64_t ts_category_seconds(const struct ts_cdr *cdr)
{
    return cdr->duration_ms / 1000 + (cdr->duration_ms % 1000 > 0 ? 1 : 0);
}
