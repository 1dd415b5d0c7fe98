#!/usr/bin/env python3
"""What several visits of a star tell together, beside what each tells alone and what their product would say.

    bench/visits.py FOLDER [--apart LIST.csv] [--snr 20] [--visits 3] [--stars 150] [--tool .build/release/specclip] [--output FILE.json]
    bench/visits.py xp.h5 [--snr 60] [--visits 4] [--stars 500]

FOLDER holds LAMOST files and labels.csv (../shared/data/lamost-dr10; with --apart, those alone that the model has not seen): stars of
4300 to 9000 K whose S/N_g is at least four times that wanted. A data set of Gaia XP gives test stars of 4000 to 8000 K with a
catalogue [Fe/H], of at least twice the S/N. Each star is "visited" anew: noise is drawn from the file's own errors until S/N is that
wanted. What noise the file had already is common to all visits: 1/16 of the variance or less (XP: 1/4), so that what is said of many
visits is a little too good.

Per label: the robust sigma against the catalogue, the median stated error, and the shares within the 68 % and 95 % intervals (the
latter from 1.96 errors), of single visits, of their posteriors multiplied as if nothing were common to them, and of --together; then
by how much repeats of a star scatter, in stated errors. For velocities, with --rv-floor 0: the share of p below 0.05 and 0.01 of
stars that do not move, and of the same with the last visit moved by 40 km/s. For contradictions: how often visits of a star are
called so, and how often the last visit of another star is, and named. At last by how much answers change when the visits are given
in reverse, in stated errors. Needs numpy and astropy; for XP h5py.
"""
import csv
import json
import pathlib
import subprocess
import tempfile

import numpy as np
from astropy.io import fits

from predictions import parser
from robust import robust_sigma

SPEED_OF_LIGHT = 299792.458


def lamost(options):
    with open(options.data / "labels.csv") as file:
        rows = list(csv.DictReader(file))
    if options.apart:
        with open(options.apart) as file:
            apart = {row["file"] for row in csv.DictReader(file) if row["split"] == "apart"}
        rows = [row for row in rows if row["file"] in apart]
    rows = [r for r in rows if float(r["snrg"]) >= 4 * options.snr and 4300 < float(r["teff"]) < 9000]
    for row in rows[:options.stars]:
        with fits.open(options.data / row["file"]) as file:
            wave, flux, ivar = (np.asarray(file[1].data[name][0], float) for name in ("WAVELENGTH", "FLUX", "IVAR"))
        truth = {"teff": float(row["teff"]), "logg": float(row["logg"]), "fe_h": float(row["feh"])}
        yield wave, flux, ivar, truth, float(row["snrg"])


def gaia(options):
    import h5py
    with h5py.File(options.data) as file:
        test = file["test"]
        labels = {name: test["labels"][name][()] for name in ("teff", "logg", "fe_h", "alpha_m", "a_k", "snr")}
        chosen = np.where((labels["snr"] >= 2 * options.snr) & (labels["fe_h"] > -9) & (abs(labels["teff"] - 6000) < 2000))[0]
        for i in chosen[:options.stars]:
            truth = {name: labels[name][i] for name in labels if name != "snr"}
            yield 3360 + 20.0 * np.arange(343), test["gaia_spectra"][i, :, 0], test["gaia_ivar"][i], truth, labels["snr"][i]


def table(path, rows):
    """Spectra as rows of a table; wavelengths in vacuum."""
    width = max(len(row[1]) for row in rows)
    columns = [fits.Column("SOURCE_ID", "20A", array=[row[0] for row in rows])]
    for place, name in enumerate(("WAVELENGTH", "FLUX", "IVAR"), 1):
        values = np.array([np.pad(row[place], (0, width - len(row[place]))) for row in rows])
        columns.append(fits.Column(name, f"{width}D", array=values, unit="Angstrom" if place == 1 else None))
    fits.BinTableHDU.from_columns(columns).writeto(path, overwrite=True)


def together(options, rows, *more):
    """Stars by name, and the visits of each."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        table(folder / "visits.fits", rows)
        command = [options.tool, "predict", folder / "visits.fits", "--vacuum", "--together", "--samples", "2000"]
        command += ["--visits", folder / "v.npz", "-o", folder / "s.npz", *more]
        if options.model:
            command += ["--model", options.model]
        subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)
        stars, visits = (dict(np.load(folder / name)) for name in ("s.npz", "v.npz"))
    places = {}
    for row, name in enumerate(visits["source_id"]):
        places.setdefault(name.strip(), []).append(row)
    return {name.strip(): {key: stars[key][row] for key in stars} for row, name in enumerate(stars["source_id"])}, {
        name: {key: visits[key][rows] for key in visits} for name, rows in places.items()}


def score(value, error, truth, low=None, high=None):
    inside = (low <= truth) & (truth <= high) if low is not None else abs(value - truth) <= error
    return {
        "sigma": float(robust_sigma(value - truth)), "stated": float(np.median(error)), "in 68 %": float(np.mean(inside)),
        "in 95 %": float(np.mean(abs(value - truth) <= 1.96 * error))}


def main():
    arguments = parser(__doc__)
    arguments.add_argument("data", type=pathlib.Path)
    arguments.add_argument("--apart", type=pathlib.Path)
    arguments.add_argument("--snr", type=float, default=20)
    arguments.add_argument("--visits", type=int, default=3)
    arguments.add_argument("--stars", type=int, default=150)
    options = arguments.parse_args()
    random = np.random.default_rng(1)
    stars, rows = {}, []
    for number, (wave, flux, ivar, truth, snr) in enumerate(gaia(options) if options.data.is_file() else lamost(options)):
        name, factor = f"star{number}", (snr / options.snr) ** 2
        sigma = np.where(ivar > 0, 1 / np.sqrt(np.where(ivar > 0, ivar, 1)), 0) * np.sqrt(factor - 1)
        stars[name] = truth
        rows += [(name, wave, flux + sigma * random.standard_normal(len(flux)), ivar / factor) for _ in range(options.visits)]
    found, visits = together(options, rows, "--rv-floor", "0")
    # A star is counted where all of its visits were read.
    whole = [name for name in stars if len(visits.get(name, {"teff": []})["teff"]) == options.visits]
    report = {"stars": len(whole), "visits": options.visits, "snr": options.snr, "labels": {}}
    print(f"{len(whole)} stars, {options.visits} visits each at S/N {options.snr:.0f}")
    for label in next(iter(stars.values())):
        kept = [name for name in whole if np.isfinite(stars[name][label]) and stars[name][label] > -9]
        truth = np.array([stars[name][label] for name in kept])
        value, error, low, high = (
            np.array([visits[name][column] for name in kept]) for column in (label, "e_" + label, label + "_16", label + "_84"))
        weight = 1 / error**2
        ways = {
            "a visit": score(*(x.ravel() for x in (value, error, np.repeat(truth, options.visits), low, high))),
            "multiplied": score((value * weight).sum(1) / weight.sum(1), weight.sum(1) ** -0.5, truth),
            "together": score(*(np.array([found[name][c] for name in kept]) for c in (label, "e_" + label)), truth, *(
                np.array([found[name][label + end] for name in kept]) for end in ("_16", "_84"))),
        }
        scatter = float(np.sqrt(np.mean(value.var(1, ddof=1) / (error**2).mean(1))))
        report["labels"][label] = {"ways": ways, "scatter": scatter}
        print(f"{label}: repeats scatter by {scatter:.2f} stated errors (n = {len(kept)})")
        for way, one in ways.items():
            print(f"  {way:12s}" + "   ".join(f"{key} {number:8.3f}" for key, number in one.items()))
    flagged = np.mean([bool(str(found[name]["disagree"]).strip()) for name in whole])
    report["contradicting"] = {"of one star": float(flagged)}
    # The last visit is another star's.
    last = [row for row in range(options.visits - 1, len(rows), options.visits)]
    wrong = list(rows)
    for row, other in zip(last, last[len(last) // 2:] + last[:len(last) // 2]):
        wrong[row] = (rows[row][0], *rows[other][1:])
    mixed, _ = together(options, wrong)
    named = np.mean([f"-{options.visits}" in str(mixed[name]["disagree"]) for name in whole if name in mixed])
    report["contradicting"]["of two stars, named"] = float(named)
    print(f"visits of one star contradict each other: {100 * flagged:.1f} %; with one of another star: {100 * named:.1f} %, named")
    if "rv_p" in next(iter(found.values())) and np.isfinite(found[whole[0]]["rv_p"]):
        moved = list(rows)
        for row in last:
            name, wave, flux, ivar = rows[row]
            moved[row] = (name, wave * (1 + 40 / SPEED_OF_LIGHT), flux, ivar)
        velocities = {
            "still, floor 0": found, "still": together(options, rows)[0], "moved, floor 0": together(options, moved, "--rv-floor", "0")[0],
            "moved": together(options, moved)[0]}
        for what, stars_found in velocities.items():
            p = np.array([stars_found[name]["rv_p"] for name in whole])
            report.setdefault("rv", {})[what] = {"p < 0.05": float(np.mean(p < 0.05)), "p < 0.01": float(np.mean(p < 0.01))}
            print(f"rv, {what}: p < 0.05 for {100 * np.mean(p < 0.05):.1f} %, p < 0.01 for {100 * np.mean(p < 0.01):.1f} %")
        errors = np.array([visits[name]["e_rv"] for name in whole])
        scatter = np.array([visits[name]["rv"].std(ddof=1) for name in whole])
        report["rv"]["stated"], report["rv"]["scatter"] = float(np.median(errors)), float(np.sqrt(np.median(scatter**2)))
        print(f"rv: stated {np.median(errors):.1f} km/s, repeats scatter by {np.median(scatter):.1f} km/s (medians)")
    back, _ = together(options, rows[::-1])
    change = [abs(back[n][l] - found[n][l]) / found[n]["e_" + l] for n in whole for l in next(iter(stars.values()))]
    report["reversed"] = float(np.nanmax(change))
    print(f"in reverse: answers change by {np.nanmax(change):.3f} errors at most")
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
