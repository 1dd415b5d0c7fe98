#!/usr/bin/env bash
# Measures the margins of the tests of learned results (Tests/LearnedResults), after `swift build --build-tests`.
#
#   scripts/margins.sh [--seeds N] [--tests PATTERN] [figures.csv]
#
# Runs the tests (those whose names match PATTERN) with N seeds (default 8), under each set of instructions that libtorch
# can be told to use (default, avx2, and the processor's own where it has more), and once more with MKL and oneDNN held
# to plain ones.
# Prints for every figure: the number of runs n, the mean, the standard deviation s, mean - 3 s or mean + 3 s, the bound
# of the test, and the runs that missed it. `<` marks a bound that is nearer to the mean than 3 s: such a test will fail
# somewhere.
#
# Figures are appended to the file (default .build/margins.csv) as `seed,instructions,side,bound,value,what`; runs that
# are in it already are not run again. Takes hours in all: PATTERN chooses, and runs give way to other work.
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=8
tests=.
while [ $# -gt 0 ]; do
    case $1 in
        --seeds) seeds=$2; shift 2 ;;
        --tests) tests=$2; shift 2 ;;
        -*) echo 'usage: scripts/margins.sh [--seeds N] [--tests PATTERN] [figures.csv]' >&2; exit 2 ;;
        *) break ;;
    esac
done
figures=${1:-.build/margins.csv}
filter=$(scripts/learned.sh "$tests")
touch "$figures"
export OMP_WAIT_POLICY=passive

# name and settings
instructions="default ATEN_CPU_CAPABILITY=default
avx2 ATEN_CPU_CAPABILITY=avx2
plain ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE ONEDNN_MAX_CPU_ISA=SSE41"
! grep -qs avx512 /proc/cpuinfo || instructions+=$'\nnative'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for ((seed = 0; seed < seeds; seed++)); do
    while read -r name settings; do
        grep -qxF "# $seed,$name,$tests" "$figures" && continue
        rm -f "$scratch/figures"
        # A test that misses its bound is what this looks for; one that says nothing shows as a smaller n.
        # shellcheck disable=SC2086
        env $settings SPECCLIP_TEST_SEED=$seed SPECCLIP_TEST_FIGURES="$scratch/figures" nice -n 10 \
            swift test --skip-build --no-parallel --disable-xctest --filter "$filter" >"$scratch/log" 2>&1 </dev/null || true
        [ -s "$scratch/figures" ] || { tail -n 5 "$scratch/log" >&2; exit 1; }
        sed "s/^/$seed,$name,/" "$scratch/figures" >>"$figures"
        echo "# $seed,$name,$tests" >>"$figures"
        echo "seed $seed, $name: $(LC_ALL=C grep -a 'Test run with' "$scratch/log" | tail -n 1 | cut -d' ' -f2-)" >&2
    done <<<"$instructions"
done

awk -F, '
    /^#/ { next }
    {
        what = $6
        for (i = 7; i <= NF; i++) what = what "," $i
        if (!(what in n)) { order[++count] = what; side[what] = $3 }
        bound[what] = $4
        n[what]++; sum[what] += $5; square[what] += $5 * $5
        if (!($3 == "above" ? $5 > $4 : $3 == "below" ? $5 < $4 : $5 == $4)) missed[what]++
    }
    END {
        printf "%4s %10s %10s %10s   %10s %6s  %s\n", "n", "mean", "s", "mean∓3s", "bound", "missed", "figure"
        for (i = 1; i <= count; i++) {
            what = order[i]
            mean = sum[what] / n[what]
            variance = n[what] > 1 ? (square[what] - n[what] * mean * mean) / (n[what] - 1) : 0
            s = variance > 0 ? sqrt(variance) : 0
            edge = side[what] == "above" ? mean - 3 * s : side[what] == "below" ? mean + 3 * s : mean
            near = side[what] == "above" ? edge < bound[what] : side[what] == "below" ? edge > bound[what] : edge != bound[what]
            printf "%4d %10.4g %10.3g %10.4g %s %s%9.4g %6d  %s\n", n[what], mean, s, edge, near ? "<" : " ",
                side[what] == "above" ? ">" : side[what] == "below" ? "<" : "=", bound[what], missed[what], what
        }
    }' "$figures"
