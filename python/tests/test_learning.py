"""Labels of one's own, ordered bottlenecks and posteriors: what Python learns, the command learns."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import specclip
import stars


def run(*arguments) -> None:
    """Runs the command for what it writes."""
    tool = Path(os.environ.get("SPECCLIP_TOOL", stars.REPOSITORY / ".build/release/specclip"))
    if not tool.exists():
        pytest.skip(f"{tool} is missing: build it with make build")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def curve(rows: int = 300, seed: int = 0) -> np.ndarray:
    """Rows of 12 numbers that two tell."""
    random = np.random.default_rng(seed)
    two = random.normal(size=(rows, 2))
    return (two @ random.normal(size=(2, 12)) + 0.01 * random.normal(size=(rows, 12))).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    specclip.load(threads=1)


# Ordered bottlenecks


def test_bottleneck_is_the_command_s(tmp_path):
    x = curve()
    np.savez(tmp_path / "x.npz", x=x)
    run(
        "iob",
        "train",
        tmp_path / "x.npz",
        "--width",
        4,
        "--epochs",
        5,
        "--threads",
        1,
        "-o",
        tmp_path / "iob.safetensors",
    )
    run(
        "iob",
        "compress",
        tmp_path / "iob.safetensors",
        tmp_path / "x.npz",
        "--width",
        3,
        "--reconstruct",
        "--threads",
        1,
        "-o",
        tmp_path / "z.npz",
    )
    theirs = np.load(tmp_path / "z.npz")
    ours = specclip.OrderedBottleneck(width=4, epochs=5).fit(x)
    np.testing.assert_array_equal(ours.transform(x, width=3), theirs["code"])
    np.testing.assert_array_equal(ours.inverse_transform(theirs["code"]), theirs["reconstruction"])
    read = specclip.OrderedBottleneck.load(tmp_path / "iob.safetensors")
    np.testing.assert_array_equal(read.transform(x), ours.transform(x))
    assert read.width == 4


def test_dimension_of_a_bottleneck():
    x = curve(1500)
    bottleneck = specclip.OrderedBottleneck(width=4, epochs=100).fit(x)
    assert any("stopped" in note for note in bottleneck.notes_)
    report = bottleneck.dimension(x, noise=0.01)
    assert report["ordered"]["dimension"] == 2
    assert len(report["ordered"]["curve"]) == 5 and "left out" in report["data"]
    errors = [np.mean((x - bottleneck.inverse_transform(bottleneck.transform(x, width=k))) ** 2) for k in (1, 2, 4)]
    assert errors[0] > 10 * errors[1] and errors[1] < 0.01


def test_no_answer_has_its_reason():
    x = curve(100)
    report = specclip.OrderedBottleneck(width=4, epochs=1).fit(x).dimension(x)
    assert report["ordered"]["dimension"] is None and report["ordered"]["problems"]


def test_manners_of_scikit_learn(tmp_path):
    x = curve()
    bottleneck = specclip.OrderedBottleneck(width=3, epochs=3)
    assert bottleneck.get_params()["width"] == 3 and repr(bottleneck) == "OrderedBottleneck(width=3, epochs=3)"
    with pytest.raises(specclip.SpecCLIPError, match="widht: is no parameter"):
        bottleneck.set_params(widht=4)
    with pytest.raises(specclip.SpecCLIPError, match="is not fitted"):
        bottleneck.transform(x)
    z = bottleneck.fit_transform(x)
    again = pickle.loads(pickle.dumps(bottleneck))
    np.testing.assert_array_equal(again.transform(x), z)
    assert again.n_features_in_ == 12
    bottleneck.save(tmp_path / "iob.safetensors")
    assert (tmp_path / "iob.safetensors").exists()
    sklearn = pytest.importorskip("sklearn")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    other = sklearn.base.clone(bottleneck)
    assert other.get_params() == bottleneck.get_params() and not hasattr(other, "n_features_in_")
    assert make_pipeline(StandardScaler(), other).fit_transform(x).shape == (300, 3)


@pytest.mark.parametrize(
    ("params", "x", "line"),
    [
        ({}, np.ones((300, 12)), "OrderedBottleneck|x: "),
        ({"width": 0}, curve(), "latents; give 1 to"),
        ({"batch": 0}, curve(), "training.batch"),
        ({"scaling": "all"}, curve(), "scaling"),
        ({"hidden": [-3]}, curve(), "hidden"),
        ({}, curve() * np.where(np.arange(12) == 3, np.nan, 1), "x: row 0 holds a number that is not finite"),
        ({}, curve()[:5], "too few rows"),
        ({}, 3.0, "X: is a number"),
        ({}, np.array([["a"]]), "X: is an array of"),
    ],
)
def test_bad_rows(params, x, line):
    with pytest.raises(specclip.SpecCLIPError, match=line):
        specclip.OrderedBottleneck(**{"width": 2, "epochs": 2, **params}).fit(x)


def test_other_rows_than_were_fitted():
    bottleneck = specclip.OrderedBottleneck(width=2, epochs=2).fit(curve())
    with pytest.raises(specclip.SpecCLIPError, match="has 5 columns, and was fitted on 12"):
        bottleneck.transform(np.ones((3, 5)))
    with pytest.raises(specclip.SpecCLIPError, match="9"):
        bottleneck.transform(curve(), width=9)
    with pytest.raises(specclip.SpecCLIPError):
        bottleneck.inverse_transform(np.ones((3, 5)))


# Posteriors


def pairs(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    theta = random.normal(size=(rows, 2))
    return theta, theta @ np.array([[1.0, 0.5], [-0.3, 1.0]]) + 0.1 * random.normal(size=(rows, 2))


def test_posterior_is_the_command_s(tmp_path):
    theta, x = pairs()
    np.savez(tmp_path / "pairs.npz", theta=theta, x=x)
    np.savez(tmp_path / "stars.npz", x=x[:3])
    run(
        "npe",
        "train",
        tmp_path / "pairs.npz",
        "--epochs",
        3,
        "--kind",
        "maf",
        "--threads",
        1,
        "-o",
        tmp_path / "npe.safetensors",
    )
    run(
        "npe",
        "sample",
        tmp_path / "npe.safetensors",
        tmp_path / "stars.npz",
        "--samples",
        50,
        "--threads",
        1,
        "-o",
        tmp_path / "samples.npz",
    )
    run(
        "npe", "density", tmp_path / "npe.safetensors", tmp_path / "pairs.npz", "--threads", 1, "-o", tmp_path / "p.npz"
    )
    ours = specclip.NPE("maf", epochs=3).fit(theta, x)
    np.testing.assert_array_equal(ours.sample(x[:3], 50), np.load(tmp_path / "samples.npz")["samples"])
    np.testing.assert_array_equal(ours.log_prob(theta, x), np.load(tmp_path / "p.npz")["log_density"])
    read = specclip.NPE.load(tmp_path / "npe.safetensors")
    np.testing.assert_array_equal(read.sample(x[0], 20), ours.sample(x[0], 20))
    assert read.names_ == ["theta_1", "theta_2"] and read.n_features_in_ == 2
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ours)).log_prob(theta, x), ours.log_prob(theta, x))


def test_missing_parameters_and_errors():
    theta, x = pairs()
    theta[::3, 1] = np.nan
    npe = specclip.NPE("maf", fixed_order=True, epochs=2)
    npe.fit(theta, x, errors=np.full_like(theta, 0.1), names=["a", "b"])
    assert npe.names_ == ["a", "b"] and np.all(np.isfinite(npe.log_prob(theta, x)))
    with pytest.raises(specclip.SpecCLIPError, match="some are missing"):
        specclip.NPE(epochs=2).fit(theta, x)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda theta, x: (theta, x[:-1]), "theta has 600 rows, x has 599 rows; give pairs"),
        (lambda theta, x: (theta, x * np.inf), "x: row 0 holds a number that is not finite"),
        (lambda theta, x: (theta[:9], x[:9]), "50"),
    ],
)
def test_bad_pairs(change, line):
    with pytest.raises(specclip.SpecCLIPError, match=line):
        specclip.NPE(epochs=2).fit(*change(*pairs()))


def test_control_c_ends_a_training():
    code = """
import signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, specclip
specclip.load(threads=1)
x = np.random.default_rng(0).normal(size=(4000, 40)).astype("f")
print("ready", flush=True)
try:
    specclip.OrderedBottleneck(width=8, epochs=5000).fit(x)
except KeyboardInterrupt:
    time.sleep(0.3)
    running = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    print("interrupted", running, specclip.OrderedBottleneck(width=2, epochs=1).fit_transform(x).shape, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    time.sleep(1.5)
    start = time.perf_counter()
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "interrupted [] (4000, 2)\n"
    assert time.perf_counter() - start < 20 and child.wait() == 0


# Labels of one's own


def test_labels_of_one_s_own(model, tmp_path):
    spectra = stars.formula(60)
    files = stars.write_csv(tmp_path, spectra)
    depth = np.array([1 - np.min(flux[1900:2200] / np.median(flux[1900:2200])) for flux in spectra["flux"]])
    with (tmp_path / "mine.csv").open("w") as file:
        file.write("file,depth,tilt\n")
        for path, own, flux in zip(files, depth, spectra["flux"]):
            file.write(f"{path.name},{float(own)!r},{float(np.log(flux[3000] / flux[1000]))!r}\n")
    run(
        "adapt",
        tmp_path / "mine.csv",
        "--spectra",
        *files,
        "--labels",
        "depth,tilt",
        "--methods",
        "labels,features",
        "--threads",
        1,
        "-o",
        tmp_path / "theirs.safetensors",
    )
    tilt = np.array([np.log(flux[3000] / flux[1000]) for flux in spectra["flux"]])
    ours = model.adapt(
        **spectra,
        labels={"depth": depth, "tilt": tilt},
        methods=["labels", "features"],
        path=tmp_path / "ours.safetensors",
    )
    assert list(ours.report["label"]) == ["depth", "tilt"] and np.all(ours.report["stars"] == 60)
    theirs = specclip.load(tmp_path / "theirs.safetensors")
    new = stars.formula(5, seed=7)
    a, b = ours.predict(**new), theirs.predict(**new)
    for name in ("depth", "e_depth", "tilt", "flag_own", "teff"):
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert not (tmp_path / "ours.adapting").exists()
    with pytest.raises(specclip.SpecCLIPError, match="exists already"):
        model.adapt(**spectra, labels={"depth": depth}, path=tmp_path / "ours.safetensors")


@pytest.mark.parametrize(
    ("labels", "more", "line"),
    [
        ({"a": np.arange(40.0)}, {"path": "x.fits"}, "is no model file"),
        ({"a": np.arange(39.0)}, {}, "a: has 39 values but there are 40 spectra"),
        ({"a": np.ones(40)}, {}, "labels: a: is 1.0 in all rows"),
        ({"a": np.full(40, np.nan)}, {}, "labels: a: has no value in any row"),
        ({}, {}, "labels"),
        ({"a": np.arange(40.0)}, {"errors": {"b": np.ones(40)}}, "errors: has b, which is none of the labels a"),
        ({"a": np.arange(40.0)}, {"methods": ["magic"]}, "methods magic: is no way"),
        ({"a": np.arange(40.0)}, {"folds": 1}, "folds 1: must be"),
        (
            {"a": np.where(np.arange(40) < 8, np.arange(40.0), np.nan)},
            {"methods": ["labels"]},
            "8 spectra have labels; give at least 30",
        ),
    ],
)
def test_labels_of_no_use(model, tmp_path, labels, more, line):
    spectra = stars.formula(40)
    with pytest.raises(specclip.SpecCLIPError, match=line):
        model.adapt(**spectra, labels=labels, **{"path": tmp_path / "mine.safetensors", **more})
