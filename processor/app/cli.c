/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli.h"

#include "app/suggest.h"

#include <stdbool.h>
#include <string.h>

const struct ts_cli_command *ts_cli_find(const char *name)
{
    for (size_t i = 0; i < ts_cli_command_count; i++) {
        if (strcmp(ts_cli_commands[i].name, name) == 0) {
            return &ts_cli_commands[i];
        }
    }
    return NULL;
}

const char *ts_cli_suggest(const char *name)
{
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, name);
    for (size_t i = 0; i < ts_cli_command_count; i++) {
        ts_suggest_offer(&suggest, ts_cli_commands[i].name);
    }
    return suggest.best;
}

static void print_usage(const struct ts_cli_command *command, FILE *out)
{
    if (command->actions == NULL) {
        fprintf(out, "usage: tollstream %s %s\n", command->name, command->arguments);
        return;
    }
    const char *lead = "usage:";
    for (const struct ts_cli_action *action = command->actions; action->name != NULL; action++) {
        fprintf(out,
                "%s tollstream %s %s%s%s\n",
                lead,
                command->name,
                action->name,
                action->name[0] != '\0' ? " " : "",
                action->arguments);
        lead = "      ";
    }
}

static void print_options(const struct ts_cli_option *options, FILE *out)
{
    fputs("\noptions:\n", out);
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        snprintf(left,
                 sizeof left,
                 "--%s%s%s",
                 options->name,
                 options->value != NULL ? " " : "",
                 options->value != NULL ? options->value : "");
        fprintf(out, "  %-30s %s\n", left, options->help);
    }
    fprintf(out, "  %-30s %s\n", "--help", "this text");
}

void ts_cli_help(const struct ts_cli_command *command, FILE *out)
{
    print_usage(command, out);
    fprintf(out, "\n%s\n", command->summary);
    if (command->details != NULL) {
        fprintf(out, "\n%s\n", command->details);
    }
    if (command->actions != NULL) {
        fputs("\nactions:\n", out);
        for (const struct ts_cli_action *action = command->actions; action->name != NULL;
             action++) {
            const char *name = action->name[0] != '\0' ? action->name : "(none)";
            fprintf(out, "  %-12s %s\n", name, action->summary);
        }
    }
    print_options(command->options, out);
}

void ts_cli_overview(FILE *out)
{
    fputs("tollstream turns call-detail records into money: Kafka in, balances in Redis, the books "
          "in\nPostgreSQL, events out.\n\nusage: tollstream COMMAND …\n\ncommands:\n",
          out);
    for (size_t i = 0; i < ts_cli_command_count; i++) {
        fprintf(out, "  %-14s %s\n", ts_cli_commands[i].name, ts_cli_commands[i].summary);
    }
    fputs("\n`tollstream COMMAND --help` tells more. Exit codes: 0 done, 1 done and the answer is "
          "no,\n2 wrong arguments or settings, or it could not be done.\n",
          out);
}

static int refuse_name(const char *name)
{
    const char *suggestion = ts_cli_suggest(name);
    fprintf(stderr,
            "tollstream: unknown command %s%s%s%s\nTry `tollstream --help`.\n",
            name,
            suggestion != NULL ? ": did you mean " : "",
            suggestion != NULL ? suggestion : "",
            suggestion != NULL ? "?" : "");
    return TS_EXIT_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Before "--" only: after it a word is an operand, whatever it looks like. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            return true;
        }
    }
    return false;
}

int ts_cli_main(int argc, char **argv)
{
    if (argc < 2) {
        ts_cli_overview(stderr);
        return TS_EXIT_USAGE;
    }
    const char *name = argv[1];
    bool help = strcmp(name, "help") == 0;
    if (is_help(name) || (help && argc == 2)) {
        ts_cli_overview(stdout);
        return TS_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct ts_cli_command *command = ts_cli_find(help ? argv[2] : name);
    if (command == NULL) {
        return refuse_name(help ? argv[2] : name);
    }
    if (help || asks_for_help(argc - 1, argv + 1)) {
        ts_cli_help(command, stdout);
        return TS_EXIT_OK;
    }
    return command->run(argc - 1, argv + 1);
}
