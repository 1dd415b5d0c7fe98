#!/bin/bash
# Trains the model that ships in Models/, from the libraries in the cache: encoders on spectra, then on labels, alignment,
# posteriors with their calibration. Two to three hours on two cores; interrupted, the same command goes on.
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
"$tool" convert "$run/model.safetensors" Models/specclip-small.safetensors --precision float16 --force
"$tool" model info Models/specclip-small.safetensors
