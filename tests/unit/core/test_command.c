/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "core/command.h"
#include "core/rating.h"

#include <stdio.h>
#include <string.h>

#define UNIT INT64_C(1000000)

static char message[TS_COMMAND_MESSAGE_MAX];
static char many[TS_COMMAND_TEXT_MAX + 2];

static struct ts_command command(enum ts_command_type type)
{
    struct ts_command made = {
        .type = type, .command_id = TS_LITERAL("c-1"), .account_id = TS_LITERAL("office-1")};
    switch (type) {
    case TS_COMMAND_CREDIT_ADDED:
        made.body.credit.credit_id = TS_LITERAL("credit-1");
        made.body.credit.amount_micros = 20 * UNIT;
        break;
    case TS_COMMAND_RECHARGE_FAILED:
        made.body.failed.recharge_id = TS_LITERAL("r-1");
        made.body.failed.reason = TS_LITERAL("declined");
        break;
    case TS_COMMAND_CARD_CHARGED:
    case TS_COMMAND_CARD_CONFIRMATION:
        made.body.card.amount_micros = 370000;
        break;
    case TS_COMMAND_ADJUSTMENT:
        made.body.adjustment = (struct ts_adjustment){
            .generation = 1, .identity_hash = 77, .start_ms = 1000, .follows = 3};
        break;
    case TS_COMMAND_ACCOUNT_CHANGED:
    case TS_COMMAND_CARD_REPLACED:
    case TS_COMMAND_TIMER_DUE:
        break;
    }
    return made;
}

static void expect(const struct ts_command *judged, enum ts_reason reason, const char *about)
{
    message[0] = '\0';
    enum ts_reason found = ts_command_validate(judged, message);
    if (found != reason || strstr(message, about) == NULL) {
        fail_msg("%s \"%s\", not %s \"%s\"",
                 ts_reason_name(found),
                 message,
                 ts_reason_name(reason),
                 about);
    }
}

static void good(const struct ts_command *judged)
{
    expect(judged, TS_REASON_NONE, "");
}

static struct ts_bytes text(size_t size)
{
    memset(many, 'x', sizeof many);
    return (struct ts_bytes){many, size};
}

/* --- texts */

static void test_each_type_as_it_should_be(void **state)
{
    (void)state;
    for (int type = TS_COMMAND_CREDIT_ADDED; type <= TS_COMMAND_ADJUSTMENT; type++) {
        struct ts_command c = command((enum ts_command_type)type);
        good(&c);
        c.command_id.size = 0;
        expect(&c, TS_REASON_MISSING_FIELD, "command_id is missing");
        c = command((enum ts_command_type)type);
        c.account_id = (struct ts_bytes){NULL, 0};
        expect(&c, TS_REASON_MISSING_FIELD, "account_id is missing");
    }
}

static void test_missing(void **state)
{
    (void)state;
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    c.body.credit.credit_id.size = 0;
    expect(&c, TS_REASON_MISSING_FIELD, "credit_id");
    c = command(TS_COMMAND_CREDIT_ADDED);
    c.body.credit.kind = TS_CREDIT_RECHARGE;
    expect(&c, TS_REASON_MISSING_FIELD, "recharge_id");
    c.body.credit.recharge_id = TS_LITERAL("r-1");
    good(&c);
    c = command(TS_COMMAND_RECHARGE_FAILED);
    c.body.failed.recharge_id.size = 0;
    expect(&c, TS_REASON_MISSING_FIELD, "recharge_id");
    c = command(TS_COMMAND_RECHARGE_FAILED);
    c.body.failed.reason.size = 0; /* nobody has to say why */
    good(&c);
}

static void test_sizes(void **state)
{
    (void)state;
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    c.command_id = text(TS_COMMAND_ID_MAX);
    c.account_id = text(TS_ACCOUNT_ID_MAX);
    c.body.credit.credit_id = text(TS_COMMAND_ID_MAX);
    c.body.credit.recharge_id = text(TS_COMMAND_ID_MAX);
    c.issued_by = text(TS_COMMAND_TEXT_MAX);
    c.note = text(TS_COMMAND_TEXT_MAX);
    good(&c);
    struct ts_command long_one = c;
    long_one.command_id.size++;
    expect(&long_one, TS_REASON_FIELD_TOO_LONG, "command_id has 129 bytes, more than 128");
    long_one = c;
    long_one.account_id.size++;
    expect(&long_one, TS_REASON_FIELD_TOO_LONG, "account_id has 65 bytes");
    long_one = c;
    long_one.body.credit.recharge_id.size++;
    expect(&long_one, TS_REASON_FIELD_TOO_LONG, "recharge_id");
    long_one = c;
    long_one.note.size++;
    expect(&long_one, TS_REASON_FIELD_TOO_LONG, "note has 257 bytes");
    c = command(TS_COMMAND_ACCOUNT_CHANGED);
    c.body.change.timezone = text(TS_ZONE_NAME_MAX);
    expect(&c, TS_REASON_FIELD_TOO_LONG, "timezone");
}

static void test_text(void **state)
{
    (void)state;
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    c.note = TS_LITERAL("Gutschrift, grüne Woche");
    good(&c);
    c.note = TS_LITERAL("two\nlines");
    expect(&c, TS_REASON_INVALID_TEXT, "note");
    c.note = TS_LITERAL("\xff\xfe");
    expect(&c, TS_REASON_INVALID_TEXT, "note");
    c = command(TS_COMMAND_TIMER_DUE);
    c.body.timer.subject = TS_LITERAL("a\0b");
    expect(&c, TS_REASON_INVALID_TEXT, "subject");
}

/* The first of several, in the contract's order, whichever field has it. */
static void test_order(void **state)
{
    (void)state;
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    c.command_id = TS_LITERAL("\x01");
    c.note = text(TS_COMMAND_TEXT_MAX + 1);
    c.body.credit.amount_micros = 0;
    c.body.credit.credit_id.size = 0;
    expect(&c, TS_REASON_MISSING_FIELD, "credit_id");
    c.body.credit.credit_id = TS_LITERAL("credit-1");
    expect(&c, TS_REASON_FIELD_TOO_LONG, "note");
    c.note.size = 0;
    expect(&c, TS_REASON_INVALID_TEXT, "command_id");
    c.command_id = TS_LITERAL("c");
    expect(&c, TS_REASON_INVALID_COMMAND, "amount_micros");
}

/* --- amounts */

static void test_credit_amounts(void **state)
{
    (void)state;
    static const enum ts_credit_kind kinds[] = {
        TS_CREDIT_PURCHASE, TS_CREDIT_RECHARGE, TS_CREDIT_PROMOTIONAL, TS_CREDIT_REFUND};
    struct ts_command c = command(TS_COMMAND_CREDIT_ADDED);
    struct ts_command_credit *credit = &c.body.credit;
    credit->recharge_id = TS_LITERAL("r-1");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        credit->kind = kinds[i];
        credit->amount_micros = 1;
        good(&c);
        credit->amount_micros = TS_AMOUNT_MAX;
        good(&c);
        credit->amount_micros = TS_AMOUNT_MAX + 1;
        expect(&c, TS_REASON_INVALID_COMMAND, "9000000000000001 is beyond");
        credit->amount_micros = 0;
        expect(&c, TS_REASON_INVALID_COMMAND, "not above 0");
        credit->amount_micros = -1;
        expect(&c, TS_REASON_INVALID_COMMAND, "-1");
    }
    credit->kind = TS_CREDIT_ADJUSTMENT;
    good(&c);
    credit->amount_micros = -TS_AMOUNT_MAX;
    good(&c);
    credit->amount_micros = INT64_MIN;
    expect(&c, TS_REASON_INVALID_COMMAND, "beyond");
    credit->amount_micros = 0;
    expect(&c, TS_REASON_INVALID_COMMAND, "not above 0");
}

static void test_card_amounts(void **state)
{
    (void)state;
    static const enum ts_command_type types[] = {TS_COMMAND_CARD_CHARGED,
                                                 TS_COMMAND_CARD_CONFIRMATION};
    static const int64_t wrong[] = {0, -1, TS_AMOUNT_MAX + 1, INT64_MIN, INT64_MAX};
    for (int i = 0; i < 2; i++) {
        struct ts_command c = command(types[i]);
        for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++) {
            c.body.card.amount_micros = wrong[n];
            expect(&c, TS_REASON_INVALID_COMMAND, "amount_micros");
        }
    }
}

/* --- changes */

struct setting {
    enum ts_account_field field;
    const char *name;
    size_t offset; /* of an int64_t in struct ts_account_change */
};

static void test_changed_amounts(void **state)
{
    (void)state;
    static const struct setting settings[] = {
        {TS_FIELD_MONTHLY_CREDIT_CAP,
         "monthly_credit_cap_micros",
         offsetof(struct ts_account_change, monthly_credit_cap_micros)},
        {TS_FIELD_ALERT_HYSTERESIS,
         "alert_hysteresis_micros",
         offsetof(struct ts_account_change, hysteresis_micros)},
        {TS_FIELD_RECHARGE_AMOUNT,
         "auto_recharge.amount_micros",
         offsetof(struct ts_account_change, recharge_amount_micros)},
        {TS_FIELD_RECHARGE_AMOUNT_PER_MONTH_MAX,
         "auto_recharge.max_amount_per_month_micros",
         offsetof(struct ts_account_change, recharge_amount_per_month_micros_max)},
    };
    static const struct {
        int64_t value;
        bool fits;
    } values[] = {{0, true},
                  {TS_AMOUNT_MAX, true},
                  {-1, false},
                  {TS_AMOUNT_MAX + 1, false},
                  {INT64_MIN, false}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        for (size_t n = 0; n < sizeof values / sizeof values[0]; n++) {
            struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
            memcpy((char *)&c.body.change + settings[i].offset,
                   &values[n].value,
                   sizeof values[n].value);
            good(&c); /* not set: nobody looks at it */
            c.body.change.set = ts_field_bit(settings[i].field);
            expect(&c,
                   values[n].fits ? TS_REASON_NONE : TS_REASON_INVALID_COMMAND,
                   values[n].fits ? "" : settings[i].name);
        }
    }
}

/* A balance goes below zero, and so may what is asked for below. */
static void test_recharge_threshold(void **state)
{
    (void)state;
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    c.body.change.set = ts_field_bit(TS_FIELD_RECHARGE_THRESHOLD);
    static const int64_t good_ones[] = {0, -1, TS_AMOUNT_MAX, -TS_AMOUNT_MAX};
    for (size_t i = 0; i < sizeof good_ones / sizeof good_ones[0]; i++) {
        c.body.change.recharge_threshold_micros = good_ones[i];
        good(&c);
    }
    static const int64_t wrong[] = {TS_AMOUNT_MAX + 1, -TS_AMOUNT_MAX - 1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        c.body.change.recharge_threshold_micros = wrong[i];
        expect(&c, TS_REASON_INVALID_COMMAND, "auto_recharge.threshold_micros");
    }
}

static void test_changed_lists(void **state)
{
    (void)state;
    int64_t thresholds[TS_THRESHOLDS_MAX + 1] = {5, -5, 0, 1, 2, 3, 4, TS_AMOUNT_MAX, 9};
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    struct ts_account_change *change = &c.body.change;
    change->set = ts_field_bit(TS_FIELD_ALERT_THRESHOLDS);
    good(&c); /* none */
    change->thresholds = thresholds;
    change->threshold_count = TS_THRESHOLDS_MAX;
    good(&c);
    change->threshold_count++;
    expect(&c, TS_REASON_INVALID_COMMAND, "alert_thresholds_micros are more than 8");
    change->threshold_count = 4;
    thresholds[3] = -5;
    expect(&c, TS_REASON_INVALID_COMMAND, "alert_thresholds_micros -5 comes twice");
    thresholds[3] = -TS_AMOUNT_MAX - 1;
    expect(&c, TS_REASON_INVALID_COMMAND, "alert_thresholds_micros -9000000000000001 is beyond");

    int64_t amounts[TS_CREDIT_AMOUNTS_MAX + 1];
    for (int i = 0; i <= TS_CREDIT_AMOUNTS_MAX; i++) {
        amounts[i] = (i + 1) * UNIT;
    }
    c = command(TS_COMMAND_ACCOUNT_CHANGED);
    change->set = ts_field_bit(TS_FIELD_CREDIT_AMOUNTS);
    change->credit_amounts = amounts;
    change->credit_amount_count = TS_CREDIT_AMOUNTS_MAX;
    good(&c);
    change->credit_amount_count++;
    expect(&c, TS_REASON_INVALID_COMMAND, "credit_amounts_micros are more than 32");
    change->credit_amount_count = 2;
    amounts[1] = 0;
    expect(&c, TS_REASON_INVALID_COMMAND, "credit_amounts_micros 0");
}

static void test_changed_texts_and_days(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "U", "us", "USA", "U1", "\xc3\x9c"};
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    struct ts_account_change *change = &c.body.change;
    change->set = ts_field_bit(TS_FIELD_COUNTRY);
    change->country = TS_LITERAL("DE");
    good(&c);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        change->country = ts_bytes_of(wrong[i]);
        enum ts_reason reason = ts_command_validate(&c, message);
        assert_true(reason == TS_REASON_INVALID_COMMAND || reason == TS_REASON_FIELD_TOO_LONG);
        assert_non_null(strstr(message, "country"));
    }
    c = command(TS_COMMAND_ACCOUNT_CHANGED);
    change->set = ts_field_bit(TS_FIELD_INVOICE_DAY);
    for (int32_t day = -1; day <= 33; day++) {
        change->invoice_day = day;
        bool fits = day >= 1 && day <= 31;
        expect(&c, fits ? TS_REASON_NONE : TS_REASON_INVALID_COMMAND, fits ? "" : "invoice_day");
    }
}

static void test_changed_allowances(void **state)
{
    (void)state;
    struct ts_allowance_text allowances[TS_ALLOWANCES_MAX + 1];
    char names[TS_ALLOWANCES_MAX + 1][8];
    for (int i = 0; i <= TS_ALLOWANCES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "a%d", i);
        allowances[i] = (struct ts_allowance_text){.name = ts_bytes_of(names[i]),
                                                   .category = TS_LITERAL("international_outbound"),
                                                   .unit = TS_LITERAL("second"),
                                                   .units = 60};
    }
    struct ts_command c = command(TS_COMMAND_ACCOUNT_CHANGED);
    struct ts_account_change *change = &c.body.change;
    change->set = ts_field_bit(TS_FIELD_ALLOWANCES);
    good(&c); /* none */
    change->allowances = allowances;
    change->allowance_count = TS_ALLOWANCES_MAX;
    good(&c);
    change->allowance_count++;
    expect(&c, TS_REASON_INVALID_COMMAND, "allowances are more than 8");
    change->allowance_count = 2;
    allowances[1].name = TS_LITERAL("a0");
    expect(&c, TS_REASON_INVALID_COMMAND, "allowances: the name \"a0\" comes twice");
    allowances[1].category = TS_LITERAL("moon");
    expect(&c, TS_REASON_INVALID_COMMAND, "allowances: ");
}

static void test_adjustments(void **state)
{
    (void)state;
    struct ts_adjustment_units units[TS_ADJUSTMENT_UNITS_MAX + 1];
    for (int i = 0; i <= TS_ADJUSTMENT_UNITS_MAX; i++) {
        units[i] = (struct ts_adjustment_units){TS_LITERAL("talk"), i % 2 == 0 ? 60 : -60};
    }
    struct ts_command c = command(TS_COMMAND_ADJUSTMENT);
    struct ts_adjustment *adjustment = &c.body.adjustment;
    adjustment->units = units;
    adjustment->amount_micros = -20 * UNIT;
    good(&c); /* the month does not matter without units */
    adjustment->unit_count = TS_ADJUSTMENT_UNITS_MAX;
    expect(&c, TS_REASON_INVALID_COMMAND, "month 0");
    adjustment->month = 202613;
    expect(&c, TS_REASON_INVALID_COMMAND, "month 202613");
    adjustment->month = -202612;
    expect(&c, TS_REASON_INVALID_COMMAND, "month -202612");
    adjustment->month = 202612;
    good(&c);
    adjustment->unit_count++;
    expect(&c, TS_REASON_INVALID_COMMAND, "more than 16 allowances");
    adjustment->unit_count = 2;
    units[1].units = -INT64_C(2147483647);
    good(&c);
    units[1].units--;
    expect(&c, TS_REASON_INVALID_COMMAND, "units: -2147483648");
    units[1].units = INT64_MIN;
    expect(&c, TS_REASON_INVALID_COMMAND, "units: -9223372036854775808");
    units[1] = (struct ts_adjustment_units){text(TS_ALLOWANCE_NAME_MAX), 1};
    good(&c);
    units[1].allowance = text(TS_ALLOWANCE_NAME_MAX + 1);
    expect(&c, TS_REASON_INVALID_COMMAND, "no name of an allowance");
    units[1].allowance = TS_LITERAL("");
    expect(&c, TS_REASON_INVALID_COMMAND, "no name of an allowance");
    adjustment->unit_count = 0;
    adjustment->start_ms = INT64_MAX;
    expect(&c, TS_REASON_INVALID_COMMAND, "start_time");
    adjustment->start_ms = -1;
    expect(&c, TS_REASON_INVALID_COMMAND, "start_time");
    adjustment->start_ms = 0;
    adjustment->charge_micros = INT64_C(9000000000000001);
    expect(&c, TS_REASON_INVALID_COMMAND, "charge_micros");
    adjustment->charge_micros = 0;
    adjustment->follows = 0;
    expect(&c, TS_REASON_INVALID_COMMAND, "follows 0");
}

/* --- identity and fingerprint */

static void test_identity(void **state)
{
    (void)state;
    struct ts_command a = command(TS_COMMAND_CREDIT_ADDED);
    struct ts_command b = command(TS_COMMAND_CARD_REPLACED);
    b.account_id = TS_LITERAL("office-2");
    assert_true(ts_command_identity_hash(&a) != 0);
    assert_true(ts_command_identity_hash(&a) == ts_command_identity_hash(&b));
    b.command_id = TS_LITERAL("c-2");
    assert_true(ts_command_identity_hash(&a) != ts_command_identity_hash(&b));
}

/* Stored for ever: a change of these numbers would make conflicts of all repeated commands. */
static void test_fingerprints_stay(void **state)
{
    (void)state;
    static const uint64_t known[] = {
        UINT64_C(20089718163238430),
        UINT64_C(10988125176859283499),
        UINT64_C(11987655955604590750),
        UINT64_C(9680188965270913899),
        UINT64_C(4636388151362039956),
        UINT64_C(5264116645142378880),
        UINT64_C(13532984726200545911),
        UINT64_C(16029242251114585626),
    };
    for (int type = TS_COMMAND_CREDIT_ADDED; type <= TS_COMMAND_ADJUSTMENT; type++) {
        struct ts_command c = command((enum ts_command_type)type);
        assert_true(ts_command_fingerprint(&c) == known[type]);
    }
}

static void test_what_does_not_count(void **state)
{
    (void)state;
    struct ts_command a = command(TS_COMMAND_CREDIT_ADDED);
    struct ts_command b = a;
    b.command_id = TS_LITERAL("another");
    b.issued_by = TS_LITERAL("ann");
    b.note = TS_LITERAL("why not");
    assert_true(ts_command_fingerprint(&a) == ts_command_fingerprint(&b));
}

/* Every command of the list differs from every other. */
static void all_differ(const struct ts_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ts_command_fingerprint(&commands[i]) == ts_command_fingerprint(&commands[j])) {
                fail_msg("numbers %zu and %zu have one fingerprint", j, i);
            }
        }
    }
}

static void test_content_counts(void **state)
{
    (void)state;
    struct ts_command list[32];
    size_t n = 0;
    for (int type = TS_COMMAND_CREDIT_ADDED; type <= TS_COMMAND_ADJUSTMENT; type++) {
        list[n++] = command((enum ts_command_type)type);
    }
    struct ts_command credit = list[0];
#define VARIANT(of, change)                                                                        \
    do {                                                                                           \
        list[n] = (of);                                                                            \
        list[n++].change;                                                                          \
    } while (0)
    VARIANT(credit, account_id = TS_LITERAL("office-2"));
    VARIANT(credit, body.credit.credit_id = TS_LITERAL("credit-2"));
    VARIANT(credit, body.credit.amount_micros = 20 * UNIT + 1);
    VARIANT(credit, body.credit.kind = TS_CREDIT_REFUND);
    VARIANT(credit, body.credit.has_payment_method = true);
    VARIANT(credit, body.credit.recharge_id = TS_LITERAL("r-1"));
    list[n] = list[n - 2];
    list[n++].body.credit.payment_method = TS_PAYMENT_INVOICE;
    VARIANT(list[TS_COMMAND_RECHARGE_FAILED], body.failed.reason = TS_LITERAL("lost"));
    VARIANT(list[TS_COMMAND_CARD_CHARGED], body.card.amount_micros = 1);
    VARIANT(list[TS_COMMAND_CARD_CONFIRMATION], body.card.amount_micros = 1);
    VARIANT(list[TS_COMMAND_TIMER_DUE], body.timer.due_ms = 1);
    VARIANT(list[TS_COMMAND_TIMER_DUE], body.timer.timer = TS_TIMER_INVOICE);
    VARIANT(list[TS_COMMAND_TIMER_DUE], body.timer.subject = TS_LITERAL("r-1"));
    VARIANT(list[TS_COMMAND_ADJUSTMENT], body.adjustment.follows = 4);
    VARIANT(list[TS_COMMAND_ADJUSTMENT], body.adjustment.generation = 2);
    VARIANT(list[TS_COMMAND_ADJUSTMENT], body.adjustment.identity_hash = 78);
    VARIANT(list[TS_COMMAND_ADJUSTMENT], body.adjustment.amount_micros = -1);
    assert_true(n <= sizeof list / sizeof list[0]);
    all_differ(list, n);
}

static void test_changes_count(void **state)
{
    (void)state;
    static const int64_t one[] = {1};
    static const int64_t two[] = {1, 2};
    static const struct ts_allowance_text free_minutes[] = {
        {.name = TS_LITERAL("a"), .category = TS_LITERAL("*"), .units = 60},
        {.name = TS_LITERAL("a"), .category = TS_LITERAL("*"), .units = 61},
    };
    struct ts_command list[32];
    size_t n = 0;
    struct ts_command none = command(TS_COMMAND_ACCOUNT_CHANGED);
    list[n++] = none;
    for (int field = 0; field < TS_ACCOUNT_FIELD_COUNT; field++) { /* set to nothing, each */
        VARIANT(none, body.change.set = ts_field_bit((enum ts_account_field)field));
    }
    VARIANT(none, body.change.name = TS_LITERAL("n"));
    VARIANT(none, body.change.thresholds = one);
    list[n - 1].body.change.threshold_count = 1;
    VARIANT(list[n - 1], body.change.thresholds = two);
    list[n - 1].body.change.threshold_count = 2;
    VARIANT(none, body.change.credit_amounts = one);
    list[n - 1].body.change.credit_amount_count = 1;
    VARIANT(none, body.change.allowances = free_minutes);
    list[n - 1].body.change.allowance_count = 1;
    VARIANT(list[n - 1], body.change.allowances = &free_minutes[1]);
    VARIANT(none, body.change.recharge_on = true);
    VARIANT(none, body.change.status = TS_ACCOUNT_CLOSED);
#undef VARIANT
    assert_true(n <= sizeof list / sizeof list[0]);
    all_differ(list, n);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ts_command_type_name(TS_COMMAND_TIMER_DUE), "TimerDue");
    assert_string_equal(ts_credit_kind_name(TS_CREDIT_REFUND), "refund");
    assert_string_equal(ts_payment_method_name(TS_PAYMENT_CARD), "card");
    assert_string_equal(ts_payment_method_name(TS_PAYMENT_INVOICE), "invoice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_as_it_should_be),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_credit_amounts),
        cmocka_unit_test(test_card_amounts),
        cmocka_unit_test(test_changed_amounts),
        cmocka_unit_test(test_recharge_threshold),
        cmocka_unit_test(test_changed_lists),
        cmocka_unit_test(test_changed_texts_and_days),
        cmocka_unit_test(test_changed_allowances),
        cmocka_unit_test(test_adjustments),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_fingerprints_stay),
        cmocka_unit_test(test_what_does_not_count),
        cmocka_unit_test(test_content_counts),
        cmocka_unit_test(test_changes_count),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
