#!/bin/bash
# The runs behind docs/iob-results.md, by part: bench/iob.sh curve|disks|gaussians|spectrum|digits|spectra|embeddings|classes|widths
#
# Needs `make demo` (its data and encoders) for the last four, and bench/dimension.py once (its venv) for gaussians,
# spectrum and digits. Results go to runs/iob; what is there already is kept. One part takes minutes to an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
TOOL=$PWD/.build/release/specclip DEMO=$PWD/demo PYTHON=$PWD/bench/venv-dimension/bin/python
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
mkdir -p runs/iob
cd runs/iob

# dimension NAME DATA [OPTIONS]: trains three seeds unless they are there, and measures them together.
dimension() {
  local name=$1 data=$2; shift 2
  for seed in 1 2 3; do
    [ -e "$name-$seed.safetensors" ] || "$TOOL" iob train "$data" --seed $seed -o "$name-$seed.safetensors" "$@"
  done
  local array=()
  while [ $# -gt 0 ]; do [ "$1" = --name ] && array=(--name "$2"); shift; done
  "$TOOL" iob dimension "$name"-{1,2,3}.safetensors "$data" "${array[@]}" | tee "$name.txt"
}

# aligned NAME STEPS [OPTIONS]: the encoders of the demo, aligned longer.
aligned() {
  local name=$1 steps=$2; shift 2
  mkdir -p "$name"
  for part in gaia-xp lamost-lrs; do [ -e "$name/$part" ] || cp -r "$DEMO/run/$part" "$name/"; done
  "$TOOL" align tiny --steps "$steps" --data-folder "$DEMO" --run "$name" "$@"
}

curve() {
  "$TOOL" iob demo s-curve -o s-curve --separate 1,2,3,4 | tee s-curve.txt
  "$TOOL" iob demo s-curve -o s-curve-geometric --objective geometric | tee s-curve-geometric.txt
}

disks() {
  "$TOOL" iob demo n-disk --disks 1 -o disks-1 | tee disks-1.txt
  "$TOOL" iob demo n-disk --disks 2 -o disks-2 --separate 2,4,6,8 | tee disks-2.txt
  "$TOOL" iob demo n-disk --disks 2 -o disks-2-geometric --objective geometric | tee disks-2-geometric.txt
  "$TOOL" iob demo n-disk --disks 3 -o disks-3 | tee disks-3.txt
}

gaussians() {
  "$PYTHON" - <<'PYTHON'
import numpy as np
random = np.random.default_rng(1)
for rank in (5, 20, 50):
    directions = random.normal(size=(rank, 100)) / 10
    rows = random.normal(size=(50000, rank)) @ directions + 0.01 * random.normal(size=(50000, 100))
    np.savez(f"rank{rank}.npz", rows=rows.astype("f4"))
PYTHON
  for rank in 5 20 50; do
    [ -e rank$rank.safetensors ] || "$TOOL" iob train rank$rank.npz --width 64 --epochs 40 -o rank$rank.safetensors
    "$TOOL" iob dimension rank$rank.safetensors rank$rank.npz | tee rank$rank.txt
  done
}

# How each statistic goes with the number of rows: principal components, 64 latents, no training.
spectrum() {
  "$PYTHON" - <<'PYTHON' | tee spectrum.txt
import numpy as np

def dimensions(count, noise, given, seed, features=100, width=64):
    random = np.random.default_rng(seed)
    def rows():
        signal = random.normal(size=(count, features)).astype("f4") * np.arange(1, features + 1) ** -1.25
        return signal + noise * random.normal(size=(count, features)).astype("f4")
    train, test = rows(), rows()
    components = np.linalg.eigh(np.cov((train - train.mean(0)).T))[1][:, ::-1][:, :width]
    centred = test - train.mean(0)
    told = np.cumsum(((centred @ components) ** 2).mean(0))
    error = (centred ** 2).sum(1).mean() - np.concatenate([[0], told])
    gain, share = -np.diff(error), count / test.var(0).sum()
    first = lambda counts: width if counts.all() else int(np.argmin(counts))
    variance = given ** 2 if given else error[-1] / (features - width)
    return first(gain / variance > 2), first(gain * share > 3.841), first(gain * share / 2 > 3.841)

level = 10.5 ** -1.25
for noise, given in ((level, None), (0, level)):
    for count in (500, 3000, 30000, 300000):
        found = np.array([dimensions(count, noise, given, seed) for seed in range(8 if count < 1e5 else 1)])
        print(f"noise {noise:.3f} given {given}: N {count}, noise/wilks/published from {found.min(0)} to {found.max(0)}")
PYTHON
}

digits() {
  "$PYTHON" -c 'import numpy as np, sklearn.datasets as d; np.savez("digits.npz", rows=d.load_digits().data.astype("f4"))'
  cat > digits.yaml <<'YAML'
width: 16
objective: { kind: linear, widthsPerRow: 8 }
training: { epochs: 300, learningRate: 1.0e-3, minimumLearningRate: 1.0e-5, patience: 60 }
YAML
  [ -e digits.safetensors ] || "$TOOL" iob train digits.npz --config digits.yaml -o digits.safetensors
  "$TOOL" iob dimension digits.safetensors digits.npz --separate 2,4,8,16 | tee digits.txt
}

spectra() {
  # Without cuts the few stars whose flux at 550 nm, which all are divided by, is near 0 hold nearly all of the variance.
  "$TOOL" prepare "$DEMO/xp.h5" --split train --where 'a_k<0.15' --where 'snr>100' --where 'teff>4500' -f -o xp.npz
  dimension xp xp.npz --name flux --width 24 --epochs 100
  "$TOOL" iob dimension xp-1.safetensors xp.npz --name flux --separate 2,4,8 | tee xp-separate.txt
  "$TOOL" prepare "$DEMO/miles.h5" --split train -f -o miles.npz
  [ -e miles.safetensors ] || "$TOOL" iob train miles.npz --name flux --width 6 -o miles.safetensors
  "$TOOL" iob dimension miles.safetensors miles.npz --name flux | tee miles.txt
}

embeddings() {
  aligned plain 4800
  "$TOOL" embed -m plain/align/model.safetensors "$DEMO/pairs.h5" --split train -f -o embeddings.npz
  for array in gaia_xp lamost_lrs; do
    dimension embeddings-$array embeddings.npz --name $array --width 32 --epochs 40
  done
}

classes() {
  aligned plain 4800
  while read -r name condition; do
    "$TOOL" embed -m plain/align/model.safetensors "$DEMO/xp.h5" --split train --instrument gaia-xp \
      --where "$condition" --limit 2700 -f -o "$name.npz"
    dimension "$name" "$name.npz" --name gaia_xp --width 24 --epochs 150
  done <<'CLASSES'
all teff>0
dwarfs logg>=3.8
giants logg<3.5
metal-poor fe_h<-1
hot teff>6300
cool teff<4000
CLASSES
}

widths() {
  aligned plain-7200 7200
  aligned ordered 7200 --objective clip-ordered
  "$TOOL" iob widths -m ordered/align/model.safetensors "$DEMO/pairs.h5" --beside plain-7200/align/model.safetensors \
    -f -o widths.png | tee widths.txt
  "$TOOL" embed -m ordered/align/model.safetensors "$DEMO/pairs.h5" --split test -f -o ordered.npz
  for array in gaia_xp lamost_lrs; do
    "$TOOL" iob labels ordered.npz --name $array --of "$DEMO/pairs.h5" -f -o labels-$array.png | tee labels-$array.txt
  done
}

parts=" curve disks gaussians spectrum digits spectra embeddings classes widths "
for part in "${@:-none}"; do
  [[ $parts == *" $part "* ]] || { echo "usage: bench/iob.sh PART …, where PART is one of:$parts" >&2; exit 2; }
done
for part; do "$part"; done
