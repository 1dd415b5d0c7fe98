#!/usr/bin/env python3
"""Times the whole way that a user waits for, from spectrum files to rows, beside the least that anyone must do: inflating the files.

    bench/reading.py FOLDER [--files 200] [--tool .build/release/specclip] [--before OTHER-BUILD] [--repeats 5] [--output FILE.json]

FOLDER holds gzipped LAMOST files (../shared/data/lamost-dr10); FILES of them are drawn at random. Per turn and build: `specclip
prepare` (files to one .npz of what a model sees) and `specclip predict` (files to a catalogue), start included. Between the turns
Python inflates the same files with its gzip module, which is zlib. With --before another build does the same in the same turns. One file alone
tells what the start costs, which is libtorch's; ratios are given with it and without it. Wall and CPU seconds (user and system, all
threads) are medians over the turns; ratios are medians of the ratios turn by turn.
"""
import argparse
import gzip
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--before", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.gz"))
    files = random.Random(0).sample(files, min(options.files, len(files)))
    builds = {"now": options.tool} | ({"before": options.before} if options.before else {})
    turns = [turn(files, builds) for _ in range(options.repeats)]
    report = {"files": len(files), "load": os.getloadavg(), "milliseconds a file": {}, "ratios": {}}
    for name in turns[0]:
        files_read = 1 if name.startswith("start") else len(files)
        for clock in ("wall", "cpu"):
            spread = sorted(1e3 * one[name][clock] / files_read for one in turns)
            report["milliseconds a file"][f"{name}, {clock}"] = [spread[0], statistics.median(spread), spread[-1]]
            print(f"{name:18s}{clock:5s}{statistics.median(spread):9.2f} ms a file ({spread[0]:.2f} to {spread[-1]:.2f})")

    def ratio(title, one, other, clock):
        values = [row[one][clock] / row[other][clock] for row in turns]
        report["ratios"][title] = [min(values), statistics.median(values), max(values)]
        print(f"{title}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")

    for one in turns:
        for name in builds:
            one[f"prepare {name} less start"] = {
                clock: one[f"prepare {name}"][clock] - one[f"start {name}"][clock] for clock in ("wall", "cpu")}
    for ending in ("", " less start"):
        ratio(f"CPU of prepare{ending} / CPU of inflating", f"prepare now{ending}", "inflate", "cpu")
        if options.before:
            for clock in ("wall", "cpu"):
                ratio(f"prepare{ending}, {clock}: before / now", f"prepare before{ending}", f"prepare now{ending}", clock)
    if options.before:
        ratio("predict, wall: before / now", "predict before", "predict now", "wall")
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


# What is timed: its name, the command, and how many of the files it gets.
RUNS = [("start", "prepare", 1), ("prepare", "prepare", None), ("predict", "predict", None)]


def turn(files, builds):
    """Seconds of each kind of work, each done once."""
    times = {"inflate": clocked(lambda: [inflate(file) for file in files])}
    with tempfile.TemporaryDirectory() as folder:
        for name, tool in builds.items():
            for title, work, count in RUNS:
                path = pathlib.Path(folder) / f"{name}-{title}.{'npz' if work == 'prepare' else 'csv'}"
                command = [tool, work, *files[:count], "-o", path]
                times[f"{title} {name}"] = clocked(lambda: subprocess.run(command, stderr=subprocess.DEVNULL))
                if not path.exists():
                    raise SystemExit(f"reading: {tool} {work} wrote nothing")
    return times


def inflate(file):
    with gzip.open(file) as stream:
        return len(stream.read())


def clocked(work):
    """Wall and CPU seconds, children included."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    work()
    return {"wall": time.perf_counter() - wall, "cpu": sum(os.times()[:4]) - cpu}


if __name__ == "__main__":
    main()
