#!/usr/bin/env python3
"""How much memory `specclip predict` takes for many rows in every format.

    python3 bench/formats.py 1000000 [--draws 100] [--formats csv fits …] [--specclip .build/release/specclip] [--folder /tmp]

Input: a Parquet table of 10⁵ real Gaia XP spectra with their noise drawn anew (source_id, ra, dec, flux, flux_error; the spectra are
those of `specclip data fetch`), named as often as there are rows to make. Rows are the same in each format and lie in the same journal
until the last is there. So one run to Parquet goes the whole way; it is interrupted (Ctrl-C) short of its end, its journal is copied
for each format, and the same command goes on from there: it reads the last rows, and writes the file of all. HATS has rows of its
own, with places, and goes the whole way. Peak of memory (maximum resident set) is the larger one of both parts, in MB; seconds are
those of the second part. Needs numpy, pyarrow, astropy and cdshealpix.
"""
import argparse
import multiprocessing
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Examples/Cluster"))
ALL = ["parquet", "csv", "ecsv", "fits", "vot", "npz", "json", "hats"]
TABLE = 100_000


def column(values):
    ends = pa.array(np.arange(len(values) + 1, dtype=np.int32) * values.shape[1])
    return pa.ListArray.from_arrays(ends, pa.array(values.reshape(-1)))


def make(path, rows):
    from make_survey import library
    flux, error = library()
    random = np.random.default_rng(3)
    own = random.integers(0, len(flux), rows)
    drawn = flux[own] + random.standard_normal(flux[own].shape, np.float32) * error[own]
    pq.write_table(pa.table({
        "source_id": pa.array(4_000_000_000_000 + np.arange(rows)), "ra": pa.array(random.uniform(0, 360, rows)),
        "dec": pa.array(np.degrees(np.arcsin(random.uniform(-1, 1, rows)))), "flux": column(drawn),
        "flux_error": column(error[own] * np.float32(np.sqrt(2)))}), path, row_group_size=10_000)


def run(command, until=None):
    """Seconds, peak of memory and what was said; interrupted when `until` says so."""
    begun = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while until and not until():
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            raise SystemExit("ended before it was interrupted: " + process.stderr.read().decode())
        time.sleep(0.02)
    if until:
        process.send_signal(signal.SIGINT)
    text = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    # Some spectra of no use are told; whatever else fails leaves no file.
    if not until and status != 0 and "the others are done" not in text:
        raise SystemExit(text)
    return time.perf_counter() - begun, usage.ru_maxrss / 1024, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--formats", nargs="*", default=ALL)
    parser.add_argument("--specclip", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp"))
    options = parser.parse_args()
    folder = options.folder / "specclip-formats"
    folder.mkdir(exist_ok=True)
    table = folder / f"xp-{min(options.rows, TABLE)}.parquet"
    if not table.exists():
        # In a process of its own: what this one has when it begins another counts as memory of that.
        spawned = multiprocessing.get_context("spawn").Process(target=make, args=(table, min(options.rows, TABLE)))
        spawned.start()
        spawned.join()

    def command(name):
        return [options.specclip, "predict", *[table] * (options.rows // min(options.rows, TABLE)), "--samples", options.draws,
                "--threads", options.threads, "-o", folder / name]

    def journal(name):
        return folder / f".{name}.journal"

    others = [name for name in options.formats if name != "hats"]
    if others:
        def size():
            return journal("all.parquet").stat().st_size if journal("all.parquet").exists() else 0

        whole = command("all.parquet")
        first = run(whole + ["--restart", "--force"], lambda: size() > 1 << 20)
        each = size() / int(re.search(r"interrupted: (\d+) stars", first[2]).group(1))
        last = 0.97 * options.rows * each
        begun = run(whole, lambda: size() > last)
        print(f"{options.rows} rows, whole way but the last: {first[0] + begun[0]:.0f} s, {begun[1]:.0f} MB", flush=True)
        kept = folder / "kept.journal"
        shutil.move(journal("all.parquet"), kept)
        for name in others:
            output = folder / f"out.{name}"
            output.unlink(missing_ok=True)
            shutil.copy(kept, journal(f"out.{name}"))
            seconds, peak, _ = run(command(f"out.{name}"))
            print(f"{name}: {max(peak, begun[1]):.0f} MB (writing {peak:.0f} MB, {seconds:.0f} s, "
                  f"{output.stat().st_size / 1e6:.0f} MB of file)", flush=True)
            output.unlink()
        kept.unlink()
    if "hats" in options.formats:
        shutil.rmtree(folder / "out.hats", ignore_errors=True)
        seconds, peak, _ = run(command("out.hats") + ["--restart", "--force"])
        print(f"hats: {peak:.0f} MB ({seconds:.0f} s, whole way)", flush=True)
        shutil.rmtree(folder / "out.hats")


if __name__ == "__main__":
    main()
