/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of a published deck to its compiled form. Who keeps the decks (a database, a file)
 * need not know how they are written. */
#ifndef TS_PORTS_DECKS_H
#define TS_PORTS_DECKS_H

#include "base/bytes.h"
#include "base/error.h"
#include "core/deck.h"

struct ts_decks {
    /* The caller owns the deck (ts_deck_destroy). NULL with err set when it is refused; the
     * listener (may be NULL) hears every fault and warning. Any number of threads. */
    struct ts_deck *(*read)(void *self,
                            struct ts_bytes bytes,
                            const struct ts_deck_listener *listener,
                            struct ts_error *err);
    void *self;
};

#endif
