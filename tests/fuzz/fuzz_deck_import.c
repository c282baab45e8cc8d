/* SPDX-License-Identifier: Apache-2.0 */
/* Rate sheets of other systems. The first byte chooses the format, and NUL bytes part the rest into
 * the format's files. Whatever comes out as a deck passes the checks of decks, and is the same the
 * second time; what is not carried over is told in text, and so is why nothing came out. */
#include "tests/fuzz/fuzz.h"

#include "adapters/csv/deck_csv.h"
#include "app/deck_import.h"
#include "core/deck.h"

#include <string.h>

enum { DECK_SIZE_MAX = 16 * 1024 * 1024 };

static void on_note(void *self, const struct ts_import_note *note)
{
    unsigned *notes = self;
    TS_ASSERT(note->severity <= TS_IMPORT_COLUMN && note->file != NULL);
    fuzz_expect_text(note->text);
    ++*notes;
}

static void split(struct ts_bytes rest, struct ts_import_source sources[TS_IMPORT_FILES_MAX])
{
    static const char *const names[TS_IMPORT_FILES_MAX] = {"first.csv", "second.csv", "third.csv"};
    for (size_t i = 0; i < TS_IMPORT_FILES_MAX; i++) {
        const char *end = rest.size == 0 ? NULL : memchr(rest.data, '\0', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        size_t taken = end == NULL ? size : size + 1;
        sources[i] = (struct ts_import_source){names[i], {rest.data, size}};
        rest = (struct ts_bytes){rest.data + taken, rest.size - taken};
    }
}

static bool import(const struct ts_import_format *format,
                   const struct ts_import_source *sources,
                   struct ts_buffer *deck,
                   unsigned *notes,
                   struct ts_error *err)
{
    struct ts_import_counts counts;
    struct ts_import_listener listener = {.note = on_note, .self = notes};
    ts_buffer_init(deck, DECK_SIZE_MAX);
    bool good = ts_import_run(format, sources, &listener, deck, &counts, err);
    TS_ASSERT(counts.rows_left_out <= counts.rows_read);
    TS_ASSERT(!good || counts.deck_rows > 0);
    return good;
}

static void expect_deck(struct ts_bytes csv)
{
    struct ts_error err;
    struct ts_deck *deck = ts_csv_read_deck(csv, NULL, NULL, &err);
    if (deck == NULL) {
        fuzz_expect_text(err.text);
    }
    TS_ASSERT(deck != NULL);
    ts_deck_destroy(deck);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ts_import_format *const formats[] = {&ts_import_astpp,
                                                             &ts_import_cgrates,
                                                             &ts_import_kazoo,
                                                             &ts_import_telecomsxchange,
                                                             &ts_import_telnyx};
    struct fuzz_input input = {.at = data, .left = size};
    const struct ts_import_format *format =
        formats[fuzz_take(&input) % (sizeof formats / sizeof formats[0])];
    struct ts_import_source sources[TS_IMPORT_FILES_MAX];
    struct ts_buffer deck;
    struct ts_buffer again;
    struct ts_error err = {0};
    unsigned notes[2] = {0, 0};
    split(fuzz_bytes(input.at, input.left), sources);
    bool good = import(format, sources, &deck, &notes[0], &err);
    TS_ASSERT(import(format, sources, &again, &notes[1], &err) == good && notes[0] == notes[1]);
    if (good) {
        TS_ASSERT(err.class == TS_ERROR_NONE);
        TS_ASSERT(ts_bytes_equal(ts_buffer_bytes(&deck), ts_buffer_bytes(&again)));
        expect_deck(ts_buffer_bytes(&deck));
    } else {
        fuzz_expect_error(&err, TS_ERROR_REJECT);
    }
    ts_buffer_finish(&deck);
    ts_buffer_finish(&again);
    return 0;
}
