# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The private Redis: one master, AOF, loopback only.

redis_home() {
    printf '%s/redis\n' "$stack_dir"
}

redis_make_home() {
    mkdir -p -- "$(redis_home)"
}

redis_process() {
    printf 'redis-server TERM 20\n'
}

redis_address() {
    printf '127.0.0.1:%s\n' "${setting[REDIS_PORT]}"
}

redis_url() {
    printf '%s\n' "${setting[REDIS]:-redis://$(redis_address)/0}"
}

redis_ports() {
    printf '%s\n' "${setting[REDIS_PORT]}"
}

redis_start() {
    local home
    home=$(redis_home)
    command -v redis-server >/dev/null || die "redis-server is missing: run deploy/install"
    redis_config "$home" >"$home/redis.conf"
    process_spawn "$home" "$(redis_address)" redis-server "$home/redis.conf"
}

# noeviction: an evicted bucket would look like a lost one. DEBUG is for fault tests, on loopback.
redis_config() {
    cat <<EOF
bind 127.0.0.1
port ${setting[REDIS_PORT]}
protected-mode yes
daemonize no
dir $1
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
enable-debug-command local
EOF
}

redis_probe() {
    local reply
    command -v redis-cli >/dev/null || die "redis-cli is missing: run deploy/install"
    reply=$(timeout 3 redis-cli --no-auth-warning -u "$(redis_url)" PING 2>&1) || true
    [[ $reply == PONG ]] || {
        printf 'PING was answered with: %s\n' "${reply:-nothing}"
        return 1
    }
}
