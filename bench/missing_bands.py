#!/usr/bin/env python3
"""How well Gaia XP is read where a band is missing, beside the same stars as they are.

    bench/missing_bands.py xp.h5 [--tool .build/release/specclip] [--model FILE] [--count 1500] [--output FILE.json]

Writes test stars of a data set as the archive's table of sampled spectra: as they are, without BP (nothing below 640 nm), without RP
(nothing above 640 nm), and with a gap of 150 nm that starts anywhere from 400 to 850 nm. Prints for each label the robust sigma against
the catalogue with its bootstrap error, the median of the stated error, and the shares within the 68 % interval and within two errors.
Needs numpy and h5py.
"""
import json
import pathlib
import tempfile

import h5py
import numpy as np

from predictions import parser, predict
from robust import robust_sigma

LABELS = ["teff", "logg", "fe_h", "alpha_m", "a_k"]
WAVELENGTH = 336 + 2 * np.arange(343)


def write(path, flux, error, missing):
    """The archive's table, with NaN where `missing`."""
    def text(values, lacks):
        return '"[' + ",".join("nan" if bad else f"{value:.6g}" for value, bad in zip(values, lacks)) + ']"'
    with open(path, "w") as file:
        file.write("source_id,flux,flux_error\n")
        for star, (own, spread, lacks) in enumerate(zip(flux, error, missing)):
            file.write(f"{star + 1000},{text(own, lacks)},{text(spread, lacks)}\n")


def main():
    arguments = parser(__doc__)
    arguments.add_argument("data")
    arguments.add_argument("--count", type=int, default=1500)
    options = arguments.parse_args()
    random = np.random.default_rng(7)
    with h5py.File(options.data) as file:
        part = file["test"]
        rows = np.sort(random.choice(len(part["source_ids"]), options.count, replace=False))
        flux = part["gaia_spectra"][()][rows, :, 0]
        ivar = part["gaia_ivar"][()][rows]
        truth = {name: part["labels"][name][()][rows] for name in LABELS}
    error = 1 / np.sqrt(np.maximum(ivar, 1e-12))
    start = random.uniform(400, 850, options.count)[:, None]
    gaps = {
        "whole": np.zeros(flux.shape, bool),
        "no BP": np.broadcast_to(WAVELENGTH < 640, flux.shape),
        "no RP": np.broadcast_to(WAVELENGTH > 640, flux.shape),
        "gap": (WAVELENGTH >= start) & (WAVELENGTH < start + 150),
    }
    report = {}
    for what, missing in gaps.items():
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "XP_SAMPLED.csv"
            write(table, flux, error, missing | (ivar <= 0))
            found = {int(row["source_id"]) - 1000: row for row in predict(options, table)}
        print(f"{what}: {len(found)} of {options.count} stars read")
        for name in LABELS:
            keys = [k for k in sorted(found) if found[k][name] and np.isfinite(truth[name][k])]
            value, spread, low, high = (
                np.array([float(found[k][c]) for k in keys]) for c in (name, "e_" + name, name + "_16", name + "_84"))
            off = value - truth[name][keys]
            one = {
                "stars": len(keys), "sigma": float(robust_sigma(off)),
                "error": float(np.std([robust_sigma(random.choice(off, len(off))) for _ in range(200)])),
                "bias": float(np.median(off)), "stated": float(np.median(spread)),
                "in 68 %": float(np.mean((low <= truth[name][keys]) & (truth[name][keys] <= high))),
                "within 2": float(np.mean(np.abs(off) < 2 * spread)),
            }
            report.setdefault(what, {})[name] = one
            print(f"  {name:8s}" + "  ".join(f"{key} {number:.4g}" for key, number in one.items()), flush=True)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
