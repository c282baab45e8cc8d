#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deploy/stack with real servers, on ports and in folders of its own: what it starts serves, survives
# crashes, stays apart from other stacks and from other people's processes, and goes away again.
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
stack=$root/deploy/stack
work=$(mktemp -d "${TMPDIR:-/tmp}/test-stack.XXXXXX") # 0700: as root, PostgreSQL's user cannot enter
passed=0
failed=0

unset "${!TOLLSTREAM_STACK_@}" TOLLSTREAM_KAFKA_LIBS
export TOLLSTREAM_STACK_KAFKA_HEAP=320m TOLLSTREAM_STACK_POSTGRES_BUFFERS=32MB

# check NAME COMMAND... : counts; the output of a failed check is shown.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$name" "$output"
    fi
}

# fails_saying TEXT COMMAND... : the command fails and says why
fails_saying() {
    local text=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'succeeded: %s\n' "$output"
        return 1
    fi
    printf '%s\n' "$output"
    [[ $output == *"$text"* ]]
}

# A free run of four ports below the range that the kernel gives to outgoing connections.
free_ports() {
    local base port
    for ((base = 14000 + RANDOM % 300 * 10; ; base += 10)); do
        for port in "$base" $((base + 1)) $((base + 2)) $((base + 3)); do
            ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue 2
        done
        printf '%s\n' "$base"
        return
    done
}

# use NAME BASE_PORT : the stack that the commands below mean
use() {
    export TOLLSTREAM_STACK_DIR=$work/$1 TOLLSTREAM_STACK_KAFKA_PORT=$2
    export TOLLSTREAM_STACK_REDIS_PORT=$(($2 + 2)) TOLLSTREAM_STACK_POSTGRES_PORT=$(($2 + 3))
}

# clients write|read MARK SERVER...
clients() {
    local lines
    lines=$("$stack" env) && (
        eval "$lines"
        exec "$python" "$root/tests/script/stack_clients.py" "$@"
    )
}

pids() {
    "$stack" status --format csv | cut -d, -f1,4
}

same_pids_after_up() {
    local before
    before=$(pids)
    "$stack" up && diff <(printf '%s\n' "$before") <(pids)
}

states_are() {
    local found
    found=$("$stack" status --format csv | sed 1d | cut -d, -f3 | xargs)
    printf 'states: %s\n' "$found"
    [[ $found == "$*" ]]
}

status_json_is_right() {
    "$stack" status --json | "$python" -c '
import json, os, sys
rows = json.load(sys.stdin)
assert [row["service"] for row in rows] == ["kafka", "redis", "postgres"], rows
for row in rows:
    assert row["state"] == "serving" and row["kind"] == "private", row
    os.kill(row["pid"], 0)
    assert os.path.exists(row["log"]), row'
}

# Every listening socket of the stack's ports is bound to 127.0.0.1 (0100007F in /proc).
loopback_only() {
    local base=$TOLLSTREAM_STACK_KAFKA_PORT port hex found
    for port in "$base" $((base + 1)) $((base + 2)) $((base + 3)); do
        hex=$(printf ':%04X' "$port")
        found=$(awk -v port="$hex" '$4 == "0A" && $2 ~ port "$" { print $2 }' \
            /proc/net/tcp /proc/net/tcp6)
        printf '%s listens at %s\n' "$port" "$found"
        [[ $found == *"0100007F$hex" && $found != *$'\n'* ]] || return 1
    done
}

crash_and_return() {
    local service=$1 code=0
    "$stack" kill "$service" || return 1
    "$stack" status || code=$?
    [[ $code -eq 3 ]] && "$stack" start "$service" && clients read "$mark" "$service"
}

restart_changes_pid() {
    local before
    before=$(pids | grep redis)
    "$stack" restart redis && [[ $(pids | grep redis) != "$before" ]]
}

# The record names a process that is not the one we started: same pid, other start time.
recycled_pid_is_spared() {
    local bystander record=$TOLLSTREAM_STACK_DIR/redis/pid result=0
    "$stack" stop redis || return 1
    sleep 300 &
    bystander=$!
    printf '%s 1 %s 127.0.0.1:1\n' "$bystander" "$(</proc/sys/kernel/random/boot_id)" >"$record"
    states_are serving stopped serving && "$stack" stop redis && "$stack" kill redis || result=1
    kill -0 "$bystander" || result=1
    kill "$bystander"
    "$stack" start redis && return "$result"
}

two_ups_at_once() {
    local first second
    "$stack" down || return 1
    "$stack" up &
    first=$!
    "$stack" up &
    second=$!
    wait "$first" && wait "$second" && states_are serving serving serving
}

down_keeps_data() {
    "$stack" down && states_are stopped stopped stopped && "$stack" up &&
        clients read "$mark" kafka redis postgres
}

env_is_remembered() {
    local expected=$TOLLSTREAM_STACK_REDIS_PORT
    env -u TOLLSTREAM_STACK_KAFKA_PORT -u TOLLSTREAM_STACK_REDIS_PORT \
        -u TOLLSTREAM_STACK_POSTGRES_PORT "$stack" env | grep ":$expected/0"
}

# The folder vanishes under running servers; nothing is recorded any more.
folder_removed_under_it() {
    local before pid
    before=$("$stack" status --format csv | sed 1d | cut -d, -f4)
    [[ $(wc -w <<<"$before") -eq 3 ]] || return 1
    rm -rf -- "${TOLLSTREAM_STACK_DIR:?}"
    "$stack" up && states_are serving serving serving || return 1
    for pid in $before; do
        [[ ! -e /proc/$pid/stat || $(awk '{ print $3 }' "/proc/$pid/stat") == Z ]] ||
            { printf 'pid %s still runs\n' "$pid" && return 1; }
    done
}

wipe_leaves_nothing() {
    local home
    home=$(readlink -f -- "$TOLLSTREAM_STACK_DIR/postgres") && [[ -d $home ]] || return 1
    "$stack" down --wipe && [[ ! -e $TOLLSTREAM_STACK_DIR && ! -e $home ]]
}

# With the first stack's servers given as existing ones: used, checked, never touched.
existing_servers() {
    local base=$1 before
    before=$(pids)
    TOLLSTREAM_STACK_DIR=$work/existing \
        TOLLSTREAM_STACK_KAFKA=127.0.0.1:$base \
        TOLLSTREAM_STACK_REDIS=redis://127.0.0.1:$((base + 2))/3 \
        TOLLSTREAM_STACK_POSTGRES=postgresql://postgres@127.0.0.1:$((base + 3))/postgres \
        use_existing_servers "$base" && diff <(printf '%s\n' "$before") <(pids)
}

use_existing_servers() {
    "$stack" up && states_are serving serving serving &&
        "$stack" env | grep -x "export TOLLSTREAM_REDIS_URL=redis://127.0.0.1:$(($1 + 2))/3" &&
        fails_saying 'not ours to touch' "$stack" kill redis && "$stack" down --wipe
}

existing_server_absent() {
    TOLLSTREAM_STACK_DIR=$work/existing TOLLSTREAM_STACK_REDIS=redis://127.0.0.1:1/0 \
        TOLLSTREAM_STACK_WAIT_S=1 fails_saying 'given by TOLLSTREAM_STACK_REDIS' "$stack" start redis
}

port_taken_is_said() {
    TOLLSTREAM_STACK_DIR=$work/clash fails_saying \
        "redis: port $TOLLSTREAM_STACK_REDIS_PORT is taken" "$stack" start redis
}

failed_server_is_named() {
    TOLLSTREAM_STACK_DIR=$work/broken TOLLSTREAM_STACK_KAFKA_HEAP=1k \
        TOLLSTREAM_STACK_KAFKA_PORT=$((TOLLSTREAM_STACK_KAFKA_PORT + 4)) \
        fails_saying 'kafka ended by itself' "$stack" start kafka
}

foreign_folder_is_spared() {
    mkdir -p -- "$work/foreign/redis" && : >"$work/foreign/redis/precious"
    export TOLLSTREAM_STACK_DIR=$work/foreign
    fails_saying 'not a stack' "$stack" start redis && fails_saying 'not a stack' "$stack" down --wipe &&
        [[ -e $work/foreign/redis/precious ]]
}

without_maven_central() {
    mkdir -p -- "$work/bin"
    printf '#!/bin/sh\necho "Could not transfer artifact" >&2\nexit 1\n' >"$work/bin/mvn"
    chmod +x "$work/bin/mvn"
    PATH=$work/bin:$PATH TOLLSTREAM_CACHE=$work/cache TOLLSTREAM_STACK_DIR=$work/fetchless \
        TOLLSTREAM_STACK_KAFKA_PORT=$((TOLLSTREAM_STACK_KAFKA_PORT + 4)) \
        fails_saying '--broker embedded' "$stack" start kafka
}

embedded_broker() {
    export STACK_TEST_BROKER=embedded
    "$stack" up --broker embedded && states_are serving serving serving &&
        clients write embedded kafka && clients read embedded kafka &&
        fails_saying "runs as 'embedded'" "$stack" up --broker kafka && "$stack" down &&
        states_are stopped stopped stopped
}

other_stack_untouched() {
    use one "$one" && states_are serving serving serving && clients read "$mark" kafka redis postgres
}

shell_is_clean() {
    shellcheck -x "$root"/deploy/{stack,install,lib/apt_quietly.sh} "${BASH_SOURCE[0]}"
}

install_is_instant_when_done() {
    local begin=${EPOCHREALTIME/[.,]/} took_ms
    "$root/deploy/install" || return 1
    took_ms=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
    printf '%d ms\n' "$took_ms"
    ((took_ms < 1000))
}

finish() {
    local dir
    for dir in "$work"/*/.tollstream-stack; do
        [[ ! -e $dir ]] || TOLLSTREAM_STACK_DIR=${dir%/*} "$stack" down --wipe
    done
    rm -rf -- "$work"
}

trap finish EXIT
trap 'exit 1' HUP INT TERM
"$root/deploy/install" >/dev/null || exit 1
python=$("$root/deploy/install" --print-venv)/bin/python3
mark=mark-$$

check 'a second install is instant' install_is_instant_when_done
check 'the scripts are clean for shellcheck' shell_is_clean

one=$(free_ports)
use one "$one"
check 'up, from nothing' "$stack" up
check 'clients can write to each' clients write "$mark" kafka redis postgres
check 'clients can read from each' clients read "$mark" kafka redis postgres
check 'only loopback is listened on' loopback_only
check 'status in JSON' status_json_is_right
check 'up again changes nothing' same_pids_after_up
check 'ports are remembered' env_is_remembered
for service in kafka redis postgres; do
    check "$service is killed, seen as stopped, and back with its data" crash_and_return "$service"
done
check 'restart' restart_changes_pid
check 'a recycled pid is spared' recycled_pid_is_spared
check 'two ups at once' two_ups_at_once
check 'down keeps the data, up finds it' down_keeps_data
check 'existing servers are used, not touched' existing_servers "$one"
check 'an existing server that is absent is said' existing_server_absent
check 'a taken port is said' port_taken_is_said
check 'a server that ends is named' failed_server_is_named
check 'a folder that is no stack is spared' foreign_folder_is_spared
check 'without Maven Central, the embedded broker is suggested' without_maven_central

two=$(free_ports)
use two "$two"
check 'a second stack beside the first' "$stack" up
check 'clients can write to the second' clients write other kafka redis postgres
check 'its folder is removed under it' folder_removed_under_it
check 'wipe leaves nothing' wipe_leaves_nothing
check 'the embedded broker' embedded_broker
check 'all that time the first was left alone' other_stack_untouched

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
