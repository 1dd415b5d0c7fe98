"""A model, and what it reads from spectra."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from . import _tables
from ._errors import SpecCLIPError, SpecCLIPWarning
from ._learning import interruptible
from ._library import ARRAY, TYPES, Column, Handle, version
from ._spectra import Spectra, texts, unit_of

Output = Literal["astropy", "pandas", "arrow", "numpy"]
Bad = Literal["raise", "nan"]

#: Models that come with the package.
SHIPPED = ("small", "abundances")
#: Spectra that are read at once: as many as the command takes, so that numbers are the same to the last bit. Ctrl-C is
#: heard between two of them, and memory does not grow with their number.
_BATCH = {"predict": 64, "posterior": 64, "embed": 256, "translate": 32, "search": 1024, "outliers": 64, "add": 256}

_SPECTRA = """
        Parameters
        ----------
        wavelength : array, Quantity, list of arrays, or specutils.Spectrum
            Of each pixel: ``[pixels]`` for one spectrum, or for all; ``[spectra, pixels]``; a list for spectra of
            different lengths. Plain numbers are Å, in vacuum unless ``air`` is given. Up or down. A ``specutils``
            spectrum, or a list of them, stands for flux and errors, too.
        flux : array, Quantity, or list of arrays
            As many values; NaN where there are none. Any scale: spectra are normalised. Plain numbers are per
            wavelength; a unit such as Jy is heeded.
        ivar, error : array or list of arrays, optional
            Inverse variance (0: no information), or standard deviation, of the flux, in its unit.
        mask : array or list of arrays of bool, optional
            True where the pixel is bad. Masks of masked arrays count as well.
        air : bool
            Wavelengths are those in air.
        wavelength_unit, flux_unit : str, optional
            Units of plain numbers: ``"nm"``, ``"log10(Angstrom)"``; ``"mJy"``, ``"photons-lambda"``.
        instrument : str, optional
            Whose spectra they are, by a name of `Model.instruments`; deduced from each spectrum's pixels by default.
        source_id : array, optional
            Identifiers, one a spectrum; come back in the table.
        snr, ra, dec, resolution : array, optional
            What is known of each spectrum: signal to noise per pixel, place on the sky (degrees), resolving power λ/FWHM.
        rv : float
            Radial velocity to remove first, km/s, positive when receding.
        normalised : bool
            The flux is divided by its continuum already.
        bad : "raise" or "nan"
            What to do about a spectrum that is of no use: raise `SpecCLIPError`, or leave its row without numbers and say
            in a column ``problem`` what is wrong."""

_TABLE = """
        output : "astropy", "pandas", "arrow" or "numpy"
            The kind of table; "numpy" is a dict of arrays. Units are those of astropy's columns; in
            ``attrs["units"]`` of pandas, in the fields' metadata of Arrow."""


def _documented(method):
    """Fills in what all methods that take spectra have in common."""
    method.__doc__ = method.__doc__.replace("        {spectra}", _SPECTRA.strip("\n")).replace(
        "        {table}", _TABLE.strip("\n")
    )
    return method


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    draws: int | None = None,
    width: int | None = None,
    scale: str | None = None,
    threads: int | None = None,
) -> Model:
    """Load a model.

    Parameters
    ----------
    model : path or str, optional
        A model file (.safetensors), or one that comes with the package: "small" (default; the environment variable
        SPECCLIP_MODEL names another), or "abundances", which reads those of giants from Gaia XP as well.
    draws : int, optional
        Samples of each posterior, 100 to 1,000,000; 2000 by default.
    width : int, optional
        Use the first numbers of embeddings alone (models aligned with ``clip-ordered``).
    scale : str, optional
        Tell labels on this scale, which ``specclip compare`` put into the model.
    threads : int, optional
        CPU threads of libtorch in this process, torch's own included; all cores by default. 1 where many processes or
        threads of Python share the cores.

    Returns
    -------
    Model

    Examples
    --------
    >>> import specclip
    >>> model = specclip.load()
    >>> table = model.predict(wavelength, flux, ivar=ivar)  # doctest: +SKIP
    """
    return Model(model, draws=draws, width=width, scale=scale, threads=threads)


def _file(model: str | os.PathLike[str] | None) -> Path:
    if model is None:
        named = os.environ.get("SPECCLIP_MODEL")
        model = named if named else "small"
    path = Path(model).expanduser()
    if str(model) in SHIPPED and not path.exists():
        name = f"specclip-{model}.safetensors"
        here = Path(__file__).resolve()
        for folder in (here.parent / "models", here.parents[2] / "Models"):
            if (folder / name).exists():
                return folder / name
        raise SpecCLIPError(f"{name}: does not lie beside the package; install the wheel anew, or name a model file")
    return path


class Model:
    """Reads stars: labels with errors, embeddings, what another instrument would have seen, look-alikes, odd ones.

    Made by `specclip.load`. What it says of a star is what the command ``specclip`` says of the same spectrum in a file.
    Methods take one spectrum or many. They may be called by several threads at once, and release Python's lock. A model can
    be sent to other processes (it is loaded anew there): these must be started by ``spawn``, since what is in use does not
    survive a fork.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        draws: int | None = None,
        width: int | None = None,
        scale: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._file = _file(model)
        self._options = {"draws": draws, "width": width, "scale": scale, "threads": threads}
        self._reader = Handle("reader", {"path": str(self._file), **self._options})
        self._facts = self._reader("facts")
        self._grids: dict[str, np.ndarray] = {}
        #: Of a model that `adapt` made: what was tried, a row a label.
        self.report: Any = None

    def __reduce__(self):
        return _again, (str(self._file), self._options)

    def __repr__(self) -> str:
        return f"<specclip.Model {self._file.name}: {', '.join(self.instruments)} → {', '.join(self.labels)}>"

    # What it is

    @property
    def path(self) -> Path:
        """The file that it comes from."""
        return self._file

    @property
    def instruments(self) -> list[str]:
        """Names of the instruments whose spectra it reads."""
        return [str(name) for name in self._facts["instruments"]["name"].values]

    @property
    def labels(self) -> dict[str, str]:
        """Labels that it reads, with their units."""
        own = self._facts["labels"]
        return {str(name): str(unit) for name, unit in zip(own["name"].values, own["unit"].values)}

    @property
    def flags(self) -> dict[int, str]:
        """What the bits of the column ``flag`` mean."""
        own = self._facts["flags"]
        return {int(value): str(text) for value, text in zip(own["value"].values, own["meaning"].values)}

    @property
    def embedding_width(self) -> int:
        """Numbers of an embedding."""
        return int(self._facts["embedding"]["width"].values[0])

    def grid(self, instrument: str) -> np.ndarray:
        """Wavelengths that the model sees of an instrument, Å in vacuum, ``[pixels]``."""
        if instrument not in self._grids:
            self._grids[instrument] = self._reader("grid", {"instrument": instrument})["rows"]["wavelength"].values
        return self._grids[instrument]

    # What it reads

    @_documented
    def predict(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        together: bool = False,
        rv_floor: float | None = None,
        bad: Bad = "raise",
        output: Output = "astropy",
    ):
        """Labels of stars with errors and flags.

        {spectra}
        together : bool
            Read all spectra of a star as one: visits, instruments, mixtures of both. Spectra of one ``source_id`` are of
            one star; a row is a star.
        rv_floor : float, optional
            By how much wavelength scales of visits differ, km/s (with ``together``; 4 by default).
        {table}

        Returns
        -------
        table
            A row a spectrum: ``teff``, ``e_teff``, ``teff_16``, ``teff_84`` (K) and so on for each label: the median of
            the posterior, half of what lies between its percentiles 16 and 84, and these. ``flag``: 0, or the sum of
            reasons to mistrust the star (`Model.flags`). ``instrument``; ``snr``, signal to noise per pixel.

        Examples
        --------
        >>> table = model.predict(wavelength, flux, ivar=ivar)  # doctest: +SKIP
        >>> table["teff", "e_teff", "flag"]  # doctest: +SKIP
        """
        spectra = self._spectra(locals())
        options = {"together": together, "rv_floor": rv_floor}
        return self._table("predict", spectra, options, bad, output, whole=together)

    @_documented
    def posterior(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        bad: Bad = "raise",
        output: Output = "astropy",
    ):
        """Calibrated samples of the joint posterior of each star.

        {spectra}
        {table}

        Returns
        -------
        table
            A row a spectrum; a column a label, ``[spectra, draws]``. What stands at one place of all labels is one draw, so
            correlations are kept. Medians and percentiles of a column are those of `predict`, which smooths them, within some
            hundredths of an error.
        """
        return self._table("posterior", self._spectra(locals()), {}, bad, output)

    @_documented
    def embed(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        bad: Bad = "raise",
    ) -> np.ndarray:
        """Embeddings of spectra.

        {spectra}

        Returns
        -------
        array of float32, ``[spectra, embedding_width]``
            (``[embedding_width]`` of one spectrum). Stars are alike where the cosine of the angle between them is near 1,
            within an instrument and across instruments. NaN for a spectrum of no use.
        """
        spectra = self._spectra(locals())
        columns, _ = self._ask("embed", spectra, {}, bad)
        width = int(self._options["width"] or self.embedding_width)
        values = columns["embedding"].values if columns else np.empty((0, width), np.float32)
        return values[0] if spectra.is_single else values

    @_documented
    def translate(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        to: str,
        given: Mapping[str, float] | None = None,
        samples: int = 0,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        bad: Bad = "raise",
        output: Output = "astropy",
    ):
        """The spectra that another instrument would have taken, with errors.

        {spectra}
        to : str
            The instrument: a name of `Model.instruments`. Its own spectra are denoised, and have their gaps filled.
        given : mapping, optional
            Labels that are known of all of the stars beside: ``{"a_k": 0.1}``.
        samples : int
            Spectra that are drawn of each star, up to 1000.
        {table}

        Returns
        -------
        table
            A row a spectrum: ``wavelength`` (Å), ``flux`` as the target prepares it (gaia-xp divided by the flux at
            550 nm, optical by its own level, at rest), ``flux_error`` (of what is predicted, without the noise of an
            observation), ``sample_1`` …; each ``[spectra, pixels]``. NaN where nothing was learned of a pixel. A model that
            draws no distributions has no errors.
        """
        options = {"to": to, "samples": samples, "given": {k: float(v) for k, v in (given or {}).items()}}
        spectra = self._spectra(locals())
        axis = self.grid(to)

        def with_wavelength(columns: dict[str, Column]) -> dict[str, Column]:
            rows = len(columns["flux"].values)
            waves = Column(np.broadcast_to(axis, (rows, len(axis))), "Angstrom", "in vacuum", None)
            return {"wavelength": waves, **{name: own for name, own in columns.items() if name != "instrument"}}

        return self._table("translate", spectra, options, bad, output, finish=with_wavelength)

    @_documented
    def search(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        top: int = 5,
        among: str = "both",
        exclude_self: bool = False,
        atlas: str | os.PathLike | None = None,
        where: str | Sequence[str] = (),
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        bad: Bad = "raise",
        output: Output = "astropy",
    ):
        """Known stars that look most like the given ones, of an atlas or of those that came with the model.

        {spectra}
        top : int
            Neighbours of each star and instrument.
        among : str
            An instrument, or "both": all whose stars came with the model.
        exclude_self : bool
            Leave out stars with the ``source_id`` of the star itself.
        atlas : path, optional
            A folder that ``specclip atlas build`` has made with this model; otherwise the stars that came with it.
        where : str or several
            Conditions that known stars have to meet, such as ``"teff<5000"``.
        {table}

        Returns
        -------
        table
            A row a neighbour: ``star`` (the number of the spectrum, from 0), ``rank`` (from 1), ``source_id``,
            ``instrument`` and labels of what was found, ``similarity`` (cosine, 1: the same).
        """
        _tables.check(output)
        options = {"top": top, "among": among, "exclude_self": exclude_self}
        if atlas is not None:
            options["atlas"] = os.path.abspath(os.fspath(atlas))
        if where:
            options["where"] = "\n".join([where] if isinstance(where, str) else where)
        columns, failures = self._ask("search", self._spectra(locals()), options, bad, spreads=False)
        columns.pop("query_source_id", None)
        return _tables.table(columns, output, self._meta(failures))

    @_documented
    def outliers(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
        together: bool = False,
        bad: Bad = "raise",
        output: Output = "astropy",
    ):
        """How odd spectra are beside normal stars of like signal to noise.

        {spectra}
        together : bool
            Compare spectra with the same ``source_id``: instruments and visits. All of them are judged at once.
        {table}

        Returns
        -------
        table
            A row a spectrum: ``p``, how often a normal star is as odd in any way; ``q``, the false-discovery rate of a list
            that ends with this star (Benjamini-Hochberg, over the spectra of this call); ``p_…``, the same by one way of
            being odd (``p_instruments`` and ``p_repeats`` with ``together`` alone); ``reason``, from p < 0.05 on, with
            wavelengths. NaN for instruments whose normal stars the model does not know. With ``together`` the rows of a
            star follow each other, and ``star`` says which spectrum each is of.
        """

        def with_rates(columns: dict[str, Column]) -> dict[str, Column]:
            p = np.ascontiguousarray(columns["p"].values, np.float64)
            record = np.zeros(1, ARRAY)
            record[0] = (p.ctypes.data, len(p), 8, TYPES["float64"])
            return columns | {"q": self._reader("rates", {}, {"p": record})["rows"]["q"]}

        spectra = self._spectra(locals())
        return self._table(
            "outliers", spectra, {"together": together}, bad, output, whole=together, finish=with_rates)

    # What it is taught

    @_documented
    def adapt(
        self,
        wavelength: Any,
        flux: Any = None,
        *,
        labels: Mapping[str, Any],
        path: str | os.PathLike[str],
        errors: Mapping[str, Any] | None = None,
        group: Any = None,
        name: str = "own",
        scale: str | None = None,
        methods: Sequence[str] | None = None,
        folds: int = 5,
        seed: int = 42,
        alone: bool = False,
        overwrite: bool = False,
        ivar: Any = None,
        error: Any = None,
        mask: Any = None,
        air: bool = False,
        wavelength_unit: str | None = None,
        flux_unit: str | None = None,
        instrument: str | None = None,
        source_id: Any = None,
        snr: Any = None,
        ra: Any = None,
        dec: Any = None,
        resolution: Any = None,
        rv: float = 0.0,
        normalised: bool = False,
    ) -> Model:
        """Teach the model labels of one's own, from 30 stars on; the model itself stays as it is.

        Each label is read in several ways, and the one is kept that is least off on the stars that it had not seen. Errors come
        from the same stars, for stars like these. Spectra of no use are left out, with a warning. Ctrl-C stops; the same call
        again goes on from there.

        {spectra}
        labels : mapping
            Values by name, one a spectrum; NaN where a label is not known. Quantities bring their units.
        path : path
            The file of the new model (.safetensors).
        errors : mapping, optional
            1 σ errors of labels, by the name of the label.
        group : array, optional
            What stars share, such as a plate: those of one group are never parted between learning and judging.
        name : str
            What the labels are called together: the column ``flag_<name>`` says when not to trust them.
        scale : str, optional
            Whose labels they are, such as "APOGEE".
        methods : sequence of str, optional
            Ways to try, of "labels", "features", "lora", "full", "flux"; all by default.
        folds, seed : int
            Folds of the stars; seed of folds and weights.
        alone : bool
            Write what was learned alone: a small file, read where the model's own lies beside it.
        overwrite : bool
            Replace a file that exists.

        Returns
        -------
        Model
            The new model; its attribute ``report`` is a table of what was tried: a row a label, with the robust scatter of
            each way on unseen stars (``sigma_…``), the way that was chosen, and by how much it gains on what the model's own
            labels tell.
        """
        spectra = self._spectra(locals())
        output = Path(path).expanduser()
        if output.suffix != ".safetensors":
            raise SpecCLIPError(f"path {output}: is no model file; give a name that ends in .safetensors")
        if output.exists() and not overwrite:
            raise SpecCLIPError(f"path {output}: exists already; choose another name, or give overwrite=True")
        if not output.absolute().parent.is_dir():
            raise SpecCLIPError(f"path {output}: its folder does not exist; make it")
        options = {
            "path": str(self._file),
            "folder": str(output.with_suffix(".adapting")),
            "labels": [str(own) for own in labels],
            "units": [unit_of(own) for own in labels.values()],
            "name": name,
            "scale": scale,
            "folds": folds,
            "seed": seed,
            "methods": None if methods is None else list(methods),
        }
        arguments, kept = self._labels(labels, errors or {}, group, spectra.count)
        teaching = Handle("adaptation", {key: own for key, own in options.items() if own is not None}, arguments)
        del kept
        self._ask("add", spectra, {}, "nan", spreads=False, reader=teaching)
        answer = interruptible(lambda: teaching("fit", {"output": str(output), "alone": alone}))
        adapted = Model(output, **self._options)
        notes = {"notes": [str(text) for text in answer["notes"]["note"].values]}
        adapted.report = _tables.table(answer["rows"], "astropy" if _tables.has("astropy") else "numpy", notes)
        return adapted

    @staticmethod
    def _labels(labels: Mapping[str, Any], errors: Mapping[str, Any], group: Any, count: int):
        """Labels and their errors as arguments, and what must live as long as they do."""
        unknown = [name for name in errors if name not in labels]
        if unknown:
            raise SpecCLIPError(f"errors: has {unknown[0]}, which is none of the labels {', '.join(labels)}")

        def values(name: str, given: Any) -> np.ndarray:
            own = getattr(given, "value", given)
            own = np.ma.filled(np.ma.asarray(own, dtype=np.float64), np.nan) if hasattr(own, "mask") else own
            own = np.array(own, dtype=np.float64)
            if own.shape != (count,):
                raise SpecCLIPError(f"{name}: has {own.size} values but there are {count} spectra; give one a spectrum")
            return own

        kept = [values(name, given) for name, given in labels.items()]
        kept += [values(name, errors[name]) if name in errors else np.full(count, np.nan) for name in labels]
        records = np.zeros(len(kept), ARRAY)
        for place, own in enumerate(kept):
            records[place] = (own.ctypes.data, len(own), 8, TYPES["float64"])
        arguments = {"labels": records[: len(labels)]}
        if errors:
            arguments["errors"] = np.ascontiguousarray(records[len(labels) :])
        if group is not None:
            arguments["group"], more = texts([str(own) for own in np.asarray(group)])
            kept.append(more)
        return arguments, (kept, records)

    # How

    @staticmethod
    def _spectra(given: dict) -> Spectra:
        """The spectra among the arguments of a method."""
        names = "wavelength flux ivar error mask wavelength_unit flux_unit source_id snr ra dec resolution".split()
        spectra = Spectra(**{name: given[name] for name in names if name in given})
        for name in ("air", "instrument", "rv", "normalised"):
            if given.get(name):
                spectra.options[name] = given[name]
        spectra.source_id = given.get("source_id")
        return spectra

    def _ask(
        self,
        question: str,
        spectra: Spectra,
        options: dict,
        bad: str,
        whole: bool = False,
        spreads: bool = True,
        reader: Handle | None = None,
    ) -> tuple[dict[str, Column], dict[int, str]]:
        """Rows of all spectra, batch by batch, and what is wrong with those that failed."""
        if bad not in ("raise", "nan"):
            raise SpecCLIPError(f'bad {bad!r}: is nothing to do; give "raise" or "nan"')
        parts, places, failures, notes = [], [], {}, {}
        size = max(1, spectra.count) if whole else _BATCH[question]
        # Of no spectra the columns are told, too.
        for start in range(0, max(1, spectra.count), size):
            end = min(start + size, spectra.count)
            arguments, kept = spectra.arguments(start, end)
            own = {**spectra.options, **{k: v for k, v in options.items() if v is not None}}
            answer = (reader or self._reader)(question, {**own, "strict": bad == "raise", "first": start}, arguments)
            del kept
            rows = answer["rows"]
            places.append(rows.pop("star").values + start)
            parts.append(rows)
            for star, text in zip(answer["failures"]["star"].values, answer["failures"]["message"].values):
                failures[int(star) + start] = str(text)
            for star, text in zip(answer["notes"]["star"].values, answer["notes"]["note"].values):
                notes.setdefault(str(text), []).append(int(star) + start)
            for text in answer.get("doubts", {}).get("doubt", Column(np.array([]), "", "", None)).values:
                notes.setdefault(str(text), [])
        for text, stars in notes.items():
            where = f"spectrum {stars[0]}: " if stars and spectra.count > 1 else ""
            others = f" (and {len(stars) - 1} more)" if len(stars) > 1 else ""
            warnings.warn(where + text + others, SpecCLIPWarning, stacklevel=4)
        if question == "add":
            for star, text in sorted(failures.items()):
                warnings.warn(text, SpecCLIPWarning, stacklevel=4)
        columns = _tables.join(parts)
        stars = np.concatenate(places)
        if whole or not spreads:
            return {"star": Column(stars, "", "number of the spectrum, from 0", None), **columns}, failures
        columns = {name: _tables.spread(column, stars, spectra.count) for name, column in columns.items()}
        if bad == "nan":
            text = np.array([failures.get(star, "") for star in range(spectra.count)], dtype=object)
            columns["problem"] = Column(text, "", "why there are no numbers", None)
        if "source_id" in columns or spectra.source_id is not None:
            columns.pop("source_id", None)
            if spectra.source_id is not None:
                ids = np.atleast_1d(np.asarray(spectra.source_id))
                columns = {"source_id": Column(ids, "", "", None), **columns}
        return columns, failures

    def _table(
        self, question: str, spectra: Spectra, options: dict, bad: str, output: str, whole: bool = False, finish=None
    ):
        _tables.check(output)
        columns, failures = self._ask(question, spectra, options, bad, whole)
        if finish is not None:
            columns = finish(columns)
        return _tables.table(columns, output, self._meta(failures))

    def _meta(self, failures: dict[int, str]) -> dict:
        own = version()
        meta = {"model": self._file.name, "specclip": own["specclip"], "libtorch": own["libtorch"]}
        if failures:
            meta["failures"] = failures
        return meta


def _again(path: str, options: dict) -> Model:
    """A model in another process."""
    return Model(path, **options)
