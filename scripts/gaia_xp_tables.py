#!/usr/bin/env python3
"""Writes the tables by which coefficients of Gaia XP spectra become sampled spectra, from GaiaXPy's own.

    python3 -m venv venv && venv/bin/pip install gaiaxpy==2.1.5
    venv/bin/python scripts/gaia_xp_tables.py dr3 Sources/GaiaXPTables/tables/dr3.bin

GaiaXPy (https://github.com/gaia-dpci/GaiaXPy, BSD 3-Clause, Gaia DPAC) holds the instrument model of Montegriffo et al.
(2023, A&A 674, A3). For its default sampling the map is a matrix per band, found here by sending unit vectors through
`calibrate`; for any other sampling the model's tables are kept: basis functions, dispersion, response.

The file, little-endian: a line of JSON that ends in a newline, with the release, where the numbers are from, and for each
band its basis function id, its number of coefficients and the shapes of its arrays; then the arrays, 64-bit, in that order.
Another release is another file.
"""
import json
import sys
import warnings

import gaiaxpy
import numpy as np
import pandas as pd
from gaiaxpy.calibrator.external_instrument_model import ExternalInstrumentModel
from gaiaxpy.config.paths import config_path

RELEASES = {
    "dr3": {
        "title": "Gaia DR3",
        "bands": {
            "bp": {"basis": 56, "model": "bpC03_v375wi", "low": 330.0, "high": 643.0},
            "rp": {"basis": 57, "model": "rpC03_v142r", "low": 635.0, "high": 1020.0},
        },
    }
}
SAMPLING = np.arange(336, 1021, 2.0)


def unit_vectors(band, count):
    """What GaiaXPy makes of each coefficient of a band alone, on its default sampling: [count, 343]."""
    packed = count * (count - 1) // 2
    rows = []
    for i in range(count):
        row = {"source_id": i + 1, "solution_id": 1}
        for other in ("bp", "rp"):
            c = np.zeros(count)
            if other == band:
                c[i] = 1.0
            row |= {
                f"{other}_basis_function_id": RELEASES["dr3"]["bands"][other]["basis"],
                f"{other}_n_parameters": count,
                f"{other}_standard_deviation": 1.0,
                f"{other}_coefficients": c,
                f"{other}_coefficient_errors": np.ones(count),
                f"{other}_coefficient_correlations": np.zeros(packed),
                f"{other}_n_relevant_bases": count,
            }
        rows.append(row)
    spectra, sampling = gaiaxpy.calibrate(pd.DataFrame(rows), save_file=False)
    assert np.array_equal(sampling, SAMPLING)
    return np.stack([np.asarray(flux) for flux in spectra["flux"]])


def main(release, path):
    warnings.simplefilter("ignore")
    facts = RELEASES[release]
    head = {
        "format": 1, "release": facts["title"], "credit": f"GaiaXPy {gaiaxpy.__version__}, BSD 3-Clause, Gaia DPAC",
        "sampling": [float(SAMPLING[0]), 2.0, len(SAMPLING)], "bands": [],
    }
    arrays = []
    for band, own in facts["bands"].items():
        file = lambda kind: f"{config_path}/{own['model']}_{kind}.csv"
        model = ExternalInstrumentModel.from_config_csv(file("dispersion"), file("response"), file("bases"))
        bases = model.bases
        count = int(bases["nBases"])
        # Already weighted by the merging of the bands: outside of its range a band has nothing.
        merged = unit_vectors(band, count)
        parts = {
            "merged": merged,
            # Both sets of basis functions in one: sampled = transformed @ hermite.
            "transformed": bases["transformationMatrix"] @ bases["inverseBasesCoefficients"],
            "dispersion": np.stack([model.dispersion["wavelength"], model.dispersion["pseudo-wavelength"]]),
            "response": np.stack([model.response["wavelength"], model.response["response"]]),
        }
        seen = np.flatnonzero(np.any(merged != 0, axis=0))
        parts["merged"] = merged[:, seen[0] : seen[-1] + 1]
        head["bands"].append({
            "name": band, "basis": own["basis"], "coefficients": count, "low": own["low"], "high": own["high"],
            "firstSample": int(seen[0]),
            "range": [float(bases[key]) for key in ("pwlRangeMin", "pwlRangeMax", "normRangeMin", "normRangeMax")],
            "arrays": [{"name": name, "shape": list(array.shape)} for name, array in parts.items()],
        })
        arrays += parts.values()
    with open(path, "wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        for array in arrays:
            file.write(np.ascontiguousarray(array, dtype="<f8").tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
