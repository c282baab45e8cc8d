/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/postgres/store.h"

#include "adapters/postgres/schema.h"

#include <stdlib.h>
#include <string.h>

void *ts_pg_store_make(size_t size,
                       const struct ts_pg_session_options *options,
                       size_t params_max,
                       struct ts_error *err)
{
    struct ts_pg_store *store = calloc(1, size);
    char *url = strdup(options->url);
    if (store == NULL || url == NULL) {
        free(store);
        free(url);
        ts_error_no_memory(err);
        return NULL;
    }
    store->options = *options;
    store->options.url = url;
    store->options.connect_timeout_ms = TS_PG_CONNECT_TIMEOUT_MS;
    ts_pg_params_init(&store->params, params_max);
    return store;
}

void ts_pg_store_free(void *object)
{
    struct ts_pg_store *store = object;
    if (store != NULL) {
        ts_pg_close(&store->session);
        ts_pg_params_finish(&store->params);
        free((char *)store->options.url);
        free(store);
    }
}

bool ts_pg_store_is_connected(const struct ts_pg_store *store)
{
    return store->session.conn != NULL && PQstatus(store->session.conn) == CONNECTION_OK;
}

bool ts_pg_store_connect(struct ts_pg_store *store, struct ts_error *err)
{
    if (ts_pg_store_is_connected(store)) {
        return true;
    }
    ts_pg_close(&store->session);
    if (!ts_pg_open(&store->session, &store->options, NULL, 0, err)) {
        return false;
    }
    if (!ts_pg_schema_check(&store->session, err)) {
        ts_pg_close(&store->session);
        return false;
    }
    return true;
}

PGresult *ts_pg_store_ask(struct ts_pg_store *store, const char *sql, struct ts_error *err)
{
    return ts_pg_store_connect(store, err)
               ? ts_pg_exec_params(&store->session, sql, &store->params, err)
               : NULL;
}
