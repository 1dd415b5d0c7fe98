#!/usr/bin/env python3
"""LASP labels of real LAMOST DR10 stars from other plates' stars: a pre-trained encoder of `optical` beside a plain MLP on the flux.

    python3 -m venv bench/venv-dr10 && bench/venv-dr10/bin/pip install torch==2.11.0 numpy scipy h5py
    bench/venv-dr10/bin/python bench/dr10.py ../shared/data/lamost-dr10 RUN [--sizes 100,200,all] [--members 3] [--output FILE.json]
    bench/venv-dr10/bin/python bench/dr10.py ../shared/data/lamost-dr10 --apart     (the MLPs on the plates that were kept apart)

RUN is the folder in which the encoder has learned MILES mixtures by the preset small-miles; no star of LAMOST was in these:

    specclip data pairs optical-mixtures --count 15000 -o RUN/mixtures.h5
    specclip pretrain small-miles --data-folder RUN --run RUN --instrument optical
    specclip finetune small-miles --data-folder RUN --run RUN --instrument optical

A fifth of the plates is kept apart from everything. Of the others
five folds are made, by connected groups of plates that share a star; in each fold the encoder is fine-tuned anew on the other four
and reads the fifth (`specclip labels curve`), and so does the MLP, the same stars, on flux divided by itself smoothed, 4000 to 5600 A,
bad pixels left out. Both read spectra brought to rest by the survey's redshifts. Printed: bias, robust sigma and their bootstrap
errors, and the paired difference of the two.

The MLP: dropout 0.1, 256, GELU, dropout 0.3, 128, GELU, dropout 0.2, 3, and once more without dropout; pixels standardised one by
one; AdamW 1.5e-3 one-cycle, weight decay 0.05, 1,800 steps of 96, smooth L1 (0.3), shifts of up to 2 pixels, noise of up to 4 %;
stars of 4200-7100 K.
"""
import argparse
import csv
import json
import pathlib
import shutil
import subprocess

import h5py
import numpy as np
import torch
from torch import nn

from robust import robust_sigma

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABELS = ["teff", "logg", "fe_h"]
FOLDS = 5
ENCODER = "fine-tuned encoder"
MLPS = {"MLP on flux": (0.1, 0.3, 0.2), "without dropout": (0, 0, 0)}
CLASSES = {
    "FGK (4300-7000 K), S/N_g > 20": lambda s: (s["teff"] > 4300) & (s["teff"] < 7000) & (s["snrg"] > 20),
    "FGK, S/N_g > 50": lambda s: (s["teff"] > 4300) & (s["teff"] < 7000) & (s["snrg"] > 50),
    "[Fe/H] < -1, cooler than 7000 K": lambda s: (s["fe_h"] < -1) & (s["teff"] < 7000),
    "hotter than 7500 K": lambda s: s["teff"] > 7500,
}


def split(data, name, instrument="optical"):
    with h5py.File(data) as file:
        part = file[name]
        return {
            "flux": part[instrument + "_spectra"][:].reshape(len(part["source_ids"]), -1),
            "good": part[instrument + "_ivar"][:].reshape(len(part["source_ids"]), -1) > 0,
            "labels": np.stack([part["labels"][label][:] for label in LABELS], 1),
            "ids": [name.decode() if isinstance(name, bytes) else str(name) for name in part["source_ids"][:]],
        }


class Perceptron(nn.Sequential):
    def __init__(self, pixels, dropout):
        super().__init__(nn.Dropout(dropout[0]), nn.Linear(pixels, 256), nn.GELU(), nn.Dropout(dropout[1]), nn.Linear(256, 128),
                         nn.GELU(), nn.Dropout(dropout[2]), nn.Linear(128, 3))


# What the MLP sees of the grid of `optical`: 4000 to 5600 A.
WINDOW = slice(*(int(np.ceil((np.log10(end) - 3.5563) / 1e-4)) for end in (4000, 5600)))


def perceptron(train, test, chosen, seed, dropout, window=WINDOW):
    """The MLP's answer for the test split, from some of the pixels."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    flux, good = train["flux"][chosen][:, window] - 1, train["good"][chosen][:, window]
    count = np.maximum(good.sum(0), 1)
    mean = (flux * good).sum(0) / count
    spread = np.sqrt(((flux - mean) ** 2 * good).sum(0) / count) + 0.01
    x = torch.tensor(np.clip((flux - mean) / spread, -8, 8) * good, dtype=torch.float32)
    mask, noise = torch.tensor(good, dtype=torch.float32), torch.tensor(1 / spread, dtype=torch.float32)
    values = train["labels"][chosen].copy()
    values[:, 0] = np.log10(values[:, 0])
    centre, scale = values.mean(0), values.std(0)
    y = torch.tensor((values - centre) / scale, dtype=torch.float32)
    net = Perceptron(x.shape[1], dropout)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1.5e-3, weight_decay=0.05)
    steps = 1800
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.tensor(random.integers(0, len(x), min(96, len(x))))
        shift = int(random.integers(-2, 3))
        shown, known = torch.roll(x[rows], shift, 1), torch.roll(mask[rows], shift, 1)
        shown = (shown + torch.randn_like(shown) * torch.rand(len(rows), 1) * 0.04 * noise) * known
        loss = nn.functional.smooth_l1_loss(net(shown), y[rows], beta=0.3)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.eval()
    flux, good = test["flux"][:, window] - 1, test["good"][:, window]
    with torch.no_grad():
        out = net(torch.tensor(np.clip((flux - mean) / spread, -8, 8) * good, dtype=torch.float32)).numpy() * scale + centre
    out[:, 0] = 10 ** out[:, 0]
    return out


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def report(stars, answers, size, own=ENCODER):
    """Prints and returns the scores of one number of labelled stars; those of the others beside those of `own`."""
    random = np.random.default_rng(0)
    truth = np.stack([stars[label] for label in LABELS], 1)
    result = {}
    for title, belongs in CLASSES.items():
        chosen = np.flatnonzero(belongs(stars) & np.all([np.isfinite(found).all(1) for found in answers.values()], axis=0))
        draws = [random.choice(chosen, len(chosen)) for _ in range(300)]
        result[title] = {"n": len(chosen)}
        print(f"{size} labelled stars; {title}: n = {len(chosen)}")
        for i, label in enumerate(LABELS):
            sigma = {}
            for method, found in answers.items():
                residual = (found - truth)[:, i]
                spread = [robust_sigma(residual[rows]) for rows in draws]
                sigma[method] = np.array(spread)
                result[title].setdefault(method, {})[label] = {
                    "bias": float(np.median(residual[chosen])), "bias_error": float(np.std([np.median(residual[rows]) for rows in draws])),
                    "sigma": float(robust_sigma(residual[chosen])), "sigma_error": float(np.std(spread))}
            for method in answers:
                one = result[title][method][label]
                line = f"  {label:5s} {method:18s} {one['bias']:+9.3f} / {one['sigma']:8.3f} +- {one['sigma_error']:.3f}"
                if method != own:
                    gain = sigma[method] - sigma[own]
                    one["gain"] = [float(gain.mean()), float(gain.std())]
                    line += f"   less that of {own}: {gain.mean():.3f} +- {gain.std():.3f}"
                print(line)
    return result


def folds(options, fold, apart="0.2", instrument="optical"):
    """The data set and the list of one fold of the labelled stars, spectra at rest."""
    data, listed = options.work / f"fold{fold}.h5", options.work / f"fold{fold}.csv"
    run(options.tool, "data", "stars", options.folder / "labels.csv", "--labels", "teff,logg,fe_h=feh", "--group", "planid",
        "--redshift", "z", "--instrument", instrument, "--fold", f"{fold}/{FOLDS}", "--apart", apart,
        "--validation", "0", "--list", listed, "-o", data, "--force")
    return data, listed


def read_apart(options, catalogue):
    """What MLPs that learned from all stars of the folds read of the plates that were kept apart, and how far off it is."""
    data, listed = folds(options, 0)
    apart, chosen = options.work / "apart.h5", options.work / "apart.csv"
    with open(listed) as file:
        names = [row["file"] for row in csv.DictReader(file) if row["split"] == "apart"]
    with open(chosen, "w", newline="") as file:
        writer = csv.DictWriter(file, list(catalogue[names[0]]))
        writer.writeheader()
        writer.writerows(catalogue[name] for name in names)
    run(options.tool, "data", "stars", chosen, "--spectra", options.folder, "--labels", "teff,logg,fe_h=feh", "--group", "planid",
        "--redshift", "z", "--instrument", "optical", "--fold", "1/1", "-o", apart, "--force")
    train, test = split(data, "train"), split(apart, "test")
    cool = np.flatnonzero((train["labels"][:, 0] > 4200) & (train["labels"][:, 0] < 7100))
    found = {method: np.mean([perceptron(train, test, cool, seed, dropout) for seed in range(2)], 0) for method, dropout in MLPS.items()}
    report(labels_of(catalogue, test["ids"]), found, "all", own=next(iter(MLPS)))


def fine_tuned(options, run_folder, fold, data, member, sizes):
    """The encoder of a run, fine-tuned on a fold's stars as MILES mixtures have left it: for each size the test stars' labels by name."""
    # A folder of its own for each training.
    folder = options.work / f"{run_folder.name}-fold{fold}-{member}"
    (folder / "finetune-optical").mkdir(parents=True, exist_ok=True)
    shutil.copy(run_folder / "finetune-optical/encoder.safetensors", folder / "finetune-optical")
    out = options.work / f"{run_folder.name}-fold{fold}-{member}.json"
    run(options.tool, "labels", "curve", options.preset, "--data", data, "--seed", 42 + member,
        "--run", folder, "--instrument", "optical", "--stars", ",".join(sizes), "--alone", "--predictions", "-o", out, "--force")
    curve = json.loads(out.read_text())
    rising = sorted(sizes, key=lambda text: np.inf if text == "all" else int(text))
    return {size: dict(zip(curve["sources"], np.stack([point["predictions"]["fine-tuned encoder"][label] for label in LABELS], 1)))
            for size, point in zip(rising, curve["points"])}


def labels_of(catalogue, names):
    return {label: np.array([float(catalogue[name][column]) for name in names])
            for label, column in [("teff", "teff"), ("logg", "logg"), ("fe_h", "feh"), ("snrg", "snrg")]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("run", type=pathlib.Path, nargs="?")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / ".build/release/specclip")
    parser.add_argument("--preset", type=pathlib.Path, default=ROOT / "Sources/SpecCLIP/Presets/small.yaml")
    parser.add_argument("--sizes", default="all")
    parser.add_argument("--members", type=int, default=1, help="networks of each kind whose answers are averaged")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "bench/work/dr10")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    options.work.mkdir(parents=True, exist_ok=True)
    sizes = options.sizes.split(",")
    with open(options.folder / "labels.csv") as file:
        catalogue = {row["file"]: row for row in csv.DictReader(file)}
    if options.apart:
        return read_apart(options, catalogue)
    answers = {size: {method: {} for method in [ENCODER, *MLPS]} for size in sizes}
    for fold in range(1, FOLDS + 1):
        data, _ = folds(options, fold)
        train, test = split(data, "train"), split(data, "test")
        for member in range(options.members):
            for size, found in fine_tuned(options, options.run, fold, data, member, sizes).items():
                for name, one in found.items():
                    answers[size][ENCODER].setdefault(name, []).append(one)
                cool = np.flatnonzero((train["labels"][:, 0] > 4200) & (train["labels"][:, 0] < 7100))
                random = np.random.default_rng(1000 * fold)
                rows = cool if size == "all" else random.permutation(cool)[: int(int(size) * len(cool) / len(train["ids"]))]
                for method, dropout in MLPS.items():
                    for name, one in zip(test["ids"], perceptron(train, test, rows, member, dropout)):
                        answers[size][method].setdefault(name, []).append(one)
        print(f"fold {fold}: {len(train['ids'])} to train on, {len(test['ids'])} read", flush=True)
    results = {}
    for size in sizes:
        names = sorted(answers[size][ENCODER])
        stars = labels_of(catalogue, names)
        pooled = {method: np.array([np.mean(found[name], 0) for name in names]) for method, found in answers[size].items()}
        results[size] = report(stars, pooled, size)
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
