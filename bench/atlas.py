#!/usr/bin/env python3
"""Look-alikes among a million: an atlas of specclip beside FAISS and usearch, on the same embeddings in the same run.

    python3 -m venv bench/venv-atlas && bench/venv-atlas/bin/pip install numpy h5py astropy faiss-cpu usearch
    bench/redrawn.py xp.h5 --count 1000000 -o big.h5 && specclip embed big.h5 --instrument gaia-xp -o big.fits
    bench/redrawn.py xp.h5 --count 40000 --seed 7 -o queries.h5
    OMP_WAIT_POLICY=passive bench/venv-atlas/bin/python bench/atlas.py queries.h5 big.fits [more.fits ...] [--width 64] [--others]

Embeddings are those of Gaia XP spectra with their noise drawn anew; their intrinsic dimension is printed (the two nearest neighbours of
5,000; Facco et al. 2017). Queries are other draws. For each: seconds to build, queries a second in one batch, recall@10 against a search
of all (NumPy), and the size on disk or in memory. specclip is timed the whole way, from spectra to a file of neighbours: 20,000 queries
less 2,000, and beside it the same less the time that embedding them takes (`specclip embed`, timed alike); the others are timed on
embeddings in memory, index in memory, beside the seconds of the processor that they took, which other work on the machine does not
change much. Memory of specclip is the peak of its process. Threads: two each. usearch takes four times as long to build as the others.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import faiss
import numpy as np
from astropy.io import fits

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP = 10


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def embeddings(path, width):
    with fits.open(path, memmap=True) as file:
        return unit(np.asarray(file[1].data["embedding"], dtype=np.float32)[:, :width])


def exact(queries, rows):
    """The best rows for each query, looked at block by block."""
    best, place = np.full((len(queries), TOP), -2, np.float32), np.zeros((len(queries), TOP), np.int64)
    for start in range(0, len(rows), 200_000):
        found = queries @ rows[start:start + 200_000].T
        own = np.argpartition(-found, TOP, 1)[:, :TOP]
        both = np.concatenate([best, np.take_along_axis(found, own, 1)], 1)
        order = np.argsort(-both, 1)[:, :TOP]
        place = np.take_along_axis(np.concatenate([place, own + start], 1), order, 1)
        best = np.take_along_axis(both, order, 1)
    return place


def recall(found, right):
    return float(np.mean([len(set(a) & set(b)) / TOP for a, b in zip(found, right)]))


def dimension(rows):
    """The maximum of the likelihood of the ratios of distances to the two nearest neighbours."""
    some = rows[np.random.default_rng(0).choice(len(rows), 5000, replace=False)]
    distance = np.sqrt(np.maximum(2 - 2 * some @ some.T, 0))
    np.fill_diagonal(distance, np.inf)
    near = np.partition(distance, 1, 1)[:, :2]
    ratio = near[:, 1] / np.maximum(near[:, 0], 1e-9)
    return float(len(ratio) / np.sum(np.log(ratio)))


PEAK = {}


def timed(*command):
    """Seconds of a run; its peak of memory, in MB, is kept by its second word."""
    begun = time.perf_counter()
    ran = subprocess.run(["/usr/bin/time", "-f", "%M", *map(str, command)], check=True, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begun
    PEAK[command[1]] = max(PEAK.get(command[1], 0), int(ran.stderr.split()[-1]) / 1024)
    return seconds


def specclip(options, folder, right, ids, width):
    tool, atlas = options.tool, folder / "atlas"
    built = timed(tool, "atlas", "build", *options.tables, "-o", atlas, "--width", width)
    seconds = {}
    for what, more in [("search", ["--in", atlas, "--top", TOP]), ("embed", [])]:
        for count in (2000, 20000):
            seconds[what, count] = timed(
                tool, what, options.queries, "--instrument", "gaia-xp", "--limit", count, *more,
                "-o", folder / f"{what}.npz", "--force", "--restart")
    whole = seconds["search", 20000] - seconds["search", 2000]
    alone = whole - seconds["embed", 20000] + seconds["embed", 2000]
    timed(tool, "search", options.queries, "--instrument", "gaia-xp", "--limit", len(right), "--in", atlas, "--top", TOP,
          "-o", folder / "found.npz", "--force", "--restart")
    found = np.load(folder / "found.npz")["source_id"].astype(str).reshape(len(right), TOP)
    hits = np.mean([len(set(a) & set(ids[b])) / TOP for a, b in zip(found, right)])
    return {
        "build": built, "queries/s": 18000 / alone, "whole way": 18000 / whole, "recall@10": float(hits),
        "MB": sum(file.stat().st_size for file in atlas.iterdir()) / 1e6, "peak MB, build": PEAK["atlas"], "search": PEAK["search"],
    }


class Clock:
    """Seconds, and seconds of the processor."""

    def __init__(self):
        self.begun = time.perf_counter(), time.process_time()

    def __call__(self):
        return time.perf_counter() - self.begun[0], time.process_time() - self.begun[1]


def judged(built, searched, queries, found, right):
    return {"build": built[0], "build, processor": built[1], "queries/s": len(queries) / searched[0],
            "queries/s of the processor": len(queries) / searched[1], "recall@10": recall(found[:len(right)], right)}


def faiss_index(description, rows, queries, right, probes):
    clock = Clock()
    index = faiss.index_factory(rows.shape[1], description, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[np.random.default_rng(1).choice(len(rows), min(len(rows), 200_000), replace=False)])
    index.add(rows)
    built = clock()
    faiss.extract_index_ivf(index).nprobe = probes
    clock = Clock()
    _, found = index.search(queries, TOP)
    return judged(built, clock(), queries, found, right)


def graph(rows, queries, right):
    """HNSW (Malkov & Yashunin 2018) with 16 neighbours a row; 64 candidates where a row is added, half of usearch's default, since a
    graph takes several times as long to build as groups do."""
    from usearch.index import Index
    clock = Clock()
    index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=64)
    for start in range(0, len(rows), 50_000):
        index.add(np.arange(start, min(start + 50_000, len(rows))), rows[start:start + 50_000], threads=2)
        print(f"usearch: {len(index)} rows, {clock()[0]:.0f} s", flush=True)
    built = clock()
    report = {}
    for candidates in (64, 256):
        index.expansion_search = candidates
        clock = Clock()
        found = index.search(queries, TOP, threads=2).keys
        report[f"usearch, {candidates} candidates"] = judged(built, clock(), queries, found, right) | {
            "MB": index.memory_usage / 1e6}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries")
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--judged", type=int, default=1000, help="queries whose neighbours are looked for among all")
    parser.add_argument("--others", nargs="*", default=["IVF1024,Flat", "IVF1024,SQfp16", "IVF1024,PQ32", "usearch"],
                        help="indices of FAISS, and usearch; none where memory is short")
    parser.add_argument("--no-specclip", action="store_true", help="the others alone")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    faiss.omp_set_num_threads(2)
    report = {}
    with tempfile.TemporaryDirectory(dir=pathlib.Path(options.tables[0]).resolve().parent) as name:
        folder = pathlib.Path(name)
        timed(options.tool, "embed", options.queries, "--instrument", "gaia-xp", "--limit", options.judged, "-o", folder / "judged.fits")
        queries = embeddings(folder / "judged.fits", options.width)
        right, ids, count = None, [], 0
        best = []
        for path in options.tables:
            rows = embeddings(path, options.width)
            best.append((count + exact(queries, rows), rows))
            with fits.open(path, memmap=True) as file:
                ids.append(np.char.strip(np.asarray(file[1].data["source_id"]).astype(str)))
            count += len(rows)
            if len(options.tables) > 1:
                place = best[-1][0]
                score = np.take_along_axis(queries @ rows.T, place - count + len(rows), 1)
                best[-1] = (place, score)
        if len(best) == 1:
            right = best[0][0]
        else:
            place, score = (np.concatenate([one[i] for one in best], 1) for i in (0, 1))
            right = np.take_along_axis(place, np.argsort(-score, 1)[:, :TOP], 1)
        ids = np.concatenate(ids)
        print(f"{count} rows of {options.width} numbers, intrinsic dimension {dimension(rows):.1f}; {len(queries)} queries judged")
        if not options.no_specclip:
            report["specclip"] = specclip(options, folder, right, ids, options.width)
            print("specclip", report["specclip"], flush=True)
        if options.others:
            rows = best[0][1] if len(best) == 1 else np.concatenate([embeddings(path, options.width) for path in options.tables])
            many = np.tile(queries, (10, 1))
            for other in options.others:
                found = graph(rows, many, right) if other == "usearch" else {
                    f"FAISS {other}, 8 lists": faiss_index(other, rows, many, right, probes=8)}
                for name, own in found.items():
                    report[name] = own
                    print(name, own, flush=True)
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
