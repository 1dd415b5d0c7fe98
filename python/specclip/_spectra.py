"""What users have as spectra (NumPy, astropy, specutils, Arrow, lists), as records that point into its memory."""

from __future__ import annotations

import ctypes

import numpy as np

from ._errors import SpecCLIPError
from ._library import ARRAY, TYPES

#: Units of wavelengths that the library turns into Å itself, with the bits that it has for files.
_KNOWN_UNITS = {"angstrom": "Angstrom", "nm": "nm", "um": "um", "micron": "um", "m": "m"}

#: By NumPy's letters, of which two may mean the same.
_TYPE_OF = {letter: TYPES[np.dtype(letter).name] for letter in "fdilq?" if np.dtype(letter).name in TYPES}


class Spectra:
    """Spectra of some stars.

    ``columns`` holds, by name, an array of each star (or one for all, of wavelengths); ``facts`` one value a star.
    """

    def __init__(
        self, wavelength, flux, *, ivar=None, error=None, mask=None, wavelength_unit=None, flux_unit=None, **facts
    ):
        if flux is None:
            wavelength, flux, own = _of_specutils(wavelength)
            ivar, error = own.get("ivar", ivar), own.get("error", error)
            mask = own.get("mask", mask)
        self.options: dict = {}
        waves, unit, _ = _rows("wavelength", wavelength)
        fluxes, own_flux_unit, masks = _rows("flux", flux)
        self.is_single = fluxes.is_single
        self.count = len(fluxes)
        if waves.is_single and not self.is_single:
            waves.is_shared = True
        elif len(waves) != self.count:
            raise SpecCLIPError(
                f"wavelength: has {len(waves)} rows but there are {self.count} spectra; give one a spectrum, or one for all"
            )
        self.columns = {"wavelength": waves, "flux": fluxes}
        for name, given in (("ivar", ivar), ("error", error)):
            if given is None:
                continue
            rows, _, own_masks = _rows(name, given)
            self._check(name, rows)
            self.columns[name] = rows
            masks = _either(masks, own_masks)
        if mask is not None:
            rows, _, _ = _rows("mask", mask, flags=True)
            self._check("mask", rows)
            masks = _either(masks, rows)
        if masks is not None:
            self.columns["mask"] = masks
        unit = wavelength_unit or unit
        if unit:
            self.options["wavelength_unit"] = str(unit)
        unit = flux_unit or own_flux_unit
        if unit:
            self.options["flux_unit"] = str(unit)
        self.facts = {name: self._fact(name, given) for name, given in facts.items() if given is not None}

    def _check(self, name: str, rows: _Rows) -> None:
        if len(rows) != self.count:
            raise SpecCLIPError(f"{name}: has {len(rows)} rows but there are {self.count} spectra; give one a spectrum")

    def _fact(self, name: str, given) -> np.ndarray:
        values = np.atleast_1d(_plain(name, given, flags=False, text=name == "source_id"))
        if values.ndim == 1 and len(values) == 1 and name == "resolution":
            values = np.repeat(values, self.count)
        if values.shape != (self.count,):
            raise SpecCLIPError(
                f"{name}: has {values.size} values but there are {self.count} spectra; give one a spectrum"
            )
        return values

    def arguments(self, start: int, end: int) -> tuple[dict[str, np.ndarray], list]:
        """Arguments of the library for the stars from ``start`` to ``end``, and what must live as long as they do."""
        kept: list = []
        arguments = {name: rows.records(start, end) for name, rows in self.columns.items()}
        for name, values in self.facts.items():
            record = np.zeros(1, ARRAY)
            own = values[start:end]
            if name == "source_id":
                record, more = texts([str(value) for value in own])
                kept.append(more)
            else:
                own = np.ascontiguousarray(own, np.float64)
                kept.append(own)
                record[0] = (own.ctypes.data, len(own), 8, TYPES["float64"])
            arguments[name] = record
        return arguments, kept


def texts(values: list[str]) -> tuple[np.ndarray, tuple]:
    """An array of texts as a record, and what must live as long as it does."""
    encoded = [value.encode() for value in values]
    pointers = (ctypes.c_char_p * max(1, len(encoded)))(*encoded)
    record = np.zeros(1, ARRAY)
    record[0] = (ctypes.addressof(pointers), len(encoded), 8, TYPES["text"])
    return record, (encoded, pointers)


def unit_of(given) -> str:
    """The unit of a quantity or column; empty where it has none."""
    unit = getattr(given, "unit", None)
    return unit.to_string() if hasattr(unit, "to_string") else ""


class _Rows:
    """An array a star: rows of a matrix, or a list of arrays of their own lengths."""

    def __init__(self, matrix: np.ndarray | None, rows: list[np.ndarray] | None, is_single: bool):
        self.matrix, self.rows, self.is_single = matrix, rows, is_single
        #: Whether one row stands for all stars.
        self.is_shared = False

    def __len__(self) -> int:
        return len(self.matrix) if self.matrix is not None else len(self.rows or [])

    def each(self) -> list[np.ndarray]:
        return list(self.matrix) if self.matrix is not None else list(self.rows or [])

    def records(self, start: int, end: int) -> np.ndarray:
        if self.is_shared:
            start, end = 0, 1
        records = np.zeros(end - start, ARRAY)
        if self.matrix is not None:
            step, stride = self.matrix.strides
            address = self.matrix.__array_interface__["data"][0]
            records["values"] = (address + step * np.arange(start, end)).astype(np.uint64)
            records["count"], records["stride"] = self.matrix.shape[1], stride
            records["type"] = _TYPE_OF[self.matrix.dtype.char]
        else:
            rows = (self.rows or [])[start:end]
            records["values"] = [row.__array_interface__["data"][0] for row in rows]
            records["count"] = [len(row) for row in rows]
            records["stride"] = [row.strides[0] for row in rows]
            records["type"] = [_TYPE_OF[row.dtype.char] for row in rows]
        return records


def _rows(name: str, given, flags: bool = False) -> tuple[_Rows, str | None, _Rows | None]:
    """An argument as rows, its unit where it has one, and which pixels it masks."""
    given, unit = _without_unit(name, given)
    given = _of_arrow(given)
    if isinstance(given, (list, tuple)) and (len(given) == 0 or np.ndim(given[0]) > 0 or _is_arrow(given[0])):
        rows, masks, units = [], [], set()
        for place, own in enumerate(given):
            own, own_unit = _without_unit(name, own)
            row = _plain(name, _of_arrow(own), flags)
            if row.ndim != 1:
                raise SpecCLIPError(f"{name}: spectrum {place} has the shape {row.shape}; give one dimension")
            rows.append(row)
            units.add(own_unit)
            masks.append(_mask(own, row))
        if len(units) > 1:
            raise SpecCLIPError(
                f"{name}: spectra have different units ({', '.join(sorted(map(str, units)))}); give them in one"
            )
        unit = units.pop() if units else unit
        masked = any(own is not None for own in masks)
        all_masks = [np.zeros(len(row), bool) if own is None else own for own, row in zip(masks, rows)]
        return _Rows(None, rows, False), unit, _Rows(None, all_masks, False) if masked else None
    values = _plain(name, given, flags)
    if values.ndim not in (1, 2):
        raise SpecCLIPError(
            f"{name}: has {values.ndim} dimensions; give one (pixels), two (spectra, pixels), or a list of arrays"
        )
    mask = _mask(given, values)
    single = values.ndim == 1
    matrix = values[np.newaxis] if single else values
    masks = None if mask is None else _Rows(mask[np.newaxis] if single else mask, None, single)
    return _Rows(matrix, None, single), unit, masks


def _plain(name: str, given, flags: bool, text: bool = False) -> np.ndarray:
    """A NumPy array of a type that the library reads; the very memory where it is one already."""
    values = getattr(given, "unmasked", given)
    values = np.asarray(np.ma.getdata(values) if isinstance(values, np.ma.MaskedArray) else values)
    if text:
        return values
    kind = values.dtype.kind
    if flags:
        return values if values.dtype == np.bool_ else values.astype(bool)
    if values.dtype == np.float16:
        raise SpecCLIPError(f"{name}: is float16, which tells three digits of a number; give float32 or float64")
    if kind == "f" and values.dtype.itemsize in (4, 8) and values.dtype.isnative:
        return values
    if kind == "i" and values.dtype.itemsize in (4, 8) and values.dtype.isnative:
        return values
    if kind in "fiub" or (kind == "O" and values.size == 0):
        return values.astype(np.float32 if kind == "f" and values.dtype.itemsize == 4 else np.float64)
    raise SpecCLIPError(
        f"{name}: is an array of {values.dtype}; give numbers (lists of spectra of different lengths are lists of arrays)"
    )


def _mask(given, values: np.ndarray) -> np.ndarray | None:
    mask = getattr(given, "mask", None)
    if mask is None or mask is np.ma.nomask or not np.any(mask):
        return None
    return np.ascontiguousarray(np.broadcast_to(np.asarray(mask, bool), values.shape))


def _either(first: _Rows | None, second: _Rows | None) -> _Rows | None:
    if first is None or second is None:
        return first or second
    pairs = list(zip(first.each(), second.each()))
    # Lengths that do not fit are told by the library, star by star.
    return _Rows(None, [a | b if len(a) == len(b) else b for a, b in pairs], first.is_single)


def _without_unit(name: str, given):
    """What a quantity or a column holds, and its unit as the library reads it."""
    unit = getattr(given, "unit", None)
    if unit is None or not hasattr(unit, "to_string"):
        return given, None
    text = unit.to_string()
    if name == "wavelength":
        known = _KNOWN_UNITS.get(text.lower())
        if known is None:
            from astropy import units as u

            quantity = u.Quantity(getattr(given, "unmasked", given), unit)
            try:
                # Frequencies, energies and wavenumbers are wavelengths, too.
                return quantity.to_value(u.AA, equivalencies=u.spectral()), "Angstrom"
            except u.UnitConversionError:
                raise SpecCLIPError(
                    f"wavelength: has the unit {text}, which is none of wavelengths; give Angstrom or nm"
                ) from None
        text = known
    value = getattr(given, "value", given)
    return (given if hasattr(given, "mask") and not hasattr(given, "unmasked") else value), text or None


def _is_arrow(given) -> bool:
    return type(given).__module__.split(".")[0] == "pyarrow"


def _of_arrow(given):
    """Arrow arrays as NumPy's: lists as a list of arrays, without copies where nothing is null."""
    if not _is_arrow(given):
        return given
    if hasattr(given, "combine_chunks"):
        given = given.combine_chunks()
    if hasattr(given, "chunks"):
        given = given.chunk(0) if given.num_chunks else []
    if hasattr(given, "values") and not hasattr(given, "to_numpy"):
        return given.values.to_numpy(zero_copy_only=False)
    if not hasattr(given, "type"):
        return given
    kind = str(given.type)
    if "list" in kind:
        return [given[row].values.to_numpy(zero_copy_only=False) for row in range(len(given))]
    return given.to_numpy(zero_copy_only=False)


def _of_specutils(given):
    """Axis, flux and what is known of errors and bad pixels, of a specutils spectrum, a list of them, or one of many rows."""
    if hasattr(given, "spectral_axis"):
        own = {}
        if getattr(given, "mask", None) is not None:
            own["mask"] = np.asarray(given.mask, bool)
        uncertainty = getattr(given, "uncertainty", None)
        if uncertainty is not None:
            kind = getattr(uncertainty, "uncertainty_type", "")
            values = np.asarray(uncertainty.array, float)
            with np.errstate(divide="ignore", invalid="ignore"):
                if kind == "ivar":
                    own["ivar"] = values
                elif kind == "var":
                    own["ivar"] = np.where(values > 0, 1 / values, 0)
                elif kind == "std":
                    own["error"] = values
        return given.spectral_axis, given.flux, own
    if isinstance(given, (list, tuple)) and given and all(hasattr(one, "spectral_axis") for one in given):
        parts = [_of_specutils(one) for one in given]
        own = {name: [part[2].get(name) for part in parts] for name in ("ivar", "error", "mask")}
        complete = {}
        for name, values in own.items():
            if all(value is not None for value in values):
                complete[name] = values
            elif name == "mask" and any(value is not None for value in values):
                complete[name] = [np.zeros(np.shape(p[1]), bool) if v is None else v for p, v in zip(parts, values)]
            elif any(value is not None for value in values):
                raise SpecCLIPError(
                    f"uncertainty: some spectra have {name} and some have not; give spectra of one kind together"
                )
        return [part[0] for part in parts], [part[1] for part in parts], complete
    raise SpecCLIPError("flux: is not given; give wavelength and flux, or a specutils.Spectrum")
