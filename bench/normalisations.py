#!/usr/bin/env python3
"""What the normalisation of the flux is worth: one MLP on real LAMOST DR10 spectra, which differ in that alone.

    bench/venv-dr10/bin/pip install astropy
    bench/venv-dr10/bin/python bench/normalisations.py ../shared/data/lamost-dr10 [--output FILE.json]

The folds, stars, network, window (4000 to 5600 A), rest frame and bad pixels are those of dr10.py (the MLP without dropout); the
flux is divided by

- smoothed: itself smoothed (Gaussian, 0.012 dex), which is what `optical` does;
- published: the continuum of the SpecCLIP paper (the flux of `lamost-lrs`, 1462 pixels);
- median: its own median, so that its shape stays in it;
- shape apart: itself smoothed, with the logarithm of the level at 16 places beside it as inputs of their own.

Printed: bias, robust sigma and their bootstrap errors beside LASP, and how much each is behind `smoothed`, paired.
"""
import argparse
import csv
import json
import pathlib

import numpy as np
from astropy.io import fits
from scipy.ndimage import gaussian_filter1d

from dr10 import FOLDS, MLPS, ROOT, folds, labels_of, perceptron, report, split

GRID = 10 ** np.arange(np.log10(4000), np.log10(5600), 1e-4)
WIDTH = 0.012 / 1e-4
PLACES = 16
METHODS = ["smoothed", "published", "median", "shape apart"]


def spectrum(path, redshift):
    """Flux on the grid, at rest, and which pixels are good."""
    with fits.open(path) as file:
        row = file[1].data[0]
        rest = row["WAVELENGTH"] / (1 + redshift)
        good = (row["IVAR"] > 0) & np.isfinite(row["FLUX"]) & (row["ORMASK"] == 0)
        flux = np.interp(GRID, rest[good], row["FLUX"][good])
        return flux, np.interp(GRID, rest, good.astype(float)) > 0.99


def level(flux, good):
    """The flux smoothed, without bad pixels."""
    weight = gaussian_filter1d(good.astype(float), WIDTH, mode="constant")
    return gaussian_filter1d(flux * good, WIDTH, mode="constant") / np.maximum(weight, 1e-9)


def inputs(folder, catalogue, names, method):
    """Flux about 1 and good pixels of some stars, as one method gives them."""
    flux, good = [], []
    for name in names:
        own, known = spectrum(folder / name, float(catalogue[name]["z"]))
        if method == "median":
            value = own / np.median(own[known])
        else:
            shape = level(own, known)
            value = own / np.where(shape > 0, shape, np.inf)
            if method == "shape apart":
                places = shape[np.linspace(0, len(shape) - 1, PLACES).astype(int)]
                value = np.concatenate([value, 1 + np.log(np.maximum(places, 1e-9) / np.median(shape))])
                known = np.concatenate([known, np.ones(PLACES, bool)])
        flux.append(value)
        good.append(known)
    return np.array(flux), np.array(good)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "bench/work/normalisations")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of how many of the folds stars are read")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with open(options.folder / "labels.csv") as file:
        catalogue = {row["file"]: row for row in csv.DictReader(file)}
    answers = {method: {} for method in METHODS}
    for fold in range(1, options.folds + 1):
        # The stars and, of the published normalisation, the spectra.
        data, _ = folds(options, fold, instrument="lamost-lrs")
        train, test = split(data, "train", "lamost"), split(data, "test", "lamost")
        cool = np.flatnonzero((train["labels"][:, 0] > 4200) & (train["labels"][:, 0] < 7100))
        # The data set has the published one.
        for method in sorted(METHODS, key=lambda name: name != "published"):
            for part in [train, test] if method != "published" else []:
                part["flux"], part["good"] = inputs(options.folder, catalogue, part["ids"], method)
            found = np.mean([perceptron(train, test, cool, seed, MLPS["without dropout"], slice(None)) for seed in range(2)], 0)
            answers[method].update(zip(test["ids"], found))
        print(f"fold {fold}: {len(cool)} to train on, {len(test['ids'])} read", flush=True)
    names = sorted(answers[METHODS[0]])
    found = {method: np.array([own[name] for name in names]) for method, own in answers.items()}
    result = report(labels_of(catalogue, names), found, "all", own=METHODS[0])
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
