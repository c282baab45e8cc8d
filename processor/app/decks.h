/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of `tollstream decks` that are files of their own. Each returns an exit code after
 * telling what is wrong on stderr. */
#ifndef TS_APP_DECKS_H
#define TS_APP_DECKS_H

#include "adapters/postgres/rates_store.h"
#include "app/session.h"

struct ts_numbering;

/* diff A B: what changed from one deck to another. 0 also when much did. */
int ts_decks_diff(const struct ts_session *session, struct ts_rates_store *store);

/* show --number: which rate a call would have, and why. 1 when it would have none. */
int ts_decks_show_number(const struct ts_session *session,
                         struct ts_rates_store *store,
                         const struct ts_numbering *numbering);

/* import --from FORMAT FILE: another system's rates as a deck of ours. */
int ts_decks_import(const struct ts_session *session);

#endif
