#!/usr/bin/env python3
"""How many stars a second, and how many draws it takes: `specclip predict` and `specclip embed` from a file to a file.

    bench/redrawn.py xp.h5 --count 100000 -o big.h5
    python3 bench/throughput.py big.h5 [--specclip .build/release/specclip] [--beside OLDER]

For each number of draws: the root mean square distance of the 16th, 50th and 84th percentiles of all labels from those of 10⁵ draws, in
units of each label's error (300 stars), and stars a second (10,000 stars, start of the program included; least of three runs). Then
embeddings a second of all spectra. With --beside, another build of the program is timed turn by turn with the first. Needs numpy and h5py, and a
machine that does nothing else; where it does, the seconds of the processor that are printed beside tell more.
"""
import argparse
import pathlib
import resource
import subprocess
import tempfile
import time

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABELS = ["teff", "logg", "fe_h", "alpha_m", "a_k"]


def processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(program, *arguments):
    """Seconds, and seconds of the processor."""
    start, used = time.perf_counter(), processor()
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start, processor() - used


def rates(took, count):
    """Of several runs of each program: stars a second of the fastest, and the fewest seconds of the processor."""
    return [f"{count / min(own)[0]:.0f} stars/s ({min(used for _, used in own):.2f} s of the processor)" for own in took]


def percentiles(program, data, draws, stars, folder):
    path = folder / "labels.npz"
    run(program, "predict", data, "--split", "test", "--instrument", "gaia-xp", "--limit", stars, "--samples", draws,
        "-f", "-o", path)
    with np.load(path) as table:
        return {name: np.stack([table[name + "_16"], table[name], table[name + "_84"]], 1) for name in LABELS}


def distance(found, wanted):
    squares = []
    for name in LABELS:
        error = (wanted[name][:, 2] - wanted[name][:, 0]) / 2
        sound = np.isfinite(error) & (error > 0)
        squares.append((((found[name] - wanted[name]) / error[:, None])[sound] ** 2).ravel())
    return np.sqrt(np.mean(np.concatenate(squares)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a data set with Gaia XP spectra in its test split")
    parser.add_argument("--specclip", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--beside", help="another build of the program")
    parser.add_argument("--draws", type=int, nargs="*", default=[250, 500, 1000, 2000])
    parser.add_argument("--stars", type=int, default=10_000)
    options = parser.parse_args()
    programs = [options.specclip] + ([options.beside] if options.beside else [])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        many = percentiles(options.specclip, options.data, 100_000, 300, folder) if options.draws else {}
        for draws in options.draws:
            off = [distance(percentiles(program, options.data, draws, 300, folder), many) for program in programs]
            took = [[] for _ in programs]
            for _ in range(3):
                for place, program in enumerate(programs):
                    took[place].append(
                        run(program, "predict", options.data, "--split", "test", "--instrument", "gaia-xp", "--limit",
                            options.stars, "--samples", draws, "-f", "-o", folder / "p.fits"))
            print(f"predict {draws:5} draws: " + "   beside ".join(
                f"{error:.4f} errors, {rate}" for error, rate in zip(off, rates(took, options.stars))), flush=True)
        took = [[] for _ in programs]
        for _ in range(3):
            for place, program in enumerate(programs):
                took[place].append(
                    run(program, "embed", options.data, "--split", "test", "--instrument", "gaia-xp", "-f", "-o",
                        folder / "e.fits"))
        with h5py.File(options.data) as file:
            count = len(file["test/source_ids"])
        print(f"embed {count}: " + "   beside ".join(rates(took, count)))


if __name__ == "__main__":
    main()
