#!/usr/bin/env bash
# Runs one long command with its output in a log: one line of progress here, what matters of the log if it fails.
#
#   scripts/step.sh [--show PATTERN] "Title" command [argument...]
#
# --show prints the log's lines that match the extended regular expression after success (the summary of a test run, say).
# Of a test run that failed every issue is shown with its place and details, of anything else the log's tail and errors.
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

# Tests print whatever bytes they like: everything that searches the log takes them as bytes, and as text (grep -a).
search() { LC_ALL=C grep -a "$@" "$log"; }

# What goes on, in at most $1 characters: of a test run how far it is and the test at work, else the last line. Cases of
# a test ("Test case passing 1 argument ...") do not say which test they are of.
progress() {
    local line
    line=$(tail -c 65536 "$log" | tr '\r' '\n' | LC_ALL=C grep -av -e '^[[:space:]]*$' -e ' Test case passing ' -e '^ *↳' |
        tail -n 1 | LC_ALL=C tr -d '\000-\010\013-\037')
    case $line in
        *' Test '* | *' Suite '*)
            line="$(search -cE '^[^ ]+ Test .* passed after') passed, $(search -cE '^[^ ]+ Test .* failed after') failed; ${line#* }" ;;
    esac
    printf '%s' "${line:0:$1}"
}

# On a terminal one line is rewritten every second; elsewhere (CI) a line every minute ($SPECCLIP_STEP_SECONDS) says that
# work goes on.
if [ -t 1 ]; then
    while kill -0 "$job" 2>/dev/null; do
        columns=$(tput cols 2>/dev/null || echo 80)
        room=$((columns - ${#title} - 12))
        printf '\r\033[K%s … %d s  %s' "$title" $((SECONDS - started)) "$(progress $((room > 10 ? room : 10)))"
        sleep 1
    done
    printf '\r\033[K'
else
    echo "$title …"
    every=${SPECCLIP_STEP_SECONDS:-60}
    next=$every
    while kill -0 "$job" 2>/dev/null; do
        # Before the first look: whole seconds may tick over while the job has yet to print its first line.
        sleep 0.2
        if [ $((SECONDS - started)) -ge "$next" ]; then
            printf '  %d s: %s\n' "$next" "$(progress 90)"
            next=$((next + every))
        fi
    done
fi
wait "$job"
status=$?

# Every issue of a test run with its place and what was found there, and the summary. A mark begins each event; lines
# without one go on with the details.
issues() {
    LC_ALL=C awk '
        / recorded an issue / { shown = 1; lines = 0 }
        /^[^ -~]+ / && !/ recorded an issue / && !/^[ ]*↳/ { shown = 0 }
        / Test run with .* failed after / { print; next }
        shown && lines++ < 12
    ' "$log"
}

if [ "$status" -ne 0 ]; then
    if search -q ' recorded an issue '; then
        issues | sed 's/^/  | /'
    fi
    # Where no summary says how tests ended, the cause lies elsewhere, or on top of it the process died. Compilers print
    # the cause early and noise late: show both.
    if ! search -q ' Test run with .* failed after '; then
        tail -n 30 "$log" | sed 's/^/  | /'
        errors=$(LC_ALL=C awk -v shown="$(($(wc -l <"$log") - 30))" \
            'NR <= shown && /(^|[^a-z])(error|ERROR|fatal|Fatal error):/' "$log" | head -n 15)
        [ -z "$errors" ] || { echo "  earlier in the log:"; printf '%s\n' "$errors" | sed 's/^/  | /'; }
    fi
    echo "✘ $title failed after $((SECONDS - started)) s (exit code $status); whole log: $log"
    exit "$status"
fi
[ -z "$show" ] || search -E "$show"
echo "✔ $title ($((SECONDS - started)) s)"
