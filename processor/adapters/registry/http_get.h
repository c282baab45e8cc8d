/* SPDX-License-Identifier: Apache-2.0 */
/* GET of one schema over HTTP, bounded in time and size. Basic authentication comes from the URL
 * and appears in no text. Proxies named by the environment are not used and redirections are not
 * followed: the settings say where the registry is. One thread at a time. */
#ifndef TS_ADAPTERS_REGISTRY_HTTP_GET_H
#define TS_ADAPTERS_REGISTRY_HTTP_GET_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ts_registry_http;

/* `stopping` ends a request under way within about a second. NULL: class FATAL, the URL is none. */
struct ts_registry_http *ts_registry_http_open(const char *url,
                                               int timeout_ms,
                                               const atomic_bool *stopping,
                                               struct ts_error *err);
void ts_registry_http_close(struct ts_registry_http *http);

/* The URL without user, password and a slash at its end: for messages, and as a name. */
const char *ts_registry_http_base(const struct ts_registry_http *http);

/* Appends the body of the answer, whatever its status. Fails, class RETRY, when there is none, or
 * it does not fit `body`. */
bool ts_registry_http_get(struct ts_registry_http *http,
                          uint32_t id,
                          struct ts_buffer *body,
                          long *status,
                          struct ts_error *err);

#endif
