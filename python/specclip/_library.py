"""The C library: found, checked, loaded, asked. Nothing else of this package knows ctypes."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._errors import SpecCLIPError

#: What the library was built for; libtorch promises no C++ interface from one minor version to the next.
TORCH = "2.11"
#: The version of specclip.h that this module speaks.
ABI = 1

TYPES = {"float32": 0, "float64": 1, "int32": 2, "int64": 3, "bool": 4, "text": 5}
#: specclip_array as a NumPy record, so that those of many stars are filled in at once.
ARRAY = np.dtype({"names": ["values", "count", "stride", "type"], "formats": ["u8", "i8", "i8", "i4"], "itemsize": 32})


class Column(NamedTuple):
    """A column of an answer: ``values`` is ``[rows]``, or ``[rows, width]`` for vectors."""

    values: np.ndarray
    unit: str
    meaning: str
    digits: int | None


class _Argument(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("arrays", ctypes.c_void_p), ("count", ctypes.c_int64)]


class _Column(ctypes.Structure):
    _fields_ = [
        ("table", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("unit", ctypes.c_char_p),
        ("meaning", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("digits", ctypes.c_int32),
        ("values", ctypes.c_void_p),
        ("ends", ctypes.c_void_p),
    ]


def check_torch() -> str:
    """The version of the torch that is installed.

    Raises ImportError where there is none, or one that the library was not built for. Does not import torch, which would
    take seconds.
    """
    remedy = f"pip install 'torch=={TORCH}.*'"
    module = sys.modules.get("torch")
    try:
        version = str(module.__version__) if module else importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        raise ImportError(f"specclip: needs torch {TORCH}, and finds none; {remedy}") from None
    if version.split("+")[0].split(".")[:2] != TORCH.split("."):
        raise ImportError(
            f"specclip: was built for torch {TORCH}, and finds {version}, whose C++ interface is another; {remedy}, "
            "in an environment of its own where other packages need theirs"
        )
    return version


def _torch_folder() -> Path:
    module = sys.modules.get("torch")
    if module is not None and getattr(module, "__file__", None):
        return Path(module.__file__).parent / "lib"
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"specclip: torch {TORCH} is installed, but its files are not found; install it anew")
    return Path(list(found.submodule_search_locations)[0]) / "lib"


def _load_torch() -> None:
    """Loads libtorch from torch's folder; the same files that ``import torch`` loads, before or after."""
    suffix = "dylib" if sys.platform == "darwin" else "so"
    try:
        for name in ("libc10", "libtorch_cpu"):
            ctypes.CDLL(str(_torch_folder() / f"{name}.{suffix}"))
    except OSError:
        # torch knows more ways to its own libraries than its files tell.
        import torch  # noqa: F401


def _path() -> Path:
    named = os.environ.get("SPECCLIP_LIBRARY")
    if named:
        return Path(named)
    return Path(__file__).parent / ("libCSpecCLIP.dylib" if sys.platform == "darwin" else "libCSpecCLIP.so")


class _Library:
    """The loaded library, once a process."""

    def __init__(self) -> None:
        check_torch()
        path = _path()
        if not path.exists():
            raise ImportError(
                f"specclip: {path} is missing; install the wheel (make wheel), or name a build of it in SPECCLIP_LIBRARY"
            )
        _load_torch()
        c = ctypes.CDLL(str(path))
        c.specclip_abi.restype = ctypes.c_int32
        if c.specclip_abi() != ABI:
            raise ImportError(
                f"specclip: {path} has interface {c.specclip_abi()}, wanted is {ABI}; install the wheel anew"
            )
        out = ctypes.POINTER(ctypes.c_void_p)
        common = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Argument), ctypes.c_int64, out, out]
        c.specclip_make.argtypes, c.specclip_make.restype = common, ctypes.c_int32
        c.specclip_call.argtypes, c.specclip_call.restype = [ctypes.c_void_p, *common], ctypes.c_int32
        c.specclip_version.restype = ctypes.c_void_p
        c.specclip_column_count.argtypes, c.specclip_column_count.restype = [ctypes.c_void_p], ctypes.c_int64
        c.specclip_column_at.argtypes, c.specclip_column_at.restype = [ctypes.c_void_p, ctypes.c_int64], _Column
        c.specclip_interrupt.argtypes, c.specclip_interrupt.restype = [ctypes.c_int32], None
        for name in ("specclip_free_object", "specclip_free_tables", "specclip_free_text"):
            getattr(c, name).argtypes, getattr(c, name).restype = [ctypes.c_void_p], None
        self.c = c
        self.process = os.getpid()


_lock = threading.Lock()
_loaded: _Library | None = None


def library() -> _Library:
    """The library, loaded when it is first needed."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _Library()
    if _loaded.process != os.getpid():
        raise RuntimeError(
            "specclip: was in use when this process was forked, and its threads did not come along; "
            "start processes with multiprocessing.get_context('spawn'), and load the model in each"
        )
    return _loaded


def version() -> dict:
    """Versions of the library and of libtorch, and the threads that an operation may use."""
    own = library()
    pointer = own.c.specclip_version()
    try:
        return json.loads(ctypes.string_at(pointer).decode())
    finally:
        own.c.specclip_free_text(pointer)


def _arguments(named: dict[str, np.ndarray]):
    """C's form of arguments. Each is an array of records of ``ARRAY``; the caller keeps what they point to."""
    arguments = (_Argument * max(1, len(named)))()
    for place, (name, records) in enumerate(named.items()):
        arguments[place] = _Argument(name.encode(), records.ctypes.data, len(records))
    return arguments


#: Options of the command that are arguments here: messages name them as the reader knows them.
_OPTIONS = {
    "--air": "air=True",
    "--vacuum": "air=False",
    "--instrument": "instrument",
    "--wavelength-unit": "wavelength_unit",
    "--flux-unit": "flux_unit",
    "--resolution": "resolution",
    "--rv": "rv",
    "--rv-floor": "rv_floor",
    "--to": "to",
    "--among": "among",
    "--scale": "scale",
    "--width": "width",
    "--labels": "labels",
    "--match": "source_id",
    "--name": "name",
}


def in_python(message: str) -> str:
    """A message of the library with the command's options called as Python's arguments are."""
    for option in sorted(_OPTIONS, key=len, reverse=True):
        message = message.replace(option, _OPTIONS[option])
    return message


def _check(status: int, message: ctypes.c_void_p, own: _Library) -> None:
    if status == 0:
        return
    text = ctypes.string_at(message.value).decode() if message.value else "failed without a word"
    own.c.specclip_free_text(message)
    if status == 2:
        raise KeyboardInterrupt(text)
    raise SpecCLIPError(in_python(text))


class Handle:
    """Something that the library made; freed with the last reference to it."""

    def __init__(self, kind: str, options: dict, arguments: dict[str, np.ndarray] | None = None) -> None:
        self._pointer = None
        own = library()
        pointer, message = ctypes.c_void_p(), ctypes.c_void_p()
        status = own.c.specclip_make(
            kind.encode(),
            json.dumps(options).encode(),
            _arguments(arguments or {}),
            len(arguments or {}),
            ctypes.byref(pointer),
            ctypes.byref(message),
        )
        _check(status, message, own)
        self._pointer = pointer

    def __del__(self) -> None:
        # A forked child leaves alone what is the parent's.
        if self._pointer and _loaded is not None and _loaded.process == os.getpid():
            _loaded.c.specclip_free_object(self._pointer)

    def __call__(
        self, question: str, options: dict | None = None, arguments: dict[str, np.ndarray] | None = None
    ) -> dict[str, dict[str, Column]]:
        """Asks a question; other threads of Python run meanwhile. The answer: tables by name, columns by theirs."""
        own = library()
        tables, message = ctypes.c_void_p(), ctypes.c_void_p()
        status = own.c.specclip_call(
            self._pointer,
            question.encode(),
            json.dumps(options or {}).encode(),
            _arguments(arguments or {}),
            len(arguments or {}),
            ctypes.byref(tables),
            ctypes.byref(message),
        )
        _check(status, message, own)
        try:
            answer: dict[str, dict[str, Column]] = {}
            for place in range(own.c.specclip_column_count(tables)):
                column = own.c.specclip_column_at(tables, place)
                answer.setdefault(column.table.decode(), {})[column.name.decode()] = _column(column)
            return answer
        finally:
            own.c.specclip_free_tables(tables)


def _column(column: _Column) -> Column:
    kinds = {0: np.int64, 1: np.float64, 2: np.float32}
    rows, width = column.rows, column.width

    def copy(pointer: int, dtype, count: int) -> np.ndarray:
        size = count * np.dtype(dtype).itemsize
        return np.frombuffer(ctypes.string_at(pointer, size), dtype=dtype).copy()

    if column.kind == 3:
        ends = copy(column.ends, np.int64, rows)
        text = ctypes.string_at(column.values, int(ends[-1]) if rows else 0)
        starts = [0, *ends[:-1]] if rows else []
        values = np.array([text[a:b].decode() for a, b in zip(starts, ends)], dtype=object)
    else:
        values = copy(column.values, kinds[column.kind], rows * width)
        if column.kind == 2:
            values = values.reshape(rows, width)
    digits = None if column.digits < 0 else int(column.digits)
    return Column(values, column.unit.decode(), column.meaning.decode(), digits)
