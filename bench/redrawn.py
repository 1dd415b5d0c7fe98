#!/usr/bin/env python3
"""Many spectra of few stars: a data set of Gaia XP in which each spectrum has its noise drawn anew.

    bench/redrawn.py xp.h5 --count 1000000 [--seed 1] -o big.h5

Takes all splits of a data set in turn, adds to each spectrum noise of its own stated errors (so that it has the square root of two of
what the survey gave it), and writes them as the split `test`, with labels; source ids are whole numbers, one a row: the star's place in
the library times 1000, plus the number of its copy, plus a million times the seed. Needs numpy and h5py.
"""
import argparse

import h5py
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    with h5py.File(options.data) as file, h5py.File(options.output, "w") as out:
        parts = [file[name] for name in file if "gaia_spectra" in file[name]]
        flux = np.concatenate([part["gaia_spectra"][()] for part in parts])[..., 0]
        ivar = np.concatenate([part["gaia_ivar"][()] for part in parts])
        labels = {name: np.concatenate([part["labels"][name][()] for part in parts]) for name in parts[0]["labels"]}
        error = np.where(ivar > 0, 1 / np.sqrt(np.maximum(ivar, 1e-20)), 0).astype(np.float32)
        for key, value in file.attrs.items():
            out.attrs[key] = value
        group = out.create_group("test")
        for key, value in parts[0].attrs.items():
            group.attrs[key] = value
        spectra = group.create_dataset("gaia_spectra", (options.count, flux.shape[1], 1), "f4")
        weights = group.create_dataset("gaia_ivar", (options.count, flux.shape[1]), "f4")
        stars = np.arange(options.count) % len(flux)
        for start in range(0, options.count, 50_000):
            rows = stars[start:start + 50_000]
            noise = random.standard_normal((len(rows), flux.shape[1]), dtype=np.float32)
            spectra[start:start + len(rows), :, 0] = flux[rows] + noise * error[rows]
            weights[start:start + len(rows)] = ivar[rows] / 2
        for name, values in labels.items():
            group.create_dataset("labels/" + name, data=values[stars])
        ids = stars * 1000 + np.arange(options.count) // len(flux) + options.seed * 1_000_000_000
        group.create_dataset("source_ids", data=[str(one) for one in ids], dtype=h5py.string_dtype())


if __name__ == "__main__":
    main()
