# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Servers as processes that outlive the script: started detached, recorded with their start time,
# and never confused with another process that was given the same id later.
#
# A service's folder ("home") holds `pid`, one line: pid, start time in ticks since boot, boot id,
# address. All three of the first must match for the process to be ours.

# The start time of a running process; fails when there is none (a zombie is none).
process_start_time() {
    local stat
    local -a field
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra field <<<"${stat##*) }" # what follows the command name, which may hold spaces
    [[ ${field[0]} != Z ]] || return 1
    printf '%s\n' "${field[19]}"
}

# The recorded pid or address of the service in HOME, if that very process still runs.
process_pid() {
    local pid started boot address
    process_read "$1" && printf '%s\n' "$pid"
}

process_address() {
    local pid started boot address
    process_read "$1" && printf '%s\n' "$address"
}

# Sets the caller's pid, started, boot, address.
process_read() {
    local now
    { read -r pid started boot address <"$1/pid"; } 2>/dev/null || return 1
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
    now=$(process_start_time "$pid") && [[ $now == "$started" ]]
}

# process_spawn HOME ADDRESS COMMAND... : starts the command in HOME, its output in HOME/log.
process_spawn() {
    local home=$1 address=$2 pid started
    shift 2
    [[ ! -e $home/log ]] || mv -f -- "$home/log" "$home/log.1"
    (
        close_inherited
        cd -- "$home" || exit
        exec setsid "$@"
    ) </dev/null >"$home/log" 2>&1 &
    pid=$!
    started=$(process_start_time "$pid") || started=0 # died at once: the wait will say so
    printf '%s %s %s %s\n' \
        "$pid" "$started" "$(</proc/sys/kernel/random/boot_id)" "$address" >"$home/pid"
}

# A server must not keep the caller's pipes or our locks open.
close_inherited() {
    local path fd
    for path in /proc/"$BASHPID"/fd/*; do
        fd=${path##*/}
        [[ $fd -le 2 || $fd -eq 255 ]] || eval "exec $fd>&-"
    done
}

# process_await_end PID START_TIME TIMEOUT_S
process_await_end() {
    local deadline=$((SECONDS + $3)) now
    while now=$(process_start_time "$1") && [[ $now == "$2" ]]; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# process_end HOME COMMAND_NAME SIGNAL TIMEOUT_S : asks with SIGNAL, insists with KILL; no process is
# fine too.
process_end() {
    local home=$1 command=$2 signal=$3 timeout_s=$4 pid started boot address
    if process_read "$home"; then
        kill -s "$signal" "$pid" 2>/dev/null || true
        if ! process_await_end "$pid" "$started" "$timeout_s"; then
            say "  still there $timeout_s s after SIG$signal, killing it (pid $pid)"
            kill -s KILL "$pid" 2>/dev/null || true
            process_await_end "$pid" "$started" 10 || die "pid $pid does not end"
        fi
    fi
    process_end_strays "$home" "$command"
    rm -f -- "$home/pid"
}

# Ends what runs inside HOME without a record: children of a killed server, or a server whose folder
# was removed under it. Its working directory tells, also after the folder is gone; the name of the
# command keeps a shell or an editor out of it.
process_end_strays() {
    local home=$1 command=$2 tries pids
    for ((tries = 0; tries < 100; tries++)); do
        pids=$(process_strays "$home" "$command")
        [[ -n $pids ]] || return 0
        # shellcheck disable=SC2086 # one argument a pid
        kill -s KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    die "these processes in $home do not end: ${pids//$'\n'/ }"
}

process_strays() {
    local home=$1 command=$2 entry name
    { # find fails when a process ends while it looks
        find /proc/[0-9]* -maxdepth 1 -name cwd \
            \( -lname "$home" -o -lname "$home/*" -o -lname "$home (deleted)" \) \
            -printf '%h\n' 2>/dev/null || true
    } |
        while read -r entry; do
            { read -r name <"$entry/comm"; } 2>/dev/null || continue
            if [[ $name == "$command" ]] && process_start_time "${entry##*/}" >/dev/null; then
                printf '%s\n' "${entry##*/}"
            fi
        done
}

# Is something listening on this port of the loopback address?
port_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

port_holder() {
    local holder
    holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | grep -o 'users:.*' | head -n 1) || true
    printf '%s\n' "${holder:-an unknown process}"
}
