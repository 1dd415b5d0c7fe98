#!/usr/bin/env python3
"""Labels of some stars with errors and flags.

python ten_stars.py spec-*.fits.gz [-o labels.ecsv]
"""

import argparse

import lamost

import specclip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("spectra", nargs="+")
    options.add_argument("-o", "--output", default="labels.ecsv")
    given = options.parse_args()

    model = specclip.load()
    # A spectrum of no use has a row without numbers, and says why in a column.
    table = model.predict(**lamost.read(given.spectra), bad="nan")
    table["source_id", "teff", "e_teff", "logg", "e_logg", "fe_h", "e_fe_h", "flag"].pprint(max_lines=-1)
    for value, meaning in model.flags.items():
        if any(flag & value for flag in table["flag"].tolist() if flag):
            print(f"flag {value}: {meaning}")
    # Units and descriptions go along.
    table.write(given.output, overwrite=True)
    print(given.output)


if __name__ == "__main__":
    main()
