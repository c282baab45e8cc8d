/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/registry/http_get.h"

#include <curl/curl.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = sizeof "/schemas/ids/4294967295" };

struct ts_registry_http {
    CURL *easy;
    struct curl_slist *headers;
    const atomic_bool *stopping;
    char *base;
    char *url; /* of a request: the base and room for the path */
    char error[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t count, void *body)
{
    struct ts_buffer *buffer = body;
    ts_buffer_append(buffer, data, size * count);
    return buffer->failed ? 0 : size * count;
}

static int look_for_stop(
    void *self, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct ts_registry_http *http = self;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return atomic_load(http->stopping);
}

/* Takes one part, whose lack is `absent`, out of the URL: `value` is NULL then. False when it can't
 * be had: then the URL would still show it. */
static bool take_part(CURLU *url, CURLUPart part, CURLUcode absent, char **value)
{
    CURLUcode code = curl_url_get(url, part, value, CURLU_URLDECODE);
    return code == absent || (code == CURLUE_OK && curl_url_set(url, part, NULL, 0) == CURLUE_OK);
}

static bool is_plain(CURLU *url)
{
    static const CURLUPart extras[] = {CURLUPART_QUERY, CURLUPART_FRAGMENT};
    char *value = NULL;
    bool plain = curl_url_get(url, CURLUPART_SCHEME, &value, 0) == CURLUE_OK &&
                 (strcmp(value, "http") == 0 || strcmp(value, "https") == 0);
    curl_free(value);
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        value = NULL;
        plain = curl_url_get(url, extras[i], &value, 0) != CURLUE_OK && plain;
        curl_free(value);
    }
    return plain;
}

static bool set_base(struct ts_registry_http *http, CURLU *url)
{
    char *whole = NULL;
    if (curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        return false;
    }
    size_t size = strlen(whole);
    while (size > 0 && whole[size - 1] == '/') {
        size--;
    }
    http->base = strndup(whole, size);
    http->url = calloc(1, size + PATH_SIZE);
    curl_free(whole);
    return http->base != NULL && http->url != NULL;
}

static bool set_up(struct ts_registry_http *http, CURLU *url, struct ts_error *err)
{
    http->easy = curl_easy_init();
    http->headers =
        curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    if (http->easy == NULL || http->headers == NULL || !set_base(http, url)) {
        return ts_error_no_memory(err);
    }
    curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->error);
    curl_easy_setopt(http->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(http->easy, CURLOPT_XFERINFOFUNCTION, look_for_stop);
    curl_easy_setopt(http->easy, CURLOPT_XFERINFODATA, http);
    curl_easy_setopt(http->easy, CURLOPT_NOPROGRESS, 0L);
    return true;
}

static bool set_up_as(struct ts_registry_http *http, CURLU *url, struct ts_error *err)
{
    char *user = NULL;
    char *password = NULL;
    bool ok = take_part(url, CURLUPART_USER, CURLUE_NO_USER, &user) &&
              take_part(url, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD, &password);
    if (!ok) {
        ts_error_set(err,
                     TS_ERROR_FATAL,
                     0,
                     "schema_registry.url: its user or password can't be read: write what is no "
                     "letter or digit as %%XX");
    } else if (set_up(http, url, err)) {
        ok = curl_easy_setopt(http->easy, CURLOPT_USERNAME, user) == CURLE_OK &&
             curl_easy_setopt(http->easy, CURLOPT_PASSWORD, password) == CURLE_OK;
        if (!ok) {
            ts_error_no_memory(err);
        }
    } else {
        ok = false;
    }
    curl_free(user);
    curl_free(password);
    return ok;
}

struct ts_registry_http *ts_registry_http_open(const char *url,
                                               int timeout_ms,
                                               const atomic_bool *stopping,
                                               struct ts_error *err)
{
    struct ts_registry_http *http = calloc(1, sizeof *http);
    CURLU *parts = curl_url();
    bool ok = false;
    if (http == NULL || parts == NULL) {
        ts_error_no_memory(err);
    } else if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK || !is_plain(parts)) {
        ts_error_set(err,
                     TS_ERROR_FATAL,
                     0,
                     "schema_registry.url: not of the form "
                     "http(s)://[user:password@]host[:port][/path]");
    } else {
        http->stopping = stopping;
        ok = set_up_as(http, parts, err);
    }
    curl_url_cleanup(parts);
    if (!ok) {
        ts_registry_http_close(http);
        return NULL;
    }
    curl_easy_setopt(http->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    return http;
}

void ts_registry_http_close(struct ts_registry_http *http)
{
    if (http == NULL) {
        return;
    }
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->headers);
    free(http->base);
    free(http->url);
    free(http);
}

const char *ts_registry_http_base(const struct ts_registry_http *http)
{
    return http->base;
}

bool ts_registry_http_get(struct ts_registry_http *http,
                          uint32_t id,
                          struct ts_buffer *body,
                          long *status,
                          struct ts_error *err)
{
    snprintf(http->url, strlen(http->base) + PATH_SIZE, "%s/schemas/ids/%" PRIu32, http->base, id);
    http->error[0] = '\0';
    curl_easy_setopt(http->easy, CURLOPT_URL, http->url);
    curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, body);
    CURLcode code = curl_easy_perform(http->easy);
    if (code == CURLE_OK) {
        curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, status);
        return true;
    }
    if (body->failed) {
        return ts_error_set(err,
                            TS_ERROR_RETRY,
                            0,
                            "the answer is larger than %zu bytes: is schema_registry.url the "
                            "address of a registry?",
                            body->size_max);
    }
    const char *text = http->error[0] != '\0' ? http->error : curl_easy_strerror(code);
    return ts_error_set(err, TS_ERROR_RETRY, 0, "%s", text);
}
