/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own, so that tests link everything else. */
#include "app/cli.h"

int main(int argc, char **argv)
{
    return ts_cli_main(argc, argv);
}
