#!/usr/bin/env python3
"""Which encoder for `optical`? Several learn from the same MILES mixtures for as many steps, and read real LAMOST stars by folds.

    python3 -m venv bench/venv-dr10 && bench/venv-dr10/bin/pip install torch==2.11.0 numpy scipy h5py pyyaml
    specclip data pairs optical-mixtures --count 15000 -o DATA/mixtures.h5
    bench/venv-dr10/bin/python bench/encoders.py ../shared/data/lamost-dr10 DATA [--pretrain 1000] [--finetune 3000] [--folds 5]

Each encoder learns spectra, then the labels of MILES (preset small-miles, shortened), and is fine-tuned on LASP's labels of other
plates' stars as in dr10.py; no star of LAMOST was in what came before. Printed: bias, robust sigma and bootstrap errors beside LASP,
how much more the sigma is than that of the first, paired; and the processor time of each on one thread. What was trained is kept in
--work and not trained again.

residual: the shipped encoder. Masks and errors enter; learns spectra by taking noise, windows and gaps away.
patch transformer: tokens of 64 pixels with their validity and a code of their wavelength, half of them hidden while spectra are learned
(a masked auto-encoder). auto-encoder: the one of the SpecCLIP paper, which knows neither masks nor errors, half of the pixels hidden.
"""
import argparse
import csv
import json
import pathlib
import resource

import numpy as np
import yaml

from dr10 import FOLDS, ROOT, fine_tuned, folds, labels_of, report, run

ENCODERS = {
    "residual": {"kind": "residual", "hidden": 512, "bottleneck": 128, "blocks": 2, "inputDropout": 0.1, "dropout": 0.1},
    "patch-transformer": {"kind": "patch-transformer", "patch": 64, "width": 96, "layers": 3, "heads": 4, "bottleneck": 128, "mask": 0.5},
    "auto-encoder": {"kind": "auto-encoder", "hidden": 512, "bottleneck": 128, "encoderBlocks": 2, "decoderBlocks": 1, "expansion": 1,
                     "statistics": "log10-std", "dropout": 0.1, "mask": {"chunks": 0, "width": 64, "ratio": 0.5}},
}


def seconds():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def learned(options, name):
    """The folder of an encoder that has learned the mixtures, and the processor time that this took."""
    folder = options.work / name
    done = folder / "seconds.json"
    if not done.exists():
        configuration = yaml.safe_load((ROOT / "Sources/SpecCLIP/Presets/small-miles.yaml").read_text())
        optical = configuration["instruments"]["optical"]
        optical["encoder"] = ENCODERS[name]
        optical["pretrain"] = {"training": {"steps": options.pretrain}}
        optical["finetune"][-1]["training"]["steps"] = options.finetune
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / "configuration.yaml"
        written.write_text(yaml.safe_dump(configuration))
        start = seconds()
        for stage in ("pretrain", "finetune"):
            run(options.tool, stage, written, "--data-folder", options.data, "--run", folder, "--instrument", "optical", "--threads", 1)
        done.write_text(json.dumps(seconds() - start))
    return folder, json.loads(done.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--preset", type=pathlib.Path, default=ROOT / "Sources/SpecCLIP/Presets/small.yaml")
    parser.add_argument("--encoders", default=",".join(ENCODERS))
    parser.add_argument("--pretrain", type=int, default=1000)
    parser.add_argument("--finetune", type=int, default=3000)
    parser.add_argument("--sizes", default="all")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "bench/work/encoders")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    names, sizes = options.encoders.split(","), options.sizes.split(",")
    with open(options.folder / "labels.csv") as file:
        catalogue = {row["file"]: row for row in csv.DictReader(file)}
    answers, cost = {size: {name: {} for name in names} for size in sizes}, {}
    options.work.mkdir(parents=True, exist_ok=True)
    for name in names:
        folder, before = learned(options, name)
        start = seconds()
        for fold in range(1, options.folds + 1):
            data = options.work / f"fold{fold}.h5"
            if not data.exists():
                folds(options, fold)
            for size, found in fine_tuned(options, folder, fold, data, 0, sizes).items():
                answers[size][name] |= found
        cost[name] = [before, seconds() - start]
        print(f"{name}: {before / 60:.1f} min of processor time to learn mixtures, {cost[name][1] / 60:.1f} min for the folds", flush=True)
    results = {"seconds": cost}
    for size, found in answers.items():
        stars = sorted(found[names[0]])
        pooled = {name: np.array([one[star] for star in stars]) for name, one in found.items()}
        results[size] = report(labels_of(catalogue, stars), pooled, size, own=names[0])
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
