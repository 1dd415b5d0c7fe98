#!/bin/bash
# Trains the model that ships in Models/: encoders on spectra, then on labels, alignment, posteriors with their calibration. An hour
# and a half on two cores; interrupted, the same command goes on.
#
#   scripts/train-small.sh [RUN-FOLDER [LAMOST-FOLDER]]     (default runs/small, and no LAMOST)
#
# The libraries come from the cache. LAMOST-FOLDER holds labels.csv (file, obsid, planid, teff, logg, feh, z) and the files that it
# names; a fifth of its plates is left out of everything. Without it `optical` learns the labels of MILES alone (preset small-miles).
set -euo pipefail
cd "$(dirname "$0")/.."

run=${1:-runs/small}
lamost=${2:-}
preset=small
[ -n "$lamost" ] || preset=small-miles
tool=.build/release/specclip
data=$run/data
[ -x "$tool" ] || { echo "train-small: $tool is missing; run 'make build' first" >&2; exit 1; }
mkdir -p "$data"

"$tool" data fetch
# Stars that are to tell how far off answers are stop nothing: they have a split of their own.
made() { [ -f "$data/$1" ]; }
made xp.h5 || "$tool" data pairs real-xp --validation 0.075 --calibration 0.075 -o "$data/xp.h5"
made pairs.h5 || "$tool" data pairs optical-pairs --validation 0.075 --calibration 0.075 -o "$data/pairs.h5"
made mixtures.h5 || "$tool" data pairs optical-mixtures --count 15000 -o "$data/mixtures.h5"
[ -z "$lamost" ] || made dr10.h5 || "$tool" data stars "$lamost/labels.csv" --labels teff,logg,fe_h=feh --redshift z \
    --identifier obsid --group planid --instrument optical --fold 0/5 --validation 0 --apart 0.2 \
    --list "$data/dr10.csv" -o "$data/dr10.h5"

options=("$preset" --data-folder "$data" --run "$run")
# The two encoders side by side, one thread each: small models do not fill more.
encoders=()
for instrument in gaia-xp optical; do
    (
        "$tool" pretrain "${options[@]}" --instrument "$instrument" --threads 1
        "$tool" finetune "${options[@]}" --instrument "$instrument" --threads 1
    ) &
    encoders+=($!)
done
for encoder in "${encoders[@]}"; do wait "$encoder"; done
"$tool" align "${options[@]}"
"$tool" labels fit "${options[@]}"

mkdir -p Models
# Known stars travel in the model, for look-alikes: bright ones with all labels.
"$tool" model atlas "$data/xp.h5" --where 'snr>100' --where 'fe_h>-9' --limit 2500 \
    -m "$run/model.safetensors" -o "$run/with-atlas.safetensors" --force
"$tool" convert "$run/with-atlas.safetensors" Models/specclip-small.safetensors --precision float16 --force
cp "Sources/SpecCLIP/Presets/$preset.yaml" Models/specclip-small.yaml
[ -z "$lamost" ] || cp "$data/dr10.csv" Models/specclip-small-lamost.csv
for metrics in "$run"/*/metrics.csv; do
    sed "s/^/$(basename "$(dirname "$metrics")"),/" "$metrics"
done > Models/specclip-small-log.csv
"$tool" model info Models/specclip-small.safetensors
