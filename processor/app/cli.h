/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the program, as a table: names, help and options are data, so that --help, the
 * parser (app/args.h) and "did you mean" can't say different things. Each command is one file,
 * cmd_<name>.c, with one function of the shape of main(). */
#ifndef TS_APP_CLI_H
#define TS_APP_CLI_H

#include <stddef.h>
#include <stdio.h>

/* What every command returns. Could not do it (a server is away) counts as usage: a script must
 * not take it for a finding. */
enum ts_exit {
    TS_EXIT_OK = 0,
    TS_EXIT_FINDING = 1, /* it was done, and the answer is no */
    TS_EXIT_USAGE = 2,   /* wrong arguments or settings, or it could not be done */
};

struct ts_cli_option {
    const char *name;  /* "format": given as --format VALUE or --format=VALUE */
    const char *value; /* what to call the value in help; NULL: a flag */
    const char *help;
};

struct ts_cli_action {
    const char *name;      /* "publish"; "" of the first: what is done without a name */
    const char *arguments; /* "FILE --rate-plan NAME" */
    const char *summary;
};

struct ts_cli_command {
    const char *name;
    const char *arguments;               /* of a command without actions; may be "" */
    const char *summary;                 /* one line */
    const char *details;                 /* paragraphs, or NULL */
    const struct ts_cli_action *actions; /* ended by a NULL name; NULL: none */
    const struct ts_cli_option *options; /* ended by a NULL name; NULL: none, or its own parser's */
    int (*run)(int argc, char **argv);   /* argv[0] is the command's name */
};

extern const struct ts_cli_command ts_cli_commands[];
extern const size_t ts_cli_command_count;

/* NULL when there is none of that name. */
const struct ts_cli_command *ts_cli_find(const char *name);

/* The command closest to a wrong name, or NULL. */
const char *ts_cli_suggest(const char *name);

/* Help of one command; of the program. */
void ts_cli_help(const struct ts_cli_command *command, FILE *out);
void ts_cli_overview(FILE *out);

/* The whole program: finds the command and runs it. */
int ts_cli_main(int argc, char **argv);

int ts_cmd_accounts(int argc, char **argv);
int ts_cmd_audit(int argc, char **argv);
int ts_cmd_check_config(int argc, char **argv);
int ts_cmd_dead_letters(int argc, char **argv);
int ts_cmd_decks(int argc, char **argv);
int ts_cmd_events(int argc, char **argv);
int ts_cmd_invoices(int argc, char **argv);
int ts_cmd_migrate(int argc, char **argv);
int ts_cmd_numbers(int argc, char **argv);
int ts_cmd_rate(int argc, char **argv);
int ts_cmd_rate_plans(int argc, char **argv);
int ts_cmd_rebuild_balances(int argc, char **argv);
int ts_cmd_replay(int argc, char **argv);
int ts_cmd_run(int argc, char **argv);
int ts_cmd_topics(int argc, char **argv);
int ts_cmd_usage(int argc, char **argv);
int ts_cmd_version(int argc, char **argv);

#endif
