# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the deploy scripts share: messages, the cache outside the tree, locks.

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 1
}

# Everything that can be fetched or built again lives here, never in the source tree.
cache_dir() {
    printf '%s\n' "${TOLLSTREAM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/tollstream}"
}

venv_dir() {
    printf '%s/venv\n' "$(cache_dir)"
}

# hash_of FILE... : a short name for this content
hash_of() {
    local digest
    digest=$(cat -- "$@" | sha256sum)
    printf '%s\n' "${digest:0:16}"
}

# Holds an exclusive lock until the calling (sub)shell ends. The locks are in the cache, not in the
# folder they guard, so that removing that folder does not let two runs in.
take_lock() {
    local name=$1 dir fd
    dir=$(cache_dir)/locks
    mkdir -p -- "$dir"
    exec {fd}>"$dir/$name"
    flock --nonblock "$fd" && return
    say "${0##*/}: another run is working on the same thing ($name): waiting for it"
    flock --timeout 600 "$fd" || die "gave up waiting for the lock $dir/$name after 10 minutes"
}
