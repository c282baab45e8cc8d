/* SPDX-License-Identifier: Apache-2.0 */
/* What a settlement writes of its commands: the ids they used up, ledger rows of credits and
 * adjustments, invoice lines, and changed settings with who changed them. Private to
 * adapters/postgres. */
#ifndef TS_ADAPTERS_POSTGRES_SETTLE_COMMANDS_H
#define TS_ADAPTERS_POSTGRES_SETTLE_COMMANDS_H

#include "base/buffer.h"
#include "base/error.h"
#include "ports/settle.h"

struct ts_postgres;

struct ts_pg_command {
    struct ts_record *record;
    const struct ts_settle_account *account;
};

/* Those of the settlement that are settled. Reused from settlement to settlement. */
struct ts_pg_commands {
    struct ts_pg_command *items;
    size_t count;
    size_t capacity;
    /* The statements write those in [first, end): all, but while a refused one is searched for. */
    size_t first;
    size_t end;
    struct ts_buffer text; /* JSON of the one being written */
};

void ts_pg_commands_init(struct ts_pg_commands *commands);
void ts_pg_commands_finish(struct ts_pg_commands *commands);

/* False when out of memory. */
bool ts_pg_commands_collect(struct ts_pg_commands *commands,
                            const struct ts_settlement *settlement,
                            struct ts_error *err);

/* Whether those in [first, end) give the statement anything to do. */
bool ts_pg_commands_need_entries(const struct ts_postgres *postgres);
bool ts_pg_commands_need_adjustments(const struct ts_postgres *postgres);
bool ts_pg_commands_need_invoice_lines(const struct ts_postgres *postgres);
bool ts_pg_commands_need_changes(const struct ts_postgres *postgres);
bool ts_pg_commands_need_settings(const struct ts_postgres *postgres);

/* The statements' parameters. */
void ts_pg_add_command_ids(struct ts_postgres *postgres);
void ts_pg_add_entries(struct ts_postgres *postgres);
void ts_pg_add_adjustments(struct ts_postgres *postgres);
void ts_pg_add_invoice_lines(struct ts_postgres *postgres);
void ts_pg_add_changes(struct ts_postgres *postgres);
void ts_pg_add_settings(struct ts_postgres *postgres);

#endif
