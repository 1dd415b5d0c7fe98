#!/usr/bin/env python3
"""A model learns labels of one's own from half of the plates, and is judged on the others.

    python own_labels.py labels.csv spec-*.fits.gz [--labels teff,logg,feh] [-o mine.safetensors]

labels.csv has a column file, one of plates (planid), and labels; such as the 1,516 spectra of LAMOST DR10 with labels of LASP. (Of
these the model that comes with the package has seen most: what it reaches on spectra of your own is told by its report.)
"""

import argparse
from pathlib import Path

import lamost
import numpy as np
from astropy.table import Table

import specclip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("catalogue")
    options.add_argument("spectra", nargs="+")
    options.add_argument("--labels", default="teff,logg,feh")
    options.add_argument("--methods", default="labels,features", help="labels, features, lora, full, flux")
    options.add_argument("-o", "--output", default="mine.safetensors")
    given = options.parse_args()
    names = given.labels.split(",")

    catalogue = Table.read(given.catalogue)
    rows = {name: row for row, name in enumerate(catalogue["file"])}
    paths = [path for path in given.spectra if Path(path).name in rows]
    catalogue = catalogue[[rows[Path(path).name] for path in paths]]
    # By plates: stars of one share night, sky and spectrograph.
    plates = np.unique(catalogue["planid"])
    is_ours = np.isin(catalogue["planid"], plates[::2])

    spectra = lamost.read(paths)
    ours = {name: [value for value, own in zip(values, is_ours) if own] for name, values in spectra.items()}
    others = {name: [value for value, own in zip(values, is_ours) if not own] for name, values in spectra.items()}

    model = specclip.load().adapt(
        **ours,
        labels={name: catalogue[name][is_ours] for name in names},
        group=catalogue["planid"][is_ours],
        scale="LASP",
        methods=given.methods.split(","),
        path=given.output,
        overwrite=True,
    )
    model.report.pprint()

    table = model.predict(**others, bad="nan")
    # What has a name of the model's own is called as the scale is, in the order in which the report has them.
    for name, told in zip(names, model.report["label"]):
        truth = np.asarray(catalogue[name][~is_ours], float)
        off = np.asarray(table[told]) - truth
        known = np.isfinite(off) & (np.ma.filled(table["flag_own"], 99) == 0)
        centre = np.median(off[known])
        scatter = 1.4826 * np.median(np.abs(off[known] - centre))
        within = np.mean(np.abs(off[known]) < np.asarray(table["e_" + told])[known])
        print(
            f"{told}: {known.sum()} stars of other plates, bias {centre:.3g}, scatter {scatter:.3g}, {within:.0%} within e_"
        )


if __name__ == "__main__":
    main()
