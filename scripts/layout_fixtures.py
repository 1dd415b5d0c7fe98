#!/usr/bin/env python3
"""Writes small files of one spectrum in the layouts of surveys and packages, by other people's writers: astropy, specutils,
linetools. They follow the data models that the conformances cite; `LayoutTests` reads them.

    python3 -m venv venv && venv/bin/pip install astropy==8.0.2 specutils linetools mpdaf fastavro h5py pyarrow
    venv/bin/python scripts/layout_fixtures.py Tests/InstrumentsTests/Layouts

The spectrum: flux 100 + (λ − 5000 Å) / 100 with a line of depth 60 and σ 4 Å at 5000 Å in vacuum, errors of 2, and one bad
pixel near 4700 Å (flux 9e4).
"""
import gzip
import sys
import warnings
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty
from astropy.table import Table

warnings.simplefilter("ignore")
out = Path(sys.argv[1])
out.mkdir(exist_ok=True)


def air(wave):
    """Ciddor (1996), vacuum to air, Å."""
    s2 = (1e4 / wave) ** 2
    return wave / (1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2))


def flux(wave, centre=5000.0):
    values = 100 + (wave - 5000) / 100 - 60 * np.exp(-0.5 * ((wave - centre) / 4) ** 2)
    bad = np.argmin(abs(wave - 4700))
    return values, bad


def write(name, *hdus):
    fits.HDUList(list(hdus)).writeto(out / f"{name}.fits.gz", overwrite=True)


def image(data, name=None, **cards):
    hdu = fits.ImageHDU(np.asarray(data, dtype="f4"), name=name)
    for key, value in cards.items():
        hdu.header[key.replace("__", "-")] = value
    return hdu


def primary(data=None, **cards):
    hdu = fits.PrimaryHDU(None if data is None else np.asarray(data, dtype="f4"))
    for key, value in cards.items():
        hdu.header[key.replace("__", "-")] = value
    return hdu


def table(columns, name=None, header=None, rows=True):
    made = []
    for key, (form, values, unit) in columns.items():
        made.append(fits.Column(key, form, array=np.asarray(values), unit=unit))
    return fits.BinTableHDU.from_columns(made, name=name, header=fits.Header(header or {}))


log = 10 ** np.arange(np.log10(4300), np.log10(5300), 2e-4)
n = len(log)
f, bad = flux(log)
spoilt = f.copy()
spoilt[bad] = 9e4
ivar = np.full(n, 0.25)
ivar[bad] = 0
sigma = np.full(n, 2.0)
mask = np.zeros(n, dtype="i4")
mask[bad] = 1

# SDSS, BOSS: spec-lite and spec-full (data.sdss.org/datamodel/files/SPECTRO_REDUX/RUN2D/PLATE4/spec.html).
coadd = {
    "flux": ("E", spoilt, None), "loglam": ("E", np.log10(log), None), "ivar": ("E", ivar, None),
    "and_mask": ("J", mask, None), "or_mask": ("J", mask, None), "wdisp": ("E", sigma, None), "sky": ("E", f, None),
    "model": ("E", f, None),
}
sdss = primary(TELESCOP="SDSS 2.5-M", PLUG_RA=150.1, PLUG_DEC=2.2, BUNIT="1E-17 erg/cm^2/s/Ang")
specobj = table({"SPECOBJID": ("22A", ["1234567890123456789"], None), "Z": ("E", [0.0], None)}, "SPECOBJ")
write("sdss-spec-lite", sdss, table(coadd, "COADD"), specobj, table({"LINEZ": ("E", [0.1], None)}, "SPZLINE"))
write("sdss-spec-full", sdss, table(coadd, "COADD"), specobj, table(coadd, "B1-00012345-00012346-00012347"),
      table(coadd, "R1-00012345-00012346-00012347"))

# SDSS-V: mwmStar, one HDU for each instrument and telescope, most of them empty.
star = lambda rows: table({
    "sdss_id": ("K", [54459273] * rows, None), "snr": ("E", [50.0] * rows, None),
    "wavelength": (f"{n}D", np.tile(log, (rows, 1)), "Angstrom"), "flux": (f"{n}E", np.tile(spoilt, (rows, 1)), None),
    "ivar": (f"{n}E", np.tile(ivar, (rows, 1)), None), "pixel_flags": (f"{n}K", np.tile(mask, (rows, 1)), None)},
    "BOSS/APO" if rows else "BOSS/LCO")
write("sdss5-mwmstar", primary(), star(0), star(1))

# DESI coadd: arms that overlap, images and FIBERMAP (desidatamodel.readthedocs.io).
arms = {"B": np.arange(4300, 4800, 0.8), "R": np.arange(4720, 5300, 0.8)}
desi = [primary()]
ids = [39627000000000001, 39627000000000002, 39627000000000003]
desi.append(table({"TARGETID": ("K", ids, None), "TARGET_RA": ("D", [10.0, 11, 12], None),
                   "TARGET_DEC": ("D", [1.0, 2, 3], None)}, "FIBERMAP"))
for arm, wave in arms.items():
    values, _ = flux(wave)
    dead = np.argmin(abs(wave - 4700)) if arm == "B" else None
    weight = np.full(len(wave), 0.25)
    flags = np.zeros(len(wave))
    if dead is not None:
        values[dead], weight[dead], flags[dead] = 9e4, 0, 1
    stack = lambda row: np.tile(row, (3, 1)) * 1.0
    desi += [image(wave, f"{arm}_WAVELENGTH", BUNIT="Angstrom"),
             image(stack(values), f"{arm}_FLUX", BUNIT="10**-17 erg/(s cm2 Angstrom)"),
             image(stack(weight), f"{arm}_IVAR"), image(stack(flags), f"{arm}_MASK")]
write("desi-coadd", *desi)

# LAMOST: medium resolution, coadds of both arms beside single exposures.
half = n // 2
mrs = lambda part, name: table({
    "FLUX": (f"{len(log[part])}E", [spoilt[part]], None), "IVAR": (f"{len(log[part])}E", [ivar[part]], None),
    "WAVELENGTH": (f"{len(log[part])}E", [log[part]], None), "ANDMASK": (f"{len(log[part])}J", [mask[part]], None)}, name)
write("lamost-mrs", primary(TELESCOP="LAMOST", OBSID=123456, VACUUM=True, RA=10.0, DEC=5.0),
      mrs(slice(0, half), "COADD_B"), mrs(slice(half, n), "COADD_R"), mrs(slice(0, half), "B-84420148"))

# PypeIt: spec1d (masks of good pixels) and OneSpec.
good = 1 - mask
spec1d = table({
    "OPT_WAVE": ("D", log, None), "OPT_COUNTS": ("D", spoilt, None), "OPT_COUNTS_IVAR": ("D", np.full(n, 0.25), None),
    "OPT_MASK": ("L", good.astype(bool), None), "BOX_WAVE": ("D", log, None), "BOX_COUNTS": ("D", f, None)},
    "SPAT0123-SLIT0456-DET01", {"DMODCLS": "SpecObj", "DMODVER": "1.1.10"})
write("pypeit-spec1d", primary(PYP_SPEC="shane_kast_blue"), spec1d)
write("pypeit-onespec", primary(PYP_SPEC="shane_kast_blue"), table({
    "wave": ("D", log, None), "wave_grid_mid": ("D", log, None), "flux": ("D", spoilt, None),
    "ivar": ("D", np.full(n, 0.25), None), "mask": ("J", good, None)}, "SPECTRUM",
    {"DMODCLS": "OneSpec", "DMODVER": "1.0.2", "FLUXED": True}))

# APOGEE: apStar, the combined spectrum in row 1, then the visits; infrared.
h = 10 ** (4.179 + 6e-6 * np.arange(8575))
hf, _ = flux(h, 16000)
hf = hf - (h - 5000) / 100 + 5
hbad = 4000
hspoilt = hf.copy()
hspoilt[hbad] = 9e4
hmask = np.zeros(8575, dtype="i2")
hmask[hbad] = 1
axis = {"CRVAL1": 4.179, "CDELT1": 6e-6, "CRPIX1": 1, "CTYPE1": "LOG-LINEAR", "DC__FLAG": 1}
rows = lambda row: np.stack([row, row, row])
masks = fits.ImageHDU(rows(hmask))
write("apogee-apstar", primary(NVISITS=2, OBJID="2M00000000+0000000", RA=0.1, DEC=0.2, **axis),
      image(rows(hspoilt), BUNIT="Flux (10^-17 erg/s/cm^2/Ang)", **axis), image(rows(np.full(8575, 2.0)), **axis), masks)

# APOGEE: apVisit, the chips as rows, from red to blue, and their wavelengths in HDU 4.
size = 1200
near = h[(h > 15900)][: 3 * size][::-1]
visit, dead = flux(near, 16000)[0] - (near - 5000) / 100 + 5, 2000
visit[dead] = 9e4
chip = lambda values: values.reshape(3, size)
write("apogee-apvisit", primary(SURVEY="apogee", OBJID="2M00000000+0000000"), image(chip(visit)),
      image(np.full((3, size), 2.0)), fits.ImageHDU(chip((np.arange(3 * size) == dead).astype("i2"))), fits.ImageHDU(chip(near)))

# SDSS-V: mwmVisit, a row for each visit, wavelengths by keywords of the table.
both = lambda row: np.stack([row, row])
visits = table({
    "sdss_id": ("K", [54459273] * 2, None), "mjd": ("J", [59000, 59001], None), "flux": (f"{n}E", both(spoilt), None),
    "ivar": (f"{n}E", both(ivar), None), "pixel_flags": (f"{n}K", both(mask), None)}, "BOSS/APO",
    {"CRVAL": np.log10(4300), "CDELT": 2e-4, "CTYPE": "LOG-LINEAR", "NPIXELS": n, "DC-FLAG": 1})
write("sdss5-mwmvisit", primary(), visits)

# The Australian telescopes: GALAH (errors are relative), 6dFGS (flux, variance, sky, wavelengths), 2dF as Marz takes it.
wide = np.arange(4300, 5300, 1.0)
inair = wide.copy()
for _ in range(5):
    inair = wide * (inair / air(inair))
af, abad = flux(inair)
af[abad] = 9e4
weights = np.full(len(wide), 4.0)
weights[abad] = 0
linear = {"CRVAL1": 4300.0, "CDELT1": 1.0, "CRPIX1": 1.0}
write("galah", primary(af, ORIGIN="GALAH", SOBJECT_ID=140401002601004, **linear), image(np.where(weights, 2 / af, 0), "input_sigma"),
      image(af, "no_sky"), image(weights, "no_sky_sigma"), image(af / 100, "normalised"))
rows4 = np.stack([af, weights, af, inair])
write("6dfgs", primary(TARGET="g0000000-000000"), image(rows4[:3], "SPECTRUM V", CUNIT1="Angstroms", **linear),
      image(rows4[:3], "SPECTRUM R", CUNIT1="Angstroms", **linear), image(rows4, "SPECTRUM VR", CUNIT1="Angstroms", **linear))
write("marz", primary(np.stack([af, np.zeros_like(af), af]), **linear), image(np.stack([weights] * 3), "VARIANCE"),
      table({"NAME": ("8A", ["star1", "sky", "star2"], None), "TYPE": ("1A", ["P", "S", "P"], None),
             "RA": ("D", [0.1, 0, 0.2], None), "DEC": ("D", [-0.1, 0, 0.3], None)}, "FIBRES"))

# ESO Phase 3: one row of arrays, in air by its UCD; X-shooter's quality.
lin = np.arange(4300, 5300, 1.0)
lf, lbad = flux(lin)
lf[lbad] = 9e4
qual = np.zeros(len(lin), dtype="i4")
qual[lbad] = 1
sdp = table({
    "WAVE": (f"{len(lin)}D", [air(lin) / 10], "nm"), "FLUX": (f"{len(lin)}E", [lf], "erg cm**(-2) s**(-1) angstrom**(-1)"),
    "ERR": (f"{len(lin)}E", [np.full(len(lin), 2.0)], "erg cm**(-2) s**(-1) angstrom**(-1)"),
    "QUAL": (f"{len(lin)}J", [qual], "")}, "SPECTRUM",
    {"TUCD1": "em.wl;obs.atmos", "TUTYP1": "Spectrum.Data.SpectralAxis.Value", "TUCD2": "phot.flux.density;em.wl"})
write("eso-phase3", primary(ORIGIN="ESO", OBJECT="HD 1", RA=1.0, DEC=2.0, SPEC_RES=8000.0, INSTRUME="XSHOOTER"), sdp)

# HARPS: S1D as the pipeline writes it: air, and nothing says so but the instrument.
even = 4300 + 0.5 * np.arange(2000)
vac = even.copy()
for _ in range(5):
    vac = even * (vac / air(vac))
hf2, _ = flux(vac)
write("harps-s1d", primary(hf2, INSTRUME="HARPS", CRVAL1=4300.0, CDELT1=0.5, CTYPE1="Angstrom", BUNIT="relative flux"))

# STIS and COS x1d: a row for each order or segment.
edges = np.array_split(np.arange(len(lin)), 2)
x1d = table({
    "SEGMENT": ("4A", ["FUVB", "FUVA"], None), "NELEM": ("J", [len(edges[0])] * 2, None),
    "WAVELENGTH": (f"{len(edges[0])}D", [lin[e] for e in edges], "angstroms"),
    "FLUX": (f"{len(edges[0])}E", [lf[e] for e in edges], "erg/s/cm**2/angstrom"),
    "ERROR": (f"{len(edges[0])}E", [np.full(len(e), 2.0) for e in edges], "erg/s/cm**2/angstrom"),
    "DQ": (f"{len(edges[0])}I", [qual[e] for e in edges], None)}, "SCI")
write("hst-x1d", primary(TELESCOP="HST", INSTRUME="STIS", ROOTNAME="o0000"), x1d)

# IRAF multispec: a Chebyshev and a Legendre dispersion, and one that is linear in log.
p = np.arange(1, 1001.0)
x = (p - 500.5) / 499.5
cheb = 4800 + 500 * x + 3 * (2 * x * x - 1)
leg = 4800 + 500 * x + 3 * (3 * x * x - 1) / 2
dex = 10 ** (np.log10(4300) + 9e-5 * (p - 1))
text = (
    'wtype=multispec spec1 = "1 1 2 4303. 1.0 1000 0. 10. 20. 1. 0. 1 3 1. 1000. 4800. 500. 3." '
    'spec2 = "2 2 2 4303. 1.0 1000 0. 30. 40. 1. 0. 2 3 1. 1000. 4800. 500. 3." '
    f'spec3 = "3 3 1 {np.log10(4300):.12f} 9.0E-5 1000 0. 50. 60."')
cards = {"CTYPE1": "MULTISPE", "CTYPE2": "MULTISPE", "WCSDIM": 2, "WAT0_001": "system=multispec",
         "WAT1_001": "wtype=multispec label=Wavelength units=angstroms", "VACUUM": "T"}
for i in range(0, len(text), 68):
    cards[f"WAT2_{i // 68 + 1:03d}"] = text[i:i + 68]
write("iraf-multispec", primary(np.stack([flux(cheb)[0], flux(leg)[0], flux(dex)[0]]), **cards))

# Written by packages; linetools asks NumPy 2 for names of NumPy 1.
np.string_, np.float_ = np.bytes_, np.float64
from linetools.spectra.xspectrum1d import XSpectrum1D  # noqa: E402

XSpectrum1D.from_tuple((lin * u.AA, lf, np.where(qual, 0, 2.0))).write_to_fits(str(out / "linetools.fits"))
from specutils import Spectrum  # noqa: E402

made = Spectrum(flux=lf * u.Unit("erg s-1 cm-2 AA-1"), spectral_axis=lin * u.AA, uncertainty=StdDevUncertainty(np.full(len(lin), 2.0)))
made.write(out / "specutils-tabular.fits", format="tabular-fits", overwrite=True)
from astropy.wcs import WCS  # noqa: E402

axis = WCS(header={"CTYPE1": "WAVE", "CUNIT1": "Angstrom", "CRVAL1": 4300.0, "CDELT1": 1.0, "CRPIX1": 1.0})
made = Spectrum(flux=lf * u.Unit("erg s-1 cm-2 AA-1"), wcs=axis, uncertainty=StdDevUncertainty(np.full(len(lin), 2.0)))
made.write(out / "specutils-wcs1d.fits", format="wcs1d-fits", overwrite=True)

# MUSE by MPDAF: a spectrum, and a cube of which a corner was not seen.
from mpdaf.obj import WCS as SkyWCS  # noqa: E402
from mpdaf.obj import Cube, WaveCoord  # noqa: E402
from mpdaf.obj import Spectrum as MUSESpectrum  # noqa: E402

muse = 4600 + 1.25 * np.arange(600)
mf, mb = flux(muse, air(np.array(5000.0)))
mf[mb] = 9e4
masked = np.arange(600) == mb
muse_axis = WaveCoord(crval=4600.0, cdelt=1.25, cunit=u.angstrom, shape=600, ctype="AWAV")
muse_unit = u.Unit("1e-20 erg s-1 cm-2 AA-1")
MUSESpectrum(wave=muse_axis, data=mf, var=np.full(600, 4.0), mask=masked, unit=muse_unit).write(str(out / "muse-spectrum.fits"))
stack = lambda values: np.repeat(values, 6).reshape(600, 2, 3)
unseen = stack(masked)
unseen[:, 1, 2] = True
Cube(wave=muse_axis, wcs=SkyWCS(crval=(-30.0, 120.0), cdelt=(2e-4, -2e-4), deg=True, shape=(2, 3)), data=stack(mf),
     var=np.full((600, 2, 3), 4.0), mask=unseen, unit=muse_unit).write(str(out / "muse-cube.fits"))
with fits.open(out / "muse-cube.fits", mode="append") as file:
    file.append(fits.ImageHDU(np.ones((2, 3), "f4"), name="WHITE"))

# VOTable and ECSV by astropy, binary and as text, with nulls.
votable = Table({"wave_vac": lin * u.AA, "flux": lf * u.Unit("erg s-1 cm-2 AA-1"), "error": np.full(len(lin), 2.0), "bad": qual.astype(bool)})
for form in ("tabledata", "binary", "binary2"):
    votable.write(out / f"astropy-{form}.vot", format="votable", tabledata_format=form, overwrite=True)
arrays = Table({"source_id": [11, 12], "wave_vac": np.stack([lin, lin]) * u.AA, "flux": np.stack([lf, lf]), "ivar": np.stack([np.where(qual, 0, 0.25)] * 2)})
arrays.write(out / "astropy-arrays.vot", format="votable", tabledata_format="binary2", overwrite=True)
arrays.write(out / "astropy-arrays.ecsv", format="ascii.ecsv", delimiter=",", overwrite=True)

# Other containers: Avro by fastavro, NPZ by NumPy, HDF5 by h5py, and a zip archive as DataLink bundles files.
import io  # noqa: E402
import zipfile  # noqa: E402

import fastavro  # noqa: E402
import h5py  # noqa: E402

record = {"source_id": 11, "spectrum": {"wave_vac": lin.tolist(), "flux": lf.tolist(), "ivar": [None if q else 0.25 for q in qual.tolist()]}}
numbers = {"type": "array", "items": ["null", "double"]}
schema = {"type": "record", "name": "star", "fields": [
    {"name": "source_id", "type": "long"}, {"name": "note", "type": ["null", "string"]},
    {"name": "spectrum", "type": ["null", {"type": "record", "name": "spectrum", "fields": [
        {"name": name, "type": numbers} for name in ("wave_vac", "flux", "ivar")]}]}]}
with open(out / "fastavro.avro", "wb") as file:
    fastavro.writer(file, fastavro.parse_schema(schema), [record, dict(record, source_id=12)], codec="deflate", sync_marker=b"0" * 16)
stack = {"flux": np.stack([lf, lf]).astype("f4"), "wave_vac": lin, "ivar": np.stack([np.where(qual, 0, 0.25)] * 2)}
np.savez_compressed(out / "numpy.npz", source_id=[11, 12], **stack)
with h5py.File(out / "h5py.h5", "w", track_order=False) as file:
    for name, values in stack.items():
        file.create_dataset(f"spectra/{name}", data=values, compression="gzip", track_times=False)
    file["spectra/wave_vac"].attrs["units"] = "Angstrom"
    file.create_dataset("spectra/source_id", data=[11, 12], track_times=False)
with h5py.File(out / "h5py-link.h5", "w") as file:
    file["spectra"] = h5py.ExternalLink("h5py.h5", "spectra")
# Records: a pixel each, and a spectrum each with arrays of pixels; units in the words of ECSV beside them.
pixels = Table({"wavelength": lin * u.AA, "flux": lf.astype("f4"), "error": np.full(len(lin), 2.0), "mask": np.asarray(qual, bool)})
pixels.meta["VACUUM"] = True
pixels.write(out / "astropy-pixels.h5", path="spectra/star", serialize_meta=True, overwrite=True, compression=True)
rows = Table({"name": ["a", "b"], "source_id": [11, 12], "wave_vac": np.stack([lin / 10] * 2) * u.nm, "flux": stack["flux"],
              "ivar": stack["ivar"]})
rows.write(out / "astropy-rows.h5", path="stars", serialize_meta=True, overwrite=True, compression=True)
with zipfile.ZipFile(out / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as file:
    def member(name, data):
        file.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    text = io.StringIO()
    Table({"wave_vac": lin, "flux": lf, "error": np.where(qual, 0, 2.0)}).write(text, format="ascii.csv")
    member("a/star.csv", text.getvalue())
    member("b.vot", (out / "astropy-arrays.vot").read_bytes())
    member("README.txt", "Spectra of two stars.\n")

# Parquet by pyarrow: lists, a structure of lists as LSDB writes it, a list of structures; several row groups, nulls, words.
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

some = slice(200, 800)
weights = np.where(qual, 0, 0.25)[some]
ids = pa.array([1152921504606846987, 1152921504606846988, None], pa.int64())
lists = lambda row, kind: pa.array([row[some] if len(row) == len(lin) else row] * 3, pa.list_(kind))
parts = [lists(lin, pa.float64()), lists(lf, pa.float32()), lists(weights, pa.float32())]
names = ["wave_vac", "flux", "ivar"]
pq.write_table(pa.table([ids, *parts], names=["source_id", *names]), out / "pyarrow-lists.parquet", row_group_size=2, compression="zstd")
words = pa.array(["a", "b", "a"]).dictionary_encode()
pq.write_table(pa.table({"source_id": ids, "spectrum": pa.StructArray.from_arrays(parts, names), "kind": words}), out / "pyarrow-nested.parquet")
# Two spectra of a star, of which the first has no errors.
arms = [pa.StructArray.from_arrays(parts[:2], names[:2]), pa.StructArray.from_arrays(parts, names)]
pq.write_table(pa.table({"source_id": ids, "blue": arms[0], "red": arms[1]}), out / "pyarrow-arms.parquet", compression="zstd")
items = [{"wave_vac": a, "flux": b, "ivar": c} for a, b, c in zip(lin[some], lf[some], weights)]
pq.write_table(pa.table({"source_id": ids, "spectrum": pa.array([items] * 3)}), out / "pyarrow-items.parquet", compression="zstd")

for plain in [path for path in out.iterdir() if path.suffix != ".gz"]:
    with gzip.GzipFile(f"{plain}.gz", "wb", mtime=0) as packed:
        packed.write(plain.read_bytes())
    plain.unlink()
