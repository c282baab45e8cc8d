/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/identities.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { BITS_PER_IDENTITY = 16, PROBES = 4, WORD_BITS = 64 };

struct ts_identities {
    /* Open addressing, linear probing, removal by shifting back: no tombstones to clean. */
    const struct ts_record **slots;
    size_t slot_count; /* a power of two, at least twice the records it can hold */
    size_t unsettled;
    size_t unsettled_max;

    /* Two Bloom filters, the younger is written, both are read; when it is full the elder is
     * cleared and becomes the younger. */
    uint64_t *filters[2];
    size_t filter_bits; /* a power of two */
    size_t recent;
    size_t written;
    int younger;
};

struct ts_identities *
ts_identities_create(size_t unsettled_max, size_t recent, struct ts_error *err)
{
    struct ts_identities *identities = calloc(1, sizeof *identities);
    if (identities == NULL) {
        ts_error_no_memory(err);
        return NULL;
    }
    identities->unsettled_max = unsettled_max;
    for (identities->slot_count = 16; identities->slot_count < 2 * unsettled_max;) {
        identities->slot_count *= 2;
    }
    for (identities->filter_bits = 1024; identities->filter_bits < recent * BITS_PER_IDENTITY;) {
        identities->filter_bits *= 2;
    }
    identities->recent = recent;
    identities->slots = calloc(identities->slot_count, sizeof *identities->slots);
    identities->filters[0] = calloc(identities->filter_bits / WORD_BITS, sizeof(uint64_t));
    identities->filters[1] = calloc(identities->filter_bits / WORD_BITS, sizeof(uint64_t));
    if (identities->slots == NULL || identities->filters[0] == NULL ||
        identities->filters[1] == NULL) {
        ts_identities_destroy(identities);
        ts_error_no_memory(err);
        return NULL;
    }
    return identities;
}

void ts_identities_destroy(struct ts_identities *identities)
{
    if (identities != NULL) {
        free(identities->slots);
        free(identities->filters[0]);
        free(identities->filters[1]);
        free(identities);
    }
}

static size_t home(const struct ts_identities *identities, uint64_t identity_hash)
{
    return (size_t)identity_hash & (identities->slot_count - 1);
}

static size_t after(const struct ts_identities *identities, size_t slot)
{
    return (slot + 1) & (identities->slot_count - 1);
}

const struct ts_record *ts_identities_unsettled(const struct ts_identities *identities,
                                                uint64_t identity_hash)
{
    for (size_t slot = home(identities, identity_hash); identities->slots[slot] != NULL;
         slot = after(identities, slot)) {
        if (identities->slots[slot]->identity_hash == identity_hash) {
            return identities->slots[slot];
        }
    }
    return NULL;
}

void ts_identities_add(struct ts_identities *identities, const struct ts_record *record)
{
    TS_ASSERT(identities->unsettled < identities->unsettled_max);
    size_t slot = home(identities, record->identity_hash);
    while (identities->slots[slot] != NULL) {
        TS_ASSERT(identities->slots[slot]->identity_hash != record->identity_hash);
        slot = after(identities, slot);
    }
    identities->slots[slot] = record;
    identities->unsettled++;
}

void ts_identities_remove(struct ts_identities *identities, const struct ts_record *record)
{
    size_t slot = home(identities, record->identity_hash);
    while (identities->slots[slot] != record) {
        TS_ASSERT(identities->slots[slot] != NULL);
        slot = after(identities, slot);
    }
    /* Shift back every follower that would no longer be found past the hole. */
    size_t mask = identities->slot_count - 1;
    for (size_t next = after(identities, slot); identities->slots[next] != NULL;
         next = after(identities, next)) {
        size_t wanted = home(identities, identities->slots[next]->identity_hash);
        if (((next - wanted) & mask) >= ((next - slot) & mask)) {
            identities->slots[slot] = identities->slots[next];
            slot = next;
        }
    }
    identities->slots[slot] = NULL;
    identities->unsettled--;
}

/* Double hashing of the one good hash that we have. */
static size_t probe(const struct ts_identities *identities, uint64_t identity_hash, unsigned i)
{
    uint64_t step = (identity_hash >> 32) | 1;
    return (size_t)(identity_hash + i * step * UINT64_C(0x9e3779b97f4a7c15)) &
           (identities->filter_bits - 1);
}

static bool in_filter(const struct ts_identities *identities, int filter, uint64_t identity_hash)
{
    for (unsigned i = 0; i < PROBES; i++) {
        size_t bit = probe(identities, identity_hash, i);
        if ((identities->filters[filter][bit / WORD_BITS] >> bit % WORD_BITS & 1) == 0) {
            return false;
        }
    }
    return true;
}

bool ts_identities_perhaps_settled(const struct ts_identities *identities, uint64_t identity_hash)
{
    return in_filter(identities, 0, identity_hash) || in_filter(identities, 1, identity_hash);
}

void ts_identities_settled(struct ts_identities *identities, uint64_t identity_hash)
{
    if (identities->written == identities->recent) {
        identities->younger = 1 - identities->younger;
        memset(identities->filters[identities->younger], 0, identities->filter_bits / 8);
        identities->written = 0;
    }
    for (unsigned i = 0; i < PROBES; i++) {
        size_t bit = probe(identities, identity_hash, i);
        identities->filters[identities->younger][bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
    }
    identities->written++;
}
