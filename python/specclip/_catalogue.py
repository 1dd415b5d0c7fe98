"""Partitions of a catalogue, as LSDB and Dask hand them out: frames in, frames of labels out."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._errors import SpecCLIPError
from ._model import Model, load

#: Models of this process, which live as long as it does: loading one takes longer than reading a small partition.
_models: dict[tuple, Model] = {}
_lock = threading.Lock()

_KEPT = ("source_id", "ra", "dec")


def predict(
    partition: Any,
    *,
    spectrum: str | None = "spectrum",
    keep: Sequence[str] = _KEPT,
    model: str | os.PathLike[str] | None = None,
    draws: int | None = None,
    threads: int | None = 1,
    **options: Any,
):
    """Labels of the stars of a partition, for ``catalog.map_partitions(specclip.predict, meta=specclip.meta())``.

    The model is loaded once a process. Processes must be started by ``spawn``, as Dask's workers are.

    Parameters
    ----------
    partition : pandas.DataFrame or nested_pandas.NestedFrame
        A row a spectrum.
    spectrum : str or None
        The nested column of ``wavelength``, ``flux`` and, where they are known, ``ivar`` or ``error`` and ``mask`` (true
        where bad); None where these are columns of lists of the partition itself.
    keep : sequence of str
        Columns that are kept beside the labels.
    model, draws, threads
        As of `load`; one thread by default, since workers share the cores.
    **options
        As of `Model.predict`: ``wavelength_unit="nm"``, ``air``, ``instrument``, ….

    Returns
    -------
    pandas.DataFrame
        The columns of `Model.predict` with the partition's index and the columns that are kept. A spectrum of no use has
        no numbers, and says why in ``problem``: no row is lost.

    Raises
    ------
    SpecCLIPError
        Where a column is missing, by name.
    """
    fields = _fields(partition, spectrum)
    missing = [name for name in keep if name not in partition.columns]
    if missing:
        raise SpecCLIPError(
            f"{missing[0]}: no such column; there are {', '.join(map(str, partition.columns))}; give keep=[…]"
        )
    rows = _model(model, draws, threads).predict(**fields, **options, bad="nan", output="pandas")
    return _whole(rows, {name: partition[name] for name in keep}, partition.index)


def meta(
    *,
    keep: Sequence[str] = _KEPT,
    model: str | os.PathLike[str] | None = None,
    draws: int | None = None,
    threads: int | None = 1,
    **options: Any,
):
    """What `predict` gives, without rows: Dask asks for it beforehand.

    Parameters
    ----------
    keep, model, draws, threads
        As of `predict`.
    **options
        As of `predict`; those that decide no column may be left out.

    Returns
    -------
    pandas.DataFrame
        Without rows; the index is that of HATS, ``_healpix_29``.
    """
    import pandas as pd

    own = _model(model, draws, threads)
    # Any spectrum tells the columns.
    wavelength = own.grid(own.instruments[0])
    nothing = np.full(len(wavelength), np.nan)
    rows = own.predict(wavelength, nothing, bad="nan", output="pandas", instrument=own.instruments[0])
    kinds = {"source_id": "int64", "ra": "float64", "dec": "float64"}
    kept = {name: pd.Series([], dtype=kinds.get(name, "object")) for name in keep}
    return _whole(rows.iloc[:0], kept, pd.Index([], dtype="int64", name="_healpix_29"))


def _model(model, draws, threads) -> Model:
    key = (None if model is None else os.fspath(model), draws, threads, os.getpid())
    with _lock:
        if key not in _models:
            _models[key] = load(model, draws=draws, threads=threads)
        return _models[key]


def _fields(partition, spectrum: str | None) -> dict:
    """The lists of all spectra, by what they are."""
    import pyarrow as pa

    names = ("wavelength", "flux", "ivar", "error", "mask")
    if spectrum is None:
        lists = {name: pa.array(partition[name]) for name in names if name in partition.columns}
    else:
        if spectrum not in partition.columns:
            raise SpecCLIPError(
                f"{spectrum}: no such column; there are {', '.join(map(str, partition.columns))}; give spectrum=NAME"
            )
        nested = pa.array(partition[spectrum])
        if isinstance(nested, pa.ChunkedArray):
            nested = nested.combine_chunks()
        kind = nested.type
        if pa.types.is_struct(kind):
            parts = dict(zip([field.name for field in kind], nested.flatten()))
        elif (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_struct(kind.value_type):
            lists_of = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
            parts = {
                field.name: lists_of.from_arrays(nested.offsets, nested.values.field(field.name))
                for field in kind.value_type
            }
        else:
            raise SpecCLIPError(f"{spectrum}: is {kind}, not a structure of lists; give spectrum=None, or its name")
        lists = {name: parts[name] for name in names if name in parts}
    for name in ("wavelength", "flux"):
        if name not in lists:
            raise SpecCLIPError(f"{name}: no such list in {spectrum or 'the partition'}; there are {', '.join(lists)}")
    lists = {
        name: values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values for name, values in lists.items()
    }
    if "ivar" in lists:
        lists.pop("error", None)
    return lists


def _whole(rows, kept: dict, index):
    """Rows with what is kept, of the same kinds for every partition."""
    import pandas as pd

    columns = {}
    for name, values in kept.items():
        kind = getattr(values.dtype, "numpy_dtype", values.dtype)
        columns[name] = pd.Series(np.asarray(values, kind if np.dtype(kind).kind in "iufb" else object), index=index)
    for name in rows.columns:
        if name in kept:
            continue
        values = rows[name]
        if name.startswith("flag"):
            values = values.astype("Int64")
        elif values.dtype.kind == "f":
            values = values.astype("float64")
        else:
            values = values.astype("string")
        columns[name] = pd.Series(values.array, index=index)
    return pd.DataFrame(columns, index=index)
