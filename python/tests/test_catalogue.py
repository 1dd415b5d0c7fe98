"""Partitions of a catalogue, as LSDB hands them out; with LSDB itself: Tests/Cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import specclip
import stars

THREE = stars.formula(3)


def partition(nested: bool) -> pd.DataFrame:
    """Three spectra, the second of which is of no use, under an index of HATS."""
    flux = [list(map(float, row)) for row in THREE["flux"]]
    flux[1] = [float("nan")] * len(flux[1])
    rows = [
        {"wavelength": list(map(float, THREE["wavelength"])), "flux": own, "ivar": list(map(float, ivar))}
        for own, ivar in zip(flux, THREE["ivar"])
    ]
    frame = pd.DataFrame(
        {"source_id": pd.array([11, 12, 13], "int64[pyarrow]"), "ra": [1.0, 2, 3], "dec": [-1.0, 0, 1]},
        index=pd.Index([7, 8, 9], name="_healpix_29"),
    )
    if nested:
        lists = pa.list_(pa.float64())
        kind = pa.struct({"wavelength": lists, "flux": lists, "ivar": lists})
        frame["spectrum"] = pd.array(pa.array(rows, kind), dtype=pd.ArrowDtype(kind))
    else:
        for name in ("wavelength", "flux", "ivar"):
            values = pa.array([row[name] for row in rows], pa.list_(pa.float64()))
            frame[name] = pd.array(values, dtype=pd.ArrowDtype(values.type))
    return frame


@pytest.mark.parametrize("nested", [True, False])
def test_no_row_is_lost(model, nested):
    found = specclip.predict(partition(nested), spectrum="spectrum" if nested else None)
    assert list(found.index) == [7, 8, 9] and found.index.name == "_healpix_29"
    assert list(found.source_id) == [11, 12, 13]
    assert found.problem.iloc[1] and not found.problem.iloc[0] and np.isnan(found.teff.iloc[1])
    alone = model.predict(
        THREE["wavelength"], THREE["flux"][[0, 2]], ivar=THREE["ivar"][[0, 2]], output="numpy"
    )
    np.testing.assert_allclose(found.teff.iloc[[0, 2]], alone["teff"], rtol=1e-4)


def test_meta_is_what_comes():
    found, meta = specclip.predict(partition(True)), specclip.meta()
    assert len(meta) == 0 and meta.index.name == "_healpix_29"
    assert list(found.columns) == list(meta.columns)
    assert list(found.dtypes) == list(meta.dtypes)


def test_what_is_missing_is_named():
    with pytest.raises(specclip.SpecCLIPError, match="spectrum: no such column; there are source_id"):
        specclip.predict(partition(False))
    with pytest.raises(specclip.SpecCLIPError, match="parallax: no such column"):
        specclip.predict(partition(True), keep=["parallax"])
