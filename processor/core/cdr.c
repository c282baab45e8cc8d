/* SPDX-License-Identifier: Apache-2.0 */
/* Names, identity and content of a CDR.
 *
 * What is hashed is written down here once and for ever, because PostgreSQL's unique keys hold the
 * results: a run of bytes that starts with its own kind, in which integers are little-endian and of
 * fixed size, and a string is its size (4 bytes; ffffffff when absent) and its bytes, so that no
 * two different values give the same run. A string of more than 64 bytes, which validation refuses
 * wherever an identity depends on it, is its size and its ts_hash64.
 *
 *   identity     1, generation 4, leg 4, start_ms 8, source, cdr_id
 *   fingerprint  2, license 1, service 1, direction 1, disposition 1, answered 1,
 *                answer_ms 8 (0 when not answered), end_ms 8, duration_ms 8, pages 4,
 *                account_id, from_number, to_number, origin_country
 */
#include "core/cdr.h"

#include "base/hash.h"

enum { KIND_IDENTITY = 1, KIND_FINGERPRINT = 2 };
enum { STRING_MAX = 64, CANONICAL_MAX = 64 + 4 * (4 + STRING_MAX) };

/* The symbols' numbers are part of stored fingerprints. */
_Static_assert(TS_LICENSE_TALK == 0 && TS_LICENSE_CONTACT_CENTER == 1 && TS_LICENSE_SELL == 2,
               "stored");
_Static_assert(TS_SERVICE_VOICE == 0 && TS_SERVICE_FAX == 1, "stored");
_Static_assert(TS_DIRECTION_OUTBOUND == 0 && TS_DIRECTION_INBOUND == 1 &&
                   TS_DIRECTION_INTERNAL == 2,
               "stored");
_Static_assert(TS_DISPOSITION_ANSWERED == 0 && TS_DISPOSITION_NO_ANSWER == 1 &&
                   TS_DISPOSITION_BUSY == 2 && TS_DISPOSITION_FAILED == 3 &&
                   TS_DISPOSITION_CANCELED == 4,
               "stored");

static const char *const license_names[TS_LICENSE_COUNT] = {"TALK", "CONTACT_CENTER", "SELL"};
static const char *const service_names[TS_SERVICE_COUNT] = {"VOICE", "FAX"};
static const char *const direction_names[TS_DIRECTION_COUNT] = {"OUTBOUND", "INBOUND", "INTERNAL"};
static const char *const disposition_names[TS_DISPOSITION_COUNT] = {
    "ANSWERED", "NO_ANSWER", "BUSY", "FAILED", "CANCELED"};

const char *ts_license_name(enum ts_license license)
{
    return (unsigned)license < TS_LICENSE_COUNT ? license_names[license] : "?";
}

const char *ts_service_name(enum ts_service service)
{
    return (unsigned)service < TS_SERVICE_COUNT ? service_names[service] : "?";
}

const char *ts_direction_name(enum ts_direction direction)
{
    return (unsigned)direction < TS_DIRECTION_COUNT ? direction_names[direction] : "?";
}

const char *ts_disposition_name(enum ts_disposition disposition)
{
    return (unsigned)disposition < TS_DISPOSITION_COUNT ? disposition_names[disposition] : "?";
}

struct canonical {
    size_t size;
    char data[CANONICAL_MAX];
};

static inline void put_u8(struct canonical *out, unsigned value)
{
    out->data[out->size++] = (char)(unsigned char)value;
}

static inline void put_u32(struct canonical *out, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) {
        put_u8(out, (unsigned char)(value >> shift));
    }
}

static inline void put_u64(struct canonical *out, uint64_t value)
{
    put_u32(out, (uint32_t)value);
    put_u32(out, (uint32_t)(value >> 32));
}

static void put_string(struct canonical *out, struct ts_bytes text)
{
    put_u32(out, text.data == NULL ? UINT32_MAX : (uint32_t)text.size);
    if (text.size > STRING_MAX) {
        put_u64(out, ts_hash64(text));
    } else if (text.data != NULL) {
        memcpy(out->data + out->size, text.data, text.size);
        out->size += text.size;
    }
}

static uint64_t hash(const struct canonical *canonical)
{
    return ts_hash64((struct ts_bytes){canonical->data, canonical->size});
}

uint64_t ts_cdr_identity_hash(const struct ts_cdr *cdr, uint32_t generation)
{
    struct canonical out;
    out.size = 0;
    put_u8(&out, KIND_IDENTITY);
    put_u32(&out, generation);
    put_u32(&out, (uint32_t)cdr->leg);
    put_u64(&out, (uint64_t)cdr->start_ms);
    put_string(&out, cdr->source);
    put_string(&out, cdr->cdr_id);
    return hash(&out);
}

bool ts_cdr_same_identity(const struct ts_cdr *a, const struct ts_cdr *b)
{
    return a->start_ms == b->start_ms && a->leg == b->leg && ts_bytes_equal(a->cdr_id, b->cdr_id) &&
           ts_bytes_equal(a->source, b->source);
}

uint64_t ts_cdr_fingerprint(const struct ts_cdr *cdr)
{
    struct canonical out;
    out.size = 0;
    put_u8(&out, KIND_FINGERPRINT);
    put_u8(&out, cdr->license);
    put_u8(&out, cdr->service);
    put_u8(&out, cdr->direction);
    put_u8(&out, cdr->disposition);
    put_u8(&out, cdr->has_answer);
    put_u64(&out, cdr->has_answer ? (uint64_t)cdr->answer_ms : 0);
    put_u64(&out, (uint64_t)cdr->end_ms);
    put_u64(&out, (uint64_t)cdr->duration_ms);
    put_u32(&out, (uint32_t)cdr->pages);
    put_string(&out, cdr->account_id);
    put_string(&out, cdr->from_number);
    put_string(&out, cdr->to_number);
    put_string(&out, cdr->origin_country);
    return hash(&out);
}
