#!/usr/bin/env python3
"""Labels from Gaia XP spectra by gradient-boosted trees: the baseline that `specclip demo` must beat.

Usage: bench/baselines.py demo/xp.h5      (needs numpy, h5py and scikit-learn)

Trains scikit-learn's HistGradientBoostingRegressor (defaults) on the training split of a `real-xp` data set and prints the
robust sigma (Tukey's biweight) of its residuals on the test split.
"""
import sys

import h5py
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from robust import robust_sigma


def main(path):
    with h5py.File(path) as file:
        def read(split):
            group = file[split]
            flux = np.squeeze(group["gaia_spectra"][...])
            return flux, {name: group["labels"][name][...] for name in ("teff", "logg", "fe_h")}

        train, test = read("train"), read("test")
    for name in ("teff", "logg", "fe_h"):
        known, tested = np.isfinite(train[1][name]), np.isfinite(test[1][name])
        model = HistGradientBoostingRegressor(random_state=0).fit(train[0][known], train[1][name][known])
        residual = model.predict(test[0][tested]) - test[1][name][tested]
        print(f"{name:5s} robust sigma {robust_sigma(residual):8.3f}   {tested.sum()} test stars, {known.sum()} training stars")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
