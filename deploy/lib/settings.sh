# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The settings of one stack: from the environment, else as recorded when it was started, else the
# default. Recording them lets `env`, `kill` or `start` in another shell mean the same servers.

# name, default; in the environment each is TOLLSTREAM_STACK_<name>
setting_table='
BROKER kafka
KAFKA
KAFKA_PORT 19092
KAFKA_HEAP 768m
REDIS
REDIS_PORT 19379
POSTGRES
POSTGRES_PORT 19432
POSTGRES_BUFFERS 512MB
EMBEDDED_TOPICS
WAIT_S 60
'
declare -A setting

# PostgreSQL refuses to run as root and then runs as its own user, who cannot look into /root.
default_stack_dir() {
    if ((EUID == 0)); then
        printf '/var/tmp/tollstream-stack\n'
    else
        printf '%s/stack\n' "$(cache_dir)"
    fi
}

settings_load() {
    local dir name default variable
    dir=${TOLLSTREAM_STACK_DIR:-$(default_stack_dir)}
    stack_dir=$(realpath -m -- "$dir")
    [[ $stack_dir =~ ^/[A-Za-z0-9/._+@%=:,-]+$ ]] ||
        die "TOLLSTREAM_STACK_DIR: only letters, digits and /._+@%=:,- please: $stack_dir"
    while read -r name default; do
        [[ -n $name ]] || continue
        setting[$name]=$default
    done <<<"$setting_table"
    settings_read_recorded
    for name in "${!setting[@]}"; do
        variable=TOLLSTREAM_STACK_$name
        [[ -z ${!variable:-} ]] || setting[$name]=${!variable}
    done
    settings_check
}

settings_read_recorded() {
    local name value
    [[ -r $stack_dir/settings ]] || return 0
    while IFS='=' read -r name value; do
        [[ ! -v setting[$name] ]] || setting[$name]=$value
    done <"$stack_dir/settings"
}

settings_check() {
    local name
    for name in KAFKA_PORT REDIS_PORT POSTGRES_PORT WAIT_S; do
        [[ ${setting[$name]} =~ ^[1-9][0-9]{0,4}$ && ${setting[$name]} -le 65535 ]] ||
            die "TOLLSTREAM_STACK_$name: not a number from 1 to 65535: ${setting[$name]}"
    done
    [[ ${setting[BROKER]} == kafka || ${setting[BROKER]} == embedded ]] ||
        die "the broker is kafka or embedded, not ${setting[BROKER]}"
    [[ ${setting[KAFKA_HEAP]} =~ ^[0-9]+[kmgKMG]$ ]] ||
        die "TOLLSTREAM_STACK_KAFKA_HEAP: a size like 768m, not ${setting[KAFKA_HEAP]}"
    [[ ${setting[POSTGRES_BUFFERS]} =~ ^[0-9]+(kB|MB|GB)$ ]] ||
        die "TOLLSTREAM_STACK_POSTGRES_BUFFERS: a size like 512MB, not ${setting[POSTGRES_BUFFERS]}"
}

settings_record() {
    local name
    for name in "${!setting[@]}"; do
        printf '%s=%s\n' "$name" "${setting[$name]}"
    done | sort >"$stack_dir/settings.tmp"
    mv -f -- "$stack_dir/settings.tmp" "$stack_dir/settings"
}

# The stack's folder carries a mark, so that a wrong TOLLSTREAM_STACK_DIR is never filled or wiped.
stack_dir_make() {
    if [[ -d $stack_dir && ! -e $stack_dir/.tollstream-stack ]]; then
        [[ -z $(ls -A -- "$stack_dir") ]] ||
            die "$stack_dir is not empty and not a stack: choose another TOLLSTREAM_STACK_DIR"
    fi
    [[ -d $stack_dir ]] || (umask 022 && mkdir -p -- "$stack_dir")
    [[ -O $stack_dir ]] || die "$stack_dir belongs to somebody else: choose another TOLLSTREAM_STACK_DIR"
    : >"$stack_dir/.tollstream-stack"
}

stack_dir_wipe() {
    [[ -d $stack_dir ]] || return 0
    [[ -e $stack_dir/.tollstream-stack ]] || die "$stack_dir is not a stack: not removed"
    rm -rf -- "${stack_dir:?}"/{kafka,embedded,redis,postgres,settings,settings.tmp,.tollstream-stack}
    rmdir -- "$stack_dir" 2>/dev/null || say "$stack_dir: left, it holds files that are not ours"
}
