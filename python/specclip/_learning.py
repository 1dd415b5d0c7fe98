"""What is learned from rows of numbers: ordered bottlenecks, and posteriors from simulations."""

from __future__ import annotations

import inspect
import json
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ._errors import SpecCLIPError
from ._library import Column, Handle, library
from ._spectra import _plain, _Rows


def interruptible(work):
    """What ``work()`` gives. Ctrl-C asks what is learned in the library to stop, and is raised once it has."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    result: list = []
    # Not the thread's own end: a join that Ctrl-C interrupts takes a running thread for ended in Python 3.11
    # (https://github.com/python/cpython/issues/90882), and the training went on beside all that followed.
    is_done = threading.Event()
    ask = library().c.specclip_interrupt

    def run() -> None:
        try:
            result.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            result.append((None, error))
        finally:
            # Here, and not where Ctrl-C is caught: pressed twice, it does not wait.
            ask(0)
            is_done.set()

    threading.Thread(target=run, name="specclip", daemon=True).start()
    try:
        # A wait without an end would keep signals waiting on some systems.
        while not is_done.wait(0.2):
            pass
    except KeyboardInterrupt:
        ask(1)
        is_done.wait()
        # It may have ended before it was asked.
        ask(0)
        raise
    value, error = result[0]
    if error is not None:
        raise error
    return value


def matrix(name: str, given: Any, columns: int | None = None) -> _Rows:
    """Rows of numbers, ``[rows, columns]``; one axis is one column."""
    values = _plain(name, given, flags=False)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim > 2:
        values = values.reshape(len(values), -1)
    if values.ndim != 2:
        raise SpecCLIPError(f"{name}: is a number; give rows and columns")
    if columns is not None and values.shape[1] != columns:
        raise SpecCLIPError(
            f"{name}: has {values.shape[1]} columns, and was fitted on {columns}; give data of the same kind"
        )
    return _Rows(values, None, False)


def _notes(answer: dict[str, dict[str, Column]]) -> list[str]:
    return [str(text) for text in answer["notes"]["note"].values] if "notes" in answer else []


class _Estimator:
    """Manners of scikit-learn: parameters are those of the initialiser, what was learned ends in ``_``."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any):
        """Sets parameters by name."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise SpecCLIPError(f"{name}: is no parameter of {type(self).__name__}; known are {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        own = [f"{name}={value!r}" for name, value in self.get_params().items() if value is not defaults[name].default]
        return f"{type(self).__name__}({', '.join(own)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_handle")

    def _fitted(self) -> Handle:
        if not hasattr(self, "_handle"):
            raise SpecCLIPError(f"{type(self).__name__}: is not fitted; call fit, or load a file")
        return self._handle

    def __getstate__(self) -> dict:
        """As bytes of its file, so that it can be copied, pickled, and sent to other processes."""
        state = {name: value for name, value in self.__dict__.items() if name != "_handle"}
        if hasattr(self, "_handle"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "learned.safetensors"
                self._handle("write", {"path": str(path)})
                state["_file"] = path.read_bytes()
        return state

    def __setstate__(self, state: dict) -> None:
        data = state.pop("_file", None)
        self.__dict__.update(state)
        if data is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "learned.safetensors"
                path.write_bytes(data)
                self._handle = Handle(self._kind, {"path": str(path)})

    def save(self, path) -> None:
        """Write what was learned to a file (.safetensors), which the command ``specclip`` reads as well."""
        self._fitted()("write", {"path": str(Path(path).expanduser())})

    def _learn(self, arguments: dict[str, _Rows], configuration: dict, options: dict | None = None) -> Handle:
        records = {name: rows.records(0, len(rows)) for name, rows in arguments.items()}
        with tempfile.TemporaryDirectory(prefix="specclip-") as folder:
            own = {"configuration": json.dumps(configuration), "folder": folder, **(options or {})}
            handle = interruptible(lambda: Handle(self._kind, own, records))
        return handle


class OrderedBottleneck(_Estimator):
    """An information-ordered bottleneck (Ho et al. 2023, arXiv 2305.11213): the first k numbers of one training are the best k.

    Parameters
    ----------
    width : int
        Latents K.
    hidden : sequence of int
        Widths of the hidden layers of encoder and decoder; both start at principal components.
    epochs : int
        Passes over the data, at most.
    batch : int
        Rows of a step.
    learning_rate : float
        At the beginning; falls to a hundredth.
    patience : int
        Passes without a better validation loss before training stops.
    scaling : "common", "features" or "none"
        Divide all features by one number, each by its own, or none.
    widths_per_row : int, optional
        Widths that each row is decoded at in a step; all of them up to 16 latents, else 8.
    random_state : int
        Seed of weights and order.

    Attributes
    ----------
    n_features_in_ : int
        Numbers of a row.
    notes_ : list of str
        What was said while it learned, such as why it ended.

    Examples
    --------
    >>> bottleneck = specclip.OrderedBottleneck(width=32).fit(embeddings)  # doctest: +SKIP
    >>> bottleneck.transform(embeddings, width=8).shape  # doctest: +SKIP
    (1000, 8)
    >>> bottleneck.dimension(embeddings)["ordered"]["dimension"]  # doctest: +SKIP
    """

    _kind = "bottleneck"

    def __init__(
        self,
        width: int = 32,
        *,
        hidden: Sequence[int] = (256, 256),
        epochs: int = 300,
        batch: int = 64,
        learning_rate: float = 1e-3,
        patience: int = 20,
        scaling: Literal["common", "features", "none"] = "common",
        widths_per_row: int | None = None,
        random_state: int = 42,
    ) -> None:
        self.width, self.hidden, self.epochs, self.batch = width, hidden, epochs, batch
        self.learning_rate, self.patience, self.scaling = learning_rate, patience, scaling
        self.widths_per_row, self.random_state = widths_per_row, random_state

    def fit(self, X: Any, y: Any = None) -> OrderedBottleneck:
        """Learn from rows ``[rows, features]``, 32-bit: 80 % to learn from, 10 % to stop by, 10 % for `dimension`.

        Ctrl-C stops after the current step and raises KeyboardInterrupt; nothing is learned then.
        """
        rows = matrix("X", X)
        per_row = self.widths_per_row or (8 if self.width > 16 else None)
        configuration = {
            "width": self.width,
            "network": {"kind": "dense", "hidden": list(self.hidden), "activation": "gelu", "shortcut": True},
            "objective": {"kind": "linear", **({"widthsPerRow": per_row} if per_row else {})},
            "scaling": self.scaling,
            "seed": self.random_state,
            "training": {
                "batch": self.batch,
                "epochs": self.epochs,
                "learningRate": self.learning_rate,
                "minimumLearningRate": self.learning_rate / 100,
                "patience": self.patience,
            },
        }
        self._handle = self._learn({"x": rows}, configuration)
        self._take_in()
        return self

    def _take_in(self) -> None:
        facts = self._handle("facts")
        self.n_features_in_ = int(facts["rows"]["features"].values[0])
        self.notes_ = _notes(facts)

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Learn from rows, and give all latents of them."""
        return self.fit(X).transform(X)

    def transform(self, X: Any, width: int | None = None) -> np.ndarray:
        """The first ``width`` latents (all by default) of rows ``[rows, features]``: ``[rows, width]`` float32."""
        handle = self._fitted()
        rows = matrix("X", X, self.n_features_in_)
        options = {} if width is None else {"width": width}
        return handle("compress", options, {"x": rows.records(0, len(rows))})["rows"]["code"].values

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """The rows ``[rows, features]`` that codes ``[rows, k]`` stand for, whatever their width k."""
        rows = matrix("Z", Z)
        return self._fitted()("decompress", {}, {"code": rows.records(0, len(rows))})["rows"]["x"].values

    def dimension(self, X: Any, noise: float | None = None) -> dict:
        """The intrinsic dimension of data, with its interval and the whole curve, as ``specclip iob dimension`` tells it.

        Parameters
        ----------
        X : array, ``[rows, features]``
            The data: of those that were fitted, the tenth that training left out counts.
        noise : float, optional
            Standard deviation of every number; what is left at full width by default.

        Returns
        -------
        dict
            ``["ordered"]["dimension"]`` (None where there is no honest answer: ``["ordered"]["problems"]`` says why),
            ``["ordered"]["interval"]``, ``["ordered"]["curve"]``; ``["pca"]``, ``["twoNN"]``, ``["maximumLikelihood"]``
            beside it.
        """
        rows = matrix("X", X, self.n_features_in_ if hasattr(self, "n_features_in_") else None)
        options = {} if noise is None else {"noise": float(noise)}
        answer = self._fitted()("dimension", options, {"x": rows.records(0, len(rows))})
        report = json.loads(answer["rows"]["report"].values[0])
        for name in ("dimension", "interval"):
            report["ordered"].setdefault(name, None)
        return report

    @classmethod
    def load(cls, path) -> OrderedBottleneck:
        """One that `save`, or ``specclip iob train``, has written."""
        made = cls()
        made._handle = Handle(cls._kind, {"path": str(Path(path).expanduser())})
        made._take_in()
        made.width = int(made._handle("facts")["rows"]["width"].values[0])
        return made

    def __sklearn_tags__(self):
        from sklearn.utils import Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="transformer", target_tags=TargetTags(required=False), transformer_tags=TransformerTags()
        )


class NPE(_Estimator):
    """Neural posterior estimation: the posterior of parameters θ given data x, learned from simulated pairs.

    Parameters
    ----------
    kind : "nsf" or "maf"
        Neural spline flow, or masked autoregressive flow.
    transforms, hidden, blocks, bins : int
        Transforms one after the other; units and layers of their networks; bins of a spline.
    members : int
        Flows of several seeds, taken together.
    fixed_order : bool
        One order of parameters in all transforms; parameters may then be missing (NaN), and have errors.
    epochs : int, optional
        Passes over the data, at most.
    batch, learning_rate, patience
        Rows of a step; rate; passes without a better loss of the tenth that is held out.
    random_state : int
        Seed of weights and order.

    Examples
    --------
    >>> npe = specclip.NPE().fit(theta, x)  # doctest: +SKIP
    >>> npe.sample(observed, 1000).shape  # doctest: +SKIP
    (1, 1000, 3)
    """

    _kind = "flow"

    def __init__(
        self,
        kind: Literal["nsf", "maf"] = "nsf",
        *,
        transforms: int = 5,
        hidden: int = 50,
        blocks: int = 2,
        bins: int = 10,
        members: int = 1,
        fixed_order: bool = False,
        epochs: int | None = None,
        batch: int = 200,
        learning_rate: float = 5e-4,
        patience: int = 20,
        random_state: int = 42,
    ) -> None:
        self.kind, self.transforms, self.hidden, self.blocks, self.bins = kind, transforms, hidden, blocks, bins
        self.members, self.fixed_order, self.epochs, self.batch = members, fixed_order, epochs, batch
        self.learning_rate, self.patience, self.random_state = learning_rate, patience, random_state

    def fit(self, theta: Any, x: Any, *, errors: Any = None, names: Sequence[str] | None = None) -> NPE:
        """Learn from pairs.

        Parameters
        ----------
        theta : array, ``[rows, parameters]``
            NaN where a parameter is missing (with ``fixed_order``).
        x : array, ``[rows, data]``
            What was observed, or simulated, with these parameters.
        errors : array, ``[rows, parameters]``, optional
            One standard deviation of each parameter (with ``fixed_order``).
        names : sequence of str, optional
            Names of the parameters.
        """
        given = {"theta": matrix("theta", theta), "x": matrix("x", x)}
        if errors is not None:
            given["errors"] = matrix("errors", errors)
        lengths = {name: len(rows) for name, rows in given.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {count} rows" for name, count in lengths.items())
            raise SpecCLIPError(f"theta, x: {told}; give pairs")
        training: dict[str, Any] = {"batch": self.batch, "learningRate": self.learning_rate, "patience": self.patience}
        if self.epochs is not None:
            training["epochs"] = self.epochs
        configuration = {
            "kind": self.kind,
            "transforms": self.transforms,
            "hidden": self.hidden,
            "blocks": self.blocks,
            "bins": self.bins,
            "fixedOrder": self.fixed_order,
            "seed": self.random_state,
            "training": training,
        }
        options: dict[str, Any] = {"members": self.members}
        if names is not None:
            options["names"] = [str(name) for name in names]
        self._handle = self._learn(given, configuration, options)
        self._take_in()
        return self

    def _take_in(self) -> None:
        facts = self._handle("facts")
        self.names_ = [str(name) for name in facts["labels"]["name"].values]
        self.n_features_in_ = int(facts["x"]["columns"].values[0])
        self.validation_losses_ = facts["members"]["validation_loss"].values
        self.notes_ = _notes(facts)

    def sample(self, x: Any, samples: int = 10_000, *, seed: int = 0) -> np.ndarray:
        """Draws from the posterior of each row of ``x``: ``[rows, samples, parameters]`` float64.

        One row may be given as an array of one axis.
        """
        handle = self._fitted()
        rows = matrix("x", self._rows_of(x), self.n_features_in_)
        out = np.empty((len(rows), samples, len(self.names_)))
        for place in range(len(rows)):
            # Row by row: Ctrl-C is heard between them, and memory holds the draws once.
            options = {"samples": samples, "seed": seed + place}
            drawn = handle("sample", options, {"x": rows.records(place, place + 1)})["rows"]
            for label, name in enumerate(self.names_):
                out[place, :, label] = drawn[name].values
        return out

    def log_prob(self, theta: Any, x: Any) -> np.ndarray:
        """log p(θ | x) of pairs, in nats, ``[rows]``; of parameters that are NaN, those that are not (with ``fixed_order``)."""
        own, rows = matrix("theta", theta, len(self.names_) if hasattr(self, "names_") else None), matrix("x", x)
        arguments = {"theta": own.records(0, len(own)), "x": rows.records(0, len(rows))}
        return self._fitted()("density", {}, arguments)["rows"]["log_density"].values

    def _rows_of(self, x: Any) -> Any:
        values = np.asarray(x)
        return values[np.newaxis] if values.ndim == 1 and len(values) == self.n_features_in_ else x

    @classmethod
    def load(cls, path) -> NPE:
        """One that `save`, or ``specclip npe train``, has written."""
        made = cls()
        made._handle = Handle(cls._kind, {"path": str(Path(path).expanduser())})
        made._take_in()
        return made
