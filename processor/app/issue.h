/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's command on its way: put on the credits topic like everybody else's, then waited for
 * until PostgreSQL says how it ended and the events topic has told what it did. There is one door
 * to an account, and this is no second one.
 *
 * Events are waited for by the account's sequence, which has no gaps: what was told between the
 * sequence before the command was sent and the one after it was settled is all that can be about
 * it. The topic is read from where it ended before the command was sent, so nothing is missed. */
#ifndef TS_APP_ISSUE_H
#define TS_APP_ISSUE_H

#include "adapters/avro/event_text.h"
#include "adapters/postgres/command_store.h"
#include "app/session.h"
#include "core/command.h"

#include <stdbool.h>
#include <stdint.h>

struct ts_issue {
    struct ts_session *session;
    const struct ts_command *command; /* with its account_id, ended by a NUL */
    int64_t sequence;                 /* of the account's last event, read before */
    int64_t timeout_ms;
    /* Called for each event that the command caused. */
    void (*event)(void *self, const struct ts_avro_event_text *event);
    void *self;

    /* Out. */
    struct ts_command_outcome outcome; /* never PENDING */
    bool untold; /* not all its events came before the time was over, or could be read */
};

/* False, class RETRY: it was sent and did not end in time; it will, when a processor runs. Any
 * other class: it was not sent. */
bool ts_issue_run(struct ts_issue *issue, struct ts_error *err);

/* An id that nobody else makes: "cli-" and 128 random bits. */
enum { TS_ISSUE_ID_MAX = 40 };
void ts_issue_new_id(char out[TS_ISSUE_ID_MAX]);

#endif
