"""Spectra for the tests: files of the repository, and stars made up where many or large ones are wanted."""

import gzip
import json
import pathlib
import subprocess

import numpy as np

from conftest import TOOL

LAYOUTS = pathlib.Path(__file__).resolve().parents[1] / "InstrumentsTests/Layouts"
SDSS = LAYOUTS / "sdss-spec-lite.fits.gz"
LINES = [(3934.8, 9, 0.7), (3969.6, 9, 0.65), (4341.7, 6, 0.4), (4862.7, 6, 0.45), (5175.0, 12, 0.3), (5892.0, 4, 0.3), (6564.6, 6, 0.5)]


def spectrum(pixels=3900, seed=1):
    """A solar-like star between 3750 and 9000 Å, S/N 60: wavelength, flux, error."""
    wavelength = np.geomspace(3750, 9000, pixels)
    flux = (5500 / wavelength) ** 5 / np.expm1(1.4388e8 / (wavelength * 5750)) * np.expm1(1.4388e8 / (5500 * 5750))
    for middle, width, depth in LINES:
        flux *= 1 - depth * np.exp(-0.5 * ((wavelength - middle) / width) ** 2)
    error = flux / 60
    return wavelength, flux + error * np.random.default_rng(seed).normal(size=pixels), error


def table(pixels=3900, seed=1, title="wavelength,flux,error\n"):
    return title + "".join(f"{w:.3f},{f:.6f},{e:.6f}\n" for w, f, e in zip(*spectrum(pixels, seed)))


def write(path, **options):
    path.write_text(table(**options))
    return path


def unpacked(folder, source=SDSS):
    """A FITS file that is not compressed."""
    path = folder / source.name.removesuffix(".gz")
    path.write_bytes(gzip.decompress(source.read_bytes()))
    return path


def predicted(*words):
    """What the command says of the same files."""
    done = subprocess.run([TOOL, "predict", "--format", "json", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
