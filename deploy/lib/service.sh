# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What is the same for the three servers. Each of kafka.sh, redis.sh, postgres.sh defines
#   <service>_home      its folder, where `pid` and `log` are; <service>_make_home makes it
#   <service>_process   its command's name, the signal that ends it, seconds until it is killed
#   <service>_address   what it is started on; <service>_ports: the ports that must be free for it
#   <service>_url       how a client reaches it
#   <service>_start     prepares what is in the folder and spawns the server
#   <service>_probe     one try to be served; says why not on stdout

services=(kafka redis postgres)

# An existing server given by the environment: checked, never started or stopped.
service_is_existing() {
    [[ -n ${setting[${1^^}]} ]]
}

service_up() {
    local service=$1 begin=${EPOCHREALTIME/[.,]/}
    if ! service_is_existing "$service"; then
        service_launch "$service"
    fi
    service_await "$service"
    printf '%-9s serves at %s (%d ms)\n' \
        "$service" "$("${service}_url")" $(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
}

service_launch() {
    local service=$1 home wanted running command port
    home=$("${service}_home")
    wanted=$("${service}_address")
    "${service}_make_home"
    if running=$(process_address "$home"); then
        [[ $running == "$wanted" ]] ||
            die "$service of this stack runs at $running, not $wanted: deploy/stack down first"
        return
    fi
    read -r command _ <<<"$("${service}_process")"
    process_end_strays "$home" "$command"
    for port in $("${service}_ports"); do
        ! port_taken "$port" ||
            die "$service: port $port is taken by $(port_holder "$port"): choose another (deploy/stack help)"
    done
    "${service}_start"
}

service_await() {
    local service=$1 deadline=$((SECONDS + setting[WAIT_S])) reason
    until reason=$("${service}_probe"); do
        if ! service_is_existing "$service" && ! process_pid "$("${service}_home")" >/dev/null; then
            service_fail "$service" "ended by itself"
        fi
        ((SECONDS < deadline)) || service_fail "$service" "does not serve after ${setting[WAIT_S]} s: $reason"
        sleep 0.1
    done
}

service_fail() {
    local service=$1 what=$2 log
    if service_is_existing "$service"; then
        die "$service: the existing server given by TOLLSTREAM_STACK_${service^^} $what"
    fi
    log=$("${service}_home")/log
    say "--- the end of $log"
    tail -n 20 -- "$log" >&2 || true
    say "---"
    die "$service $what (log: $log)"
}

# service_end SERVICE [SIGNAL]
service_end() {
    local service=$1 command signal timeout_s
    read -r command signal timeout_s <<<"$("${service}_process")"
    process_end "$("${service}_home")" "$command" "${2:-$signal}" "$timeout_s"
}

# Sets the caller's kind, state, pid.
service_examine() {
    local service=$1
    pid=-
    if service_is_existing "$service"; then
        kind=existing
    elif [[ $service == kafka && ${setting[BROKER]} == embedded ]]; then
        kind=embedded
    else
        kind=private
    fi
    if [[ $kind != existing ]] && ! pid=$(process_pid "$("${service}_home")"); then
        pid=-
        state=stopped
    elif "${service}_probe" >/dev/null; then
        state=serving
    else
        state=failing
    fi
}
