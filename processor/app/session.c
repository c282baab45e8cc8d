/* SPDX-License-Identifier: Apache-2.0 */
#include "app/session.h"

#include "app/redact.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell_lines(const char *command, const char *kind, const struct ts_buffer *lines)
{
    struct ts_bytes rest = ts_buffer_bytes(lines);
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        char line[TS_ERROR_TEXT_MAX * 2];
        snprintf(line, sizeof line, "%.*s", (int)size, rest.data);
        ts_redact(line);
        fprintf(stderr, "tollstream %s: %s%s\n", command, kind, line);
        rest.data += end != NULL ? size + 1 : size;
        rest.size -= end != NULL ? size + 1 : size;
    }
}

bool ts_session_begin(struct ts_session *session, const char *command, int argc, char **argv)
{
    *session = (struct ts_session){0};
    struct ts_log_settings log = {.level = TS_LEVEL_WARNING, .fd = STDERR_FILENO};
    ts_log_init(&session->log, &log);
    if (!ts_args_parse(&session->args, command, argc, argv)) {
        return false;
    }
    struct ts_error err = {0};
    const char *file = ts_args_value(&session->args, "config");
    bool loaded = ts_config_load(&session->config, file, environ, &err);
    tell_lines(command, "warning: ", &session->config.warnings);
    if (!loaded && session->config.faults.size > 0) {
        tell_lines(command, "", &session->config.faults);
    } else if (!loaded) {
        ts_session_fail(session, &err);
    } else {
        session->log.settings.level = (enum ts_level)session->config.log.level;
        session->log.settings.json = session->config.log.format == TS_LOG_JSON;
    }
    return loaded;
}

void ts_session_end(struct ts_session *session)
{
    ts_config_finish(&session->config);
    ts_log_finish(&session->log);
}

int ts_session_fail(const struct ts_session *session, const struct ts_error *err)
{
    char text[TS_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "%s", err->text);
    ts_redact(text);
    fprintf(stderr, "tollstream %s: %s\n", session->args.command->name, text);
    return TS_EXIT_USAGE;
}

int ts_session_finish_table(const struct ts_session *session, struct ts_table *table)
{
    if (ts_table_finish(table)) {
        return TS_EXIT_OK;
    }
    struct ts_error err;
    ts_error_set(&err, TS_ERROR_FATAL, 0, "cannot write the output: %s", strerror(errno));
    return ts_session_fail(session, &err);
}
