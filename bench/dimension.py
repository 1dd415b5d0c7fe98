#!/usr/bin/env python3
"""Dimension estimates of `specclip iob dimension` beside scikit-dimension and DADApy, on the same rows.

    bench/dimension.py [--tool .build/release/specclip] [--output dimension.json]

An ordered bottleneck is judged beside TwoNN, Levina-Bickel and principal components: they must be what others mean by
these names. A model is trained for one epoch on one file, to have one at all; the dimension is asked of another file,
all rows of which are then judged. The first run makes bench/venv-dimension. Ends with status 1 where a neighbour
estimate is more than 3 % from scikit-dimension's, or a number of components is not the same. See bench/README.md for
the columns.
"""
import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile

from run import HERE, ROOT, output, prepare_venv, text, write

VENV = HERE / "venv-dimension"
# DADApy pins jax 0.4.30 and numpy below 2, which have no wheels for Python above 3.12.
REQUIREMENTS = ["scikit-dimension==0.5.0", "dadapy==0.3.4", "scikit-learn==1.7.2"]
TOLERANCE = 0.03
NEIGHBOURS = 20
ROWS = 2000

if __name__ == "__main__" and pathlib.Path(sys.prefix) != VENV:
    # Under the Python of the venv from here on; help needs none.
    if {"-h", "--help"}.isdisjoint(sys.argv):
        prepare_venv(VENV, REQUIREMENTS, "scikit-dimension and DADApy (a download of some 300 MB)")
        python = str(VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])
else:
    import dadapy
    import numpy as np
    import skdim
    import sklearn.datasets


def main():
    options = arguments()
    if not pathlib.Path(options.tool).exists():
        sys.exit(f"dimension: {options.tool} is not there; run: make build")
    print(f"{'':16}{'TwoNN':23}{'max. likelihood':18}{'PCA 95 / 99 %'}")
    print(f"{'':16}{'ours':>7}{'skdim':>8}{'DADApy':>8}{'ours':>8}{'skdim':>8}{'ours':>8}{'skdim':>8}")
    results = []
    for name, (seen, unseen) in data_sets().items():
        results.append(compare(name, seen, unseen, options.tool))
        print(line(results[-1]), flush=True)
    differing = [f"{one['name']}: {what}" for one in results for what in one["differing"]]
    agreement = f"all agree (neighbours within {TOLERANCE:.0%}, PCA exactly)"
    print("\n".join(f"differs: {what}" for what in differing) or agreement)
    if options.output:
        write({"versions": versions(), "tolerance": TOLERANCE, "data": results}, pathlib.Path(options.output))
    return 1 if differing else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(ROOT / ".build/release/specclip"))
    parser.add_argument("--output", help="write JSON there (default: print only)")
    return parser.parse_args()


def data_sets():
    """Rows to train on and rows to judge, in float32 as the tool holds them. No row occurs twice in any of them."""
    random = np.random.default_rng(1)
    digits = random.permutation(sklearn.datasets.load_digits().data)
    pairs = {
        "s-curve": [s_curve(random, 0.0) for _ in range(2)],
        "s-curve, noisy": [s_curve(random, 0.1) for _ in range(2)],
        "gaussian, 5": gaussians(random, 5),
        "gaussian, 20": gaussians(random, 20),
        "digits": [digits[0::2], digits[1::2]],
        "sphere": [sphere(random) for _ in range(2)],
    }
    return {name: [rows.astype(np.float32) for rows in pair] for name, pair in pairs.items()}


def s_curve(random, noise):
    t, v = 3 * np.pi * (random.random(ROWS) - 0.5), random.random(ROWS)
    rows = np.stack([np.sin(t), 2 * v, np.sign(t) * (np.cos(t) - 1)], 1)
    return rows + noise * random.normal(size=rows.shape)


def gaussians(random, rank, features=100, noise=0.01):
    """Two samples of one Gaussian: as wide in `rank` directions, and next to nothing in the others."""
    directions = np.linalg.qr(random.normal(size=(features, rank)))[0].T

    def sample():
        return random.normal(size=(ROWS, rank)) @ directions + noise * random.normal(size=(ROWS, features))

    return [sample(), sample()]


def sphere(random):
    rows = random.normal(size=(ROWS, 3))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def compare(name, seen, unseen, tool):
    ours, rows = specclip(seen, unseen, tool), unseen.astype(np.float64)
    theirs = scikit_dimension(rows)
    differing = [
        f"{key} {ours[key]:.4g}, scikit-dimension {theirs[key]:.4g}"
        for key in ("twoNN", "maximumLikelihood") if not abs(ours[key] - theirs[key]) <= TOLERANCE * theirs[key]
    ]
    differing += [
        f"{key} {ours[key]}, scikit-dimension {theirs[key]}" for key in ("pca95", "pca99") if ours[key] != theirs[key]
    ]
    return {
        "name": name, "rows": rows.shape[0], "features": rows.shape[1], "specclip": ours, "scikit-dimension": theirs,
        "dadapy": {"twoNN": two_nn_of_dadapy(rows)}, "differing": differing,
    }


def specclip(seen, unseen, tool):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model, train, test = folder / "m.safetensors", folder / "train.npz", folder / "test.npz"
        np.savez(train, rows=seen)
        np.savez(test, rows=unseen)
        compute = ["--device", "cpu", "--threads", "1"]
        output([tool, "iob", "train", train, "--width", "4", "--epochs", "1", "-o", model, *compute])
        report = json.loads(output([tool, "iob", "dimension", model, test, "--json", *compute]))
    # Rows of another file than the model's: no split, and principal components are found on these rows themselves.
    if report["rows"] != len(unseen):
        sys.exit(f"dimension: {report['rows']} of {len(unseen)} rows were judged")
    return {
        "twoNN": report["twoNN"], "maximumLikelihood": report["maximumLikelihood"],
        "pca95": report["pca"]["for95"], "pca99": report["pca"]["for99"],
    }


def scikit_dimension(rows):
    # TwoNN: a line through the origin in (log μ, -log(1 - F)), the largest tenth of the μ left out, on both sides. F of
    # the i-th smallest of N is i/N, i from 1 (Facco et al. 2017).
    two_nn = skdim.id.TwoNN(discard_fraction=0.1, method="linear").fit(rows)
    # Maximum likelihood: 1/m = Σ_j log(T_k / T_j) / (k - 1) over the k = 20 neighbours of a row; `unbiased` has k - 2.
    # comb="mle" averages 1/m over the rows (MacKay & Ghahramani 2005), as we do; Levina & Bickel average m ("mean").
    likelihood = skdim.id.MLE(unbiased=False).fit(rows, n_neighbors=NEIGHBOURS, comb="mle")
    # Principal components: the fewest whose share of the variance reaches alphaRatio.
    pca95, pca99 = (int(skdim.id.lPCA(ver="ratio", alphaRatio=share).fit(rows).dimension_) for share in (0.95, 0.99))
    return {
        "twoNN": float(two_nn.dimension_), "maximumLikelihood": float(likelihood.dimension_), "pca95": pca95,
        "pca99": pca99,
    }


def two_nn_of_dadapy(rows):
    # The same line; rows that occur twice would be kept, which the others leave out.
    data = dadapy.Data(rows, maxk=NEIGHBOURS, verbose=False, n_jobs=1)
    return float(data.compute_id_2NN(algorithm="base", mu_fraction=0.9)[0])


def line(result):
    ours, theirs = result["specclip"], result["scikit-dimension"]
    two_nn = f"{ours['twoNN']:7.3f}{theirs['twoNN']:8.3f}{result['dadapy']['twoNN']:8.3f}"
    likelihood = f"{ours['maximumLikelihood']:8.3f}{theirs['maximumLikelihood']:8.3f}"
    components = "".join(f"{side['pca95']}/{side['pca99']}".rjust(8) for side in (ours, theirs))
    return f"{result['name']:16}{two_nn}{likelihood}{components}"


def versions():
    found = dict(requirement.split("==") for requirement in REQUIREMENTS)
    specclip = text(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return {**found, "numpy": np.__version__, "python": platform.python_version(), "specclip": specclip}


if __name__ == "__main__":
    sys.exit(main())
