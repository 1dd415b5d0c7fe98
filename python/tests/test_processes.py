"""Threads, processes, Ctrl-C and memory."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import specclip
import stars


def test_threads_at_once(model):
    spectra = [stars.formula(9, seed) for seed in range(6)]
    alone = [model.predict(**own, output="numpy")["teff"] for own in spectra]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda own: model.predict(**own, output="numpy")["teff"], spectra))
    np.testing.assert_array_equal(alone, together)


def test_other_threads_run_meanwhile(model):
    """Python's lock is released: a thread counts on while spectra are read."""
    spectra, ticks, stop = stars.formula(64), [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    model.predict(**spectra)
    seconds = time.perf_counter() - start
    stop.set()
    thread.join()
    gaps = np.diff([start, *[tick for tick in ticks if start < tick < start + seconds], start + seconds])
    # Held for a call, the lock would leave one gap as long as all of it.
    assert gaps.max() < 0.5 * seconds, (gaps.max(), seconds)


def teff(model, spectra) -> np.ndarray:
    return model.predict(**spectra, output="numpy")["teff"]


def test_processes_by_spawn(model):
    spectra = stars.formula(3)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(teff, (model, spectra)), teff(model, spectra))
    assert pickle.loads(pickle.dumps(model)).labels == model.labels


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_after_a_fork_there_is_an_error(model):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            model.predict(**stars.formula(1))
            text = "nothing was wrong"
        except RuntimeError as error:
            text = str(error)
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        assert "get_context('spawn')" in file.read()
    os.waitpid(child, 0)


def test_control_c():
    """A call on many spectra ends within seconds, and the model can be used on."""
    code = """
import signal, sys
sys.path.insert(0, {tests!r})
# What starts the tests may have left the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, specclip, stars
model = specclip.load(threads=1)
spectra = stars.formula(8)
many = {{"wavelength": spectra["wavelength"], "flux": np.tile(spectra["flux"], (500, 1))}}
print("ready", flush=True)
try:
    model.predict(**many)
except KeyboardInterrupt:
    print("interrupted", len(model.predict(**spectra)), flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code.format(tests=os.path.dirname(__file__))], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    time.sleep(1)
    start = time.perf_counter()
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "interrupted 8\n"
    assert time.perf_counter() - start < 10
    assert child.wait() == 0


def test_memory_is_flat(model):
    """100,000 spectra of Gaia XP embedded: the embeddings are kept, nothing else is."""
    count, block = int(os.environ.get("SPECCLIP_TEST_STARS", 100_000)), 2000
    wavelength = 3360 + 20.0 * np.arange(343)
    flux = 1 + 0.5 * np.sin(wavelength / 900) + 0.01 * np.random.default_rng(0).normal(size=(block, 343))
    kept = np.empty((count, model.embedding_width), np.float32)
    kept[:] = 0
    for start in range(0, count, block):
        kept[start : start + block] = model.embed(wavelength, flux)
        if start == 4 * block:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 20, f"{grown:.0f} MiB more after {count} stars"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pretends by the file system")
@pytest.mark.parametrize(
    ("found", "line"),
    [(None, "needs torch 2.11, and finds none"), ("2.15.0", "was built for torch 2.11, and finds 2.15.0")],
)
def test_another_torch(tmp_path, found, line):
    """Without torch, or beside another version of it, the import says so."""
    here = os.path.dirname(os.path.dirname(specclip.__file__))
    package = os.path.dirname(os.path.dirname(np.__file__))
    code = f"""
import importlib.metadata, sys
real = importlib.metadata.version
def version(name):
    if name != "torch": return real(name)
    found = {found!r}
    if found is None: raise importlib.metadata.PackageNotFoundError(name)
    return found
importlib.metadata.version = version
sys.path[:0] = [{here!r}, {package!r}]
import specclip
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and line in done.stderr.splitlines()[-1], done.stderr
    assert done.stderr.splitlines()[-1].startswith("ImportError: specclip: ")
