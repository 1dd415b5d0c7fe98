#!/usr/bin/env python3
"""Labels of real LAMOST spectra beside those of the survey's own pipeline (LASP), and how they move with radial velocity.

    bench/lasp.py FOLDER [--apart LIST.csv] [--tool .build/release/specclip] [--model FILE] [--moved 100] [--output FILE.json]

FOLDER holds LAMOST files and labels.csv with the columns file, teff (K), logg, feh (dex), snrg (../shared/data/lamost-dr10).
With --apart, those of its files alone whose split is `apart`: Models/specclip-small-lamost.csv lists what the model has not seen.
For each class of stars, by LASP: n, the bias (median) and the robust sigma (biweight) about it with its bootstrap error, the share
within the stated 68 % interval, and the share with a flag; the shares in each quarter of S/N of all stars. Then, for some FGK stars drawn at random, by how much labels move when the
spectrum is shifted by +-200 and +-400 km/s. Needs numpy.
"""
import csv
import json
import pathlib

import numpy as np

from predictions import parser, predict
from robust import robust_sigma

LABELS = {"teff": "teff", "logg": "logg", "fe_h": "feh"}
CLASSES = {
    "FGK (4300-7000 K), S/N_g > 20": lambda star: 4300 < star["teff"] < 7000 and star["snrg"] > 20,
    "FGK, S/N_g > 50": lambda star: 4300 < star["teff"] < 7000 and star["snrg"] > 50,
    "[Fe/H] < -1, cooler than 7000 K": lambda star: star["feh"] < -1 and star["teff"] < 7000,
    "hotter than 7500 K": lambda star: star["teff"] > 7500,
}


def of_stars(description):
    """Options of the programs that judge labels of a folder of stars."""
    made = parser(description)
    made.add_argument("folder", type=pathlib.Path)
    made.add_argument("--apart", type=pathlib.Path)
    return made


def stars(options):
    """The rows of labels.csv, numbers as numbers; with --apart those alone whose split in the list is `apart`."""
    with open(options.folder / "labels.csv") as file:
        rows = [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]
    if not options.apart:
        return rows
    with open(options.apart) as file:
        apart = {row["file"] for row in csv.DictReader(file) if row["split"] == "apart"}
    return [row for row in rows if row["file"] in apart]


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def scores(rows, found, random):
    """Bias, sigma and coverage of each label, and how many of these stars have a flag."""
    report = {"n": len(rows), "flagged": float(np.mean([int(star["flag"]) != 0 for star in found]))}
    for name, column in LABELS.items():
        truth = np.array([row[column] for row in rows])
        value, low, high = (
            np.array([star[name + ending] for star in found], dtype=float) for ending in ("", "_16", "_84"))
        residual = value - truth
        draws = [robust_sigma(random.choice(residual, len(residual))) for _ in range(200)]
        report[name] = {
            "bias": float(np.median(residual)), "sigma": float(robust_sigma(residual)), "sigma_error": float(np.std(draws)),
            "covered": float(np.mean((low <= truth) & (truth <= high))),
        }
    return report


def main():
    arguments = of_stars(__doc__)
    arguments.add_argument("--moved", type=int, default=100)
    options = arguments.parse_args()
    random = np.random.default_rng(0)
    rows = stars(options)
    # What cannot be read is left out, and counted.
    found = {
        pathlib.Path(star["file"]).name: star
        for star in predict(options, *(options.folder / row["file"] for row in rows), "--samples", 10000, strict=False)
    }
    read = [row for row in rows if row["file"] in found]
    report = {"files": len(rows), "unread": len(rows) - len(read), "classes": {}}
    print(f"{len(rows)} files, {len(rows) - len(read)} of them not read")
    for title, belongs in CLASSES.items():
        chosen = [row for row in read if belongs(row)]
        one = scores(chosen, [found[row["file"]] for row in chosen], random)
        report["classes"][title] = one
        print(f"{title}: n = {one['n']}, {100 * one['flagged']:.0f} % flagged")
        for name in LABELS:
            print(
                f"  {name:6s} bias {one[name]['bias']:8.3f}   sigma {one[name]['sigma']:8.3f} +- {one[name]['sigma_error']:.3f}"
                f"   in 68 %: {100 * one[name]['covered']:.0f} %")
    bounds = np.quantile([row["snrg"] for row in read], [0, 0.25, 0.5, 0.75, 1])
    for low, high in zip(bounds, bounds[1:]):
        chosen = [row for row in read if low <= row["snrg"] <= high]
        one = report.setdefault("quarters", {})[f"{low:.0f}-{high:.0f}"] = scores(chosen, [found[row["file"]] for row in chosen], random)
        print(f"S/N_g {low:.0f} to {high:.0f}: n = {one['n']}; in 68 %: " + ", ".join(
            f"{name} {100 * one[name]['covered']:.0f} %" for name in LABELS))
    fgk = [row for row in read if CLASSES["FGK (4300-7000 K), S/N_g > 20"](row)]
    fgk = [fgk[i] for i in sorted(random.permutation(len(fgk))[:options.moved])]
    files = [options.folder / row["file"] for row in fgk]
    still = [found[row["file"]] for row in fgk]
    print(f"shift: largest, 95 % and median change of Teff, log g, [Fe/H] of {len(fgk)} FGK stars")
    for velocity in (-400, -200, 200, 400):
        # --rv removes a velocity: the spectrum is shifted by its opposite.
        moved = predict(options, *files, "--samples", 10000, f"--rv={-velocity}")
        line = f"{velocity:5d} km/s"
        for name in LABELS:
            change = np.abs([float(a[name]) - float(b[name]) for a, b in zip(moved, still)])
            marks = [float(change.max()), float(np.quantile(change, 0.95)), float(np.median(change))]
            report.setdefault("shifts", {}).setdefault(str(velocity), {})[name] = marks
            line += "   " + " ".join(f"{mark:.2f}" for mark in marks)
        print(line)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
