#!/usr/bin/env python3
"""How well `specclip outliers` finds what was injected into real LAMOST spectra of plates that took no part in any training.

    python3 -m venv bench/venv-dr10 && bench/venv-dr10/bin/pip install numpy astropy
    bench/venv-dr10/bin/python bench/outliers.py ../shared/data/lamost-dr10 [--tool .build/release/specclip] [--stars 80]

Stars with S/N_g > 30 of the split `apart` (Models/specclip-small-lamost.csv). Printed: the area under the ROC curve beside the same
stars as they are, and the share below p = 0.01.
"""
import argparse
import csv
import pathlib
import subprocess
import tempfile

import numpy as np
from astropy.io import fits

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIGHT = 299792.458


def read(path):
    file = fits.open(path)
    # These files state axes that their empty first part does not have.
    for key in ("NAXIS1", "NAXIS2"):
        file[0].header.remove(key, ignore_missing=True)
    row = file["COADD"].data
    return file, row, np.array(row["WAVELENGTH"][0]), np.array(row["FLUX"][0])


def inject(kind, path, other, out, random):
    """Writes a spectrum with something odd in it."""
    file, row, wavelength, flux = read(path)
    middle = (wavelength > 4500) & (wavelength < 6500)
    if kind == "emission line":
        line = random.uniform(4500, 6700)
        flux = flux + 0.15 * np.interp(line, wavelength, flux) * np.exp(-0.5 * ((wavelength - line) / 3) ** 2)
    elif kind == "second star":
        _, _, theirs, light = read(other)
        light = np.interp(wavelength, theirs * (1 + 200 / LIGHT), light)
        flux = flux + light * np.median(flux[middle]) / np.median(light[middle])
    else:
        flux = np.where(wavelength > 5200, 1.1 * flux, flux)
    row["FLUX"][0] = flux
    file.writeto(out, overwrite=True, output_verify="silentfix")


def judged(tool, files, out):
    subprocess.run([tool, "outliers", *files, "-o", out, "--force", "--restart"], check=True, capture_output=True)
    with open(out) as file:
        return np.array([float(row["p"] or "nan") for row in csv.DictReader(file)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--stars", type=int, default=80)
    options = parser.parse_args()
    with open(options.folder / "labels.csv") as file:
        snr = {row["file"]: float(row["snrg"]) for row in csv.DictReader(file)}
    with open(ROOT / "Models/specclip-small-lamost.csv") as file:
        apart = [row["file"] for row in csv.DictReader(file) if row["split"] == "apart" and snr[row["file"]] > 30]
    random = np.random.default_rng(0)
    chosen = [options.folder / name for name in random.permutation(apart)[: options.stars]]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        normal = judged(options.tool, chosen, work / "normal.csv")
        print(f"as they are: n = {len(normal)}, p < 0.01: {np.mean(normal < 0.01):.3f}")
        for kind in ("second star", "step of a tenth", "emission line"):
            files = [work / f"{kind.replace(' ', '-')}-{place}.fits" for place in range(len(chosen))]
            for place, (path, out) in enumerate(zip(chosen, files)):
                inject(kind, path, chosen[(place + 17) % len(chosen)], out, random)
            p = judged(options.tool, files, work / "odd.csv")
            area = np.mean([(p[:, None] < normal) + 0.5 * (p[:, None] == normal)])
            print(f"{kind}: n = {len(p)}, AUC {area:.3f}, p < 0.01: {np.mean(p < 0.01):.3f}")


if __name__ == "__main__":
    main()
