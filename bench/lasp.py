#!/usr/bin/env python3
"""Labels of real LAMOST files beside those of the survey's own pipeline (LASP), and how they move with radial velocity.

    bench/lasp.py FOLDER [--tool .build/release/specclip] [--model FILE] [--output FILE.json]

FOLDER holds LAMOST files and labels.csv with the columns file, snr_g, teff_K, logg_dex, feh_dex. Stars with a S/N in g above 20
and 4000 K < Teff < 7000 K by LASP (FGK) count. Prints the bias (median) and the robust sigma (biweight) about it, the share within the
stated 68 % interval, and by how much labels move when the spectrum is shifted by +-200 and +-400 km/s. Needs numpy.
"""
import csv
import json
import pathlib

import numpy as np

from predictions import parser, predict
from robust import robust_sigma

LABELS = {"teff": "teff_K", "logg": "logg_dex", "fe_h": "feh_dex"}


def main():
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=pathlib.Path)
    options = arguments.parse_args()
    with open(options.folder / "labels.csv") as file:
        rows = [row for row in csv.DictReader(file) if float(row["snr_g"]) > 20 and 4000 < float(row["teff_K"]) < 7000]
    files = [str(options.folder / row["file"]) for row in rows]
    found = predict(options, *files, "--samples", 10000)
    report = {"stars": len(rows), "flags": [int(star["flag"]) for star in found]}
    print(f"{len(rows)} stars, flags {report['flags']}")
    print(f"{'label':6s}{'bias':>10s}{'sigma':>10s}{'in 68 %':>10s}")
    for name, column in LABELS.items():
        truth = np.array([float(row[column]) for row in rows])
        value = np.array([star[name] for star in found], dtype=float)
        low, high = (np.array([star[f"{name}_{p}"] for star in found], dtype=float) for p in (16, 84))
        residual = value - truth
        one = {
            "bias": float(np.median(residual)), "sigma": float(robust_sigma(residual)),
            "covered": float(np.mean((low <= truth) & (truth <= high))),
        }
        print(f"{name:6s}{one['bias']:10.3f}{one['sigma']:10.3f}{one['covered']:10.2f}")
        report[name] = one
    print("shift     largest and median change of Teff, log g, [Fe/H]")
    for velocity in (-400, -200, 200, 400):
        # --rv removes a velocity: the spectrum is shifted by its opposite.
        moved = predict(options, *files, "--samples", 10000, f"--rv={-velocity}")
        line = f"{velocity:5d} km/s"
        for name in LABELS:
            change = np.abs([float(a[name]) - float(b[name]) for a, b in zip(moved, found)])
            report.setdefault("shifts", {}).setdefault(str(velocity), {})[name] = [float(change.max()), float(np.median(change))]
            line += f"{change.max():10.2f} ({np.median(change):.2f})"
        print(line)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
