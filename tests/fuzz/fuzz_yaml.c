/* SPDX-License-Identifier: Apache-2.0 */
/* Settings files. Leaves have a path within its limit, a value without surprises and a line of the
 * file; what is refused is told with the file's name. */
#include "tests/fuzz/fuzz.h"

#include "adapters/yaml/yaml_leaves.h"

#include <string.h>

struct heard {
    int line_max;
    unsigned leaves;
};

static bool on_leaf(void *arg, const struct ts_yaml_leaf *leaf, struct ts_error *err)
{
    struct heard *heard = arg;
    (void)err;
    TS_ASSERT(strlen(leaf->path) < TS_YAML_PATH_MAX);
    TS_ASSERT(leaf->value == NULL || strlen(leaf->value) <= TS_YAML_FILE_SIZE_MAX);
    TS_ASSERT(leaf->line >= 1 && leaf->line <= heard->line_max);
    heard->leaves++;
    return true;
}

/* YAML's line ends: CR, LF, NEL, LS, PS, in one of three encodings; no line is shorter than a
 * byte. */
static struct heard nothing_heard(struct ts_bytes text)
{
    return (struct heard){.line_max = (int)text.size + 1};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ts_bytes text = fuzz_bytes(data, size);
    struct heard heard = nothing_heard(text);
    struct heard again = nothing_heard(text);
    struct ts_error err = {0};
    bool good = ts_yaml_leaves_of_text("fuzz.yaml", text, on_leaf, &heard, &err);
    if (!good) {
        fuzz_expect_error(&err, TS_ERROR_FATAL);
        TS_ASSERT(strncmp(err.text, "fuzz.yaml:", 10) == 0);
    }
    TS_ASSERT(ts_yaml_leaves_of_text("fuzz.yaml", text, on_leaf, &again, &err) == good);
    TS_ASSERT(heard.leaves == again.leaves);
    return 0;
}
