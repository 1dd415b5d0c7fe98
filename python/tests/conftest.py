"""Tests of the Python package, beside the command of the same build.

`make test-python` runs them in an environment of their own. SPECCLIP_TOOL names another command.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import stars

import specclip


@pytest.fixture(scope="session")
def model() -> specclip.Model:
    return specclip.load(threads=1)


@pytest.fixture(scope="session")
def lamost_files() -> list[Path]:
    """Ten LAMOST spectra of both layouts."""
    files = sorted((stars.SHARED / "lamost").glob("*.fits*"))
    if not files:
        pytest.skip(f"{stars.SHARED / 'lamost'} is missing: no real LAMOST spectra to compare with")
    return files


@pytest.fixture(scope="session")
def xp_file() -> Path:
    """Two sampled spectra of the Gaia archive."""
    file = stars.SHARED / "gaia_xp" / "XP_SAMPLED_RAW_dr3int6.csv"
    if not file.exists():
        pytest.skip(f"{file} is missing: no real XP spectra to compare with")
    return file


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    """Runs the command, and gives the arrays of the file that it writes."""
    tool = Path(os.environ.get("SPECCLIP_TOOL", stars.REPOSITORY / ".build/release/specclip"))
    if not tool.exists():
        pytest.skip(f"{tool} is missing: build it with make build")
    folder = tmp_path_factory.mktemp("command")

    def run(question: str, *arguments, output: str):
        out = folder / output
        done = subprocess.run(
            [tool, question, *map(str, arguments), "--threads", "1", "-o", out, "--force"],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if out.is_dir():
            return out
        if out.suffix == ".npz":
            return dict(np.load(out, allow_pickle=False))
        from astropy.io import fits

        # FITS has whole doubles; text has as many digits as people should see.
        return fits.getdata(out, 1)

    run.folder = folder
    return run


@pytest.fixture(scope="session")
def message():
    """What the command prints of a file that it cannot use."""
    tool = Path(os.environ.get("SPECCLIP_TOOL", stars.REPOSITORY / ".build/release/specclip"))
    if not tool.exists():
        pytest.skip(f"{tool} is missing: build it with make build")

    def run(*arguments) -> str:
        done = subprocess.run(
            [tool, "predict", *map(str, arguments), "--threads", "1"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stdout
        return done.stderr.splitlines()[0]

    return run
