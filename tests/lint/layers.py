#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes may point down only, and a third-party header stays inside the adapter that wraps it.

    app -> pipeline -> ports -> core -> base
     \\---> adapters/x -> ports -> core -> base

usage: layers.py ROOT | layers.py --self-test
"""
import re
import sys
from pathlib import Path

import sources

# What each layer may include of ours, besides itself. An adapter sees no other adapter.
BELOW = {
    "base": (),
    "core": ("base",),
    "ports": ("core", "base"),
    "pipeline": ("ports", "core", "base"),
    "adapters": ("ports", "core", "base"),
    "app": ("pipeline", "adapters", "ports", "core", "base"),
}

# Where a third-party header may be included.
THIRD_PARTY = [
    (r"librdkafka/.*", "adapters/kafka"),
    (r"hiredis/.*", "adapters/redis"),
    (r"libpq-fe\.h|libpq/.*|postgres_ext\.h|pg_config.*", "adapters/postgres"),
    (r"avro\.h|avro/.*", "adapters/avro"),
    (r"curl/.*", "adapters/registry"),
    (r"jansson\.h", "adapters/json"),
    (r"yaml\.h", "adapters/yaml"),
    (r"csv\.h", "adapters/csv"),
    (r"microhttpd\.h", "adapters/http"),
    (r"xxhash\.h", "base"),
]

# The schema registry's answers are JSON; nothing else may go beyond the list above.
ALSO = {("jansson.h", "adapters/registry")}

SYSTEM = re.compile(r"(sys|netinet|arpa|net|linux|bits|sanitizer)/[a-z0-9_]+\.h|[a-z0-9_]+\.h")

# The core is pure: nothing of the clock, of threads or of input and output. stdio is there for
# snprintf and errors, so its functions are checked instead.
CORE_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h",
}
CORE_CALLS = re.compile(
    r"\b(fopen|fdopen|fread|fwrite|fgets|fputs|fprintf|printf|puts|open|read|write|socket|time|"
    r"clock_gettime|gettimeofday|localtime\w*|gmtime\w*|getenv|rand|random|pthread_\w+)\s*\(")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    """('adapters', 'adapters/kafka') of 'adapters/kafka/source.c'; ('core', 'core') of 'core/x.c'."""
    parts = Path(path).parts
    if parts[0] == "adapters" and len(parts) > 2:
        return "adapters", "/".join(parts[:2])
    return parts[0], parts[0]


def check_own(path, included):
    layer, unit = layer_of(path)
    target_layer, target_unit = layer_of(included)
    if target_layer not in BELOW:
        return f'"{included}": not written from the processor/ root'
    if target_unit == unit:
        return None
    if target_layer == layer:
        return f"{unit} may not include {target_unit}: adapters do not know each other"
    if target_layer not in BELOW[layer]:
        below = ", ".join(BELOW[layer]) or "nothing"
        return f"{layer} may not include {target_layer}: below {layer} is {below}"
    return None


def check_foreign(path, included):
    layer, unit = layer_of(path)
    for pattern, home in THIRD_PARTY:
        if re.fullmatch(pattern, included):
            if unit == home or (included, unit) in ALSO:
                return None
            return f"<{included}> belongs to {home} only: go through its own header"
    if layer == "core" and included not in CORE_HEADERS:
        return f"<{included}>: the core is pure (no clock, threads, input or output)"
    if not SYSTEM.fullmatch(included):
        return f"<{included}> is not in the list of third-party headers: tests/lint/layers.py"
    return None


def check_file(path, text):
    """Violations of one file below processor/, as (line, text)."""
    found = []
    code = sources.without_comments(text)
    for match in INCLUDE.finditer(code):
        check = check_own if match[1] == '"' else check_foreign
        problem = check(path, match[2])
        if problem:
            found.append((sources.line_of(code, match.start(1)), problem))
    if layer_of(path)[0] == "core":
        for match in CORE_CALLS.finditer(sources.code_only(text)):
            found.append((sources.line_of(text, match.start()), f"{match[1]}: the core is pure"))
    if path.suffix == ".c":
        own = path.with_suffix(".h")
        first = INCLUDE.search(code)
        includes = {m[2] for m in INCLUDE.finditer(code)}
        if str(own) in includes and first[2] != str(own):
            found.append((sources.line_of(code, first.start(1)), f'"{own}" comes first'))
    return found


def leaks(texts):
    """Third-party headers that a file gets through one of our headers: (path, line, text)."""
    includes = {path: [(sources.line_of(code, m.start(1)), m[1], m[2])
                       for m in INCLUDE.finditer(code)]
                for path, code in ((p, sources.without_comments(t)) for p, t in texts.items())}
    reached = {}

    def foreign(path, under_way):
        if path not in reached and path not in under_way:
            found = set()
            for _, quote, name in includes.get(path, ()):
                found |= {name} if quote == "<" else foreign(name, under_way | {path})
            reached[path] = found
        return reached.get(path, set())

    for path in sorted(texts):
        for line, quote, name in includes[path]:
            for header in sorted(foreign(name, frozenset())) if quote == '"' else ():
                for pattern, home in THIRD_PARTY:
                    if re.fullmatch(pattern, header) and layer_of(path)[1] != home and \
                            layer_of(name)[1] == home and layer_of(path)[0] != layer_of(home)[0]:
                        yield path, line, f'"{name}" brings <{header}> along: it is private to {home}'


def check_tree(root):
    problems = 0
    files = 0
    texts = {}
    for path in sources.tracked(root):
        if path.parts[0] != "processor" or path.suffix not in (".c", ".h"):
            continue
        files += 1
        text = sources.read(Path(root) / path) or ""
        texts[str(Path(*path.parts[1:]))] = text
        for line, problem in check_file(Path(*path.parts[1:]), text):
            print(f"{path}:{line}: {problem}")
            problems += 1
    for path, line, problem in leaks(texts):
        print(f"processor/{path}:{line}: {problem}")
        problems += 1
    if files == 0:
        print(f"{root}: no sources below processor/")
    return problems == 0 and files > 0


CASES = [  # path, text, how many violations
    ("core/a.c", '#include "base/error.h"\n#include <string.h>\n', 0),
    ("core/a.c", '#include "ports/clock.h"\n', 1),
    ("core/a.c", "#include <pthread.h>\n", 1),
    ("core/a.c", "void f(void) { time(NULL); }\n", 1),
    ("core/a.c", "/* time() */ const char *s = \"time(\";\n", 0),
    ("base/a.h", '#include "core/cdr.h"\n', 1),
    ("base/hash.c", "#include <xxhash.h>\n", 0),
    ("core/hash.c", "#include <xxhash.h>\n", 2 - 1),
    ("pipeline/a.c", '#include "adapters/kafka/source.h"\n', 1),
    ("pipeline/a.c", "#  include <librdkafka/rdkafka.h>\n", 1),
    ("ports/a.h", '#include "pipeline/batch.h"\n', 1),
    ("adapters/kafka/a.c", "#include <librdkafka/rdkafka.h>\n", 0),
    ("adapters/redis/a.c", '#include "adapters/kafka/source.h"\n', 1),
    ("adapters/redis/a.c", '#include "pipeline/batch.h"\n', 1),
    ("adapters/redis/a.c", '#include "app/config.h"\n', 1),
    ("app/a.c", '#include "adapters/kafka/source.h"\n#include "pipeline/worker.h"\n', 0),
    ("app/a.c", "#include <libpq-fe.h>\n", 1),
    ("app/a.c", '// #include <libpq-fe.h>\n/* #include "x.h" */\n', 0),
    ("app/a.c", "#include <openssl/ssl.h>\n", 1),
    ("app/a.c", '#include "config.h"\n', 1),
    ("app/a.c", '#include "base/error.h"\n#include "app/a.h"\n', 1),
    ("app/a.c", '#include "app/a.h"\n#include "base/error.h"\n', 0),
]


def self_test():
    good = True
    for path, text, expected in CASES:
        found = check_file(Path(path), text)
        if len(found) != expected:
            print(f"{path}: {text!r}: {found}, expected {expected}")
            good = False
    tree = {"app/a.c": '#include "adapters/kafka/a.h"\n#include "adapters/kafka/b.h"\n',
            "adapters/kafka/a.h": '#include "adapters/kafka/c.h"\n',
            "adapters/kafka/b.h": "struct rd_kafka_s;\n",
            "adapters/kafka/c.h": "#include <librdkafka/rdkafka.h>\n"}
    told = [(path, line) for path, line, _ in leaks(tree)]
    if told != [("app/a.c", 1)]:
        print(f"a third-party header through a private one: told {told}")
        good = False
    return good


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if (self_test() if sys.argv[1] == "--self-test" else check_tree(sys.argv[1])) else 1)
