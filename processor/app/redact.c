/* SPDX-License-Identifier: Apache-2.0 */
#include "app/redact.h"

#include <stddef.h>
#include <string.h>

enum { STARS = 3 };

/* Replaces [from, to) and closes the gap. Returns where the rest now begins. */
static char *hide(char *from, char *to)
{
    size_t stars = to - from < STARS ? (size_t)(to - from) : STARS;
    memset(from, '*', stars);
    memmove(from + stars, to, strlen(to) + 1);
    return from + stars;
}

/* The password of "user:password@" after "://", up to the last '@' of the authority, so that one
 * that holds an unescaped '@' is hidden whole. */
static void hide_in_urls(char *text)
{
    for (char *at = strstr(text, "://"); at != NULL; at = strstr(at, "://")) {
        at += 3;
        size_t authority = strcspn(at, "/ \t\r\n\"'");
        char *colon = memchr(at, ':', authority);
        char *end = memrchr(at, '@', authority);
        if (colon != NULL && end != NULL && colon + 1 < end) {
            at = hide(colon + 1, end);
        }
    }
}

static void hide_assigned(char *text, const char *word)
{
    for (char *at = strcasestr(text, word); at != NULL; at = strcasestr(at, word)) {
        at += strlen(word);
        char *value = at + strspn(at, " ");
        if (*value != '=') {
            continue;
        }
        value += 1 + strspn(value + 1, " ");
        char *end = value;
        if (*value == '\'') {
            value++;
            end = value;
            while (*end != '\0' && *end != '\'') {
                end += *end == '\\' && end[1] != '\0' ? 2 : 1;
            }
        } else {
            end += strcspn(end, " \t\r\n&;\"',");
        }
        at = value == end ? end : hide(value, end);
    }
}

void ts_redact(char *text)
{
    hide_in_urls(text);
    hide_assigned(text, "password");
    hide_assigned(text, "secret");
}

bool ts_redact_name(const char *name)
{
    static const char *const parts[] = {
        "password", "secret", ".pem", "oauthbearer.config", "token", "credential"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcasestr(name, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}
