#!/usr/bin/env bash
# Runs one long command with its output in a log: one line of progress here, the log's tail if it fails.
#
#   scripts/step.sh [--show PATTERN] "Title" command [argument...]
#
# --show prints the log's lines that match the extended regular expression after success (the summary of a test run, say).
# Logs are kept in .build/logs, one per title.
set -u

show=
if [ "${1:-}" = "--show" ]; then
    show=$2
    shift 2
fi
[ $# -ge 2 ] || { echo 'usage: scripts/step.sh [--show PATTERN] "Title" command [argument...]' >&2; exit 2; }
title=$1
shift

logs=${SPECCLIP_LOGS:-.build/logs}
mkdir -p "$logs"
log="$logs/$(printf '%s' "$title" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9.-').log"

started=$SECONDS
"$@" >"$log" 2>&1 </dev/null &
job=$!
trap 'kill "$job" 2>/dev/null; wait "$job" 2>/dev/null; echo; exit 130' INT TERM

# On a terminal one line is rewritten every second; elsewhere (CI) a line a minute says that work goes on.
last_line() { tail -c 400 "$log" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c "1-${1}"; }
if [ -t 1 ]; then
    while kill -0 "$job" 2>/dev/null; do
        columns=$(tput cols 2>/dev/null || echo 80)
        room=$((columns - ${#title} - 12))
        printf '\r\033[K%s … %d s  %s' "$title" $((SECONDS - started)) "$(last_line $((room > 10 ? room : 10)))"
        sleep 1
    done
    printf '\r\033[K'
else
    echo "$title …"
    next=60
    while kill -0 "$job" 2>/dev/null; do
        if [ $((SECONDS - started)) -ge "$next" ]; then
            printf '  %d s: %s\n' "$next" "$(last_line 90)"
            next=$((next + 60))
        fi
        sleep 0.2
    done
fi
wait "$job"
status=$?

if [ "$status" -ne 0 ]; then
    # Compilers print the cause early and noise late: show both.
    tail -n 30 "$log" | sed 's/^/  | /'
    errors=$(awk -v shown="$(($(wc -l <"$log") - 30))" 'NR <= shown && /(^|[^a-z])(error|ERROR|fatal):/' "$log" | head -n 15)
    [ -z "$errors" ] || { echo "  earlier in the log:"; printf '%s\n' "$errors" | sed 's/^/  | /'; }
    echo "✘ $title failed after $((SECONDS - started)) s (exit code $status); whole log: $log"
    exit "$status"
fi
[ -z "$show" ] || grep -E "$show" "$log"
echo "✔ $title ($((SECONDS - started)) s)"
