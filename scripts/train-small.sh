#!/bin/bash
# Trains the model that ships in Models/, from the libraries in the cache: encoders on spectra, then on labels, alignment,
# posteriors with their calibration. An hour on two cores; interrupted, the same command goes on.
#
#   scripts/train-small.sh [RUN-FOLDER]        (default runs/small)
set -euo pipefail
cd "$(dirname "$0")/.."

run=${1:-runs/small}
tool=.build/release/specclip
data=$run/data
[ -x "$tool" ] || { echo "train-small: $tool is missing; run 'make build' first" >&2; exit 1; }
mkdir -p "$data"

"$tool" data fetch
make_data() { [ -f "$data/$2" ] || "$tool" data pairs "$1" --output "$data/$2"; }
make_data real-xp xp.h5
make_data semi-synthetic pairs.h5
make_data miles-mixtures lrs.h5

options=(small --data-folder "$data" --run "$run")
# The two encoders side by side, one thread each: small models do not fill more.
encoders=()
for instrument in gaia-xp lamost-lrs; do
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
cp Sources/SpecCLIP/Presets/small.yaml Models/specclip-small.yaml
stages=(gaia-xp lamost-lrs finetune-gaia-xp finetune-lamost-lrs align)
for stage in "${stages[@]}" $(cd "$run" && ls -d labels-*); do
    sed "s/^/$stage,/" "$run/$stage/metrics.csv"
done > Models/specclip-small-log.csv
"$tool" model info Models/specclip-small.safetensors
