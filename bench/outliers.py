#!/usr/bin/env python3
"""How well `specclip outliers` finds what was injected into real LAMOST spectra of plates that took no part in any training.

    python3 -m venv bench/venv-dr10 && bench/venv-dr10/bin/pip install numpy astropy scikit-learn
    bench/venv-dr10/bin/python bench/outliers.py ../shared/data/lamost-dr10 [--tool .build/release/specclip] [--stars 120]

Stars of the split `apart` (Models/specclip-small-lamost.csv) by S/N_g. Printed for each kind of oddity: the area under the ROC curve
beside the same stars as they are; the share found on lists at false-discovery rates of 1 and 5 %, where a twentieth of all stars is
odd; the same area for an isolation forest, for the local outlier factor and for the reconstruction error, all three on twenty principal
components of the prepared training spectra.
"""
import argparse
import csv
import pathlib
import subprocess
import tempfile

import numpy as np
from astropy.io import fits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIGHT = 299792.458


def read(path):
    file = fits.open(path)
    # These files state axes that their empty first part does not have.
    for key in ("NAXIS1", "NAXIS2"):
        file[0].header.remove(key, ignore_missing=True)
    row = file["COADD"].data
    return file, row, np.array(row["WAVELENGTH"][0]), np.array(row["FLUX"][0]), np.array(row["IVAR"][0])


def line(wavelength, flux, depth, random):
    at = random.uniform(4500, 6700)
    return flux * (1 + depth * np.exp(-0.5 * ((wavelength - at) / 3) ** 2))


def second_star(wavelength, flux, ivar, other, random, fastest=300, slowest=100):
    """Adds another real star, with its noise; the sum is no less noisy than it was."""
    _, _, theirs, light, weight = read(other)
    speed = random.uniform(slowest, fastest) * random.choice([-1, 1])
    light = np.interp(wavelength, theirs * (1 + speed / LIGHT), light)
    weight = np.interp(wavelength, theirs * (1 + speed / LIGHT), weight)
    middle = (wavelength > 4500) & (wavelength < 6500)
    scale = random.uniform(0.3, 1) * np.median(flux[middle]) / np.median(light[middle])
    total = flux + scale * light
    variance = np.where((ivar > 0) & (weight > 0), 1 / np.maximum(ivar, 1e-9) + scale**2 / np.maximum(weight, 1e-9), 0)
    # As noisy, relative to the light, as the first star was alone.
    grown = np.maximum(total / np.maximum(flux, 1e-9), 1) ** 2 / np.maximum(ivar, 1e-9)
    missing = np.where(variance > 0, np.maximum(grown - variance, 0), 0)
    total = total + random.normal(size=len(total)) * np.sqrt(missing)
    return total, np.where(variance > 0, 1 / np.maximum(variance + missing, 1e-12), 0)


def swan(wavelength):
    """Heads of the Swan bands of C2, which fall off to the blue (a sketch of them)."""
    depth = np.zeros_like(wavelength)
    for head, strength in ((4737, 0.3), (5165, 0.4), (5636, 0.3)):
        below = (wavelength < head) & (wavelength > head - 150)
        depth[below] += strength * np.exp(-(head - wavelength[below]) / 60)
    return 1 - depth


KINDS = ("second star", "emission line", "absorption line", "step of a tenth", "tilt", "wave in the continuum", "carbon bands", "galaxy at z 0.05")


def inject(kind, path, other, out, random):
    """Writes a spectrum with something odd in it."""
    file, row, wavelength, flux, ivar = read(path)
    if kind == "second star":
        flux, ivar = second_star(wavelength, flux, ivar, other, random)
    elif kind == "emission line":
        flux = line(wavelength, flux, 0.15, random)
    elif kind == "absorption line":
        flux = line(wavelength, flux, -0.15, random)
    elif kind == "step of a tenth":
        flux = np.where(wavelength > 5200, 1.1 * flux, flux)
    elif kind == "tilt":
        flux = flux * (wavelength / 5500) ** random.choice([-3, 3])
    elif kind == "wave in the continuum":
        flux = flux * (1 + 0.05 * np.sin(2 * np.pi * wavelength / 300 + random.uniform(0, 6)))
    elif kind == "carbon bands":
        flux = flux * swan(wavelength)
    else:
        # An old galaxy is the light of late stars, broadened and redshifted.
        width = 200 / LIGHT / np.median(np.diff(np.log(wavelength)))
        kernel = np.exp(-0.5 * (np.arange(-20, 21) / width) ** 2)
        flux = np.interp(wavelength, wavelength * 1.05, np.convolve(flux, kernel / kernel.sum(), "same"))
    row["FLUX"][0], row["IVAR"][0] = flux, ivar
    file.writeto(out, overwrite=True, output_verify="silentfix")


def judged(tool, model, files, out):
    command = [tool, "outliers", *files, "-o", out, "--force", "--restart", *model]
    subprocess.run(command, check=True, capture_output=True)
    with open(out) as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in ("p", "p_density", "p_spectrum")}


def prepared(tool, model, files, out):
    subprocess.run([tool, "prepare", *files, "--instrument", "optical", "-o", out, "--force", *model], check=True, capture_output=True)
    stored = np.load(out)
    return np.where(np.isfinite(stored["flux"]), stored["flux"], 1)[:, 100:3200]


def rates(p):
    """Benjamini and Hochberg."""
    order = np.argsort(p)
    q = np.empty(len(p))
    q[order] = np.minimum.accumulate((p[order] * len(p) / (np.arange(len(p)) + 1))[::-1])[::-1]
    return q


def found(normal, odd, rate, random):
    """Share of the odd that are listed where one star in twenty is odd."""
    count = max(1, len(normal) // 19)
    shares = []
    for _ in range(100):
        some = random.choice(odd, count, replace=count > len(odd))
        shares.append(np.mean(rates(np.concatenate([some, normal]))[:count] <= rate))
    return np.mean(shares)


def area(odd, normal):
    """That odd stars score higher than normal ones."""
    return np.mean((odd[:, None] > normal) + 0.5 * (odd[:, None] == normal))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("-m", "--model", type=pathlib.Path)
    parser.add_argument("--stars", type=int, default=120)
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--snr", type=float, nargs="+", default=[15, 30, 60, 1000], help="bounds of the ranges of S/N_g")
    options = parser.parse_args()
    model = ["-m", options.model] if options.model else []
    with open(options.folder / "labels.csv") as file:
        snr = {row["file"]: float(row["snrg"]) for row in csv.DictReader(file)}
    with open(ROOT / "Models/specclip-small-lamost.csv") as file:
        split = {row["file"]: row["split"] for row in csv.DictReader(file)}
    random = np.random.default_rng(0)
    training = [options.folder / name for name in split if split[name] != "apart"]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        light = prepared(options.tool, model, training, work / "training.npz")
        components = PCA(20).fit(light)
        forest = IsolationForest(random_state=0).fit(components.transform(light))
        factor = LocalOutlierFactor(novelty=True).fit(components.transform(light))

        def others(files):
            flux = prepared(options.tool, model, files, work / "prepared.npz")
            numbers = components.transform(flux)
            return {
                "forest": -forest.score_samples(numbers),
                "LOF": -factor.score_samples(numbers),
                "error": np.mean((flux - components.inverse_transform(numbers)) ** 2, axis=1),
            }

        print("| S/N_g | n | oddity | AUC | found at 1 % | at 5 % | isolation forest | LOF | reconstruction |")
        print("|---|---|---|---|---|---|---|---|---|")
        for low, high in zip(options.snr, options.snr[1:]):
            all_of = [name for name in split if split[name] == "apart" and low < snr[name] <= high]
            chosen = [options.folder / name for name in random.permutation(all_of)[: options.stars]]
            normal = judged(options.tool, model, chosen, work / "normal.csv")
            plain = others(chosen)
            shares = f"p < 0.01: {np.mean(normal['p'] < 0.01):.3f}, < 0.1: {np.mean(normal['p'] < 0.1):.3f}"
            print(f"| {low:.0f}–{high:.0f} | {len(chosen)} | none ({shares}) | | | | | | |")
            for kind in options.kinds:
                files = [work / f"{kind.replace(' ', '-')}-{place}.fits" for place in range(len(chosen))]
                for place, (path, out) in enumerate(zip(chosen, files)):
                    inject(kind, path, chosen[(place + 17) % len(chosen)], out, random)
                odd = judged(options.tool, model, files, work / "odd.csv")
                theirs = others(files)
                power = [found(normal["p"], odd["p"], rate, random) for rate in (0.01, 0.05)]
                print(
                    f"| {low:.0f}–{high:.0f} | {len(odd['p'])} | {kind} | {area(-odd['p'], -normal['p']):.3f} | {power[0]:.2f} | {power[1]:.2f} | "
                    + " | ".join(f"{area(theirs[name], plain[name]):.3f}" for name in theirs) + " |", flush=True)


if __name__ == "__main__":
    main()
