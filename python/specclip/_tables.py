"""Answers as tables: astropy's, pandas', Arrow's, or arrays by name."""

from __future__ import annotations

import importlib.util

import numpy as np

from ._errors import SpecCLIPError
from ._library import Column

OUTPUTS = ("astropy", "pandas", "arrow", "numpy")
_PACKAGES = {"astropy": "astropy", "pandas": "pandas", "arrow": "pyarrow"}


def check(output: str) -> None:
    """Says before any work whether a table can be had."""
    if output not in OUTPUTS:
        raise SpecCLIPError(f"output {output!r}: is no table; give {', '.join(OUTPUTS)}")
    if not has(output):
        package = _PACKAGES[output]
        raise ImportError(f"specclip: output={output!r} needs {package}; pip install {package}, or give output='numpy'")


def has(output: str) -> bool:
    """Whether the package of a kind of table is installed."""
    return output == "numpy" or importlib.util.find_spec(_PACKAGES[output]) is not None


def join(parts: list[dict[str, Column]]) -> dict[str, Column]:
    """The rows of several tables below each other."""
    names: dict[str, None] = {}
    for part in parts:
        names.update(dict.fromkeys(part))
    joined = {}
    for name in names:
        own = [part[name] for part in parts if name in part]
        joined[name] = own[0]._replace(values=np.concatenate([column.values for column in own]))
    return joined


def spread(column: Column, places: np.ndarray, count: int) -> Column:
    """A column with a row for each of ``count`` stars: those without one are NaN, empty or masked."""
    values = column.values
    if len(places) == count:
        return column
    shape = (count, *values.shape[1:])
    if values.dtype.kind == "f":
        out = np.full(shape, np.nan, values.dtype)
    elif values.dtype.kind == "O":
        out = np.full(shape, "", object)
    else:
        out = np.ma.masked_all(shape, values.dtype)
    out[places] = values
    return column._replace(values=out)


def table(columns: dict[str, Column], output: str, meta: dict | None = None):
    """The table that was asked for."""
    if output == "numpy":
        return {name: column.values for name, column in columns.items()}
    if output == "astropy":
        return _astropy(columns, meta or {})
    if output == "pandas":
        return _pandas(columns, meta or {})
    return _arrow(columns)


def _astropy(columns: dict[str, Column], meta: dict):
    from astropy.table import Column as Plain
    from astropy.table import MaskedColumn, Table

    made = Table(meta=meta)
    for name, column in columns.items():
        values = column.values
        if values.dtype.kind == "O":
            values = np.asarray(values, dtype=str) if len(values) else np.asarray([], dtype="U1")
        kind = MaskedColumn if isinstance(values, np.ma.MaskedArray) else Plain
        own = kind(values, name=name, unit=column.unit or None, description=column.meaning or None)
        if column.digits is not None and values.dtype.kind == "f":
            own.format = f".{column.digits}f"
        made.add_column(own)
    return made


def _pandas(columns: dict[str, Column], meta: dict):
    import pandas as pd

    data = {}
    for name, column in columns.items():
        values = column.values
        if isinstance(values, np.ma.MaskedArray):
            data[name] = pd.array(
                [None if m else int(v) for v, m in zip(values.data, np.ma.getmaskarray(values))], "Int64"
            )
        else:
            data[name] = list(values) if values.ndim > 1 else values
    frame = pd.DataFrame(data)
    frame.attrs.update(meta, units={name: column.unit for name, column in columns.items() if column.unit})
    return frame


def _arrow(columns: dict[str, Column]):
    import pyarrow as pa

    arrays, fields = [], []
    for name, column in columns.items():
        values = column.values
        if values.ndim > 1:
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            own = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        elif isinstance(values, np.ma.MaskedArray):
            own = pa.array(values.data, mask=np.ma.getmaskarray(values))
        else:
            own = pa.array(values if values.dtype.kind != "O" else list(values))
        arrays.append(own)
        about = {"unit": column.unit, "description": column.meaning}
        fields.append(pa.field(name, own.type, metadata={key: text for key, text in about.items() if text}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
