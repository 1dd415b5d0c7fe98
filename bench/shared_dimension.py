#!/usr/bin/env python3
"""How many numbers two instruments share, by an ordered bottleneck: latents of the mean of a star's two embeddings that rise above what
the two embeddings disagree by.

    python3 bench/shared_dimension.py pairs.h5 [--specclip .build/release/specclip] [--width 24] [--epochs 60]

`specclip embed` reads both spectra of each star; the means of the split `train` teach `specclip iob train`, `specclip iob dimension` judges
those of `test`, with half of the root mean square difference between the two (their mean difference left out) as the noise of every
number. Beside it the same of each instrument's embeddings alone, with what is left at full width as noise. Needs numpy.
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs")
    parser.add_argument("--specclip", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--width", default="24")
    parser.add_argument("--epochs", default="60")
    options = parser.parse_args()

    def specclip(*arguments):
        done = subprocess.run([options.specclip, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        return done.stdout

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        noise = 0.0
        for split in ["train", "test"]:
            specclip("embed", options.pairs, "--split", split, "-o", folder / "both.npz", "-f")
            with np.load(folder / "both.npz", allow_pickle=True) as file:
                names = [name for name in file.files if file[name].ndim == 2]
                own = [file[name].astype(float) for name in names]
            seen = np.isfinite(own[0]).all(1) & np.isfinite(own[1]).all(1)
            own = [unit(rows[seen]) for rows in own]
            difference = (own[0] - own[1]) / 2
            noise = np.sqrt(np.mean((difference - difference.mean(0)) ** 2))
            for name, rows in zip([*names, "both"], [*own, (own[0] + own[1]) / 2]):
                np.save(folder / f"{name}-{split}.npy", rows.astype(np.float32))
        for name in [*names, "both"]:
            model = folder / f"{name}.safetensors"
            specclip("iob", "train", folder / f"{name}-train.npy", "--width", options.width, "--epochs", options.epochs, "-o", model)
            more = ["--noise", f"{noise:.5f}"] if name == "both" else []
            told = specclip("iob", "dimension", model, folder / f"{name}-test.npy", *more)
            print(f"{name}: " + " ".join(told.split("Against the number of rows")[0].split()), flush=True)


if __name__ == "__main__":
    main()
