#!/usr/bin/env python3
"""What two instruments tell together, beside what each tells alone, on held-out pairs.

    bench/together.py pairs.h5 [--lines optical] [--tool .build/release/specclip] [--model FILE] [--count 2000] [--output FILE.json]

Reads test stars of a data set of pairs (tier optical-pairs; for models that read lamost-lrs semi-synthetic, with --lines lamost-lrs)
with each instrument and with both (`specclip predict --together`). Prints for each label the robust sigma against the catalogue, the
median of the stated error and the share of stars within the 68 % interval; then how often two spectra of one star are flagged as
contradicting each other, and how often two of different stars are: the pairs are written again with the partners' rows exchanged.
Needs numpy and h5py.
"""
import json
import pathlib
import shutil
import tempfile

import h5py
import numpy as np

from predictions import parser, predict
from robust import robust_sigma

LABELS = ["teff", "logg", "fe_h"]
DISAGREE = 64


def stars(options, data, *more):
    """Test stars by their row."""
    rows = predict(options, data, "--split", "test", "--limit", options.count, *more)
    return {row["file"].rsplit("#", 1)[1]: row for row in rows}


def exchanged(data, folder, lines):
    """A copy in which every star has the lines of the star half the table away."""
    path = pathlib.Path(folder) / "exchanged.h5"
    shutil.copy(data, path)
    with h5py.File(path, "r+") as file:
        for name in list(file["test"]):
            if name.startswith(lines.split("-")[0]):
                rows = file["test"][name][()]
                file["test"][name][...] = np.roll(rows, len(rows) // 2, axis=0)
    return path


def main():
    arguments = parser(__doc__)
    arguments.add_argument("data")
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--lines", default="optical", help="the instrument that sees lines")
    options = arguments.parse_args()
    with h5py.File(options.data) as file:
        truth = {name: file["test"]["labels"][name][()] for name in LABELS}
    found = {
        "gaia-xp": stars(options, options.data, "--instrument", "gaia-xp"),
        options.lines: stars(options, options.data, "--instrument", options.lines),
        "both": stars(options, options.data, "--together"),
    }
    # A star is counted where all three give a number.
    report = {"stars": len(found["both"])}
    for name in LABELS:
        print(f"{name:12s}{'sigma':>10s}{'stated':>10s}{'in 68 %':>10s}")
        keys = [k for k in found["both"] if all(k in f and f[k][name] for f in found.values()) and np.isfinite(truth[name][int(k)])]
        catalogue = np.array([truth[name][int(k)] for k in keys])
        for who, rows in found.items():
            value, error, low, high = (
                np.array([float(rows[k][c]) for k in keys]) for c in (name, "e_" + name, name + "_16", name + "_84"))
            one = {
                "sigma": float(robust_sigma(value - catalogue)), "stated": float(np.median(error)),
                "covered": float(np.mean((low <= catalogue) & (catalogue <= high))),
            }
            report.setdefault(name, {})[who] = one
            print(f"  {who:10s}{one['sigma']:10.3f}{one['stated']:10.3f}{one['covered']:10.3f}")
    with tempfile.TemporaryDirectory() as folder:
        wrong = stars(options, exchanged(options.data, folder, options.lines), "--together")
    for what, rows in [("of one star", found["both"]), ("of two stars", wrong)]:
        share = np.mean([int(row["flag"]) & DISAGREE != 0 for row in rows.values()])
        report[f"flagged {what}"] = float(share)
        print(f"two spectra {what}: instruments-disagree {100 * share:.1f} %")
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
