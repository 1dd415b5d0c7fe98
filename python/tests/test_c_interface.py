"""The C interface itself: from a program in C, and with what no caller should give."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import specclip
import stars
from specclip import _library


def test_a_program_in_c(model, tmp_path):
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    library, torch = _library._path(), _library._torch_folder()
    program = tmp_path / "predict"
    subprocess.run(
        [
            compiler,
            "-Wall",
            "-Werror",
            "-I",
            stars.REPOSITORY / "Sources/CSpecCLIPHeader",
            Path(__file__).with_name("predict.c"),
            "-o",
            program,
            library,
            f"-Wl,-rpath,{library.parent}:{torch}",
            "-L",
            torch,
            "-ltorch_cpu",
            "-lc10",
            # What the library asks for in its turn is looked for there, too.
            "-Wl,--allow-shlib-undefined",
            "-Wl,--disable-new-dtags",
            "-Wl,--no-as-needed",
        ],
        check=True,
    )
    spectra = stars.formula(1)
    lines = "".join(f"{w!r} {f!r}\n" for w, f in zip(spectra["wavelength"].tolist(), spectra["flux"][0].tolist()))
    done = subprocess.run([program, model.path], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = dict(line.split()[:2] for line in done.stdout.splitlines())
    table = model.predict(spectra["wavelength"], spectra["flux"][0])
    assert float(told["teff"]) == table["teff"][0] and float(told["rv"]) == table["rv"][0]
    assert "teff" in told and [line for line in done.stdout.splitlines() if line.startswith("teff ")][0].endswith(" K")
    done = subprocess.run([program, model.path], input="5000 1\n", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "the spectrum has 1 pixels" in done.stderr
    done = subprocess.run([program, "absent"], input="", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no such model file" in done.stderr


def ask(handle, question, options=b"{}", arguments=None, count=0, tables=True):
    """Calls the function itself; gives the status and the message."""
    own = _library.library()
    out, message = ctypes.c_void_p(), ctypes.c_void_p()
    status = own.c.specclip_call(
        handle, question, options, arguments, count, ctypes.byref(out) if tables else None, ctypes.byref(message)
    )
    text = ctypes.string_at(message.value).decode() if message.value else ""
    own.c.specclip_free_text(message)
    own.c.specclip_free_tables(out)
    return status, text


def test_what_no_caller_should_give(model):
    reader = model._reader._pointer
    own = _library.library()
    assert ask(None, b"facts") == (1, "specclip_call: was given no object; make one first")
    for question in (None, b"", b"predikt"):
        status, text = ask(reader, question)
        assert status == 1 and "is nothing that a reader answers" in text
    assert "did you mean 'predict'" in ask(reader, b"predikt")[1]
    for options in (b"[]", b"{", b"text"):
        assert ask(reader, b"facts", options)[1].startswith("options: are no JSON object")
    assert ask(reader, b"facts", None) == (0, "")
    assert ask(reader, b"facts", tables=False) == (0, "")
    assert "did you mean" in ask(reader, b"grid", b'{"instrumnet": "optical", "instrument": "optical"}')[1]
    assert (
        "is no text" in ask(reader, b"grid", b'{"instrument": 5}')[1]
        or "which is no text" in ask(reader, b"grid", b'{"instrument": 5}')[1]
    )
    assert ask(reader, b"predict")[1].startswith("wavelength, flux: are not both given")
    assert ask(reader, b"predict", count=3)[0] == 1
    column = own.c.specclip_column_at(None, 0)
    assert column.name is None and own.c.specclip_column_count(None) == 0
    for free in ("specclip_free_object", "specclip_free_tables", "specclip_free_text"):
        getattr(own.c, free)(None)


@pytest.mark.parametrize(
    "change", [{"count": -1}, {"values": 0}, {"type": 99}, {"type": 5, "count": 0}, {"stride": 0}, {"count": 0}]
)
def test_arrays_that_cannot_be(model, change):
    spectra = stars.formula(1)
    wavelength, flux = spectra["wavelength"], spectra["flux"][0]
    records = np.zeros(2, _library.ARRAY)
    records[0] = (wavelength.ctypes.data, len(wavelength), 8, _library.TYPES["float64"])
    records[1] = (flux.ctypes.data, len(flux), 8, _library.TYPES["float64"])
    for name, value in change.items():
        records[1][name] = value
    arguments = _library._arguments({"wavelength": records[:1], "flux": records[1:]})
    status, text = ask(model._reader._pointer, b"predict", b'{"strict": true}', arguments, 2)
    assert status == 1 and text and "\n" not in text


def test_versions():
    own = specclip.version()
    assert own["specclip"] == specclip.__version__ and own["libtorch"].startswith("2.11.")
    assert json.dumps(own)
