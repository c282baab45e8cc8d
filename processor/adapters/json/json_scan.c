/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/json/json_scan.h"

#include "base/utf8.h"

bool ts_json_scan_init(struct ts_json_scan *scan, struct ts_bytes text, struct ts_buffer *decoded)
{
    *scan = (struct ts_json_scan){
        .begin = text.data,
        .at = text.data,
        .end = text.size > 0 ? text.data + text.size : text.data,
        .decoded = decoded,
    };
    /* A string takes fewer bytes than its escapes: with this much the buffer never moves, and views
     * of it stay good. */
    ts_buffer_clear(decoded);
    return ts_buffer_reserve(decoded, text.size + 1) != NULL;
}

static bool fail(struct ts_json_scan *scan, const char *fault)
{
    if (scan->fault == NULL) {
        scan->fault = fault;
    }
    return false;
}

static void skip_space(struct ts_json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r')) {
        scan->at++;
    }
}

/* The next character that is no space, NUL at the end. */
static char peek(struct ts_json_scan *scan)
{
    skip_space(scan);
    return (char)(scan->at < scan->end ? *scan->at : '\0');
}

static bool take(struct ts_json_scan *scan, char c)
{
    if (peek(scan) != c || scan->at == scan->end) {
        return false;
    }
    scan->at++;
    return true;
}

/* ---- strings
 * ---------------------------------------------------------------------------------- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/* The four digits behind "\u"; -1 when they are none. */
static int32_t take_unit(struct ts_json_scan *scan)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int digit = scan->at < scan->end ? hex_of(*scan->at) : -1;
        if (digit < 0) {
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

static void append_code_point(struct ts_buffer *out, int32_t code)
{
    char text[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i > 1; i--, code >>= 6) {
        text[i - 1] = (char)(0x80 | (code & 0x3f));
    }
    text[0] = (char)(leads[size] | code);
    ts_buffer_append(out, text, size);
}

/* Behind "\u"; a high surrogate takes its low one along. */
static bool take_unicode(struct ts_json_scan *scan)
{
    int32_t code = take_unit(scan);
    if (code >= 0xd800 && code <= 0xdbff && scan->end - scan->at >= 2 && scan->at[0] == '\\' &&
        scan->at[1] == 'u') {
        scan->at += 2;
        int32_t low = take_unit(scan);
        code =
            low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff)) : -1;
    }
    if (code < 0 || (code >= 0xd800 && code <= 0xdfff)) {
        return fail(scan, "\\u and no character");
    }
    append_code_point(scan->decoded, code);
    return true;
}

/* Behind the backslash. */
static bool take_escape(struct ts_json_scan *scan)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = (char)(scan->at < scan->end ? *scan->at : '\0');
    const char *known = letter != '\0' ? strchr(letters, letter) : NULL;
    if (known == NULL && letter != 'u') {
        return fail(scan, "an unknown escape");
    }
    scan->at++;
    if (letter == 'u') {
        return take_unicode(scan);
    }
    ts_buffer_append_char(scan->decoded, meanings[known - letters]);
    return true;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Whether one of eight bytes ends a run: a quote, a backslash, a control character or no ASCII. */
static inline bool ends_run(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');
    uint64_t found = (quote - EACH_BYTE(1)) & ~quote;
    found |= (backslash - EACH_BYTE(1)) & ~backslash;
    found |= (word - EACH_BYTE(0x20)) & ~word;
    return ((found | word) & EACH_BYTE(0x80)) != 0;
}

/* To the first byte that is not a plain character of a string, or to the end. False at what cannot
 * be in one. */
static bool skip_run(struct ts_json_scan *scan)
{
    for (;;) {
        uint64_t word;
        while (scan->end - scan->at >= (ptrdiff_t)sizeof word) {
            memcpy(&word, scan->at, sizeof word);
            if (ends_run(word)) {
                break;
            }
            scan->at += sizeof word;
        }
        while (scan->at < scan->end && (unsigned char)*scan->at >= 0x20 &&
               (unsigned char)*scan->at < 0x80 && *scan->at != '"' && *scan->at != '\\') {
            scan->at++;
        }
        if (scan->at == scan->end || *scan->at == '"' || *scan->at == '\\') {
            return true;
        }
        size_t size =
            ts_utf8_character_size((struct ts_bytes){scan->at, (size_t)(scan->end - scan->at)});
        if (size < 2) {
            return fail(scan, size == 0 ? "not UTF-8" : "a control character");
        }
        scan->at += size;
    }
}

/* Behind the opening quote. */
static bool take_string(struct ts_json_scan *scan, struct ts_bytes *out)
{
    const char *run = scan->at;
    size_t decoded_from = scan->decoded->size;
    bool escaped = false;
    for (;;) {
        if (!skip_run(scan)) {
            return false;
        }
        if (scan->at == scan->end) {
            return fail(scan, "a text without its closing quote");
        }
        if (*scan->at == '"' && !escaped) {
            *out = (struct ts_bytes){run, (size_t)(scan->at++ - run)};
            return true;
        }
        ts_buffer_append(scan->decoded, run, (size_t)(scan->at - run));
        if (*scan->at++ == '"') {
            *out = (struct ts_bytes){scan->decoded->data + decoded_from,
                                     scan->decoded->size - decoded_from};
            return true;
        }
        escaped = true;
        if (!take_escape(scan)) {
            return false;
        }
        run = scan->at;
    }
}

/* ---- numbers
 * ---------------------------------------------------------------------------------- */

static bool is_digit(const struct ts_json_scan *scan)
{
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool skip_digits(struct ts_json_scan *scan)
{
    if (!is_digit(scan)) {
        return fail(scan, "a digit is missing");
    }
    while (is_digit(scan)) {
        scan->at++;
    }
    return true;
}

/* Point and exponent, of which only their being there matters. */
static bool skip_fraction(struct ts_json_scan *scan, bool *real)
{
    if (scan->at < scan->end && *scan->at == '.') {
        *real = true;
        scan->at++;
        if (!skip_digits(scan)) {
            return false;
        }
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        *real = true;
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-')) {
            scan->at++;
        }
        return skip_digits(scan);
    }
    return true;
}

/* Whole numbers count downwards, so that the least one fits. */
static bool take_number(struct ts_json_scan *scan, struct ts_json_scanned *out)
{
    bool negative = *scan->at == '-';
    bool real = false;
    int64_t value = 0;
    scan->at += negative ? 1 : 0;
    const char *digits = scan->at;
    while (is_digit(scan)) {
        out->out_of_range = out->out_of_range || __builtin_mul_overflow(value, 10, &value) ||
                            __builtin_sub_overflow(value, *scan->at - '0', &value);
        scan->at++;
    }
    if (scan->at == digits) {
        return fail(scan, "not a value");
    }
    if (*digits == '0' && scan->at - digits > 1) {
        return fail(scan, "a number that begins with 0");
    }
    if (!skip_fraction(scan, &real)) {
        return false;
    }
    out->type = real ? TS_JSON_REAL : TS_JSON_INTEGER;
    if (real) {
        out->out_of_range = false;
        return true;
    }
    out->out_of_range = out->out_of_range || (!negative && value == INT64_MIN);
    out->integer = out->out_of_range ? 0 : negative ? value : -value;
    return true;
}

/* ---- values
 * ----------------------------------------------------------------------------------- */

static bool take_word(struct ts_json_scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) {
        return fail(scan, "not a value");
    }
    scan->at += size;
    return true;
}

static bool take_value(struct ts_json_scan *scan, struct ts_json_scanned *out, int depth);

static bool take_list(struct ts_json_scan *scan, int depth)
{
    struct ts_json_scanned item;
    scan->at++;
    if (take(scan, ']')) {
        return true;
    }
    do {
        if (!take_value(scan, &item, depth)) {
            return false;
        }
    } while (take(scan, ','));
    return take(scan, ']') || fail(scan, "a list goes on with , or ]");
}

static bool take_object(struct ts_json_scan *scan, int depth)
{
    struct ts_json_scanned member;
    struct ts_bytes key;
    scan->at++;
    for (bool first = true; ts_json_scan_key(scan, first, &key); first = false) {
        if (!take_value(scan, &member, depth)) {
            return false;
        }
    }
    return scan->fault == NULL;
}

static bool take_nested(struct ts_json_scan *scan, struct ts_json_scanned *out, int depth)
{
    const char *from = scan->at;
    bool list = *from == '[';
    if (depth == 0) {
        return fail(scan, "lists and objects too deep in each other");
    }
    out->type = list ? TS_JSON_LIST : TS_JSON_OBJECT;
    if (!(list ? take_list(scan, depth - 1) : take_object(scan, depth - 1))) {
        return false;
    }
    out->text = (struct ts_bytes){from, (size_t)(scan->at - from)};
    return true;
}

static bool take_value(struct ts_json_scan *scan, struct ts_json_scanned *out, int depth)
{
    *out = (struct ts_json_scanned){.type = TS_JSON_ABSENT};
    char c = peek(scan);
    switch (c) {
    case '"':
        scan->at++;
        out->type = TS_JSON_TEXT;
        return take_string(scan, &out->text);
    case '{':
    case '[':
        return take_nested(scan, out, depth);
    case 't':
        out->type = TS_JSON_BOOL;
        return take_word(scan, "true");
    case 'f':
        out->type = TS_JSON_BOOL;
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        if (scan->at == scan->end) {
            return fail(scan, "the text ends too early");
        }
        return take_number(scan, out);
    }
}

bool ts_json_scan_value(struct ts_json_scan *scan, struct ts_json_scanned *out)
{
    return scan->fault == NULL && take_value(scan, out, TS_JSON_DEPTH_MAX);
}

bool ts_json_scan_enter(struct ts_json_scan *scan)
{
    return scan->fault == NULL && take(scan, '{');
}

bool ts_json_scan_key(struct ts_json_scan *scan, bool first, struct ts_bytes *key)
{
    if (take(scan, '}')) {
        return false;
    }
    if (!first && !take(scan, ',')) {
        return fail(scan, "an object goes on with , or }");
    }
    if (!take(scan, '"')) {
        return fail(scan, "a key is a text");
    }
    return take_string(scan, key) && (take(scan, ':') || fail(scan, "a key is followed by :"));
}

bool ts_json_scan_end(struct ts_json_scan *scan)
{
    skip_space(scan);
    return scan->fault == NULL && (scan->at == scan->end || fail(scan, "more than one value"));
}

size_t ts_json_scan_column(const struct ts_json_scan *scan)
{
    return (size_t)(scan->at - scan->begin) + 1;
}
