#!/usr/bin/env python3
"""How well `specclip outliers` finds what was injected into real spectra of stars that took no part in any training.

    python3 -m venv bench/venv-outliers && bench/venv-outliers/bin/pip install numpy astropy h5py scikit-learn
    bench/venv-outliers/bin/python bench/outliers.py ../shared/data/lamost-dr10 [--tool .build/release/specclip] [--stars 120]
    bench/venv-outliers/bin/python bench/outliers.py xp.h5 --stars 400

A folder is LAMOST: stars of the split `apart` (Models/specclip-small-lamost.csv), by S/N_g. A data set (.h5) is Gaia XP: stars of its
test split, by S/N. Printed for each kind of oddity: the area under the ROC curve beside the same stars as they are; the share found on
lists at false-discovery rates of 1 and 5 %, where a twentieth of all stars is odd; the same area for an isolation forest, for the local
outlier factor and for the reconstruction error, all three on twenty principal components of the training spectra as the model prepares
them (of XP of their logarithm: a red star's flux is a hundred times a blue one's).
"""
import argparse
import csv
import dataclasses
import pathlib
import subprocess
import tempfile

import h5py
import numpy as np
from astropy.io import fits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIGHT = 299792.458


@dataclasses.dataclass
class Spectrum:
    """Wavelengths in Angstrom; an inverse variance of 0 where a pixel tells nothing."""
    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray

    def times(self, factor):
        return dataclasses.replace(self, flux=self.flux * factor)


@dataclasses.dataclass
class Star:
    name: object
    snr: float
    teff: float
    # Redshift of a LAMOST star, A_K of an XP star.
    z: float = 0
    a_k: float = 0


@dataclasses.dataclass
class Kind:
    """What is done to a spectrum; with another star, where `suits` says which may be taken."""
    change: callable
    suits: callable = None


# What is injected. Each takes the spectrum, the star, another star with its spectrum, and random numbers.


def gaussian(wavelength, at, sigma):
    return np.exp(-0.5 * ((wavelength - at) / sigma) ** 2)


def line(depth, sigma, low, high):
    """A line somewhere, of a depth in units of the continuum."""
    return lambda own, *rest: own.times(1 + depth * gaussian(own.wavelength, rest[-1].uniform(low, high), sigma))


def step(at, factor):
    return lambda own, *rest: own.times(np.where(own.wavelength > at, factor, 1))


def tilt(power):
    return lambda own, *rest: own.times((own.wavelength / 5500) ** rest[-1].choice([-power, power]))


def bend(strength):
    """What no reddening and no temperature does: blue and red brighter, or fainter, than the middle."""
    return lambda own, *rest: own.times(np.exp(rest[-1].choice([-1, 1]) * strength * np.log(own.wavelength / 5500) ** 2))


def wave(strength, period):
    return lambda own, *rest: own.times(1 + strength * np.sin(2 * np.pi * own.wavelength / period + rest[-1].uniform(0, 6)))


def without_light(width, low, high):
    """Some pixels that the pipeline should have marked."""
    def change(own, *rest):
        at = rest[-1].uniform(low, high)
        return own.times(np.where(abs(own.wavelength - at) < width / 2, 0, 1))
    return change


def swan(strength, seen=0.0):
    """Heads of the Swan bands of C2, which fall off to the blue (a sketch of them), seen through a line spread of this σ, Å."""
    def change(own, *rest):
        fine = np.arange(own.wavelength[0], own.wavelength[-1])
        depth = np.zeros_like(fine)
        for head, part in ((4737, 0.75), (5165, 1), (5636, 0.75)):
            below = (fine < head) & (fine > head - 150)
            depth[below] += strength * part * np.exp(-(head - fine[below]) / 60)
        if seen > 0:
            kernel = gaussian(np.arange(-3 * seen, 3 * seen + 1), 0, seen)
            depth = np.convolve(depth, kernel / kernel.sum(), "same")
        return own.times(1 - np.interp(own.wavelength, fine, depth))
    return change


def second_star(slowest, fastest):
    """Adds another real LAMOST star, with its noise; the sum is no less noisy than it was."""
    def change(own, star, other, theirs, random):
        # Beside the velocities that the pipeline found.
        speed = random.uniform(slowest, fastest) * random.choice([-1, 1]) + LIGHT * (star.z - other.z)
        light = np.interp(own.wavelength, theirs.wavelength * (1 + speed / LIGHT), theirs.flux)
        weight = np.interp(own.wavelength, theirs.wavelength * (1 + speed / LIGHT), theirs.ivar)
        middle = (own.wavelength > 4500) & (own.wavelength < 6500)
        scale = random.uniform(0.3, 1) * np.median(own.flux[middle]) / np.median(light[middle])
        total = own.flux + scale * light
        known = (own.ivar > 0) & (weight > 0)
        variance = np.where(known, 1 / np.maximum(own.ivar, 1e-9) + scale**2 / np.maximum(weight, 1e-9), 0)
        # As noisy, relative to the light, as the first star was alone.
        grown = np.maximum(total / np.maximum(own.flux, 1e-9), 1) ** 2 / np.maximum(own.ivar, 1e-9)
        missing = np.where(known, np.maximum(grown - variance, 0), 0)
        total = total + random.normal(size=len(total)) * np.sqrt(missing)
        return Spectrum(own.wavelength, total, np.where(known, 1 / np.maximum(variance + missing, 1e-12), 0))
    return change


def second_xp(own, star, other, theirs, random):
    """Adds another real XP spectrum by its light at 550 nm, with the errors that the sum has. No noise is added: that of XP goes
    together over pixels, and white noise would be odd by itself."""
    ratio = random.uniform(0.3, 1)
    variance = 1 / np.maximum(own.ivar, 1e-12) + ratio**2 / np.maximum(theirs.ivar, 1e-12)
    known = (own.ivar > 0) & (theirs.ivar > 0)
    return Spectrum(own.wavelength, own.flux + ratio * theirs.flux, np.where(known, 1 / variance, 0))


def galaxy(redshift, dispersion):
    """An old galaxy is the light of late stars, broadened and redshifted."""
    def change(own, *rest):
        flux = own.flux
        if dispersion:
            width = dispersion / LIGHT / np.median(np.diff(np.log(own.wavelength)))
            kernel = gaussian(np.arange(-20, 21), 0, width)
            flux = np.convolve(flux, kernel / kernel.sum(), "same")
        return dataclasses.replace(own, flux=np.interp(own.wavelength, own.wavelength * (1 + redshift), flux))
    return change


def emission_galaxy(own, *rest):
    """As old as the above, with Hα, [O III] and Hβ as wide as XP makes them."""
    z = rest[-1].uniform(0.05, 0.3)
    gas = sum(part * gaussian(own.wavelength, at * (1 + z), 45) for at, part in ((6564, 0.5), (5008, 0.3), (4862, 0.15)))
    return galaxy(z, 0)(own).times(1 + gas)


class Lamost:
    """LAMOST spectra: one file each."""
    instrument, level, snr = "optical", "S/N_g", [15, 30, 60, 1000]
    kinds = {
        "second star": Kind(second_star(100, 300), lambda star, other: True),
        "second star, other Teff alone": Kind(second_star(0, 5), lambda star, other: abs(star.teff - other.teff) >= 800),
        "emission line": Kind(line(0.15, 3, 4500, 6700)),
        "absorption line": Kind(line(-0.15, 3, 4500, 6700)),
        "step of a tenth": Kind(step(5200, 1.1)),
        "tilt": Kind(tilt(3)),
        "wave in the continuum": Kind(wave(0.05, 300)),
        "carbon bands": Kind(swan(0.4)),
        "galaxy at z 0.05": Kind(galaxy(0.05, 200)),
    }

    def __init__(self, folder):
        with open(ROOT / "Models/specclip-small-lamost.csv") as file:
            split = {row["file"]: row["split"] for row in csv.DictReader(file)}
        with open(folder / "labels.csv") as file:
            self.stars = [
                Star(folder / row["file"], float(row["snrg"]), float(row["teff"]), z=float(row["z"]))
                for row in csv.DictReader(file) if split.get(row["file"]) == "apart"]
        self.training = [folder / name for name in split if split[name] != "apart"]

    def read(self, star):
        row = self.opened(star)["COADD"].data
        return Spectrum(*(np.array(row[name][0]) for name in ("WAVELENGTH", "FLUX", "IVAR")))

    @staticmethod
    def opened(star):
        file = fits.open(star.name)
        # These files state axes that their empty first part does not have.
        for key in ("NAXIS1", "NAXIS2"):
            file[0].header.remove(key, ignore_missing=True)
        return file

    def written(self, pairs, work):
        """Spectra in the files of their stars, as arguments of the tool."""
        files = [work / f"{place}.fits" for place in range(len(pairs))]
        for (star, own), out in zip(pairs, files):
            file = self.opened(star)
            file["COADD"].data["FLUX"][0], file["COADD"].data["IVAR"][0] = own.flux, own.ivar
            file.writeto(out, overwrite=True, output_verify="silentfix")
        return files

    @staticmethod
    def light(flux):
        return np.where(np.isfinite(flux), flux, 1)[:, 100:3200]


class GaiaXP:
    """Gaia XP spectra of a data set, divided by their flux at 550 nm."""
    instrument, level, snr = "gaia-xp", "S/N", [20, 60, 120, 1000]
    kinds = {
        # Dust is the same before both stars.
        "second star, other Teff": Kind(
            second_xp, lambda star, other: abs(star.teff - other.teff) >= 800 and abs(star.a_k - other.a_k) < 0.1),
        "Hα as of a Be star": Kind(line(0.15, 45, 6564, 6565)),
        "line as of a quasar": Kind(line(0.3, 75, 4200, 8500)),
        "carbon bands": Kind(swan(0.4, seen=45)),
        "step of a tenth at 640 nm": Kind(step(6400, 1.1)),
        "step of 3 % at 640 nm": Kind(step(6400, 1.03)),
        "tilt": Kind(tilt(1)),
        "bend": Kind(bend(1)),
        "wave in the continuum": Kind(wave(0.03, 600)),
        "20 nm without light": Kind(without_light(200, 5700, 9500)),
        "galaxy with lines": Kind(emission_galaxy),
    }

    def __init__(self, data):
        self.data = data
        with h5py.File(data) as file:
            part = file["test"]
            labels = {name: part["labels"][name][()] for name in ("snr", "teff", "a_k")}
            self.flux, self.ivar = part["gaia_spectra"][..., 0].astype(float), part["gaia_ivar"][()].astype(float)
        self.stars = [
            Star(row, labels["snr"][row], labels["teff"][row], a_k=labels["a_k"][row]) for row in range(len(self.flux))]
        self.training = [data, "--split", "train"]
        self.wavelength = np.linspace(3360, 10200, 343)

    def read(self, star):
        return Spectrum(self.wavelength, self.flux[star.name], self.ivar[star.name])

    def written(self, pairs, work):
        """A data set of these spectra alone, once more divided by their flux at 550 nm."""
        rows = np.array([star.name for star, _ in pairs])
        flux = np.stack([own.flux for _, own in pairs])
        level = np.array([np.interp(5500, self.wavelength, own) for own in flux])[:, None]
        ivar = np.stack([own.ivar for _, own in pairs]) * level**2
        with h5py.File(self.data) as source, h5py.File(work / "odd.h5", "w") as file:
            file.attrs.update(source.attrs)
            part, old = file.create_group("test"), source["test"]
            part["gaia_spectra"] = (flux / level)[..., None].astype("f4")
            part["gaia_ivar"] = ivar.astype("f4")
            part["source_ids"] = old["source_ids"][()][rows]
            for name in old["labels"]:
                part["labels/" + name] = old["labels"][name][()][rows]
        return [work / "odd.h5", "--split", "test", "--instrument", self.instrument]

    @staticmethod
    def light(flux):
        return np.log(np.maximum(np.where(np.isfinite(flux), flux, 1), 0.01))


def survey(source):
    return Lamost(source) if source.is_dir() else GaiaXP(source)


# How odd spectra are.


def judged(tool, model, spectra, out):
    """The p-values of the tool."""
    command = [tool, "outliers", *spectra, "-o", out, "--force", "--restart", *model]
    subprocess.run(command, check=True, capture_output=True)
    with open(out) as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in ("p", "p_density", "p_spectrum")}


class Components:
    """What else tells how odd spectra are: three ways on their principal components."""

    def __init__(self, tool, model, instrument, light, training, work, count=20):
        self.tool, self.model, self.instrument, self.light, self.work = tool, model, instrument, light, work
        known = self.prepared(training)
        self.components = PCA(count).fit(known)
        self.forest = IsolationForest(random_state=0).fit(self.components.transform(known))
        self.factor = LocalOutlierFactor(novelty=True).fit(self.components.transform(known))

    def prepared(self, spectra):
        out = self.work / "prepared.npz"
        named = [] if "--instrument" in spectra else ["--instrument", self.instrument]
        subprocess.run(
            [self.tool, "prepare", *spectra, *named, "-o", out, "--force", *self.model], check=True, capture_output=True)
        return self.light(np.load(out)["flux"])

    def scores(self, spectra):
        light = self.prepared(spectra)
        numbers = self.components.transform(light)
        return {
            "forest": -self.forest.score_samples(numbers),
            "LOF": -self.factor.score_samples(numbers),
            "error": np.mean((light - self.components.inverse_transform(numbers)) ** 2, axis=1),
        }


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


def options_of(text):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("-m", "--model", type=pathlib.Path)
    return parser


def main():
    parser = options_of(__doc__)
    parser.add_argument("source", type=pathlib.Path, help="the folder lamost-dr10, or a data set of the tier real-xp")
    parser.add_argument("--stars", type=int, default=120, help="at most so many of each range of S/N")
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--snr", type=float, nargs="+", help="bounds of the ranges of S/N")
    options = parser.parse_args()
    model = ["-m", options.model] if options.model else []
    sky = survey(options.source)
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        others = Components(options.tool, model, sky.instrument, sky.light, sky.training, work)
        print(f"| {sky.level} | n | oddity | AUC | found at 1 % | at 5 % | isolation forest | LOF | reconstruction |")
        print("|---|---|---|---|---|---|---|---|---|")
        bounds = options.snr or sky.snr
        for low, high in zip(bounds, bounds[1:]):
            within = [star for star in sky.stars if low < star.snr <= high]
            chosen = [within[place] for place in random.permutation(len(within))[: options.stars]]
            plain = sky.written([(star, sky.read(star)) for star in chosen], work)
            normal, usual = judged(options.tool, model, plain, work / "p.csv"), others.scores(plain)
            shares = f"p < 0.01: {np.mean(normal['p'] < 0.01):.3f}, < 0.1: {np.mean(normal['p'] < 0.1):.3f}"
            print(f"| {low:.0f}–{high:.0f} | {len(chosen)} | none ({shares}) | | | | | | |")
            for name in options.kinds or sky.kinds:
                kind, odd = sky.kinds[name], []
                for star in chosen:
                    suited = [other for other in chosen if other is not star and kind.suits and kind.suits(star, other)]
                    if kind.suits and not suited:
                        continue
                    other = suited[random.integers(len(suited))] if suited else None
                    odd.append((star, kind.change(sky.read(star), star, other, other and sky.read(other), random)))
                spectra = sky.written(odd, work)
                p, theirs = judged(options.tool, model, spectra, work / "p.csv")["p"], others.scores(spectra)
                power = [found(normal["p"], p, rate, random) for rate in (0.01, 0.05)]
                print(
                    f"| {low:.0f}–{high:.0f} | {len(p)} | {name} | {area(-p, -normal['p']):.3f} | {power[0]:.2f} | {power[1]:.2f} | "
                    + " | ".join(f"{area(theirs[way], usual[way]):.3f}" for way in theirs) + " |", flush=True)


if __name__ == "__main__":
    main()
