# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The private PostgreSQL: one server, role and database `tollstream`, loopback only.

# Inside the stack's folder, where there is a link to it if the server's user cannot go there.
postgres_home() {
    if [[ -L $stack_dir/postgres ]]; then
        readlink -- "$stack_dir/postgres"
    elif postgres_out_of_reach; then
        printf '/var/tmp/tollstream-postgres-%s\n' "$(hash_of <(printf '%s' "$stack_dir"))"
    else
        printf '%s/postgres\n' "$stack_dir"
    fi
}

# As root the server has a user of its own, who cannot enter /root or most temporary folders. The
# stack's folder may be absent: then the nearest one above it tells.
postgres_out_of_reach() {
    local dir=$stack_dir
    ((EUID == 0)) || return 1
    until [[ -d $dir ]]; do
        dir=$(dirname -- "$dir")
    done
    ! as_postgres test -x "$dir" 2>/dev/null
}

# SIGINT: the fast shutdown, which does not wait for sessions.
postgres_process() {
    printf 'postgres INT 30\n'
}

postgres_address() {
    printf '127.0.0.1:%s\n' "${setting[POSTGRES_PORT]}"
}

postgres_url() {
    printf '%s\n' "${setting[POSTGRES]:-postgresql://tollstream@$(postgres_address)/tollstream}"
}

postgres_ports() {
    printf '%s\n' "${setting[POSTGRES_PORT]}"
}

postgres_bin() {
    local dir
    for dir in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
        [[ -x $dir/postgres ]] || continue
        printf '%s\n' "$dir"
        return
    done
    die "PostgreSQL is missing: run deploy/install"
}

# The server refuses to run as root.
as_postgres() {
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}

postgres_start() {
    local home bin
    bin=$(postgres_bin)
    home=$(postgres_home)
    [[ -d $home/data ]] || postgres_make_data "$bin" "$home"
    postgres_check_version "$bin" "$home/data"
    postgres_config "$home" | as_postgres tee -- "$home/data/postgresql.conf" >/dev/null
    # Nothing of ours runs here any more, so the locks of a killed server are stale. The server would
    # see that itself, unless the pid in them now belongs to somebody else.
    rm -f -- "$home/data/postmaster.pid" "$home"/.s.PGSQL.*.lock
    if ((EUID == 0)); then
        process_spawn "$home" "$(postgres_address)" \
            setpriv --reuid=postgres --regid=postgres --init-groups -- \
            "$bin/postgres" -D "$home/data"
    else
        process_spawn "$home" "$(postgres_address)" "$bin/postgres" -D "$home/data"
    fi
}

postgres_make_home() {
    local home
    home=$(postgres_home)
    [[ ! -d $home || ! -e $stack_dir/postgres ]] || return 0
    if [[ $home != "$stack_dir/postgres" ]]; then
        postgres_discard "$home"
        ln -sfn -- "$home" "$stack_dir/postgres"
    fi
    mkdir -m 700 -- "$home"
    ((EUID != 0)) || chown postgres: -- "$home"
}

# Without its link from the stack's folder, data is of a stack whose folder was removed.
postgres_discard() {
    local home=$1
    [[ -e $home ]] || return 0
    [[ $(stat -c %U -- "$home") == postgres ]] || die "$home belongs to somebody else"
    process_end_strays "$home" postgres
    rm -rf -- "${home:?}"
}

# Made aside and renamed, so that an interrupted run leaves no half-made cluster. The role and the
# database are made before the server ever listens: once it answers, they are there.
postgres_make_data() {
    local bin=$1 home=$2
    rm -rf -- "$home/data.new"
    postgres_initialize "$bin" "$home" >"$home/initdb.log" 2>&1 || {
        tail -n 20 -- "$home/initdb.log" >&2
        die "postgres: the data folder could not be made, see $home/initdb.log"
    }
    mv -- "$home/data.new" "$home/data"
}

# Called inside a condition, where `set -e` is suspended: hence the chain. Single-user mode goes on
# after an error in a statement, hence the look at its output.
postgres_initialize() (
    bin=$1 home=$2
    cd -- "$home" &&
        as_postgres "$bin/initdb" -D "$home/data.new" -U postgres -A trust \
            -E UTF8 --locale=C.UTF-8 &&
        postgres_hba | as_postgres tee -- "$home/data.new/pg_hba.conf" &&
        printf '%s\n\n' 'CREATE ROLE tollstream LOGIN CREATEDB;' \
            'CREATE DATABASE tollstream OWNER tollstream;' |
        as_postgres "$bin/postgres" --single -j -D "$home/data.new" postgres 2>&1 |
            tee -- "$home/roles.log" &&
        ! grep -q ERROR "$home/roles.log"
)

postgres_check_version() {
    local bin=$1 data=$2 have want
    want=$(<"$data/PG_VERSION")
    have=$("$bin/postgres" --version)
    [[ $have == *" $want."* ]] ||
        die "postgres: $data was made by version $want, here is $have: deploy/stack down --wipe"
}

# Loopback and our own socket only: with trust, whoever is on this machine may come in.
postgres_hba() {
    printf 'local all all trust\nhost all all 127.0.0.1/32 trust\n'
}

# A socket's path ends at 107 bytes; in a deeper folder there is only TCP.
postgres_socket_dir() {
    local path=$1/.s.PGSQL.${setting[POSTGRES_PORT]}
    ((${#path} > 107)) || printf '%s' "$1"
}

postgres_config() {
    cat <<EOF
listen_addresses = '127.0.0.1'
port = ${setting[POSTGRES_PORT]}
unix_socket_directories = '$(postgres_socket_dir "$1")'
max_connections = 100
shared_buffers = ${setting[POSTGRES_BUFFERS]}
fsync = on
synchronous_commit = on
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_compression = lz4
log_line_prefix = '%m [%p] %a '
EOF
}

postgres_probe() {
    local bin reply
    bin=$(postgres_bin)
    reply=$(PGCONNECT_TIMEOUT=3 timeout 5 "$bin/psql" -X -At -c 'SELECT 1' -d "$(postgres_url)" 2>&1) ||
        true
    [[ $reply == 1 ]] || {
        printf 'SELECT 1 was answered with: %s\n' "${reply:-nothing}"
        return 1
    }
}
