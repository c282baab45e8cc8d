/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
#define CONFIG                                                                                     \
    {                                                                                              \
        "config", "FILE", "settings; default $TOLLSTREAM_CONFIG, else ./tollstream.yaml"           \
    }
#define FORMAT                                                                                     \
    {                                                                                              \
        "format", "table|csv|json", "how to print; default table"                                  \
    }
#define JSON                                                                                       \
    {                                                                                              \
        "json", NULL, "the same as --format json"                                                  \
    }

static const struct ts_cli_option config_only[] = {CONFIG, END};
static const struct ts_cli_option listing[] = {CONFIG, FORMAT, JSON, END};

static const struct ts_cli_option check_config_options[] = {
    CONFIG,
    {"example", NULL, "print all settings at their defaults, with help, as a settings file"},
    {"format", "yaml|table|csv|json", "how to print; default yaml"},
    JSON,
    END};

static const struct ts_cli_action topics_actions[] = {
    {"create",
     "[--partitions N] [--replication N] [--retention TIME]",
     "make those that are missing"},
    {"list", "", "the topics of the settings, as the cluster has them"},
    END};
static const struct ts_cli_option topics_options[] = {
    CONFIG,
    {"partitions", "N", "of topics that are made; default 12"},
    {"replication", "N", "copies of each partition; default: the cluster's"},
    {"retention", "TIME", "how long records are kept, as 30d, or forever; default: the cluster's"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action decks_actions[] = {
    {"validate", "FILE…", "tell every fault and warning of rate decks, without any server"},
    {"publish", "FILE --rate-plan NAME [--effective-from TIME]", "make a deck the price from then"},
    {"list", "[--rate-plan NAME]", "published versions"},
    {"show", "VERSION", "print a published deck as it was published"},
    {"show",
     "[DECK] --number NUMBER [--rate-plan NAME] [--at TIME]",
     "which rate a call would have, and why"},
    {"diff", "DECK DECK [--summary]", "what changed from one deck to another"},
    {"import",
     "--from FORMAT FILE [--output DECK.csv]",
     "another system's rates as a deck, without any server"},
    END};
static const struct ts_cli_option decks_options[] = {
    CONFIG,
    {"rate-plan", "NAME", "whose deck it is"},
    {"effective-from", "TIME", "RFC 3339; default now, for a plan's first deck since ever"},
    {"number", "NUMBER", "called, or for inbound calls the account's own"},
    {"at", "TIME", "when the call is answered; default now"},
    {"duration", "SECONDS", "of the call; default 60"},
    {"direction", "outbound|inbound", "of the call; default outbound"},
    {"service", "voice|fax", "default voice"},
    {"license", "talk|contact_center|sell", "of who calls or is called; default talk"},
    {"origin", "COUNTRY", "where the caller is; default the account's country"},
    {"country", "COUNTRY", "the account's; default US"},
    {"summary", NULL, "of a diff: only how many rows, the mean and the largest change"},
    {"from", "FORMAT", "telnyx, telecomsxchange, astpp, cgrates or kazoo"},
    {"destinations", "FILE", "cgrates: Id,Prefix"},
    {"destination-rates", "FILE", "cgrates: Id,DestinationId,RatesTag,..."},
    {"output", "DECK.csv", "where the deck goes; default standard output"},
    {"strict", NULL, "exit 1 when anything could not be mapped"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action rate_plans_actions[] = {
    {"set", "NAME [KEY=VALUE…]", "make a rate plan or change the keys named"},
    {"list", "", "all rate plans"},
    {"show", "NAME", "every key of one"},
    END};

static const struct ts_cli_action accounts_actions[] = {
    {"import", "FILE", "insert the accounts of a file of JSON lines: all of them or none"},
    {"create", "KEY=VALUE…", "insert one account"},
    {"show", "ACCOUNT", "one account, with its live balance"},
    {"list", "[--after ACCOUNT] [--limit N]", "accounts in order of their ids"},
    {"history",
     "ACCOUNT [--from TIME] [--to TIME]",
     "every movement of the balance, in the order in which they were settled"},
    {"export", "[--output FILE]", "all accounts as JSON lines: the fields of import, and balance"},
    {"credit",
     "ACCOUNT AMOUNT [--kind KIND] [--id CREDIT_ID] [--recharge-id ID]",
     "add a credit, and tell what it did"},
    {"confirm-card", "ACCOUNT AMOUNT", "enter the amount of the card's confirmation charge"},
    {"unlock-card", "ACCOUNT", "allow two more entries after two wrong ones"},
    {"recharge", "on|off|set ACCOUNT [KEY=VALUE…]", "automatic recharge, and its settings"},
    {"set", "ACCOUNT KEY=VALUE…", "change the settings named, no others"},
    {"close", "ACCOUNT [--at TIME]", "charge no call that begins later"},
    END};
static const struct ts_cli_option accounts_options[] = {
    CONFIG,
    {"after", "ACCOUNT", "begin behind this id"},
    {"limit", "N", "at most so many; default all"},
    {"from", "TIME", "RFC 3339; only what was applied then or later"},
    {"to", "TIME", "RFC 3339; only what was applied before"},
    {"output", "FILE", "where the export goes; default standard output"},
    {"quiet", NULL, "no progress bar"},
    {"kind",
     "purchase|promotional|adjustment|refund|recharge",
     "of the credit; default promotional, with --recharge-id recharge"},
    {"id", "CREDIT_ID", "of the credit: the same is credited once, ever; default a new one"},
    {"recharge-id", "ID", "the recharge.requested that the credit answers"},
    {"at", "TIME", "RFC 3339; when the account is closed; default now"},
    {"note", "TEXT", "why; kept with the credit or the change"},
    {"operator", "NAME", "who; kept likewise; default $SUDO_USER or $USER"},
    {"timeout", "SECONDS", "how long to wait for what it does; default 30"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action invoices_actions[] = {
    {"list", "[--account ACCOUNT] [--date DATE] [--open|--billed]", "lines, by invoice date"},
    {"mark-billed",
     "--date DATE [--account ACCOUNT]",
     "the open lines of a date are on an invoice"},
    END};
static const struct ts_cli_option invoices_options[] = {
    CONFIG,
    {"account", "ACCOUNT", "only those of this account"},
    {"date", "YYYY-MM-DD", "only those of this invoice date"},
    {"open", NULL, "only those not billed yet"},
    {"billed", NULL, "only those billed"},
    {"operator", "NAME", "who marks them; default $SUDO_USER or $USER"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_option usage_options[] = {
    CONFIG,
    {"account", "ACCOUNT", "whose"},
    {"month", "YYYY-MM", "of the account's time zone; default the present one"},
    {"by", "call|day|user|department|number|country", "instead of the summary"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action events_actions[] = {
    {"tail",
     "[--account ACCOUNT] [--follow] [--from beginning|end]",
     "print what accounts were told"},
    END};
static const struct ts_cli_option events_options[] = {
    CONFIG,
    {"account", "ACCOUNT", "only those of this account"},
    {"follow", NULL, "go on with those to come, until stopped"},
    {"from", "beginning|end", "of the topic; default beginning, with --follow end"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action dead_letters_actions[] = {
    {"list", "[--open] [--reason CODE] [--account ACCOUNT] [--after ID] [--limit N]", "in order"},
    {"show", "ID", "one, with its bytes and why it was refused"},
    {"requeue",
     "ID… | --reason CODE | --account ACCOUNT",
     "put the original records back on their topic"},
    END};
static const struct ts_cli_option dead_letters_options[] = {
    CONFIG,
    {"reason", "CODE", "only those refused for it, such as no_rate"},
    {"account", "ACCOUNT", "only those of this account"},
    {"after", "ID", "begin behind this id"},
    {"open", NULL, "only those not requeued yet"},
    {"limit", "N", "at most so many; default 1000 when listing"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_action replay_actions[] = {
    {"",
     "[--from TIME] [--to TIME] [--apply [--reason TEXT]]",
     "rate a range of the topic again and show the difference"},
    {"list", "", "the replays that settled anything"},
    {"status", "GENERATION", "one of them, by number or name"},
    {"resume", "GENERATION", "go on with one that was interrupted"},
    {"revert", "GENERATION [--reason TEXT]", "post the exact opposite of what it settled"},
    END};
static const struct ts_cli_option replay_options[] = {
    CONFIG,
    {"topic", "TOPIC", "default kafka.topics.cdrs"},
    {"partitions", "N,N-N", "default all"},
    {"from", "TIME|OFFSET|beginning", "RFC 3339, epoch ms, or an offset; default beginning"},
    {"to", "TIME|OFFSET|end", "exclusive; default end: what the live stream has settled"},
    {"account", "ACCOUNT", "only calls of this account"},
    {"category", "CATEGORY", "only calls of this category, as rated now"},
    {"prefix", "DIGITS", "only calls whose matched prefix begins so"},
    {"deck-version", "N", "this version for its rate plan, whatever it is in effect"},
    {"effective-at", "TIME", "the decks in force then; default each call's, as published now"},
    {"generation", "NAME", "of what is settled; default one made of the time"},
    {"dry-run", NULL, "only show the difference: the default"},
    {"apply", NULL, "settle the difference"},
    {"allow-truncated", NULL, "replay what retention has left of the range"},
    {"max-rate", "N", "CDRs to read a second; 0: no limit; default 20000 with --apply, else 0"},
    {"max-lag",
     "N",
     "with --apply: wait while the live stream is so many CDRs behind; default 50000"},
    {"sample", "N", "changed calls to show, with why they cost what they cost"},
    {"top", "N", "accounts and prefixes to show; default 20 in a table, else all"},
    {"report", "FILE", "write the whole report there too, as JSON"},
    {"listen", "ADDRESS:PORT", "/metrics of the replay, while it runs; no authentication"},
    {"operator", "NAME", "who; kept with every adjustment; default $SUDO_USER or $USER"},
    {"reason", "TEXT", "why; kept likewise; default none"},
    {"timeout", "SECONDS", "how long to wait until all is settled; default 600"},
    {"quiet", NULL, "no progress line"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_option audit_options[] = {
    CONFIG,
    {"timeout", "SECONDS", "how long to look again while traffic flows; default 30"},
    {"limit", "N", "differences to list; default 100"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_option rebuild_options[] = {
    CONFIG,
    {"account", "ACCOUNT", "only this one"},
    {"all", NULL, "every account"},
    {"check", NULL, "only show what differs; exit 1 when anything does"},
    {"operator", "NAME", "who repairs; kept with the account; default $SUDO_USER or $USER"},
    {"reason", "TEXT", "why; kept likewise"},
    {"timeout", "SECONDS", "how long to look at Redis again while traffic flows; default 30"},
    FORMAT,
    JSON,
    END};

static const struct ts_cli_option rate_options[] = {
    {"deck", "DECK.csv", "the rate deck"},
    {"base", "DECK.csv...", "deck of the base plan, of that one's base plan, and so on"},
    {"account", "FILE.json", "country, timezone, local_zone, emergency_numbers; default US"},
    {"timezone", "ZONE", "of the decks' days and times; default UTC"},
    {"currency", "CODE", "default USD"},
    {"decimals", "0..6", "of a charge; default 6"},
    {"rounding", "half_up|up|down|half_even", "of a charge; default half_up"},
    {"explain", NULL, "add the steps: rows considered, which won and why, the arithmetic"},
    END};

/* In the order in which an operator meets them. */
const struct ts_cli_command ts_cli_commands[] = {
    {"run",
     "[--config FILE]",
     "process call-detail records until told to stop",
     "SIGTERM and SIGINT stop it: what is in flight is settled first, within shutdown_timeout.",
     NULL,
     config_only,
     ts_cmd_run},
    {"check-config",
     "[--config FILE] [--example]",
     "check the settings and print those in force, without secrets",
     NULL,
     NULL,
     check_config_options,
     ts_cmd_check_config},
    {"migrate",
     "[--config FILE]",
     "bring the database's schema to the version of this program",
     "Safe to run at any time and by several at once.",
     NULL,
     config_only,
     ts_cmd_migrate},
    {"topics",
     NULL,
     "make and list the topics",
     NULL,
     topics_actions,
     topics_options,
     ts_cmd_topics},
    {"rate-plans",
     NULL,
     "make, change and show rate plans",
     "Keys: currency, timezone, rounding, decimals, local_zones, base_plan, emergency_numbers. An\n"
     "empty value is the default.",
     rate_plans_actions,
     listing,
     ts_cmd_rate_plans},
    {"decks",
     NULL,
     "check, publish, compare and show rate decks",
     "A deck is checked whole and published whole, or refused with every fault named.\n"
     "Where DECK is asked for: a file, a version as 12, or a rate plan and a time as\n"
     "standard@2026-11-01T00:00:00Z.",
     decks_actions,
     decks_options,
     ts_cmd_decks},
    {"accounts",
     NULL,
     "import, show, credit and change accounts",
     "An existing account is changed only by a record of an input topic: credit, confirm-card,\n"
     "unlock-card, recharge, set and close put one on the credits topic, wait until it is "
     "settled,\n"
     "and print what it did; the exit code is 1 when it was refused. A negative adjustment is\n"
     "written as it is: accounts credit A -5 --kind adjustment. The fields of an account:\n"
     "account_id, name, country, timezone, currency, subscription, rate_plan, payment_method,\n"
     "card_state, invoice_day, credit_amounts, monthly_credit_cap, alert_thresholds,\n"
     "alert_hysteresis, auto_recharge {on, threshold, mode, amount, max_count_per_day,\n"
     "max_amount_per_month}, allowances, status, closed_at, opening_balance. Amounts are decimal\n"
     "texts. create and set take auto_recharge.on=true and the like, and lists as 25,50; set all\n"
     "but account_id, currency and opening_balance; recharge those of auto_recharge.",
     accounts_actions,
     accounts_options,
     ts_cmd_accounts},
    {"invoices",
     NULL,
     "what invoiced accounts owe for their credits",
     "A credit on an account that pays by invoice can be spent at once and is a line on its next\n"
     "invoice date. Whoever writes the invoices lists the open lines of a date and marks them.",
     invoices_actions,
     invoices_options,
     ts_cmd_invoices},
    {"usage",
     "--account ACCOUNT [--month YYYY-MM] [--by KEY]",
     "what an account used in a month, and what it cost",
     "Charges are dated by the start of the call, credits and adjustments by when they were\n"
     "applied; opening + credits + adjustments - charges = closing. The present month closes with\n"
     "the live balance: its charges include those that are not settled yet. Minutes are those of\n"
     "conversation.",
     NULL,
     usage_options,
     ts_cmd_usage},
    {"events",
     NULL,
     "read the events topic",
     "Events of one account can come out of order and more than once: sequence and event_id tell.\n"
     "With --follow, JSON is an object a line instead of a list.",
     events_actions,
     events_options,
     ts_cmd_events},
    {"dead-letters",
     NULL,
     "list, show and requeue what could not be charged",
     "requeue puts the original record back on its topic, as it came, and marks it.",
     dead_letters_actions,
     dead_letters_options,
     ts_cmd_dead_letters},
    {"replay",
     NULL,
     "rate settled calls again and settle the difference",
     "Reads a range of the topic beside the live group, rates it at the decks chosen, and "
     "compares\n"
     "with what was settled and adjusted since. A dry run changes nothing. With --apply each\n"
     "difference is one adjustment of its call, once for each generation, settled by the running\n"
     "processors. A call that has no price any more is reported and stays as it is; a dead letter\n"
     "that has one now is requeued.",
     replay_actions,
     replay_options,
     ts_cmd_replay},
    {"audit",
     "[--timeout SECONDS]",
     "check that no money, input or event was lost or counted twice",
     "On the live system, beside traffic: every balance against its ledger and against Redis less\n"
     "what is unsettled, every input's end, every event. Exit code 1 and the differences if\n"
     "anything does not add up. It reads every row: minutes on a large database.",
     NULL,
     audit_options,
     ts_cmd_audit},
    {"rebuild-balances",
     "--account ACCOUNT | --all [--check] [--reason TEXT]",
     "set account rows, and Redis, to what the ledgers add up to",
     "For when an audit says that a balance, the numbering of its ledger, an allowance's units or\n"
     "the live balance in Redis are not what the ledger says. Shows each difference (balances in\n"
     "micro-units) and repairs it, beside live traffic, which waits for some milliseconds at a\n"
     "time; --check only shows. No amount in a ledger is changed and nothing is charged again.\n"
     "What a repaired balance means, such as an alert, is told by the account's next event.",
     NULL,
     rebuild_options,
     ts_cmd_rebuild_balances},
    {"rate",
     "--deck DECK.csv [FILE]",
     "price call-detail records without any server",
     "Reads one JSON object a line, from standard input when FILE is absent or -, with the fields\n"
     "of a CDR, and prints one JSON object for each, in order: its price, or why it has none.",
     NULL,
     rate_options,
     ts_cmd_rate},
    {"numbers",
     "[FILE]",
     "region and type of phone numbers, by the numbering plan",
     "Reads one number a line, from standard input when FILE is absent or -, and prints\n"
     "number,region,type for each, in order.",
     NULL,
     NULL,
     ts_cmd_numbers},
    {"version", "", "print the version", NULL, NULL, NULL, ts_cmd_version},
};

const size_t ts_cli_command_count = sizeof ts_cli_commands / sizeof *ts_cli_commands;
