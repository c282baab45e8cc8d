/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas port on a Schema Registry of Confluent's interface. Nothing is asked before a record
 * with its id comes; what was answered is kept for ever, in memory and (if a folder is given) on
 * disk; that there is no such schema is believed for a while.
 *
 * A thread of its own asks, again and again while the registry is down, slow or sick: whoever
 * fetches waits a moment at most and comes again, and meanwhile settles what it has. */
#ifndef TS_ADAPTERS_REGISTRY_REGISTRY_H
#define TS_ADAPTERS_REGISTRY_REGISTRY_H

#include "base/error.h"
#include "ports/observer.h"
#include "ports/schemas.h"

struct ts_registry_options {
    const char *url;       /* http(s)://[user:password@]host[:port][/path] */
    const char *cache_dir; /* "": none */
    int timeout_ms;        /* of one request */
    int retry_ms;          /* from a failed request to the next */
    int absent_ms;         /* how long it is believed that there is no such schema */
    struct ts_observer observer;
};

/* Everything but url, cache_dir and observer. */
struct ts_registry_options ts_registry_defaults(void);

struct ts_registry;

/* Copies the options, asks nothing yet: a registry that is away is no failure. NULL, class FATAL:
 * the URL is none, the folder can't be written. The first one is opened before there are threads.
 */
struct ts_registry *ts_registry_open(const struct ts_registry_options *options,
                                     struct ts_error *err);
void ts_registry_close(struct ts_registry *registry);

struct ts_schemas ts_registry_port(struct ts_registry *registry);

#endif
