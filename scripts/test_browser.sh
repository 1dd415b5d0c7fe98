#!/usr/bin/env bash
# Tests the page of `specclip serve` in a real browser: Debian's Chromium without a window, driven by playwright.
#
# $SPECCLIP is the program (default .build/release/specclip), further words go to pytest (-k zoom, say). The environment is
# browser-venv in the cache. Debian's Chromium is installed where root may; where there is none, or pip cannot bring playwright, the
# tests are skipped, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

export SPECCLIP=${SPECCLIP:-$PWD/.build/release/specclip}
find_chromium() { command -v chromium || command -v chromium-browser || true; }
export CHROMIUM=${CHROMIUM:-$(find_chromium)}
[ -x "$SPECCLIP" ] || { echo "browser tests: skipped, there is no $SPECCLIP; run make build first"; exit 0; }
if [ -z "$CHROMIUM" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    scripts/step.sh "Installing Chromium" env DEBIAN_FRONTEND=noninteractive \
        sh -c 'apt-get update -q && apt-get install -q -y --no-install-recommends chromium' || true
    CHROMIUM=$(find_chromium)
fi
[ -n "$CHROMIUM" ] || { echo "browser tests: skipped, no chromium; install it (Debian: chromium)"; exit 0; }
venv=${XDG_CACHE_HOME:-$HOME/.cache}/specclip/browser-venv
wanted=Tests/Browser/requirements.txt
if ! cmp -s "$wanted" "$venv/.complete"; then
    python=$(libtorch_python) || { echo "browser tests: skipped, no python3 with pip; install it (Debian: python3-pip)"; exit 0; }
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    "$python" -m venv "$venv" || { echo "browser tests: skipped, no venv; install it (Debian: python3-venv)"; exit 0; }
    if ! scripts/step.sh "Bringing playwright (90 MB)" "$venv/bin/python" -m pip install --no-input -r "$wanted"; then
        echo "browser tests: skipped, pip could not bring playwright (its message is above); with network: $0"
        exit 0
    fi
    cp "$wanted" "$venv/.complete"
fi
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} PYTHONDONTWRITEBYTECODE=1
scripts/step.sh --show '(passed|failed|skipped)' "Testing in Chromium" \
    "$venv/bin/python" -m pytest -q -p no:cacheprovider Tests/Browser "$@"
