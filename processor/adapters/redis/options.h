/* SPDX-License-Identifier: Apache-2.0 */
/* How to reach the Redis server; shared by everything in this adapter. */
#ifndef TS_ADAPTERS_REDIS_OPTIONS_H
#define TS_ADAPTERS_REDIS_OPTIONS_H

struct ts_redis_options {
    const char *url;         /* redis://[[user]:password@]host[:port][/database], percent-encoded */
    const char *client_name; /* shown by CLIENT LIST; no spaces; NULL: "tollstream" */
    int connect_timeout_ms;  /* of one attempt, name resolution apart; 0: 2000 */
    int command_timeout_ms;  /* the longest silence while an answer is awaited; 0: 5000 */
};

#endif
