/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "app/args.h"
#include "app/cli.h"

#include <stdlib.h>
#include <string.h>

static bool parse(struct ts_args *args, const char *command, int argc, char **argv)
{
    return ts_args_parse(args, command, argc, argv);
}

#define PARSE(args, command, ...)                                                                  \
    parse(args,                                                                                    \
          command,                                                                                 \
          (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)),                                 \
          (char *[]){__VA_ARGS__})

static void test_options(void **state)
{
    (void)state;
    struct ts_args args;
    assert_true(PARSE(&args, "check-config", "check-config", "--config", "a", "--json"));
    assert_string_equal(ts_args_value(&args, "config"), "a");
    assert_true(ts_args_flag(&args, "json"));
    assert_false(ts_args_flag(&args, "example"));
    assert_true(PARSE(&args, "check-config", "check-config", "--config=b=c"));
    assert_string_equal(ts_args_value(&args, "config"), "b=c");
    assert_false(PARSE(&args, "check-config", "check-config", "--config"));
    assert_false(PARSE(&args, "check-config", "check-config", "--json=1"));
    assert_false(PARSE(&args, "check-config", "check-config", "--json", "--json"));
    assert_false(PARSE(&args, "check-config", "check-config", "--jason"));
    assert_false(PARSE(&args, "check-config", "check-config", "-x"));
}

static void test_repeated_option(void **state)
{
    (void)state;
    struct ts_args args;
    assert_true(PARSE(&args, "rate", "rate", "--base", "a", "--deck", "d", "--base=b"));
    assert_int_equal(args.repeated_count, 2);
    assert_string_equal(args.repeated[0], "a");
    assert_string_equal(args.repeated[1], "b");
    assert_false(PARSE(&args, "rate", "rate", "--deck", "d", "--deck", "e"));
    char *argv[1 + TS_ARGS_REPEATED_MAX + 1] = {"rate"};
    for (int i = 1; i <= TS_ARGS_REPEATED_MAX + 1; i++) {
        argv[i] = "--base=x";
    }
    assert_true(parse(&args, "rate", 1 + TS_ARGS_REPEATED_MAX, argv));
    assert_false(parse(&args, "rate", 1 + TS_ARGS_REPEATED_MAX + 1, argv));
}

static void test_operands(void **state)
{
    (void)state;
    struct ts_args args;
    char *argv[] = {"check-config", "a", "--json", "-", "--", "--json"};
    assert_true(parse(&args, "check-config", 6, argv));
    assert_int_equal(args.operand_count, 3);
    assert_string_equal(args.operands[0], "a");
    assert_string_equal(args.operands[1], "-");
    assert_string_equal(args.operands[2], "--json");
    assert_true(ts_args_count(&args, 1, 3));
    assert_false(ts_args_count(&args, 4, 5));
    assert_false(ts_args_count(&args, 0, 2));
}

static void test_format(void **state)
{
    (void)state;
    struct ts_args args;
    enum ts_format format = TS_FORMAT_CSV;
    assert_true(PARSE(&args, "check-config", "check-config"));
    assert_true(ts_args_format(&args, &format));
    assert_int_equal(format, TS_FORMAT_TABLE);
    assert_true(PARSE(&args, "check-config", "check-config", "--json"));
    assert_true(ts_args_format(&args, &format));
    assert_int_equal(format, TS_FORMAT_JSON);
    assert_true(PARSE(&args, "check-config", "check-config", "--json", "--format", "csv"));
    assert_false(ts_args_format(&args, &format));
    assert_true(PARSE(&args, "check-config", "check-config", "--format", "xml"));
    assert_false(ts_args_format(&args, &format));
}

static void test_table_of_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < ts_cli_command_count; i++) {
        const struct ts_cli_command *command = &ts_cli_commands[i];
        assert_non_null(command->run);
        assert_true(command->actions != NULL || command->arguments != NULL);
        assert_ptr_equal(ts_cli_find(command->name), command);
        size_t options = 0;
        while (command->options != NULL && command->options[options].name != NULL) {
            options++;
        }
        assert_true(options <= TS_ARGS_OPTIONS_MAX);
    }
    assert_string_equal(ts_cli_suggest("vresion"), "version");
    assert_null(ts_cli_suggest("frobnicate"));
}

static void test_main(void **state)
{
    (void)state;
    assert_int_equal(ts_cli_main(1, (char *[]){"tollstream", NULL}), TS_EXIT_USAGE);
    assert_int_equal(ts_cli_main(2, (char *[]){"tollstream", "--help", NULL}), TS_EXIT_OK);
    assert_int_equal(ts_cli_main(2, (char *[]){"tollstream", "vresion", NULL}), TS_EXIT_USAGE);
    assert_int_equal(ts_cli_main(3, (char *[]){"tollstream", "help", "version", NULL}), TS_EXIT_OK);
    assert_int_equal(ts_cli_main(3, (char *[]){"tollstream", "version", "x", NULL}), TS_EXIT_USAGE);
    assert_int_equal(ts_cli_main(2, (char *[]){"tollstream", "--version", NULL}), TS_EXIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_repeated_option),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_table_of_commands),
        cmocka_unit_test(test_main),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
