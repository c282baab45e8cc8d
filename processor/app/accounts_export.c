/* SPDX-License-Identifier: Apache-2.0 */
#include "app/account_export.h"
#include "app/accounts.h"
#include "base/buffer.h"

#include <errno.h>
#include <string.h>

enum { PAGE = 2000, LINE_SIZE_MAX = 1 << 20 };

struct exporting {
    FILE *out;
    struct ts_buffer line;
    int64_t count; /* of this page */
    bool failed;   /* a line did not fit */
    char last[TS_ACCOUNT_ID_MAX + 1];
};

static void put_account(void *self, const struct ts_stored_account *account)
{
    struct exporting *exporting = self;
    ts_buffer_clear(&exporting->line);
    ts_account_export_line(account, &exporting->line);
    exporting->failed = exporting->failed || exporting->line.failed;
    fwrite(exporting->line.data, 1, exporting->line.size, exporting->out);
    exporting->count++;
    memcpy(exporting->last, account->account_id, sizeof exporting->last);
}

/* Page by page, each as it is when it is read. */
static bool
put_all(struct exporting *exporting, struct ts_accounts_store *store, struct ts_error *err)
{
    struct ts_account_visitor visitor = {.visit = put_account, .self = exporting};
    exporting->count = PAGE;
    while (exporting->count == PAGE && !ferror(exporting->out)) {
        char after[TS_ACCOUNT_ID_MAX + 1];
        memcpy(after, exporting->last, sizeof after);
        exporting->count = 0;
        if (!ts_accounts_store_list(store, after, PAGE, &visitor, err)) {
            return false;
        }
    }
    return !exporting->failed || ts_error_no_memory(err);
}

static bool cannot_write(const char *file, struct ts_error *err)
{
    return ts_error_set(err,
                        TS_ERROR_FATAL,
                        0,
                        "cannot write %s: %s",
                        file != NULL ? file : "the output",
                        strerror(errno));
}

int ts_accounts_export(struct ts_session *session,
                       enum ts_format format,
                       struct ts_accounts_store *store)
{
    (void)format;
    const char *file = ts_args_value(&session->args, "output");
    struct ts_error err = {0};
    if (!ts_args_count(&session->args, 0, 0)) {
        return TS_EXIT_USAGE;
    }
    struct exporting exporting = {.out = file != NULL ? fopen(file, "we") : stdout};
    if (exporting.out == NULL) {
        cannot_write(file, &err);
        return ts_session_fail(session, &err);
    }
    ts_buffer_init(&exporting.line, LINE_SIZE_MAX);
    bool good = put_all(&exporting, store, &err);
    bool written = fflush(exporting.out) == 0 && ferror(exporting.out) == 0;
    written = (file == NULL || fclose(exporting.out) == 0) && written;
    ts_buffer_finish(&exporting.line);
    if (good && !written) {
        good = cannot_write(file, &err);
    }
    return good ? TS_EXIT_OK : ts_session_fail(session, &err);
}
