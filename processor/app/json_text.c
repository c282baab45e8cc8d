/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_text.h"

#include "base/utf8.h"

/* Bytes of the UTF-8 character at the beginning, 0 when there is none. */
static size_t character_size(struct ts_bytes text)
{
    unsigned char first = (unsigned char)text.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    struct ts_bytes character = {text.data, size};
    bool control = first < 0x20 || first == 0x7f;
    return size <= text.size && (control || ts_utf8_is_text(character)) ? size : 0;
}

void ts_json_append_string(struct ts_buffer *out, struct ts_bytes text)
{
    if (text.data == NULL) {
        ts_buffer_append_text(out, "null");
        return;
    }
    ts_buffer_append_char(out, '"');
    while (text.size > 0) {
        size_t size = character_size(text);
        unsigned char c = (unsigned char)text.data[0];
        if (size == 0) {
            ts_buffer_append_text(out, "\\ufffd");
            size = 1;
        } else if (c == '"' || c == '\\') {
            ts_buffer_append_char(out, '\\');
            ts_buffer_append_char(out, (char)c);
        } else if (c < 0x20) {
            ts_buffer_format(out, "\\u%04x", c);
        } else {
            ts_buffer_append(out, text.data, size);
        }
        text.data += size;
        text.size -= size;
    }
    ts_buffer_append_char(out, '"');
}
