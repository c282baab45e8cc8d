#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage (as root): apt_quietly.sh PACKAGE...
# apt-get install, without the servers among the packages being started now or at the next boot:
#  - while it runs, a policy-rc.d forbids starting services (what was there is put back after);
#  - PostgreSQL is told to make no cluster of its own;
#  - Redis is disabled afterwards if it came with this run. What was installed before is left alone.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
saved_policy=$policy.before-tollstream
cluster_dir=/etc/postgresql-common/createcluster.d
cluster_conf=$cluster_dir/tollstream.conf

# An earlier run that was killed may have left the saved policy: that is the one to keep.
forbid_services() {
    if [[ ! -e $saved_policy && -e $policy ]]; then
        mv -- "$policy" "$saved_policy"
    fi
    printf '#!/bin/sh\n# of tollstream, while it installs packages\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    mkdir -p -- "$cluster_dir"
    printf 'create_main_cluster = false\n' >"$cluster_conf"
}

allow_services() {
    rm -f -- "$policy" "$cluster_conf"
    [[ ! -e $saved_policy ]] || mv -- "$saved_policy" "$policy"
    rmdir -- "$cluster_dir" 2>/dev/null || true
}

installed() {
    # shellcheck disable=SC2016 # dpkg-query's own field
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

had_redis=no
! installed redis-server || had_redis=yes

trap allow_services EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
forbid_services
# The lists may be absent or older than the archive: then once more with fresh ones.
apt_install "$@" || {
    apt-get update -q
    apt_install "$@"
}
if [[ $had_redis == no ]] && installed redis-server; then
    update-rc.d redis-server disable
fi
