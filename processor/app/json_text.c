/* SPDX-License-Identifier: Apache-2.0 */
#include "app/json_text.h"

#include "base/utf8.h"

/* Whether the byte stands for itself in a JSON string. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/* A character that does not, or is no ASCII. Returns how many bytes of the text it was. */
static size_t append_character(struct ts_buffer *out, struct ts_bytes text)
{
    unsigned char c = (unsigned char)text.data[0];
    size_t size = ts_utf8_character_size(text);
    if (size == 0 || (size == 2 && c == 0xc2 && (unsigned char)text.data[1] < 0xa0)) {
        ts_buffer_append_text(out, "\\ufffd");
        return 1;
    }
    if (c == '"' || c == '\\') {
        ts_buffer_append_char(out, '\\');
        ts_buffer_append_char(out, (char)c);
    } else if (c < 0x20) {
        ts_buffer_format(out, "\\u%04x", c);
    } else {
        ts_buffer_append(out, text.data, size);
    }
    return size;
}

void ts_json_append_string(struct ts_buffer *out, struct ts_bytes text)
{
    if (text.data == NULL) {
        ts_buffer_append_text(out, "null");
        return;
    }
    ts_buffer_append_char(out, '"');
    while (text.size > 0) {
        size_t size = 0;
        while (size < text.size && is_plain(text.data[size])) {
            size++;
        }
        ts_buffer_append(out, text.data, size);
        if (size == 0) {
            size = append_character(out, text);
        }
        text.data += size;
        text.size -= size;
    }
    ts_buffer_append_char(out, '"');
}
