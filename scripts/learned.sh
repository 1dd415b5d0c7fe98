#!/usr/bin/env bash
# Prints a filter for `swift test` that chooses the tests of learned results: those that carry the tag `.learned`
# (Tests/LearnedResults says what it stands for). `swift test` itself cannot choose by tags.
#
#   swift test --filter "$(scripts/learned.sh)"
#
# An argument is a regular expression that names of tests must match as well.
set -euo pipefail
cd "$(dirname "$0")/.."

filter=$(grep -rl 'tags(\.learned)' Tests --include='*Tests.swift' | LC_ALL=C sort | while read -r file; do
    IFS=/ read -r _ target name <<<"$file"
    # The function that the attribute stands before: on its line or on one of the next.
    awk -v target="$target" -v file="$name" -v chosen="${1:-.}" '
        /tags\(\.learned\)/ { tagged = 1 }
        tagged && match($0, /func [A-Za-z0-9_]+/) {
            test = substr($0, RSTART + 5, RLENGTH - 5)
            tagged = 0
            if (test ~ chosen) printf "%s[.].*/%s[(].*/%s:\n", target, test, file
        }' "$file"
done | paste -sd '|' -)
[ -n "$filter" ] || { echo "no test carries the tag .learned${1:+ and matches $1}" >&2; exit 1; }
printf '%s\n' "$filter"
