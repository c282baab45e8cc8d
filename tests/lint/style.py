#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that a reader would otherwise have to enforce: sizes, banned calls with what to use
instead, licence lines, markers of unfinished work, floating point near money, traces of a machine.

usage: style.py ROOT | style.py --self-test
"""
import re
import sys
from pathlib import Path

import sources

SOURCE_LINES_MAX = 600
HEADER_LINES_MAX = 200
FUNCTION_LINES_MAX = 70

# Tests are lists of cases as a rule: long is not tangled there.
TEST_SOURCE_LINES_MAX = 800
TEST_HEADER_LINES_MAX = 300

C_SUFFIXES = (".c", ".h")
SCRIPT_SUFFIXES = (".py", ".sh", ".cmake", ".lua", ".sql", ".yaml", ".yml")
LICENCE = "SPDX-License-Identifier: Apache-2.0"

# Everywhere.
BANNED = {
    "strcpy": "snprintf or memcpy with a size",
    "strcat": "struct ts_buffer",
    "strncpy": "snprintf: strncpy may leave no NUL",
    "strncat": "struct ts_buffer",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "getline",
    "scanf": "getline and a parser",
    "atoi": "strtoll, looking at errno and the end",
    "atol": "strtoll, looking at errno and the end",
    "atoll": "strtoll, looking at errno and the end",
    "strtok": "strtok_r",
    "localtime": "core/zone.h",
    "gmtime": "core/timestamp.h or gmtime_r",
    "ctime": "core/timestamp.h",
    "asctime": "core/timestamp.h",
    "mktime": "core/zone.h",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "alloca": "a bounded array or an arena",
    "setjmp": "return an error",
    "longjmp": "return an error",
    "bzero": "memset or an initialiser",
}

# In the program itself: tests and benchmarks may start servers and draw numbers.
BANNED_IN_PROGRAM = {
    "atof": "no floating point: ts_money_parse_*",
    "strtod": "no floating point: ts_money_parse_*",
    "rand": "a seeded generator of one's own",
    "srand": "a seeded generator of one's own",
    "random": "a seeded generator of one's own",
    "system": "nothing: no shell",
    "popen": "nothing: no shell",
    "usleep": "nanosleep",
    "sleep": "nanosleep, or wait for what is awaited",
    "assert": "TS_ASSERT: it stays on in release",
    "signal": "sigaction, or wait for signals",  # but SIG_IGN and SIG_DFL are fine
}
CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join([*BANNED, *BANNED_IN_PROGRAM]))
MARKER = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]))
FLOATING = re.compile(r"\b(double|float)\b")
MACHINE = re.compile(r"(?<![\w$.*])/(?:work|root|home/\w+)/\w")

# Floating point is for benchmarks and tests of speed, never for what is charged.
PROGRAM = "processor"

# Where a function definition begins: clang-format puts its "{" alone at column 0.
FUNCTION_OPEN = re.compile(r"^\{$", re.M)


def lines_max(path):
    if path.parts[0] == "tests":
        return TEST_HEADER_LINES_MAX if path.suffix == ".h" else TEST_SOURCE_LINES_MAX
    return HEADER_LINES_MAX if path.suffix == ".h" else SOURCE_LINES_MAX


def check_calls(path, code):
    found = []
    for match in CALL.finditer(code):
        instead = BANNED.get(match[1])
        if instead is None and path.parts[0] == PROGRAM:
            instead = BANNED_IN_PROGRAM[match[1]]
        if match[1] == "signal" and re.match(r"\s*\(\s*\w+\s*,\s*SIG_(IGN|DFL)\s*\)",
                                             code[match.end(1):]):
            continue
        if instead:
            found.append((sources.line_of(code, match.start()), f"{match[1]}: use {instead}"))
    return found


def check_c(path, text):
    found = []
    lines, limit = text.count("\n"), lines_max(path)
    if lines > limit:
        found.append((limit + 1, f"{lines} lines, at most {limit}: split it"))
    code = sources.code_only(text)
    found += check_calls(path, code)
    if path.parts[0] == PROGRAM:
        for match in FLOATING.finditer(code):
            line = sources.line_of(code, match.start())
            found.append((line, f"{match[1]}: money and durations are integers"))
    found += check_functions(code)
    if path.suffix == ".h":
        found += check_guard(path, text)
    return found


def check_functions(code):
    """Functions that are longer than a screen or two."""
    found = []
    for match in FUNCTION_OPEN.finditer(code):
        end = code.find("\n}", match.start())
        if end < 0:
            continue
        first, last = sources.line_of(code, match.start()), sources.line_of(code, end + 1)
        if last - first - 1 > FUNCTION_LINES_MAX:
            found.append(
                (first, f"a function of {last - first - 1} lines, at most {FUNCTION_LINES_MAX}"))
    return found


def check_guard(path, text):
    """In the program the guard is the whole path, so that no two headers can share one."""
    def symbol(parts):
        return re.sub(r"[^A-Z0-9]", "_", "/".join(parts).upper())
    if path.parts[0] == PROGRAM:
        pattern = re.escape("TS_" + symbol(path.parts[1:]))
    else:
        pattern = r"\w*" + re.escape(symbol(path.parts[-1:]))
    if not re.search(rf"^#ifndef ({pattern})\n#define \1\n", text, re.M):
        return [(1, f"the include guard should be {pattern}")]
    return []


def needs_licence(path, text):
    if path.suffix in C_SUFFIXES + SCRIPT_SUFFIXES or path.name == "CMakeLists.txt":
        return True
    return text.startswith("#!")


def check_licence(path, text):
    first = text.split("\n", 2)
    if path.suffix in C_SUFFIXES:
        return [] if first[0] == f"/* {LICENCE} */" else [(1, f"line 1 should be /* {LICENCE} */")]
    head = "\n".join(first[:2])
    return [] if LICENCE in head else [(1, f"the first lines should hold {LICENCE}")]


def check_text(path, text):
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if MARKER.search(line):
            found.append((number, f"{MARKER.search(line)[1]}: finish it or leave it out"))
        if MACHINE.search(line):
            found.append((number, "a path of one machine"))
        if line != line.rstrip() and path.suffix not in (".md", ".csv"):
            found.append((number, "spaces at the end of the line"))
    if text and not text.endswith("\n"):
        found.append((text.count("\n") + 1, "no newline at the end of the file"))
    return found


def check_file(path, text):
    found = check_text(path, text)
    if needs_licence(path, text):
        found += check_licence(path, text)
    if path.suffix in C_SUFFIXES:
        found += check_c(path, text)
    return sorted(found)


def is_ours(path):
    """Data and generated files are not held to rules for code."""
    if path.name in ("LICENSE",) or path.suffix in (".csv", ".json", ".jsonl", ".bin", ".avro"):
        return False
    return not {"data", "corpus", "third_party"} & set(path.parts)


def check_tree(root):
    problems = 0
    files = 0
    for path in sources.tracked(root):
        text = sources.read(Path(root) / path) if is_ours(path) else None
        if text is None:
            continue
        files += 1
        for line, problem in check_file(path, text):
            print(f"{path}:{line}: {problem}")
            problems += 1
    if files == 0:
        print(f"{root}: no files")
    return problems == 0 and files > 0


HEAD = f"/* {LICENCE} */\n"
GUARD = "#ifndef TS_CORE_A_H\n#define TS_CORE_A_H\n#endif\n"
CASES = [  # path, text, how many violations
    ("processor/core/a.c", HEAD + "int x;\n", 0),
    ("processor/core/a.c", "int x;\n", 1),
    ("processor/core/a.c", HEAD + "int x;", 1),
    ("processor/core/a.c", HEAD + "int x; \n", 1),
    ("processor/core/a.c", HEAD + "/* %s: later */\n" % ("TO" + "DO"), 1),
    ("processor/core/a.c", HEAD + "void f(char *a) { strcpy(a, \"x\"); }\n", 1),
    ("processor/core/a.c", HEAD + "/* strcpy(a, b) */ const char *s = \"atoi(\";\n", 0),
    ("processor/core/a.c", HEAD + "void f(void) { my_strcpy(a); x->system(1); TS_ASSERT(1); }\n", 0),
    ("processor/core/a.c", HEAD + "void f(void) { signal(SIGPIPE, SIG_IGN); }\n", 0),
    ("processor/core/a.c", HEAD + "void f(void) { signal(SIGTERM, stop); }\n", 1),
    ("processor/core/a.c", HEAD + "double price;\n", 1),
    ("bench/a.c", HEAD + "double seconds;\n", 0),
    ("processor/core/a.c", HEAD + "x\n" * SOURCE_LINES_MAX, 1),
    ("processor/core/a.c", HEAD + "void f(void)\n{\n" + "    x();\n" * FUNCTION_LINES_MAX + "}\n", 0),
    ("processor/core/a.c", HEAD + "void f(void)\n{\n" + "    x();\n" * (FUNCTION_LINES_MAX + 1) + "}\n", 1),
    ("tests/unit/a.c", HEAD + "x\n" * SOURCE_LINES_MAX, 0),
    ("tests/unit/a.c", HEAD + "void f(void) { rand(); system(s); strcpy(a, b); }\n", 1),
    ("tests/unit/x/a.h", HEAD + GUARD, 0),
    ("tests/unit/x/b.h", HEAD + GUARD, 1),
    ("processor/core/a.h", HEAD + GUARD, 0),
    ("processor/core/b.h", HEAD + GUARD, 1),
    ("processor/core/a.h", HEAD + GUARD + "x\n" * HEADER_LINES_MAX, 1),
    ("deploy/x", "#!/bin/sh\necho\n", 1),
    ("deploy/x", f"#!/bin/sh\n# {LICENCE}\necho\n", 0),
    ("deploy/x", f"#!/bin/sh\n# {LICENCE}\ncd /{'work'}/main\n", 1),
    ("README.md", "words\n", 0),
]


def self_test():
    good = True
    for path, text, expected in CASES:
        found = check_file(Path(path), text)
        if len(found) != expected:
            print(f"{path}: {text[:80]!r}: {found}, expected {expected}")
            good = False
    return good


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if (self_test() if sys.argv[1] == "--self-test" else check_tree(sys.argv[1])) else 1)
