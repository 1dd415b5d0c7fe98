#!/usr/bin/env python3
"""Compares sampled Gaia XP spectra with GaiaXPy's on the same file, in numbers and in time from file to file.

    python3 -m venv bench/venv-xp && bench/venv-xp/bin/pip install gaiaxpy==2.1.5 astropy==8.0.2
    bench/venv-xp/bin/python bench/xp.py ../shared/data/gaia_xp [--sources 10000] [--container fits] [--repeats 3]

FOLDER holds XP_CONTINUOUS_RAW.csv and .fits, with correlations. Their stars are repeated under new ids until there are SOURCES,
so that the start of both programs is small beside the work; both read that file, CSV or FITS, and write FITS with errors.
Correlations are compared where one band alone counts: in the overlap GaiaXPy weights covariances once, and errors twice. Seconds
are medians over the turns, which alternate.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
warnings.simplefilter("ignore")


def repeat(source, path, count):
    """Real stars again and again, each under an id of its own."""
    lines = source.read_text().splitlines()
    with open(path, "w") as file:
        file.write(lines[0] + "\n")
        for i in range(count):
            row = lines[1 + i % (len(lines) - 1)]
            file.write(f"{10**17 + i}{row[row.index(','):]}\n")


def repeat_fits(source, path, count):
    """The same in a FITS table, arrays of variable length as in the archive's."""
    from astropy.io import fits

    with fits.open(source) as file:
        rows, columns = file[1].data, []
        for column in file[1].columns:
            values = rows[column.name]
            which = np.arange(count) % len(rows)
            if column.name == "source_id":
                made = 10**17 + np.arange(count)
            elif values.dtype == object:
                made = np.empty(count, dtype=object)
                for i, row in enumerate(which):
                    made[i] = values[row]
            else:
                made = values[which]
            columns.append(fits.Column(column.name, column.format, array=made, unit=column.unit))
        fits.BinTableHDU.from_columns(columns).writeto(path)


def theirs(path, **options):
    from gaiaxpy import calibrate

    return calibrate(str(path), save_file=False, **options)[0]


def largest(ours, spectra):
    """Differences in units of the largest flux of each star."""
    worst = [0.0, 0.0]
    for row, (flux, error) in zip(ours, zip(spectra["flux"], spectra["flux_error"])):
        flux, error = np.asarray(flux), np.asarray(error)
        scale = np.nanmax(np.abs(flux))
        for i, (mine, other) in enumerate(((row["flux"], flux), (row["flux_error"], error))):
            worst[i] = max(worst[i], float(np.nanmax(np.abs(mine - other)) / scale))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--sources", type=int, default=10_000)
    parser.add_argument("--container", choices=["csv", "fits"], default="csv")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    from astropy.table import Table

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def sampled(path, *more):
            out = folder / "ours.fits"
            subprocess.run([options.tool, "prepare", "--sampled", path, "-o", out, "--force", *more], check=True,
                           stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            return Table.read(out)

        raw = options.folder / "XP_CONTINUOUS_RAW.csv"
        for name, ours, answer in [
            ("default sampling", sampled(raw), theirs(raw)),
            ("truncated", sampled(raw, "--truncated"), theirs(raw, truncation=True)),
            ("400:900:1nm", sampled(raw, "--sampling", "400:900:1nm"), theirs(raw, sampling=np.arange(400, 901, 1.0))),
        ]:
            flux, error = largest(ours, answer)
            print(f"{name:20s} flux within {flux:.1e}, errors within {error:.1e} of the largest flux")
        answer = theirs(raw, with_correlation=True)
        wavelengths = 336 + 2 * np.arange(343)
        overlap = (wavelengths > 633) & (wavelengths < 645)
        one, two = np.tril_indices(343, k=-1)
        alone = ~(overlap[one] | overlap[two])
        worst = max(float(np.max(np.abs(mine["correlation"] - np.asarray(other))[alone]))
                    for mine, other in zip(sampled(raw, "--correlation"), answer["correlation"]))
        print(f"correlations within {worst:.1e} outside 633 to 645 nm, {len(answer)} stars")
        big = folder / f"big.{options.container}"
        (repeat if options.container == "csv" else repeat_fits)(raw.with_suffix(big.suffix), big, options.sources)
        code = f"from gaiaxpy import calibrate; calibrate({str(big)!r}, output_path={str(folder)!r}, output_file='theirs', output_format='fits')"
        commands = {
            "specclip": [options.tool, "prepare", "--sampled", big, "-o", folder / "sampled.fits", "--force"],
            "gaiaxpy": [sys.executable, "-W", "ignore", "-c", code],
        }
        seconds = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, command in commands.items():
                start = time.monotonic()
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                seconds[name].append(time.monotonic() - start)
        for name, values in seconds.items():
            middle = statistics.median(values)
            print(f"{name:10s} {middle:7.2f} s, {1e6 * middle / options.sources:7.1f} µs a source ({min(values):.2f} to {max(values):.2f})")
        print(f"ratio {statistics.median(t / o for t, o in zip(seconds['gaiaxpy'], seconds['specclip'])):.1f}")


if __name__ == "__main__":
    main()
