"""LAMOST low-resolution spectra as arrays, by astropy: what the examples read, and a pattern for other surveys."""

from pathlib import Path

import numpy as np
from astropy.io import fits


def read(paths) -> dict:
    """Arguments of the methods of a model: arrays of each spectrum, and its identifier."""
    spectra = {"wavelength": [], "flux": [], "ivar": [], "mask": [], "source_id": []}
    for path in map(Path, paths):
        with fits.open(path) as file:
            header = file[0].header
            if file[0].data is not None:
                # To DR8: rows of an image, wavelengths by their logarithm.
                image = file[0].data
                wavelength = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(image.shape[1]))
                flux, ivar, bad = image[0], image[1], image[3] != 0
            else:
                # From DR9 on: a table of one row of arrays.
                row = file["COADD"].data[0]
                wavelength, flux, ivar, bad = row["WAVELENGTH"], row["FLUX"], row["IVAR"], row["ANDMASK"] != 0
        for name, value in zip(spectra, (wavelength, flux, ivar, bad, header.get("OBSID", path.name))):
            spectra[name].append(value)
    return spectra
