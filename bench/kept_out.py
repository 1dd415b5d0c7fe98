#!/usr/bin/env python3
"""Whether stars of classes that were kept out of every training are found odd: of real Gaia XP spectra, by models trained from nothing.

    python3 -m venv bench/venv-outliers && bench/venv-outliers/bin/pip install numpy astropy h5py scikit-learn
    bench/venv-outliers/bin/python bench/kept_out.py xp.h5 WORK-FOLDER [--tool .build/release/specclip]

xp.h5 is a data set of the tier real-xp (scripts/train-small.sh). Two models learn by one recipe, a short form of the preset `small` with
XP alone (encoder, labels, posterior, spectra, two stars in one, normal stars): one from all stars, one from those of no class below, in
whatever split. Both judge the test split. Printed for each class, and for both models: the area under the ROC curve of its test stars
beside the test stars of no class; the share found on lists at false-discovery rates of 1 and 5 %, where a twentieth of all stars is of
the class; the areas of an isolation forest, of the local outlier factor and of the reconstruction error on twenty principal components
of the same training spectra. What is in WORK-FOLDER already is not made again.
"""
import pathlib
import subprocess

import h5py
import numpy as np

from outliers import Components, GaiaXP, area, found, judged, options_of

CLASSES = {
    "hotter than 8000 K": lambda labels: labels["teff"] > 8000,
    "cooler than 3700 K": lambda labels: labels["teff"] < 3700,
    "[Fe/H] < −1.5": lambda labels: labels["fe_h"] < -1.5,
}

RECIPE = """
name: kept-out
seed: 42
embedding: 64
data: xp.h5
instruments:
  gaia-xp:
    encoder:
      {{ kind: auto-encoder, hidden: 512, bottleneck: 96, encoderBlocks: 2, decoderBlocks: 0, expansion: 2, dropout: 0.05,
        statistics: asinh-mean-std }}
    pretrain:
      data: xp.h5
      augment: {{ ownNoise: 1 }}
      training: {{ batch: 128, steps: {pretrain}, learningRate: 1.0e-3, warmup: 100, weightDecay: 0.01, validateEvery: 250 }}
    finetune:
      data: xp.h5
      names: [teff, logg, fe_h, alpha_m, a_k]
      hidden: [128]
      degreesOfFreedom: 4
      augment: {{ ownNoise: 1, extinction: 0.3 }}
      training: {{ batch: 256, steps: {finetune}, learningRate: 1.0e-3, warmup: 100, weightDecay: 0.05, validateEvery: 250 }}
    projection: {{ kind: mlp, hidden: 256, dropout: 0.05 }}
    decoder: {{ hidden: [256, 256], dropout: 0.05 }}
align:
  # There is nothing to align one instrument with: its projection learns to keep the spectrum.
  objective: {{ logitScale: 15.5, contrast: 0, reconstruction: 1, prediction: 0 }}
  training: {{ batch: 256, steps: {align}, learningRate: 1.0e-3, warmup: 50, weightDecay: 0.02, validateEvery: 100 }}
labels:
  heads:
    gaia-xp:
      data: xp.h5
      scale: APOGEE
      names: [teff, logg, fe_h, alpha_m, a_k]
      posterior:
        {{ kind: nsf, transforms: 2, hidden: 64, bins: 10, tailBound: 4, fixedOrder: true,
          training: {{ batch: 200, epochs: {epochs}, learningRate: 5.0e-4, patience: 8 }} }}
      ensembleSize: 1
"""


def of_classes(part):
    """The stars of each class, and those of none."""
    labels = {name: part["labels"][name][()] for name in ("teff", "fe_h")}
    members = {name: belongs(labels) for name, belongs in CLASSES.items()}
    return members, ~np.any(list(members.values()), axis=0)


def without_classes(data, out):
    """The data set without the stars of any class, but for its test split."""
    with h5py.File(data) as source, h5py.File(out, "w") as file:
        file.attrs.update(source.attrs)
        for split, part in source.items():
            kept = np.ones(len(part["source_ids"]), bool) if split == "test" else of_classes(part)[1]

            def copy(name, item):
                if isinstance(item, h5py.Dataset):
                    file[f"{split}/{name}"] = item[()][kept]
            part.visititems(copy)


def trained(options, folder):
    """A model with all that judges spectra, made of the data set in a folder."""
    data, run, recipe = folder / "xp.h5", folder / "run", folder / "recipe.yaml"
    model = run / "model.safetensors"
    spectra = run / "model-spectra.safetensors"
    if (folder / "done").exists():
        return model
    recipe.write_text(RECIPE.format(**{name: getattr(options, name) for name in ("pretrain", "finetune", "align", "epochs")}))

    def tool(*arguments):
        print("specclip", *arguments[:2], flush=True)
        with open(folder / "log", "a") as log:
            subprocess.run([options.tool, *arguments, "--threads", "1"], check=True, stdout=log, stderr=log)

    for stage in (["pretrain"], ["finetune"], ["align"], ["labels", "fit"]):
        tool(*stage, recipe, "--data-folder", folder, "--run", run)
    more = ("-m", model, "-o", spectra, "--force")
    tool("spectra", "fit", data, "--steps", str(options.spectra), *more)
    tool("outliers", "learn", data, "--steps", str(options.pairs), *more)
    tool("outliers", "calibrate", data, "--split", "calibration", "--instrument", "gaia-xp", *more)
    (folder / "done").touch()
    return model


def main():
    parser = options_of(__doc__)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    for name, steps in {"pretrain": 800, "finetune": 1200, "align": 200, "epochs": 6, "spectra": 1200, "pairs": 400}.items():
        parser.add_argument(f"--{name}", type=int, default=steps)
    options = parser.parse_args()
    data = options.data.resolve()
    random = np.random.default_rng(0)
    rows = []
    for known in ("without it", "with it"):
        folder = options.work / known.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "xp.h5").exists():
            if known == "with it":
                (folder / "xp.h5").symlink_to(data)
            else:
                without_classes(data, folder / "xp.h5")
        model = ["-m", trained(options, folder)]
        spectra = [folder / "xp.h5", "--split", "test", "--instrument", "gaia-xp"]
        p = judged(options.tool, model, spectra, folder / "p.csv")["p"]
        others = Components(
            options.tool, model, "gaia-xp", GaiaXP.light, [folder / "xp.h5", "--split", "train"], folder).scores(spectra)
        with h5py.File(data) as file:
            members, normal = of_classes(file["test"])
        print(f"{known}: {normal.sum()} test stars of no class, p < 0.01: {np.mean(p[normal] < 0.01):.3f}")
        for name, own in members.items():
            power = [found(p[normal], p[own], rate, random) for rate in (0.01, 0.05)]
            rows.append(
                f"| {name} | {own.sum()} | {known} | {area(-p[own], -p[normal]):.3f} | {power[0]:.2f} | {power[1]:.2f} | "
                + " | ".join(f"{area(score[own], score[normal]):.3f}" for score in others.values()) + " |")
    print("| kept out | n | trained | AUC | found at 1 % | at 5 % | isolation forest | LOF | reconstruction |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(sorted(rows, key=lambda row: row.split("|")[1])))


if __name__ == "__main__":
    main()
