/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/redis/url.h"

#include "base/bytes.h"

#include <stddef.h>
#include <string.h>

enum { DEFAULT_PORT = 6379, PORT_MAX = 65535, DATABASE_MAX = 9999 };

static bool wrong(struct ts_error *err, const char *what)
{
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "redis url: %s; expected redis://[[user]:password@]host[:port][/database]",
                        what);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes `part` into `out` of `size` bytes. A NUL would cut the text short: refused. */
static bool decode(struct ts_bytes part, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < part.size; i++) {
        char c = part.data[i];
        if (c == '%') {
            int high = i + 2 < part.size ? hex_digit(part.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(part.data[i + 2]);
            if (low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || used + 1 >= size) {
            return false;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static bool parse_number(struct ts_bytes part, int max, int *value)
{
    int sum = 0;
    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] < '0' || part.data[i] > '9') {
            return false;
        }
        sum = sum * 10 + (part.data[i] - '0');
        if (sum > max) {
            return false;
        }
    }
    *value = sum;
    return part.size > 0;
}

/* Splits at the first or last `c`: what is before it goes to `head`, `rest` keeps what is after.
 * False, with both untouched, when there is none. */
static bool split(struct ts_bytes *rest, char c, bool last, struct ts_bytes *head)
{
    const char *at = last ? memrchr(rest->data, c, rest->size) : memchr(rest->data, c, rest->size);
    if (at == NULL) {
        return false;
    }
    *head = (struct ts_bytes){rest->data, (size_t)(at - rest->data)};
    *rest = (struct ts_bytes){at + 1, rest->size - head->size - 1};
    return true;
}

static bool parse_login(struct ts_bytes login, struct ts_redis_url *url, struct ts_error *err)
{
    struct ts_bytes user = {NULL, 0};
    if (!split(&login, ':', false, &user)) {
        return wrong(err, "the part before @ has no ':' in front of the password");
    }
    if (!decode(user, url->user, sizeof url->user)) {
        return wrong(err, "the user is too long or wrongly percent-encoded");
    }
    if (!decode(login, url->password, sizeof url->password)) {
        return wrong(err, "the password is too long or wrongly percent-encoded");
    }
    return true;
}

static bool parse_address(struct ts_bytes address, struct ts_redis_url *url, struct ts_error *err)
{
    struct ts_bytes host = address;
    struct ts_bytes port = {NULL, 0};
    if (address.size > 0 && address.data[0] == '[') {
        port = (struct ts_bytes){address.data + 1, address.size - 1};
        if (!split(&port, ']', false, &host) || (port.size > 0 && port.data[0] != ':')) {
            return wrong(err, "the IPv6 address is not closed by ]");
        }
        port = port.size > 0 ? (struct ts_bytes){port.data + 1, port.size - 1}
                             : (struct ts_bytes){NULL, 0};
    } else {
        port = address;
        if (!split(&port, ':', false, &host)) {
            port = (struct ts_bytes){NULL, 0};
        }
    }
    if (host.size == 0 || !decode(host, url->host, sizeof url->host)) {
        return wrong(err, "the host is missing, too long or wrongly percent-encoded");
    }
    url->port = DEFAULT_PORT;
    if (port.data != NULL && (!parse_number(port, PORT_MAX, &url->port) || url->port == 0)) {
        return wrong(err, "the port is not a number from 1 to 65535");
    }
    return true;
}

bool ts_redis_url_parse(const char *text, struct ts_redis_url *url, struct ts_error *err)
{
    struct ts_redis_url parsed = {.database = 0};
    struct ts_bytes rest = ts_bytes_of(text);
    static const struct ts_bytes scheme = {"redis://", 8};
    if (rest.size >= 9 && memcmp(rest.data, "rediss://", 9) == 0) {
        return wrong(err, "rediss:// needs TLS, which this build's hiredis lacks");
    }
    if (rest.size < scheme.size || memcmp(rest.data, scheme.data, scheme.size) != 0) {
        return wrong(err, "it does not begin with redis://");
    }
    rest = (struct ts_bytes){rest.data + scheme.size, rest.size - scheme.size};

    struct ts_bytes login = {NULL, 0};
    if (split(&rest, '@', true, &login) && !parse_login(login, &parsed, err)) {
        return false;
    }
    struct ts_bytes address = rest;
    struct ts_bytes database = rest;
    if (!split(&database, '/', false, &address)) {
        address = rest;
    } else if (database.size > 0 && !parse_number(database, DATABASE_MAX, &parsed.database)) {
        return wrong(err, "the database after / is not a number");
    }
    if (!parse_address(address, &parsed, err)) {
        return false;
    }
    *url = parsed;
    return true;
}
