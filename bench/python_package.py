#!/usr/bin/env python3
"""How fast the Python package reads stars, beside the command on the same spectra, turn by turn.

    bench/python_package.py spec-*.fits.gz [--tool .build/release/specclip] [--turns 3]

Both read labels with one thread. The command reads files, Python arrays that astropy has read before (its time for that is told
beside). Times are of the processor, which other work beside disturbs least. What both need to start is taken away: a turn is the
time for all spectra, less that for the first 64. Needs what
python/tests/requirements.txt names, and the package (make wheel; or PYTHONPATH=python and SPECCLIP_LIBRARY).
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python/tests"))

import stars  # noqa: E402

import specclip  # noqa: E402


def seconds(work):
    """Of the processor, those of processes that were started and have ended too."""

    def now():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    start = now()
    work()
    return now() - start


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("spectra", nargs="+")
    options.add_argument("--tool", default=".build/release/specclip")
    options.add_argument("--turns", type=int, default=3)
    given = options.parse_args()
    model = specclip.load(threads=1)
    reading = seconds(lambda: stars.lamost(given.spectra))
    all_of_them, few = stars.lamost(given.spectra), stars.lamost(given.spectra[:64])
    ratios, rates = [], []
    with tempfile.TemporaryDirectory() as folder:

        def command(files):
            arguments = [
                given.tool,
                "predict",
                *files,
                "--threads",
                "1",
                "-o",
                f"{folder}/out.fits",
                "--force",
                "--restart",
            ]
            subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})

        for turn in range(given.turns):
            theirs = seconds(lambda: command(given.spectra)) - seconds(lambda: command(given.spectra[:64]))
            ours = seconds(lambda: model.predict(**all_of_them, bad="nan")) - seconds(
                lambda: model.predict(**few, bad="nan")
            )
            count = len(given.spectra) - 64
            ratios.append(theirs / ours)
            rates.append((count / theirs, count / ours))
            print(f"turn {turn + 1}: command {count / theirs:.0f} stars/s, Python {count / ours:.0f} stars/s")
    print(
        f"Python / command: {statistics.median(ratios):.2f} (median); astropy reads {len(given.spectra) / reading:.0f} stars/s"
    )


if __name__ == "__main__":
    main()
