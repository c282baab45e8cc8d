/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/migrate.h"
#include "app/cli.h"
#include "app/session.h"

#include <inttypes.h>
#include <stdio.h>

static int migrate(struct ts_session *session)
{
    struct ts_error err = {0};
    struct ts_observer observer = ts_log_observer(&session->log);
    if (!ts_postgres_migrate(session->config.postgres.url, &observer, &err)) {
        return ts_session_fail(session, &err);
    }
    printf("the database has schema version %" PRId32 "\n", ts_postgres_schema_version());
    return TS_EXIT_OK;
}

int ts_cmd_migrate(int argc, char **argv)
{
    struct ts_session session;
    int status = TS_EXIT_USAGE;
    if (ts_session_begin(&session, "migrate", argc, argv) && ts_args_count(&session.args, 0, 0)) {
        status = migrate(&session);
    }
    ts_session_end(&session);
    return status;
}
