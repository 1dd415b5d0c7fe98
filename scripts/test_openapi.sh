#!/usr/bin/env bash
# Asks `specclip serve` what its OpenAPI document allows, and much that it does not: schemathesis, in an environment of its own.
#
# $SPECCLIP is the program (default .build/release/specclip); further words go to schemathesis (--max-examples 200, say).
# Where pip cannot bring it, nothing is tested, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/libtorch.sh

specclip=${SPECCLIP:-.build/release/specclip}
[ -x "$specclip" ] || { echo "test of the API: skipped, there is no $specclip; run make build first"; exit 0; }
venv=${XDG_CACHE_HOME:-$HOME/.cache}/specclip/openapi-venv
wanted=schemathesis==4.32.5
if [ "$(cat "$venv/.complete" 2>/dev/null)" != "$wanted" ]; then
    python=$(libtorch_python) || { echo "test of the API: skipped, no python3 with pip; install it (Debian: python3-pip)"; exit 0; }
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    "$python" -m venv "$venv" || { echo "test of the API: skipped, no venv; install it (Debian: python3-venv)"; exit 0; }
    if ! scripts/step.sh "Bringing schemathesis" "$venv/bin/python" -m pip install --no-input "$wanted"; then
        echo "test of the API: skipped, pip could not bring schemathesis (its message is above); with network: $0"
        exit 0
    fi
    echo "$wanted" > "$venv/.complete"
fi

work=$(mktemp -d)
log=$work/log
"$specclip" serve --port 0 --rate 0 --sessions 100000 --token openapi-test 2> "$log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
address=
for _ in $(seq 300); do
    address=$(sed -n 's/.* is served at \(.*\)\/$/\1/p' "$log")
    [ -n "$address" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[ -n "$address" ] || { cat "$log" >&2; exit 1; }
# Arrays of arbitrary numbers are allowed but are no spectra: that some are refused is right.
cd "$work"
"$venv/bin/schemathesis" run "$address/openapi.json" --header "Authorization: Bearer openapi-test" --checks all \
    --exclude-checks positive_data_acceptance --suppress-health-check all --generation-deterministic --workers 2 "$@"
kill -0 "$server" || { echo "the server has ended" >&2; exit 1; }
