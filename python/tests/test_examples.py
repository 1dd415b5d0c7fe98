"""The examples run, on real spectra."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import stars

EXAMPLES = stars.REPOSITORY / "Examples" / "Python"


def run(script: str, *arguments) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ten_stars(lamost_files, tmp_path):
    from astropy.table import Table

    text = run("ten_stars.py", *lamost_files, "-o", tmp_path / "labels.ecsv")
    table = Table.read(tmp_path / "labels.ecsv")
    assert len(table) == 10 and str(table["teff"].unit) == "K" and np.all(table["e_teff"] > 0)
    assert "e_teff" in text and "flag 4: unlike any training spectrum" in text


def test_look_alikes(lamost_files, tmp_path):
    text = run("look_alikes.py", lamost_files[2], "-o", tmp_path / "translation.png")
    assert "similarity" in text
    written = [path for path in tmp_path.iterdir() if path.stem == "translation"]
    assert len(written) == 1 and written[0].stat().st_size > 5000


def test_own_labels(tmp_path):
    folder = stars.SHARED / "lamost-dr10"
    if not (folder / "labels.csv").exists():
        pytest.skip(f"{folder} is missing: no labelled spectra to learn from")
    files = sorted(folder.glob("*.fits.gz"))[::5]
    text = run("own_labels.py", folder / "labels.csv", *files, "-o", tmp_path / "mine.safetensors")
    scatter = {
        line.split(":")[0]: float(line.split("scatter ")[1].split(",")[0])
        for line in text.splitlines()
        if "scatter" in line
    }
    # LASP's temperatures of stars of other plates, from 150 stars: what the model's own labels reach is 110 K.
    assert 40 < scatter["teff_lasp"] < 130 and scatter["feh"] < 0.2, text
