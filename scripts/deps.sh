#!/usr/bin/env bash
# Brings what swift-specclip needs and the machine lacks: system libraries and libtorch. Changes nothing when all is there.
#
# Environment: LIBTORCH        an existing libtorch to use (a pip --target folder or an unpacked libtorch) instead of the cache
#              XDG_CACHE_HOME  where the cache lives (default ~/.cache)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh
. scripts/packages.sh

problems=()
problem() { problems+=("$1"); }

check_swift() {
    local found
    if ! command -v swift >/dev/null; then
        problem "Swift: not found; install Swift 6.3 or later from https://www.swift.org/install and put it on PATH"
        return
    fi
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case "$found" in
        6.[3-9] | 6.[1-9][0-9] | [7-9].* | [1-9][0-9].*) ;;
        *) problem "Swift: found ${found:-an unknown version}, 6.3 or later is needed; see https://www.swift.org/install" ;;
    esac
}

report() {
    local one
    [ ${#problems[@]} -gt 0 ] || return 0
    echo "make deps: ${#problems[@]} thing(s) missing" >&2
    for one in "${problems[@]}"; do printf '  • %s\n' "$one" >&2; done
    exit 1
}

check_swift
in_place() { echo "Dependencies: all in place (libtorch: $libtorch_folder)"; }
if [ ${#problems[@]} -eq 0 ] && packages_present && libtorch_present; then
    in_place
    exit 0
fi

mkdir -p "$specclip_cache" 2>/dev/null || {
    problem "cache: $specclip_cache cannot be written; set XDG_CACHE_HOME to a folder that can"
    report
}
# One installation at a time; the lock falls with this process, however it ends.
if command -v flock >/dev/null; then
    exec 9>"$specclip_cache/deps.lock"
    flock -n 9 || { echo "Waiting for another make deps to finish …"; flock 9; }
fi
packages_present || packages_install
libtorch_present || libtorch_install
report
in_place
