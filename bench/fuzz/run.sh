#!/bin/bash
# Fuzzes all that reads files, guided by the code that is reached (libFuzzer): bytes made from real layouts, container by container,
# may end in spectra or in one line, never in a crash, a hang, an error of another kind or four times the memory.
#
#   bench/fuzz/run.sh [SECONDS, 600 for each container] [CONTAINER…: fits text votable avro npz hdf5 zip packed parquet]
#
# What is found lies in bench/work/fuzz/CONTAINER/found; the corpora stay beside it and are gone on with.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-600}
shift || true
containers=("$@")
[ ${#containers[@]} -gt 0 ] || containers=(fits text votable avro npz hdf5 zip packed parquet)
work=bench/work/fuzz
mkdir -p "$work"
# A plan from before does not know of files that came since.
rm -f "$work"/build/*.yaml
swift build -c release --package-path bench/fuzz --scratch-path "$work/build" --sanitize fuzzer >"$work/build.log" 2>&1 ||
    { tail -20 "$work/build.log"; exit 1; }
fuzzer=$work/build/release/FuzzSpectra
# Crashes are the fuzzer's to report.
export SWIFT_BACKTRACE=enable=no
export SPECCLIP_PARQUET=${SPECCLIP_PARQUET:-$PWD/.build/release/libSpecCLIPParquet.so}

# Seeds: the fixtures of the layouts, unpacked, and what fits of ../shared, where it is.
seed() { # container, files
    local folder=$work/$1/seeds file name
    shift
    mkdir -p "$folder"
    for file in "$@"; do
        [ -f "$file" ] || continue
        name=$(basename "${file%.gz}")
        if [[ $file == *.gz ]]; then gzip -dc "$file"; else cat "$file"; fi >"$folder/$name"
        # Small ones tell as much, many times faster.
        if [ "$(stat -c %s "$folder/$name")" -gt 300000 ]; then rm "$folder/$name"; fi
    done
}
layouts=Tests/InstrumentsTests/Layouts
xp=../shared/data/gaia_xp
seed fits "$layouts"/*.fits.gz "$xp"/XP_CONTINUOUS_RAW.fits
seed text "$layouts"/*.ecsv.gz "$xp"/XP_CONTINUOUS_RAW.csv ../shared/cases/*.csv ../shared/cases/*.txt ../shared/cases/*.tsv ../shared/cases/*.ecsv
seed votable "$layouts"/*.vot.gz
seed avro "$layouts"/*.avro.gz
seed npz "$layouts"/*.npz.gz ../shared/cases/i*.npz
seed hdf5 "$layouts"/*.h5.gz
seed zip "$layouts"/*.zip.gz
seed parquet "$layouts"/*.parquet.gz
mkdir -p "$work/packed/seeds"
printf 'wavelength,flux\n%s\n' "$(seq 3700 5 5700 | sed 's/$/,1.5/')" >"$work/plain"
for command in "gzip -c" "bzip2 -c" "xz -c" "zstd -qc"; do
    $command "$work/plain" >"$work/packed/seeds/${command%% *}" || echo "$command is missing"
done

failed=0
for container in "${containers[@]}"; do
    folder=$work/$container
    mkdir -p "$folder/corpus" "$folder/found"
    # What one of the seeds needs when it is sound, times four.
    usual=$("$fuzzer" -runs=0 -print_final_stats=1 "$folder/seeds" 2>&1 | sed -n 's/.*peak_rss_mb: *//p')
    if "$fuzzer" -max_total_time="$seconds" -timeout=100 -rss_limit_mb=$((4 * usual)) -max_len=300000 -print_final_stats=1 \
        -artifact_prefix="$folder/found/" "$folder/corpus" "$folder/seeds" >"$folder/log" 2>&1; then
        end=sound
    else
        end="FOUND $(ls "$folder/found" | tail -1)"
        failed=1
    fi
    figure() { sed -n "s/stat::$1: *//p" "$folder/log"; }
    edges=$(grep -o 'cov: [0-9]*' "$folder/log" | tail -1)
    echo "$container: $(figure number_of_executed_units) files in $seconds s, $edges, peak $(figure peak_rss_mb) MB (seeds $usual MB), $end"
done
exit $failed
