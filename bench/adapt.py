#!/usr/bin/env python3
"""LASP labels of real LAMOST DR10 stars from a few labelled stars of other plates: `specclip adapt` beside a plain MLP on the flux.

    python3 -m venv bench/venv-dr10 && bench/venv-dr10/bin/pip install torch==2.11.0 numpy scipy h5py
    bench/venv-dr10/bin/python bench/adapt.py ../shared/data/lamost-dr10 --model FILE [--sizes 50,100,200,500,all]
        [--methods labels,features,lora] [--folds 1,2,3,4,5] [--output FILE.json]

FILE is a model that has seen none of these stars' labels: one of the preset small-miles. In each of five folds by plates (dr10.py),
so many stars of the other folds are drawn; `adapt` and the MLP of dr10.py learn from the same, and read the fold. `adapt` is given
the files as they are and finds the velocities itself; the MLP is given spectra at rest by the survey's redshifts, and learns from
the stars between 4200 and 7100 K. Printed: bias, robust sigma with bootstrap errors, the paired difference, and the shares of
stars within the stated 68 % intervals of `adapt`.
"""
import argparse
import csv
import json
import pathlib

import numpy as np
import torch

from dr10 import LABELS, MLPS, ROOT, folds, labels_of, perceptron, report, run, split

COLUMNS = {"teff": "teff", "logg": "logg", "fe_h": "feh"}
ADAPTED = "adapt"


def adapted(options, names, catalogue, work, test):
    """What a model adapted on the stars `names` reads of `test`: value and the 16th and 84th percentiles, per star and label."""
    table, model, out = work / "labels.csv", work / "adapted.safetensors", work / "read.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "planid", *(f"own_{label}" for label in COLUMNS)])
        for name in names:
            row = catalogue[name]
            writer.writerow([name, row["planid"], *(row[column] for column in COLUMNS.values())])
    columns = ",".join(f"own_{label}" for label in COLUMNS)
    run(options.tool, "adapt", table, "--labels", columns, "--group", "planid", "--methods", options.methods, "-m", options.model, "-o",
        model, "--force", "--threads", options.threads, "--spectra", *(options.folder / name for name in names))
    run(options.tool, "predict", "-m", model, *(options.folder / name for name in test), "--samples", "200", "-o", out, "--force",
        "--restart", "--threads", options.threads)
    found = {}
    with open(out) as file:
        for row in csv.DictReader(file):
            found[pathlib.Path(row["file"]).name] = [
                [float(row[f"own_{label}{end}"] or "nan") for end in ("", "_16", "_84")] for label in COLUMNS]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--sizes", default="50,100,200,500,all")
    parser.add_argument("--methods", default="labels,features,lora,full,flux")
    parser.add_argument("--folds", default="1,2,3,4,5")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "bench/work/adapt")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(int(options.threads))
    options.work.mkdir(parents=True, exist_ok=True)
    with open(options.folder / "labels.csv") as file:
        catalogue = {row["file"]: row for row in csv.DictReader(file)}
    sizes = options.sizes.split(",")
    answers = {size: {method: {} for method in [ADAPTED, *MLPS]} for size in sizes}
    held = {size: [] for size in sizes}
    for fold in map(int, options.folds.split(",")):
        data, _ = folds(options, fold)
        train, test = split(data, "train"), split(data, "test")
        for size in sizes:
            random = np.random.default_rng(1000 * fold)
            rows = random.permutation(len(train["ids"]))[: None if size == "all" else int(size)]
            work = options.work / f"fold{fold}-{size}"
            work.mkdir(exist_ok=True)
            found = adapted(options, [train["ids"][row] for row in rows], catalogue, work, test["ids"])
            cool = rows[(train["labels"][rows, 0] > 4200) & (train["labels"][rows, 0] < 7100)]
            for method, dropout in MLPS.items():
                answers[size][method] |= dict(zip(test["ids"], perceptron(train, test, cool, fold, dropout)))
            for name in test["ids"]:
                own = np.array(found.get(name, np.full((3, 3), np.nan)))
                answers[size][ADAPTED][name] = own[:, 0]
                truth = np.array([float(catalogue[name][column]) for column in COLUMNS.values()])
                held[size].append((truth > own[:, 1]) & (truth < own[:, 2]))
            print(f"fold {fold}, {size} stars: done", flush=True)
    results = {}
    for size in sizes:
        names = sorted(answers[size][ADAPTED])
        stars = labels_of(catalogue, names)
        pooled = {method: np.array([found[name] for name in names]) for method, found in answers[size].items()}
        results[size] = report(stars, pooled, size, own=ADAPTED)
        shares = np.mean(held[size], 0)
        results[size]["within 68 %"] = dict(zip(LABELS, map(float, shares)))
        print(f"{size} labelled stars; all {len(held[size])}: within 68 %: " + ", ".join(f"{share:.3f}" for share in shares))
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
