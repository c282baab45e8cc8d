/* SPDX-License-Identifier: Apache-2.0 */
#include "app/args.h"
#include "app/cli.h"

#include <stdio.h>

#ifndef TS_VERSION
#error "the build defines TS_VERSION"
#endif

int ts_cmd_version(int argc, char **argv)
{
    struct ts_args args;
    if (!ts_args_parse(&args, "version", argc, argv) || !ts_args_count(&args, 0, 0)) {
        return TS_EXIT_USAGE;
    }
    puts("tollstream " TS_VERSION);
    return TS_EXIT_OK;
}
