#!/usr/bin/env python3
"""Whether spectra of one star are put together as well where there are too many to be read at once.

    python3 bench/two_passes.py [--rows 100000] [--few 500] [--specclip .build/release/specclip] [--folder /tmp]

Makes two Parquet tables of real Gaia XP spectra with their noise drawn anew (those of `specclip data fetch`): the same stars, the second
table shuffled. `specclip predict --together` reads both twice, since they are larger than 256 MB, and two tables of a few of these stars
once. Prints how many stars were read, whether each is there once, in how many digits the few differ, seconds and the peak of memory
(maximum resident set). Needs numpy and pyarrow.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import formats


def shuffled(table, seed=9):
    """The same stars seen once more, in another order."""
    random = np.random.default_rng(seed)
    flux, error = (np.array(table[name].combine_chunks().values).reshape(len(table), -1) for name in ("flux", "flux_error"))
    again = (flux + 0.7 * error * random.standard_normal(flux.shape, np.float32)).astype(np.float32)
    place = table.column_names.index("flux")
    return table.set_column(place, "flux", formats.column(again)).take(pa.array(random.permutation(len(table))))


def predicted(tool, tables, out):
    """Rows by source id, what they are of beside their files; seconds and peak of memory."""
    command = ["/usr/bin/time", "-f", "peak %M", tool, "predict", *tables, "--together", "--samples", "100", "-o", out, "--force"]
    begun = time.perf_counter()
    done = subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # Stars without light at 550 nm fail, and say so.
    if done.returncode > 1 or "peak " not in done.stderr:
        sys.exit(done.stderr)
    with open(out) as file:
        rows = [{name: value for name, value in row.items() if name != "file"} for row in csv.DictReader(file)]
    return rows, time.perf_counter() - begun, int(done.stderr.rsplit("peak ", 1)[1].split()[0]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--specclip", type=pathlib.Path, default=formats.ROOT / ".build/release/specclip")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp"))
    options = parser.parse_args()
    names = [options.folder / f"two-passes-{name}.parquet" for name in ("first", "second", "few-1", "few-2")]
    formats.make(names[0], options.rows)
    first = pq.read_table(names[0])
    second = shuffled(first)
    few = set(first["source_id"].to_pylist()[: options.few])
    pq.write_table(second, names[1], row_group_size=10_000)
    pq.write_table(first.slice(0, options.few), names[2])
    pq.write_table(second.filter(pa.array([star in few for star in second["source_id"].to_pylist()])), names[3])
    size = sum(name.stat().st_size for name in names[:2]) / 1e6
    rows, seconds, peak = predicted(options.specclip, names[:2], options.folder / "two-passes.csv")
    some, _, _ = predicted(options.specclip, names[2:], options.folder / "two-passes-few.csv")
    known = {row["source_id"]: row for row in rows}
    alike = sum(known.get(row["source_id"]) == row for row in some)
    print(f"{size:.0f} MB, {len(rows)} rows of {len(known)} stars in {seconds:.0f} s, {peak:.0f} MiB at the most")
    print(f"{alike} of {len(some)} rows are those of small tables, to the last digit")


if __name__ == "__main__":
    main()
