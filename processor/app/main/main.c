/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own, so that tests link everything else. */
#include "app/command.h"

int main(int argc, char **argv)
{
    return ts_command_main(argc, argv);
}
