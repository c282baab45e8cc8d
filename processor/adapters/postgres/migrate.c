/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/migrate.h"

#include "adapters/postgres/connection.h"
#include "adapters/postgres/migrations.h"
#include "adapters/postgres/schema.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

enum { CHECKSUM_SIZE = 17, CONNECT_TIMEOUT_MS = 10000 };

/* "mig" and "toll" as letters: nobody else's number by accident. */
#define LOCK_SQL "SELECT pg_advisory_lock(1953459308, 1835624294)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(1953459308, 1835624294)"

static void checksum_of(const struct ts_migration *migration, char out[CHECKSUM_SIZE])
{
    snprintf(out, CHECKSUM_SIZE, "%016" PRIx64, ts_hash64(ts_migration_sql(migration)));
}

int32_t ts_postgres_schema_version(void)
{
    return ts_migrations[ts_migrations_count - 1].version;
}

/* One applied migration against ours. */
static bool check_row(const PGresult *rows, int row, struct ts_error *err)
{
    int32_t version = ts_pg_i32(rows, row, 0);
    if (version > ts_postgres_schema_version()) {
        return ts_error_set(err,
                            TS_ERROR_FATAL,
                            0,
                            "the database's schema has version %d, this program knows up to %d: "
                            "use the newer program",
                            version,
                            ts_postgres_schema_version());
    }
    struct ts_bytes applied = ts_pg_bytes(rows, row, 1);
    for (size_t i = 0; i < ts_migrations_count; i++) {
        char ours[CHECKSUM_SIZE];
        checksum_of(&ts_migrations[i], ours);
        if (ts_migrations[i].version == version && ts_bytes_equal_text(applied, ours)) {
            return true;
        }
    }
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "migration %d was applied to the database with other contents (checksum "
                        "%.*s) than this program has: it belongs to another build",
                        version,
                        TS_ARGS(applied));
}

/* How far the schema is; every applied migration is one of ours. */
static bool read_applied(struct ts_pg_session *session, int32_t *newest, struct ts_error *err)
{
    struct ts_pg_params none = {0};
    PGresult *rows = ts_pg_exec_params(
        session, "SELECT version, checksum FROM schema_migration ORDER BY version", &none, err);
    if (rows == NULL) {
        return false;
    }
    bool ok = true;
    int count = PQntuples(rows);
    for (int i = 0; ok && i < count; i++) {
        ok = check_row(rows, i, err);
    }
    *newest = count > 0 ? ts_pg_i32(rows, count - 1, 0) : 0;
    PQclear(rows);
    return ok;
}

bool ts_pg_schema_check(struct ts_pg_session *session, struct ts_error *err)
{
    int32_t newest = 0;
    struct ts_pg_params none = {0};
    PGresult *exists = ts_pg_exec_params(
        session, "SELECT to_regclass('schema_migration') IS NOT NULL", &none, err);
    if (exists == NULL) {
        return false;
    }
    bool made = ts_pg_bool(exists, 0, 0);
    PQclear(exists);
    if (made && !read_applied(session, &newest, err)) {
        return false;
    }
    if (newest == ts_postgres_schema_version()) {
        return true;
    }
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "the database's schema has version %d, this program needs %d: run "
                        "`tollstream migrate`",
                        newest,
                        ts_postgres_schema_version());
}

static bool
record(struct ts_pg_session *session, const struct ts_migration *migration, struct ts_error *err)
{
    char checksum[CHECKSUM_SIZE];
    checksum_of(migration, checksum);
    struct ts_pg_params params;
    ts_pg_params_init(&params, 4096);
    ts_pg_param_i32(&params, migration->version);
    ts_pg_param_text(&params, migration->name);
    ts_pg_param_text(&params, checksum);
    PGresult *result = ts_pg_exec_params(
        session,
        "INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)",
        &params,
        err);
    ts_pg_params_finish(&params);
    PQclear(result);
    return result != NULL;
}

static bool
apply(struct ts_pg_session *session, const struct ts_migration *migration, struct ts_error *err)
{
    if (ts_pg_run(session, "BEGIN", err) &&
        ts_pg_run(session, ts_migration_sql(migration).data, err) &&
        record(session, migration, err) && ts_pg_run(session, "COMMIT", err)) {
        return true;
    }
    if (err->class == TS_ERROR_REJECT) {
        err->class = TS_ERROR_FATAL;
    }
    ts_pg_run(session, "ROLLBACK", NULL);
    return ts_error_prefix(err, "migration %s", migration->name);
}

static bool check_encoding(struct ts_pg_session *session, struct ts_error *err)
{
    const char *encoding = PQparameterStatus(session->conn, "server_encoding");
    if (encoding != NULL && strcmp(encoding, "UTF8") == 0) {
        return true;
    }
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "the database's encoding is %s: create one with encoding UTF8",
                        encoding != NULL ? encoding : "unknown");
}

static bool
migrate(struct ts_pg_session *session, const struct ts_observer *observer, struct ts_error *err)
{
    int32_t newest = 0;
    if (!check_encoding(session, err) ||
        !ts_pg_run(session,
                   "SET client_min_messages = warning;"
                   "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY,"
                   " name text NOT NULL, checksum text NOT NULL,"
                   " applied_at timestamptz NOT NULL DEFAULT now())",
                   err) ||
        !read_applied(session, &newest, err)) {
        return false;
    }
    for (size_t i = 0; i < ts_migrations_count; i++) {
        if (ts_migrations[i].version <= newest) {
            continue;
        }
        if (!apply(session, &ts_migrations[i], err)) {
            return false;
        }
        if (observer != NULL && observer->ops != NULL) {
            observer->ops->say(observer->self,
                               TS_LEVEL_INFO,
                               "schema_migrated",
                               "applied %s",
                               ts_migrations[i].name);
        }
    }
    return true;
}

bool ts_postgres_migrate(const char *url, const struct ts_observer *observer, struct ts_error *err)
{
    struct ts_pg_session_options options = {
        .url = url, .role = "migrate", .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    struct ts_pg_session session;
    struct ts_error ignored;
    err = err != NULL ? err : &ignored;
    if (!ts_pg_open(&session, &options, NULL, 0, err)) {
        return false;
    }
    bool ok = ts_pg_run(&session, LOCK_SQL, err) && migrate(&session, observer, err);
    if (session.conn != NULL) {
        ts_pg_run(&session, UNLOCK_SQL, NULL);
    }
    ts_pg_close(&session);
    return ok;
}
