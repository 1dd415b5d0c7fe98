#!/usr/bin/env python3
"""How many spectra that are no stars, or none that were trained on, a model flags instead of answering confidently.

    bench/oddities.py optical.h5 xp.h5 [--tool .build/release/specclip] [--model FILE] [--count 100] [--output FILE.json]

optical.h5 and xp.h5 are data sets of the tiers optical-mixtures and real-xp (for models of before that read lamost-lrs: --lines
lamost-lrs and one of miles-mixtures): their test stars are made into galaxies (redshifted mixtures with emission lines, lines broadened
by 200 km/s), beside quasars, DA white dwarfs, carbon stars, featureless spectra and pure noise made from formulas, each at a S/N of 20
to 100; of MILES what lies beyond 7400 A is left out. Prints, for each class and for real test stars, the share with any flag and with
each of the flags of `specclip predict`. Needs numpy.
"""
import json
import pathlib
import subprocess
import tempfile

import numpy as np

from predictions import parser, predict

FLAGS = {
    1: "low-signal", 2: "masked-pixels", 4: "outside-domain", 8: "poor-reconstruction", 16: "extrapolated",
    32: "multimodal",
}
BALMER = np.array([6564.6, 4862.7, 4341.7, 4102.9, 3971.2])
LIGHT = 299792.458


def tool(options, *arguments):
    return subprocess.run(
        [options.tool, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def prepared(options, data, instrument, folder):
    """Test stars as the model sees them: wavelengths, flux."""
    out = folder / f"{instrument}.npz"
    tool(options, "prepare", data, "--instrument", instrument, "--split", "test", "-o", str(out))
    with np.load(out) as arrays:
        return arrays["wavelength"].astype(float), arrays["flux"].astype(float)


def gauss(x, centre, sigma):
    return np.exp(-0.5 * ((x - centre) / sigma) ** 2)


def lines(wave, rng, centres, width, strength, z):
    total = np.zeros_like(wave)
    for centre in centres:
        at = centre * (1 + z)
        total += strength * rng.uniform(0.3, 1) * gauss(wave, at, at * width / LIGHT)
    return total


def galaxy(wave, stars, rng, is_lrs):
    """A mixture of five stars, redshifted, with broadened lines and the emission of ionised gas."""
    z = rng.uniform(0.01, 0.05) if is_lrs else rng.uniform(0.05, 0.4)
    mixture = rng.dirichlet(np.ones(5)) @ stars[rng.integers(len(stars), size=5)]
    if is_lrs:
        sigma = 200 / LIGHT / np.mean(np.diff(np.log(wave)))
        kernel = gauss(np.arange(-15, 16), 0, sigma)
        mixture = np.convolve(np.pad(mixture, 15, mode="edge"), kernel / kernel.sum(), mode="valid")
    flux = np.interp(wave, wave * (1 + z), mixture)
    gas = [4862.7, 4960.3, 5008.2, 4341.7, 3728.0, 6564.6, 6585.3]
    return flux + np.median(flux) * lines(wave, rng, gas, 150 if is_lrs else 1500, 0.8, z)


def quasar(wave, stars, rng, is_lrs):
    z = rng.uniform(0.3, 3)
    broad = [1216, 1549, 1909, 2799, 4341.7, 4862.7, 6564.6]
    continuum = 1 if is_lrs else (wave / 5500) ** rng.uniform(-2, 0)
    return continuum * (1 + lines(wave, rng, broad, rng.uniform(1500, 4000), 1.5, z))


def white_dwarf(wave, stars, rng, is_lrs):
    """A hot continuum with Balmer lines as wide as the pressure makes them."""
    teff = rng.uniform(9000, 30000)
    planck = wave**-5.0 / np.expm1(1.4388e8 / (wave * teff))
    flux = 1 if is_lrs else planck / np.interp(5500, wave, planck)
    width = rng.uniform(25, 60)
    for centre, depth in zip(BALMER, [0.4, 0.5, 0.5, 0.45, 0.35]):
        flux = flux * (1 - depth * rng.uniform(0.7, 1.1) / (1 + ((wave - centre) / width) ** 2))
    return flux


def carbon_star(wave, stars, rng, is_lrs):
    """A cool giant with the Swan bands of C2, steep to the red and shaded to the blue."""
    if is_lrs:
        flux = stars[rng.integers(len(stars))].copy()
    else:
        teff = rng.uniform(2800, 4200)
        flux = wave**-5.0 / np.expm1(1.4388e8 / (wave * teff))
        flux /= np.interp(5500, wave, flux)
    for head in [4737, 5165, 5636]:
        blue = (wave < head) * np.exp((wave - head) / 180)
        flux = flux * (1 - rng.uniform(0.5, 0.9) * blue)
    return flux


def featureless(wave, stars, rng, is_lrs):
    return np.ones_like(wave) if is_lrs else (wave / 5500) ** rng.uniform(-3, 3)


def noise(wave, stars, rng, is_lrs):
    return 1 + 0.5 * rng.normal(size=len(wave))


CLASSES = [galaxy, quasar, white_dwarf, carbon_star, featureless, noise]


def observed(flux, rng, is_lrs):
    """Noise of S/N 20 to 100: independent in the LRS, smooth in XP, as sampled spectra are sums of smooth functions."""
    snr = 10 ** rng.uniform(np.log10(20), 2)
    white = rng.normal(size=len(flux) + 16)
    if not is_lrs:
        kernel = gauss(np.arange(-8, 9), 0, 2)
        white = np.convolve(white, kernel / np.sqrt((kernel**2).sum()), mode="valid")
    sigma = np.maximum(np.abs(flux), 0.02) / snr
    return flux + sigma * white[: len(flux)], sigma


def rates(options, wave, spectra, instrument, folder):
    """Flags of spectra given as pairs of flux and error."""
    paths = []
    for i, (flux, error) in enumerate(spectra):
        paths.append(str(folder / f"{i}.csv"))
        np.savetxt(
            paths[-1], np.column_stack([wave, flux, error]), delimiter=",", header="wavelength,flux,flux_error",
            comments="")
    more = ["--normalised"] if instrument == "lamost-lrs" else []
    return shares(options, [*paths, *more], instrument, len(spectra))


def shares(options, arguments, instrument, count):
    rows = predict(options, *arguments, "--instrument", instrument, "--samples", 1000, strict=False)
    bits = [int(row["flag"]) for row in rows]
    # A spectrum that is refused is not answered confidently either.
    refused = count - len(bits)
    result = {"spectra": count, "refused": refused}
    result["flagged"] = (sum(bit != 0 for bit in bits) + refused) / count
    for bit, name in FLAGS.items():
        result[name] = sum(bool(one & bit) for one in bits) / count
    return result


def main():
    arguments = parser(__doc__)
    arguments.add_argument("optical")
    arguments.add_argument("xp")
    arguments.add_argument("--count", type=int, default=100)
    arguments.add_argument("--lines", default="optical", help="the instrument that sees lines")
    options = arguments.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for instrument, data in [(options.lines, options.optical), ("gaia-xp", options.xp)]:
            is_lrs = instrument == options.lines
            wave, stars = prepared(options, data, instrument, folder)
            if is_lrs:
                wave, stars = wave[wave < 7400], stars[:, wave < 7400]
            rng = np.random.default_rng(1)
            chosen = stars[rng.choice(len(stars), size=min(options.count, len(stars)), replace=False)]
            groups = {}
            if is_lrs:
                groups["stars"] = [observed(flux, rng, is_lrs) for flux in chosen]
            for make in CLASSES:
                groups[make.__name__.replace("_", " ")] = [
                    observed(make(wave, stars, rng, is_lrs), rng, is_lrs) for _ in range(options.count)]
            names = ["flagged", *FLAGS.values()]
            print(f"{instrument:14s}" + "".join(f"{name[:13]:>14s}" for name in names))
            found = {group: rates(options, wave, spectra, instrument, folder) for group, spectra in groups.items()}
            if not is_lrs:
                # Real XP stars come with their own noise.
                limit = min(options.count, len(stars))
                found = {"stars": shares(options, [data, "--limit", str(limit)], instrument, limit), **found}
            for group, one in found.items():
                report.setdefault(instrument, {})[group] = one
                print(f"  {group:12s}" + "".join(f"{100 * one[name]:12.0f} %" for name in names), flush=True)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
