/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the worker's stages offer each other, in the order a record meets them. Of the
 * pipeline's inside, as worker_state.h. */
#ifndef TS_PIPELINE_STAGES_H
#define TS_PIPELINE_STAGES_H

#include "pipeline/worker_state.h"

/* --- lanes.c: the lanes, and what the group and the servers say of them */
struct ts_lane_state *ts_worker_lane(struct ts_worker *worker, struct ts_lane id);
/* Handles an event that is no message. */
void ts_worker_source_event(struct ts_worker *worker, const struct ts_source_event *event);
void ts_lane_stop(struct ts_worker *worker, struct ts_lane_state *lane, const char *why);
void ts_worker_pause(struct ts_worker *worker, bool paused);

/* --- lane_check.c: whether lanes that hand out nothing have nothing */
void ts_worker_check_lanes(struct ts_worker *worker);

/* --- reopen.c: connect, claim, open */
/* Drops everything in flight; the next step begins anew at REOPENING or DISCONNECTED. `err` is what
 * happened: FATAL stops the worker. */
void ts_worker_trouble(struct ts_worker *worker, enum ts_phase phase, const struct ts_error *err);
void ts_worker_connect(struct ts_worker *worker);
void ts_worker_reopen(struct ts_worker *worker);

/* Whether the broker of a lane that was put off answers again; else it is put off once more. */
bool ts_lane_answers(struct ts_worker *worker, struct ts_lane_state *lane);

/* --- ingest.c: messages into batches. All stages return true when they got something done. */
/* Whether a message of any lane can be taken: there is a batch for it, and what is in flight is no
 * more than the settlement under way and the next. */
bool ts_worker_has_place(const struct ts_worker *worker);
bool ts_worker_ingest(struct ts_worker *worker, int wait_ms);

/* --- prepare.c: decode, validate, rate, take out duplicates */
enum ts_prepared { TS_PREPARED, TS_PREPARE_LATER, TS_PREPARE_TROUBLE };
enum ts_prepared ts_worker_prepare(struct ts_worker *worker, struct ts_batch *batch);
void ts_batch_untrack(struct ts_worker *worker, struct ts_batch *batch);
/* Ends the record as a dead letter; the text is copied. */
void ts_record_refuse(struct ts_batch *batch,
                      struct ts_record *record,
                      enum ts_reason reason,
                      const char *message);

/* --- known.c: what a first attempt found out about records, for the next */
/* It must be a dead letter. */
void ts_worker_know(struct ts_worker *worker,
                    const struct ts_record *record,
                    enum ts_reason reason);
/* A command was decided to add this much to the balance; with it, the live balance would pass the
 * limit; so much for guesses. */
void ts_worker_know_decision(struct ts_worker *worker,
                             const struct ts_record *record,
                             int64_t delta_micros);
void ts_worker_know_limit(struct ts_worker *worker, const struct ts_record *record);
/* NULL: nothing is known of it. */
const struct ts_known *ts_worker_known(const struct ts_worker *worker,
                                       const struct ts_record *record);
/* Forgets the lane's records below the offset. */
void ts_worker_forget_known(struct ts_worker *worker, struct ts_lane lane, int64_t below);

/* --- adjustments.c: what is of an adjustment alone */
/* Ends it when the row that it follows is not there, or followed by another already; `followed`
 * says so of one that is not settled yet. */
bool ts_adjustment_refuse(struct ts_batch *batch,
                          struct ts_record *record,
                          const struct ts_command_request *request,
                          bool followed);
/* The units that it moves. False: no memory. */
bool ts_adjustment_include(struct ts_batch *batch, struct ts_record *record);

/* --- commands.c: records of the credits and the adjustments topic */
/* False when the decoder must be asked again later. */
bool ts_worker_decode_command(struct ts_worker *worker,
                              struct ts_batch *batch,
                              struct ts_record *record,
                              struct ts_error *err);
/* Whether a batch of commands is charged and not settled yet. */
bool ts_worker_has_commands(const struct ts_worker *worker);
/* Judges the ids of the batch's commands, and guesses what each adds to the balance. */
bool ts_worker_prepare_commands(struct ts_worker *worker,
                                struct ts_batch *batch,
                                struct ts_error *err);
/* Decides on the locked row. *as_guessed becomes false when Redis was charged for something else.
 * Returns how many events it means. `cause` is what they name. */
size_t ts_settlement_decide_command(struct ts_worker *worker,
                                    struct ts_record *record,
                                    struct ts_settle_state *state,
                                    struct ts_bytes cause,
                                    bool *as_guessed,
                                    struct ts_event events[TS_DECIDE_COMMAND_EVENTS_MAX]);
enum { TS_CAUSE_MAX = 192 };
struct ts_bytes ts_command_cause(const struct ts_command *command, char out[TS_CAUSE_MAX]);

/* --- included.c: finds the allowances that each call to be settled may draw on */
bool ts_worker_include(struct ts_worker *worker, struct ts_batch *batch, struct ts_error *err);

/* --- charge.c: into Redis */
bool ts_worker_charge(struct ts_worker *worker);
/* Gives a batch's memory back, whatever it was for. */
void ts_worker_discard(struct ts_worker *worker, struct ts_batch *batch);

/* --- settlement.c: from batches to one settlement, and what its movements mean */
bool ts_settlement_build(struct ts_worker *worker, struct ts_error *err);
/* At LOCKED: gives every record its movement and balance, and finds the accounts whose state must
 * be read: settlement.states (without reading them). */
bool ts_settlement_number(struct ts_worker *worker, struct ts_error *err);
/* Judges the states read, and composes the outbox rows. Fails with class NONE when a command was
 * decided otherwise than guessed. */
bool ts_settlement_tell(struct ts_worker *worker, struct ts_error *err);
/* Outbox rows of what the record means for its account. False: no memory. */
bool ts_settlement_add_events(struct ts_worker *worker,
                              const struct ts_record *record,
                              const struct ts_settle_state *state,
                              const struct ts_event *events,
                              size_t count);

/* --- settle_counters.c: the included units of a settlement */
/* Makes settlement.counters; each draw that took something knows its own by its `place`. */
bool ts_settle_counters_add(struct ts_worker *worker);
/* On the locked rows: whether what calls drew was left. It was not when another lane gave units
 * back in Redis, and then not in PostgreSQL. False: no memory. */
bool ts_settle_counters_hold(struct ts_worker *worker, bool *hold);
/* On the locked rows: whether this settlement uses the allowance's last unit. */
bool ts_settle_counter_exhausted(const struct ts_settle_counter *counter);

/* --- settle_stage.c: one settlement at a time */
bool ts_worker_settle(struct ts_worker *worker, int wait_ms);
/* Ends the settlement under way, for a reopen: abandons it, or waits for a COMMIT that was sent.
 * False when its outcome can't be had on this connection. */
bool ts_worker_settle_end(struct ts_worker *worker);
/* After a new connection: the settlement under way is nobody's any more. */
void ts_worker_settle_forget(struct ts_worker *worker);

/* --- publish.c: the outbox to the output topics, and the watermark */
bool ts_worker_publish(struct ts_worker *worker);
/* A settlement is committed: its rows are to be handed over. */
void ts_publish_settled(struct ts_worker *worker);
/* False while rows wait to be handed over, or an outbox is still to be replayed. */
bool ts_publish_ready(const struct ts_worker *worker);
bool ts_publish_idle(const struct ts_worker *worker);
bool ts_publish_init(struct ts_worker *worker, struct ts_error *err);
void ts_publish_finish(struct ts_worker *worker);
/* False when the row can't be taken now. */
bool ts_publish_hand_over(struct ts_worker *worker, const struct ts_outbox_row *row);
/* The same, for a row that must come before another of its account: it need not be handed over
 * again when it was already, in its order. */
bool ts_publish_hand_over_older(struct ts_worker *worker, const struct ts_outbox_row *row);
void ts_publish_add_fence(struct ts_worker *worker, struct ts_lane lane, int64_t end);

/* --- replay.c: rows that were settled and perhaps never told */
bool ts_replay_due(const struct ts_worker *worker);
bool ts_worker_replay(struct ts_worker *worker);
/* Whatever page is being told is read again. */
void ts_replay_forget(struct ts_worker *worker);

#endif
