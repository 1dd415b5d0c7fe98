#!/usr/bin/env python3
"""The same stars through the windows of other spectrographs, with dead pixels, and through 500 A alone.

    bench/venv-dr10/bin/python bench/windows.py FOLDER [--apart LIST.csv] [--tool .build/release/specclip] [--model FILE]
        [--stars 100] [--output FILE.json]

FOLDER holds LAMOST DR10 files and labels.csv (../shared/data/lamost-dr10); with --apart those alone whose split is `apart`
(Models/specclip-small-lamost.csv). FGK stars with S/N_g > 20 are drawn at random. Each is read as it is and cut to the ranges of
SDSS, DESI, MUSE and LAMOST (what LAMOST does not see of them, 3700 to 9100 A, is missing): median and 68th percentile of the change
of Teff, log g and [Fe/H]. Then with 10 A without data at each of ten lines: the largest change in units of the stated error. Then
through windows of 500 A: stated errors, and the share of LASP's labels within them. Needs astropy and numpy.
"""
import json
import pathlib
import tempfile
import warnings

import numpy as np
from astropy.io import fits

from lasp import LABELS, of_stars, stars
from predictions import predict

WINDOWS = {"SDSS": (3800, 9200), "DESI": (3600, 9800), "MUSE": (4750, 9350), "LAMOST": (3700, 9000)}
LINES = {"Ca II K": 3934.8, "H delta": 4102.9, "Ca I": 4227.9, "G band": 4306, "H gamma": 4341.7, "H beta": 4862.7,
         "Mg b": 5176, "Fe 5270": 5271, "Na D": 5893.5, "H alpha": 6564.6}
NARROW = [(3900, 4400), (4400, 4900), (4900, 5400), (5400, 5900), (6100, 6600), (8380, 8880)]


def spectrum(path):
    """Wavelength in A (vacuum), flux, inverse variance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path) as file:
            row = file[1].data[0]
            return np.array(row["WAVELENGTH"], float), np.array(row["FLUX"], float), np.array(row["IVAR"], float)


def answers(options, spectra, change, folder):
    """Labels of the spectra as `change` makes them of wavelength, flux and inverse variance; None where one is refused."""
    paths = []
    for name, one in spectra.items():
        paths.append(folder / f"{name}.csv")
        np.savetxt(paths[-1], np.column_stack(change(*one)), delimiter=",", header="wavelength,flux,ivar", comments="")
    found = {pathlib.Path(row["file"]).stem: row for row in predict(options, *paths, "--vacuum", strict=False)}
    return [found.get(name) for name in spectra]


def numbers(rows, column):
    return np.array([float(row[column]) if row and row[column] else np.nan for row in rows])


def cut(low, high):
    def change(wave, flux, ivar):
        keep = (wave >= low) & (wave <= high)
        return wave[keep], flux[keep], ivar[keep]
    return change


def dead(centre):
    def change(wave, flux, ivar):
        return wave, flux, np.where(abs(wave - centre) < 5, 0, ivar)
    return change


def main():
    arguments = of_stars(__doc__)
    arguments.add_argument("--stars", type=int, default=100)
    options = arguments.parse_args()
    rows = [row for row in stars(options) if 4300 < row["teff"] < 7000 and row["snrg"] > 20]
    order = np.random.default_rng(0).permutation(len(rows))[: options.stars]
    rows = [rows[i] for i in sorted(order)]
    spectra = {f"s{i}": spectrum(options.folder / row["file"]) for i, row in enumerate(rows)}
    report = {"stars": len(rows)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        whole = answers(options, spectra, lambda *one: one, folder)
        print(f"{len(rows)} stars; change of Teff, log g, [Fe/H]: median, and what 68 % keep within")
        for title, (low, high) in WINDOWS.items():
            seen = answers(options, spectra, cut(low, high), folder)
            line = f"  {title:7s} {low}-{high} A"
            for label in LABELS:
                change = numbers(seen, label) - numbers(whole, label)
                marks = [float(np.nanmedian(change)), float(np.nanquantile(abs(change), 0.68))]
                report.setdefault("windows", {}).setdefault(title, {})[label] = marks
                line += f"   {marks[0]:+.3f} {marks[1]:.3f}"
            print(line, flush=True)
        print("10 A without data: largest and 95th percentile of the change, in stated errors")
        for title, centre in LINES.items():
            seen = answers(options, spectra, dead(centre), folder)
            line = f"  {title:8s}"
            for label in LABELS:
                change = abs(numbers(seen, label) - numbers(whole, label)) / numbers(whole, "e_" + label)
                marks = [float(np.nanmax(change)), float(np.nanquantile(change, 0.95))]
                report.setdefault("dead", {}).setdefault(title, {})[label] = marks
                line += f"   {marks[0]:.2f} {marks[1]:.2f}"
            print(line, flush=True)
        print("windows of 500 A: median stated error, LASP's labels within 68 %, read of all")
        for low, high in [(None, None), *NARROW]:
            seen = whole if low is None else answers(options, spectra, cut(low, high), folder)
            line = f"  {f'{low}-{high} A' if low else 'whole':12s}"
            for label, column in LABELS.items():
                truth = np.array([row[column] for row in rows])
                inside = (numbers(seen, label + "_16") <= truth) & (truth <= numbers(seen, label + "_84"))
                marks = [float(np.nanmedian(numbers(seen, "e_" + label))), float(inside.mean())]
                report.setdefault("narrow", {}).setdefault(f"{low}-{high}", {})[label] = marks
                line += f"   {marks[0]:8.3f} {100 * marks[1]:3.0f} %"
            print(line + f"   {sum(row is not None for row in seen)}", flush=True)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
