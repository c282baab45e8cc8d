# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The stack's C tools, compiled once per content into the cache.

# tool_path NAME SOURCE : prints where the compiled tool is
tool_path() {
    local name=$1 source=$2 path
    path=$(cache_dir)/tools/$name-$(hash_of "$source")
    [[ -x $path ]] || tool_compile "$name" "$source" "$path"
    printf '%s\n' "$path"
}

tool_compile() (
    name=$1 source=$2 path=$3
    take_lock "tool-$name"
    [[ ! -x $path ]] || return 0
    mkdir -p -- "${path%/*}"
    read -ra flags <<<"$(pkg-config --cflags --libs rdkafka 2>/dev/null)" || true
    ((${#flags[@]} > 0)) || die "librdkafka's headers are missing: run deploy/install"
    "${CC:-cc}" -std=c17 -D_GNU_SOURCE -O2 "$source" -o "$path.tmp" "${flags[@]}" >&2 ||
        die "could not compile $source"
    mv -f -- "$path.tmp" "$path"
)
