/* SPDX-License-Identifier: Apache-2.0 */
#include "app/args.h"

#include "app/suggest.h"
#include "base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int ts_args_refuse(const struct ts_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "tollstream %s: ", args->command->name);
    vfprintf(stderr, format, list);
    fprintf(stderr, "\nTry `tollstream %s --help`.\n", args->command->name);
    va_end(list);
    return TS_EXIT_USAGE;
}

static bool refuse_unknown(const struct ts_args *args,
                           const char *kind,
                           const char *word,
                           const struct ts_suggest *suggest)
{
    ts_args_refuse(args,
                   "unknown %s %s%s%s%s",
                   kind,
                   word,
                   suggest->best != NULL ? ": did you mean " : "",
                   suggest->best != NULL ? suggest->best : "",
                   suggest->best != NULL ? "?" : "");
    return false;
}

/* The option that `word` ("--name" or "--name=value") names, or -1 after telling. */
static int find_option(const struct ts_args *args, const char *word)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, name[0] == '-' && name[1] == '-' ? name + 2 : name);
    const struct ts_cli_option *options = args->command->options;
    for (int i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strcmp(options[i].name, suggest.word) == 0 && name[1] == '-') {
            return i;
        }
        ts_suggest_offer(&suggest, options[i].name);
    }
    char offer[80];
    if (suggest.best != NULL) {
        snprintf(offer, sizeof offer, "--%s", suggest.best);
        suggest.best = offer;
    }
    refuse_unknown(args, "option", name, &suggest);
    return -1;
}

static bool may_repeat(const struct ts_cli_option *option)
{
    size_t size = option->value != NULL ? strlen(option->value) : 0;
    return size > 3 && strcmp(option->value + size - 3, "...") == 0;
}

static bool keep_value(struct ts_args *args, int found, const char *value)
{
    const struct ts_cli_option *option = &args->command->options[found];
    args->values[found] = value;
    if (may_repeat(option)) {
        if (args->repeated_count == TS_ARGS_REPEATED_MAX) {
            ts_args_refuse(
                args, "--%s is given more than %d times", option->name, TS_ARGS_REPEATED_MAX);
            return false;
        }
        args->repeated[args->repeated_count++] = value;
    }
    return true;
}

/* Takes the option at argv[*i], with its value from the next word if it needs one. */
static bool take_option(struct ts_args *args, int argc, char **argv, int *i)
{
    int found = find_option(args, argv[*i]);
    if (found < 0) {
        return false;
    }
    const struct ts_cli_option *option = &args->command->options[found];
    const char *equals = strchr(argv[*i], '=');
    TS_ASSERT(found < TS_ARGS_OPTIONS_MAX);
    if (args->values[found] != NULL && !may_repeat(option)) {
        return ts_args_refuse(args, "--%s is given twice", option->name) == TS_EXIT_OK;
    }
    if (option->value == NULL) {
        args->values[found] = "";
        return equals == NULL ||
               ts_args_refuse(args, "--%s takes no value", option->name) == TS_EXIT_OK;
    }
    if (equals != NULL) {
        return keep_value(args, found, equals + 1);
    }
    if (*i + 1 >= argc) {
        return ts_args_refuse(args, "--%s needs a value: %s", option->name, option->value) ==
               TS_EXIT_OK;
    }
    return keep_value(args, found, argv[++*i]);
}

static bool take_action(struct ts_args *args)
{
    const struct ts_cli_action *actions = args->command->actions;
    if (args->operand_count == 0 && actions->name[0] == '\0') {
        args->action = actions;
        return true;
    }
    if (args->operand_count == 0) {
        ts_args_refuse(args, "what to do?");
        ts_cli_help(args->command, stderr);
        return false;
    }
    struct ts_suggest suggest;
    ts_suggest_init(&suggest, args->operands[0]);
    for (; actions->name != NULL; actions++) {
        if (strcmp(actions->name, suggest.word) == 0) {
            args->action = actions;
            args->operands++;
            args->operand_count--;
            return true;
        }
        ts_suggest_offer(&suggest, actions->name);
    }
    return refuse_unknown(args, "action", suggest.word, &suggest);
}

/* No option begins with a digit: "-5" is an amount. */
static bool is_operand(const char *word)
{
    return word[0] != '-' || word[1] == '\0' || (word[1] >= '0' && word[1] <= '9');
}

bool ts_args_parse(struct ts_args *args, const char *command, int argc, char **argv)
{
    *args = (struct ts_args){.command = ts_cli_find(command), .operands = argv + 1};
    TS_ASSERT(args->command != NULL);
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        if (ended || is_operand(argv[i])) {
            args->operands[args->operand_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (!take_option(args, argc, argv, &i)) {
            return false;
        }
    }
    return args->command->actions == NULL || take_action(args);
}

const char *ts_args_value(const struct ts_args *args, const char *option)
{
    const struct ts_cli_option *options = args->command->options;
    for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strcmp(options[i].name, option) == 0) {
            return args->values[i];
        }
    }
    TS_ASSERT(false && "an option that the command table lacks");
    return NULL;
}

bool ts_args_flag(const struct ts_args *args, const char *option)
{
    return ts_args_value(args, option) != NULL;
}

bool ts_args_action_is(const struct ts_args *args, const char *name)
{
    return args->action != NULL && strcmp(args->action->name, name) == 0;
}

bool ts_args_number(
    const struct ts_args *args, const char *option, int64_t min, int64_t max, int64_t *out)
{
    const char *text = ts_args_value(args, option);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        ts_args_refuse(args,
                       "--%s: \"%s\" should be a whole number from %" PRId64 " to %" PRId64,
                       option,
                       text,
                       min,
                       max);
        return false;
    }
    *out = value;
    return true;
}

bool ts_args_count(const struct ts_args *args, size_t min, size_t max)
{
    if (args->operand_count >= min && args->operand_count <= max) {
        return true;
    }
    bool few = args->operand_count < min;
    const char *arguments =
        args->action != NULL ? args->action->arguments : args->command->arguments;
    ts_args_refuse(args,
                   "%s%s%s; expected: %s%s%s",
                   few ? "an argument is missing" : "one argument too many: ",
                   few ? "" : args->operands[max],
                   "",
                   args->action != NULL ? args->action->name : "",
                   args->action != NULL ? " " : "",
                   arguments);
    return false;
}

bool ts_args_format(const struct ts_args *args, enum ts_format *out)
{
    const char *name = ts_args_value(args, "format");
    *out = ts_args_flag(args, "json") ? TS_FORMAT_JSON : TS_FORMAT_TABLE;
    if (name != NULL && !ts_format_of(name, out)) {
        ts_args_refuse(args, "--format: \"%s\" should be table, csv or json", name);
        return false;
    }
    if (name != NULL && ts_args_flag(args, "json") && *out != TS_FORMAT_JSON) {
        ts_args_refuse(args, "--json and --format %s contradict each other", name);
        return false;
    }
    return true;
}
