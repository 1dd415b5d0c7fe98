"""What spectra may look like, and what is said of those that are of no use."""

from __future__ import annotations

import json
import struct
import warnings

import numpy as np
import pytest
import specclip
import stars
from astropy import units as u

ONE = stars.formula(1)
WAVELENGTH, FLUX, IVAR = ONE["wavelength"], ONE["flux"][0], ONE["ivar"][0]


@pytest.fixture(scope="module")
def plain(model):
    return model.predict(WAVELENGTH, FLUX, ivar=IVAR, output="numpy")


def numbers(table) -> np.ndarray:
    return np.array([table[name][0] for name in ("teff", "e_teff", "logg", "fe_h", "rv", "snr", "flag")], float)


def equal(table, plain, rtol: float = 0) -> None:
    """The first rows are the same: to the last bit, but for rounding in batches of another size, and of other input."""
    np.testing.assert_allclose(numbers(table), numbers(plain), rtol=rtol, atol=0)


# Layouts


def test_rows_lists_and_strides(model, plain):
    equal(model.predict(WAVELENGTH, FLUX[None], ivar=IVAR[None]), plain)
    equal(model.predict([WAVELENGTH], [FLUX], ivar=[IVAR]), plain)
    equal(model.predict(list(WAVELENGTH), list(FLUX), ivar=list(IVAR)), plain)
    wide = np.zeros((len(FLUX), 3))
    wide[:, 1] = FLUX
    equal(model.predict(WAVELENGTH, wide[:, 1], ivar=IVAR), plain)
    equal(model.predict(WAVELENGTH[::-1], FLUX[::-1], ivar=IVAR[::-1]), plain)
    fortran = np.asfortranarray(np.stack([FLUX, FLUX]))
    assert not fortran[0].flags.c_contiguous
    equal(model.predict(WAVELENGTH, fortran, ivar=np.stack([IVAR, IVAR])), plain, rtol=1e-5)
    misaligned = np.frombuffer(b"x" + FLUX.tobytes(), dtype=np.uint8)[1:].view(np.float64)
    equal(model.predict(WAVELENGTH, misaligned, ivar=IVAR), plain)


def test_nothing_is_copied_where_the_layout_allows():
    from specclip._spectra import Spectra

    flux = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)[:, ::2]
    records = Spectra(np.arange(20.0), flux).columns["flux"].records(1, 3)
    assert records["values"][0] == flux[1].__array_interface__["data"][0]
    assert list(records["stride"]) == [8, 8] and list(records["count"]) == [20, 20]


def test_types(model, plain):
    equal(model.predict(WAVELENGTH, FLUX.astype(">f8"), ivar=IVAR.astype(">f8")), plain)
    equal(model.predict(WAVELENGTH, FLUX.astype(np.longdouble), ivar=IVAR), plain)
    single = model.predict(WAVELENGTH, FLUX.astype(np.float32), ivar=IVAR.astype(np.float32))
    equal(single, plain, rtol=1e-3)
    equal(model.predict(WAVELENGTH, FLUX.astype(">f4"), ivar=IVAR.astype(">f4")), single)
    whole = np.round(1e6 * FLUX)
    equal(model.predict(WAVELENGTH, whole.astype(np.int64)), model.predict(WAVELENGTH, whole))
    equal(model.predict(WAVELENGTH, whole.astype(np.uint32)), model.predict(WAVELENGTH, whole))


def test_units(model, plain):
    equal(model.predict(WAVELENGTH * u.AA, FLUX * u.Unit("erg / (s cm2 AA)"), ivar=IVAR), plain)
    equal(model.predict((WAVELENGTH * u.AA).to(u.nm), FLUX, ivar=IVAR), plain, rtol=1e-3)
    equal(model.predict(WAVELENGTH / 10, FLUX, ivar=IVAR, wavelength_unit="nm"), plain, rtol=1e-3)
    frequency = (WAVELENGTH * u.AA).to(u.THz, equivalencies=u.spectral())
    equal(model.predict(frequency, FLUX, ivar=IVAR), plain, rtol=1e-3)
    jansky = (FLUX * u.Unit("erg / (s cm2 AA)")).to(u.mJy, equivalencies=u.spectral_density(WAVELENGTH * u.AA))
    equal(model.predict(WAVELENGTH * u.AA, jansky), model.predict(WAVELENGTH, FLUX), rtol=1e-3)


def test_masks(model):
    mask = np.zeros(len(FLUX), bool)
    mask[1000:1040] = True
    masked = model.predict(WAVELENGTH, FLUX, ivar=IVAR, mask=mask)
    equal(model.predict(WAVELENGTH, np.ma.array(FLUX, mask=mask), ivar=IVAR), masked)
    equal(model.predict(WAVELENGTH, FLUX, ivar=np.ma.array(IVAR, mask=mask)), masked)
    equal(model.predict([WAVELENGTH], [np.ma.array(FLUX, mask=mask)], ivar=[IVAR]), masked)
    two = np.ma.array([FLUX, FLUX], mask=[mask, np.zeros_like(mask)])
    equal(model.predict(WAVELENGTH, two, ivar=[IVAR, IVAR]), masked, rtol=1e-5)
    equal(model.predict(WAVELENGTH, FLUX, ivar=np.where(mask, 0, IVAR)), masked)
    assert np.any(numbers(masked) != numbers(model.predict(WAVELENGTH, FLUX, ivar=IVAR)))


def test_errors_are_inverse_variances(model, plain):
    equal(model.predict(WAVELENGTH, FLUX, error=IVAR**-0.5), plain, rtol=1e-3)


def test_spectra_of_different_lengths(model):
    spectra = stars.formula(3)
    cuts = [slice(0, 3900), slice(300, 3500), slice(500, 3000)]
    ragged = model.predict(
        [spectra["wavelength"][cut] for cut in cuts],
        [flux[cut] for flux, cut in zip(spectra["flux"], cuts)],
        ivar=[ivar[cut] for ivar, cut in zip(spectra["ivar"], cuts)],
    )
    alone = model.predict(spectra["wavelength"][cuts[2]], spectra["flux"][2][cuts[2]], ivar=spectra["ivar"][2][cuts[2]])
    np.testing.assert_allclose(ragged["teff"][2], alone["teff"][0], atol=1e-4 * alone["e_teff"][0])


def test_specutils(model, plain):
    specutils = pytest.importorskip("specutils")
    from astropy.nddata import InverseVariance, StdDevUncertainty

    kind = getattr(specutils, "Spectrum", None) or specutils.Spectrum1D
    spectrum = kind(spectral_axis=WAVELENGTH * u.AA, flux=FLUX * u.Jy / u.Jy, uncertainty=InverseVariance(IVAR))
    equal(model.predict(spectrum), plain)
    both = model.predict([spectrum, spectrum])
    assert len(both) == 2
    equal(both, plain, rtol=1e-5)
    mask = np.zeros(len(FLUX), bool)
    mask[:40] = True
    other = kind(
        spectral_axis=WAVELENGTH * u.AA, flux=FLUX * u.one, uncertainty=StdDevUncertainty(IVAR**-0.5), mask=mask
    )
    equal(model.predict(other), model.predict(WAVELENGTH, FLUX, error=IVAR**-0.5, mask=mask))
    with pytest.raises(specclip.SpecCLIPError, match="some spectra have ivar"):
        model.predict([spectrum, kind(spectral_axis=WAVELENGTH * u.AA, flux=FLUX * u.one)])


def test_arrow(model, plain):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"wavelength": [WAVELENGTH, WAVELENGTH], "flux": [FLUX, FLUX], "ivar": [IVAR, IVAR]})
    equal(model.predict(table["wavelength"], table["flux"], ivar=table["ivar"]), plain, rtol=1e-5)
    equal(model.predict(pa.array(WAVELENGTH), pa.array(FLUX), ivar=pa.array(IVAR)), plain)


# Tables


def test_kinds_of_tables(model):
    spectra = stars.formula(2)
    made = {kind: model.predict(**spectra, source_id=[1, 2], output=kind) for kind in ("astropy", "numpy")}
    if pytest.importorskip("pandas"):
        made["pandas"] = model.predict(**spectra, source_id=[1, 2], output="pandas")
        assert made["pandas"].attrs["units"]["teff"] == "K"
    if pytest.importorskip("pyarrow"):
        made["arrow"] = model.predict(**spectra, source_id=[1, 2], output="arrow")
        assert made["arrow"].schema.field("teff").metadata[b"unit"] == b"K"
    for kind, table in made.items():
        np.testing.assert_array_equal(np.asarray(table["teff"]), made["numpy"]["teff"], err_msg=kind)
        assert list(np.asarray(table["source_id"])) == [1, 2]
    vectors = model.translate(**spectra, to="gaia-xp", output="arrow")
    assert vectors["flux"].combine_chunks().type.list_size == 343
    with pytest.raises(specclip.SpecCLIPError, match="is no table"):
        model.predict(WAVELENGTH, FLUX, output="votable")


def test_no_spectra(model):
    for empty in ([], np.empty((0, 3900))):
        table = model.predict(WAVELENGTH if len(np.shape(empty)) == 2 else [], empty)
        assert len(table) == 0 and "teff" in table.colnames
    assert model.embed([], []).shape == (0, model.embedding_width)
    assert len(model.search([], [])) == 0
    assert len(model.translate([], [], to="gaia-xp")) == 0
    assert len(model.outliers([], [])) == 0


# What is of no use


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (dict(wavelength=WAVELENGTH[:-1], flux=FLUX), "spectrum: flux: has 3900 values but there are 3899 wavelengths"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, ivar=IVAR[:-5]), "ivar: has 3895 values but the flux has 3900"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, mask=np.zeros(3, bool)), "mask: has 3 values but the flux has 3900"),
        (dict(wavelength=WAVELENGTH, flux=FLUX * np.nan), "flux: is NaN at every pixel of the instrument's range"),
        (dict(wavelength=WAVELENGTH, flux=FLUX * 0 + 1), "has zero variance"),
        (dict(wavelength=WAVELENGTH, flux=-FLUX), "is not above 0"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, ivar=0 * IVAR), "ivar: is above 0 at no pixel"),
        (dict(wavelength=WAVELENGTH / 10, flux=FLUX), "which looks like nm; multiply by 10"),
        (dict(wavelength=np.log10(WAVELENGTH), flux=FLUX), "which looks like log10 of Å"),
        (dict(wavelength=np.random.default_rng(0).permutation(WAVELENGTH), flux=FLUX), "wavelength: does not increase"),
        (dict(wavelength=WAVELENGTH * np.nan, flux=FLUX), "wavelength"),
        (dict(wavelength=WAVELENGTH + 9000, flux=FLUX), "Optical spectrum needs 400 Å"),
        (dict(wavelength=WAVELENGTH[:1], flux=FLUX[:1]), "the spectrum has 1 pixels"),
        (dict(wavelength=WAVELENGTH.astype(np.float16), flux=FLUX), "wavelength: is float16"),
        (dict(wavelength=WAVELENGTH, flux=FLUX.astype(np.float16)), "flux: is float16"),
        (dict(wavelength=WAVELENGTH, flux=FLUX.astype(complex)), "flux: is an array of complex128"),
        (dict(wavelength=WAVELENGTH, flux=["a", "b"]), "flux: is an array of <U1"),
        (dict(wavelength=WAVELENGTH, flux=FLUX[None, None]), "flux: has 3 dimensions"),
        (dict(wavelength=[WAVELENGTH] * 2, flux=[FLUX] * 3), "wavelength: has 2 rows but there are 3 spectra"),
        (dict(wavelength=WAVELENGTH, flux=[FLUX] * 3, ivar=[IVAR]), "ivar: has 1 rows but there are 3 spectra"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, source_id=[1, 2]), "source_id: has 2 values but there are 1 spectra"),
        (dict(wavelength=WAVELENGTH), "flux: is not given"),
        (dict(wavelength=WAVELENGTH * u.K, flux=FLUX), "has the unit K, which is none of wavelengths"),
        (dict(wavelength=WAVELENGTH, flux=FLUX * u.K), 'flux: has the unit "K", which is not understood'),
        (dict(wavelength=WAVELENGTH, flux=FLUX, wavelength_unit="parsec"), "wavelength_unit parsec: not known"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, instrument="hubble"), "instrument hubble: is not known here"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, rv=1e9), "rv 1000000000.0: must lie between"),
        (dict(wavelength=WAVELENGTH, flux=FLUX, bad="ignore"), "bad 'ignore'"),
    ],
)
def test_bad_input(model, arguments, line):
    with pytest.raises(specclip.SpecCLIPError) as raised:
        model.predict(**arguments)
    text = str(raised.value)
    assert line in text and "\n" not in text
    assert "--" not in text


def test_bad_spectra_among_good_ones(model):
    spectra = stars.formula(70)
    spectra["flux"][[3, 66]] = np.nan
    with pytest.raises(specclip.SpecCLIPError, match="^spectrum 3: flux: is NaN"):
        model.predict(**spectra)
    table = model.predict(**spectra, bad="nan")
    bad = np.isin(np.arange(70), [3, 66])
    assert np.array_equal(np.isnan(table["teff"]), bad) and np.array_equal(table["flag"].mask, bad)
    assert table["problem"][66].startswith("spectrum 66: flux: is NaN") and table["problem"][0] == ""
    assert sorted(table.meta["failures"]) == [3, 66]
    assert np.array_equal(np.isnan(model.embed(**spectra, bad="nan")).all(1), bad)
    nothing = model.predict(WAVELENGTH, [FLUX * np.nan] * 2, bad="nan")
    assert len(nothing) == 2 and np.all(np.isnan(nothing["teff"]))
    found = model.search(**{**spectra, "flux": spectra["flux"][:5], "ivar": spectra["ivar"][:5]}, bad="nan", top=1)
    assert 3 not in found["star"] and 4 in found["star"]
    assert np.isnan(model.outliers(WAVELENGTH, [FLUX, FLUX * np.nan], bad="nan")["p"][1])


def test_what_is_assumed_is_told_once(model):
    flux = FLUX.copy()
    flux[10] = -9999
    with pytest.warns(specclip.SpecCLIPWarning, match=r"spectrum 0: flux of −9999 .* \(and 1 more\)") as told:
        model.predict(WAVELENGTH, [flux, flux])
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(WAVELENGTH, FLUX)


def test_options_of_translations_and_searches(model):
    with pytest.raises(
        specclip.SpecCLIPError, match="^to hubble: is not known here|^instrument hubble: is not known here"
    ):
        model.translate(WAVELENGTH, FLUX, to="hubble")
    with pytest.raises(specclip.SpecCLIPError, match="no label that tells of these spectra; known are"):
        model.translate(WAVELENGTH, FLUX, to="gaia-xp", given={"mass": 1})
    with pytest.raises(specclip.SpecCLIPError, match="samples 1e|samples 5000: must be"):
        model.translate(WAVELENGTH, FLUX, to="gaia-xp", samples=5000)
    with pytest.raises(specclip.SpecCLIPError, match="top 0: must be"):
        model.search(WAVELENGTH, FLUX, top=0)
    with pytest.warns(specclip.SpecCLIPWarning, match="beyond the stars that spectra were learned from"):
        model.translate(WAVELENGTH, FLUX, to="gaia-xp", given={"teff": 90000})


# Models


def changed(path, change) -> None:
    """A copy of the shipped model with another header."""
    data = specclip.load(threads=1).path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    change(header["__metadata__"])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


def test_models_that_cannot_be_read(tmp_path):
    with pytest.raises(specclip.SpecCLIPError, match="no such model file"):
        specclip.load(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("not a model")
    with pytest.raises(specclip.SpecCLIPError, match="text.safetensors"):
        specclip.load(tmp_path / "text.safetensors")

    def newer(header):
        about = json.loads(header["specclip"])
        about["format"] = 99
        header["specclip"] = json.dumps(about)

    changed(tmp_path / "newer.safetensors", newer)
    with pytest.raises(specclip.SpecCLIPError, match="format 99 is newer than this program"):
        specclip.load(tmp_path / "newer.safetensors")
    data = specclip.load(threads=1).path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(specclip.SpecCLIPError, match="cut.safetensors"):
        specclip.load(tmp_path / "cut.safetensors")
    for options, line in [
        (dict(draws=5), "draws 5: must be"),
        (dict(width=10**6), "numbers|not aligned"),
        (dict(scale="APOGEE"), "scale"),
    ]:
        with pytest.raises(specclip.SpecCLIPError, match=line):
            specclip.load(**options)


def test_models_of_the_package():
    giants = specclip.load("abundances", threads=1)
    assert "teff" in giants.labels and len(giants.labels) > 10
    with pytest.raises(specclip.SpecCLIPError, match="no such model file"):
        specclip.load("large")


def test_what_a_model_is(model):
    assert model.instruments == ["gaia-xp", "optical"]
    assert model.labels["teff"] == "K"
    assert model.flags[4] == "unlike any training spectrum"
    assert model.grid("gaia-xp").shape == (343,) and model.grid("optical")[0] > 3599
    assert "teff" in repr(model)
    assert "Parameters" in model.predict.__doc__ and "{spectra}" not in model.predict.__doc__
