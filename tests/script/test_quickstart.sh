#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deploy/quickstart, small: with the real Kafka, and where Maven Central can't be reached.
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/test-quickstart.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
passed=0
failed=0

cache=$("$root/deploy/install" --print-venv)
cache=${cache%/venv}
unset "${!TOLLSTREAM_STACK_@}" TOLLSTREAM_KAFKA_LIBS
base=$((14000 + RANDOM % 300 * 10))
export TOLLSTREAM_STACK_DIR=/var/tmp/tollstream-quickstart-$$ TOLLSTREAM_HTTP_LISTEN=127.0.0.1:$((base + 5))
export TOLLSTREAM_STACK_KAFKA_PORT=$base TOLLSTREAM_STACK_REDIS_PORT=$((base + 2))
export TOLLSTREAM_STACK_POSTGRES_PORT=$((base + 3))

# check NAME TEXT COMMAND… : ends with 0, says so, and the books add up
check() {
    local name=$1 text=$2 output
    shift 2
    if output=$("$@" 2>&1) && [[ $output == *"$text"*'ok: the books add up'* ]]; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$name" "$output"
    fi
}

without_maven_central() {
    mkdir -p -- "$work/bin" "$work/cache" && ln -s -- "$cache/venv" "$work/cache/venv"
    printf '#!/bin/sh\necho "Could not transfer artifact" >&2\nexit 1\n' >"$work/bin/mvn"
    chmod +x "$work/bin/mvn"
    PATH=$work/bin:$PATH TOLLSTREAM_CACHE=$work/cache "$@"
}

small=("$root/deploy/quickstart" --cdrs 10000 --accounts 300)
check 'with real servers' 'serves at 127.0.0.1' "${small[@]}"
check 'without Maven Central' 'WARNING: no real Kafka' without_maven_central "${small[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
