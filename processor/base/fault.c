/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef TS_FAULT_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void ts_fault_point(const char *name)
{
    static atomic_long passes;
    const char *wanted = getenv("TOLLSTREAM_FAULT_POINT");
    size_t size = strlen(name);
    if (wanted == NULL || strncmp(wanted, name, size) != 0 || wanted[size] != ':') {
        return;
    }
    char *rest = NULL;
    long nth = strtol(wanted + size + 1, &rest, 10);
    if (atomic_fetch_add(&passes, 1) + 1 == nth) {
        raise(strcmp(rest, ":stop") == 0 ? SIGSTOP : SIGKILL);
    }
}
#endif
