#!/usr/bin/env python3
"""Stars that look like the first of some, and the spectrum that Gaia would take of it, with its error as a band.

    python look_alikes.py spec-*.fits.gz [-o translation.png]

Draws with matplotlib, where that is installed; else writes the numbers beside.
"""

import argparse
from pathlib import Path

import lamost

import specclip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("spectra", nargs="+")
    options.add_argument("-o", "--output", default="translation.png")
    given = options.parse_args()
    output = Path(given.output)

    model, spectra = specclip.load(), lamost.read(given.spectra[:1])
    found = model.search(**spectra, top=5)
    found["rank", "source_id", "instrument", "similarity", "teff", "logg", "fe_h"].pprint()

    translated = model.translate(**spectra, to="gaia-xp", samples=5)
    star = translated[0]
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot as plt
    except ImportError:
        output = output.with_suffix(".ecsv")
        translated.write(output, overwrite=True)
        print(f"{output} (matplotlib would draw it)")
        return
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    low, high = star["flux"] - star["flux_error"], star["flux"] + star["flux_error"]
    axes.fill_between(star["wavelength"], low, high, alpha=0.3, label="1 σ")
    for sample in range(1, 6):
        axes.plot(star["wavelength"], star[f"sample_{sample}"], lw=0.5, color="grey")
    axes.plot(star["wavelength"], star["flux"], label="predicted")
    axes.set(xlabel="wavelength (Å)", ylabel="flux / flux at 550 nm", title="Gaia XP, from the LAMOST spectrum")
    axes.legend()
    figure.savefig(output)
    print(output)


if __name__ == "__main__":
    main()
