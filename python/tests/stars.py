"""Real spectra as a user of Python reads them: LAMOST by astropy, Gaia XP from the archive's table."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SPECCLIP_SHARED", REPOSITORY.parent / "shared")) / "data"


def lamost(paths) -> dict:
    """Spectra of LAMOST as arguments of ``predict``."""
    from astropy.io import fits

    read: dict = {"wavelength": [], "flux": [], "ivar": [], "mask": [], "source_id": []}
    for path in paths:
        with fits.open(path) as file:
            header = file[0].header
            if file[0].data is not None:
                rows = file[0].data
                wavelength = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(rows.shape[1]))
                flux, ivar = rows[0], rows[1]
                mask = rows[3] != 0 if len(rows) > 3 else np.zeros(len(flux), bool)
            else:
                row = file["COADD"].data[0]
                wavelength, flux, ivar, mask = row["WAVELENGTH"], row["FLUX"], row["IVAR"], row["ANDMASK"] != 0
        read["wavelength"].append(wavelength)
        read["flux"].append(flux)
        read["ivar"].append(ivar)
        read["mask"].append(mask)
        read["source_id"].append(header.get("OBSID", 0))
    return read


def gaia_xp(path) -> dict:
    """Sampled XP spectra of an archive table."""
    csv.field_size_limit(1 << 24)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))

    def array(text: str) -> np.ndarray:
        return np.array(json.loads(text.replace("(", "[").replace(")", "]").replace("NaN", "NaN")), float)

    return {
        "wavelength": 336.0 + 2 * np.arange(343),
        "wavelength_unit": "nm",
        "flux": np.array([array(row["flux"]) for row in rows]),
        "error": np.array([array(row["flux_error"]) for row in rows]),
        "source_id": [int(row["source_id"]) for row in rows],
    }


def formula(count: int, seed: int = 0, pixels: int = 3900) -> dict:
    """Spectra made from a formula, for machines without survey files: a continuum, the lines of a cool star, noise."""
    random = np.random.default_rng(seed)
    wavelength = 10 ** (3.5682 + 1e-4 * np.arange(pixels))
    lines = np.array(
        [3933.7, 3968.5, 4101.7, 4226.7, 4340.5, 4861.3, 5175.0, 5270.0, 5893.0, 6562.8, 8498.0, 8542.1, 8662.1]
    )
    flux, ivar = [], []
    for _ in range(count):
        depth = random.uniform(0.1, 0.7, len(lines))
        width = random.uniform(3, 9)
        level = (wavelength / 5500) ** random.uniform(-1.5, 1.5)
        profile = 1 - (depth * np.exp(-0.5 * ((wavelength[:, None] - lines) / width) ** 2)).sum(1)
        noise = level / random.uniform(30, 120)
        flux.append(level * profile + noise * random.normal(size=pixels))
        ivar.append(noise**-2)
    return {"wavelength": wavelength, "flux": np.array(flux), "ivar": np.array(ivar)}


def write_csv(folder: Path, spectra: dict) -> list[Path]:
    """The spectra as files that the command reads, with all their digits."""
    files = []
    for place, (flux, ivar) in enumerate(zip(spectra["flux"], spectra["ivar"])):
        file = folder / f"spectrum-{place:04d}.csv"
        rows = zip(spectra["wavelength"].tolist(), flux.tolist(), ivar.tolist())
        file.write_text("wavelength,flux,ivar\n" + "".join(f"{w!r},{f!r},{i!r}\n" for w, f, i in rows))
        files.append(file)
    return files
