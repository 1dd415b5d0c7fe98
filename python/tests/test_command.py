"""What Python says of a star, the command says of its file: to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import specclip
import stars


def same(table, rows) -> list[str]:
    """Columns of numbers that both have; all of them must be equal."""
    shared = []
    for name in rows.dtype.names:
        if name in table.colnames and rows.dtype[name].kind in "if":
            np.testing.assert_array_equal(np.asarray(table[name]), np.asarray(rows[name]), err_msg=name)
            shared.append(name)
    return shared


def test_labels_of_lamost(model, command, lamost_files):
    table = model.predict(**stars.lamost(lamost_files))
    shared = same(table, command("predict", *lamost_files, output="lamost.fits"))
    assert {"teff", "e_teff", "logg_16", "fe_h_84", "flag", "snr"} <= set(shared)
    assert str(table["teff"].unit) == "K" and str(table["logg"].unit) == "dex"
    assert len(table) == len(lamost_files) == 10


def test_labels_of_gaia_xp(model, command, xp_file):
    spectra = stars.gaia_xp(xp_file)
    table = model.predict(**spectra)
    assert "teff" in same(table, command("predict", xp_file, output="xp.fits"))
    assert list(table["instrument"]) == ["gaia-xp"] * 2
    assert list(table["source_id"]) == spectra["source_id"]


def test_labels_of_many_spectra(model, command, tmp_path):
    """More than one batch, of spectra from a formula: runs where no survey files lie."""
    spectra = stars.formula(70)
    table = model.predict(**spectra)
    assert "teff" in same(table, command("predict", *stars.write_csv(tmp_path, spectra), output="formula.fits"))


def test_air(model, command, tmp_path):
    spectra = stars.formula(2)
    files = stars.write_csv(tmp_path, spectra)
    table = model.predict(**spectra, air=True)
    assert same(table, command("predict", *files, "--air", output="air.fits"))
    assert np.all(table["rv"] != model.predict(**spectra)["rv"])


def test_options(model, command, tmp_path):
    spectra = stars.formula(2)
    files = stars.write_csv(tmp_path, spectra)
    table = model.predict(**spectra, rv=40, resolution=5000, flux_unit="f-nu", instrument="optical")
    same(
        table,
        command(
            "predict",
            *files,
            "--rv",
            40,
            "--resolution",
            5000,
            "--flux-unit",
            "f-nu",
            "--instrument",
            "optical",
            output="options.fits",
        ),
    )


def test_visits_together(model, command, tmp_path, lamost_files, xp_file):
    """Two spectra of two instruments are of one star where they are all there are."""
    optical, xp = stars.lamost(lamost_files[2:3]), stars.gaia_xp(xp_file)
    table = model.predict(
        [optical["wavelength"][0], 10 * xp["wavelength"]],
        [optical["flux"][0], xp["flux"][0]],
        ivar=[optical["ivar"][0], xp["error"][0] ** -2.0],
        mask=[optical["mask"][0], np.zeros(343, bool)],
        source_id=["a", "a"],
        together=True,
    )
    assert len(table) == 1 and table["visits"][0] == 2 and "gaia-xp" in table["instrument"][0]


def test_embeddings(model, command, lamost_files, xp_file):
    spectra = stars.lamost(lamost_files)
    del spectra["source_id"]
    own = model.embed(**spectra)
    rows = command("embed", *lamost_files, output="embed.npz")
    np.testing.assert_array_equal(own, rows["optical"])
    assert own.shape == (10, model.embedding_width) and own.dtype == np.float32
    one = model.embed(*[spectra[name][0] for name in ("wavelength", "flux")])
    assert one.shape == (model.embedding_width,)


def test_samples_are_what_labels_are_taken_from(model, lamost_files):
    spectra = stars.lamost(lamost_files[:4])
    table, samples = model.predict(**spectra), model.posterior(**spectra)
    for name in ("teff", "logg", "fe_h"):
        assert samples[name].shape == (4, 2000)
        # Percentiles are interpolated in one of several ways: they agree to a fraction of the distance between draws.
        np.testing.assert_allclose(
            np.median(samples[name], axis=1), table[name], atol=0.02 * np.max(table["e_" + name])
        )
    drawn = specclip.load(draws=500, threads=1).posterior(**spectra, output="numpy")
    assert drawn["teff"].shape == (4, 500)


def test_translation(model, command, lamost_files):
    spectra = stars.lamost(lamost_files[:3])
    table = model.translate(**spectra, to="gaia-xp", samples=3, given={"a_k": 0.1})
    rows = command(
        "translate", *lamost_files[:3], "--to", "gaia-xp", "--samples", 3, "--given", "a_k=0.1", output="xp.npz"
    )
    for name in ("flux", "flux_error", "sample_1", "sample_3"):
        np.testing.assert_array_equal(table[name], rows[name], err_msg=name)
    np.testing.assert_array_equal(table["wavelength"][0], rows["wavelength"])
    assert np.all(table["flux_error"] > 0)


def test_look_alikes(model, command, lamost_files):
    spectra = stars.lamost(lamost_files[:3])
    table = model.search(**spectra, top=4)
    rows = command("search", *lamost_files[:3], "--top", 4, output="search.fits")
    assert {"rank", "similarity", "teff"} <= set(same(table, rows))
    assert [str(text).strip() for text in rows["source_id"]] == list(table["source_id"])
    assert list(table["star"]) == [0] * 4 + [1] * 4 + [2] * 4


def test_look_alikes_in_an_atlas(model, command, lamost_files):
    spectra = stars.lamost(lamost_files[:6])
    command("embed", *lamost_files[:6], output="embeddings.fits")
    atlas = command("atlas", "build", command.folder / "embeddings.fits", output="atlas")
    found = model.search(**spectra, atlas=atlas, top=3)
    rows = command("search", *lamost_files[:6], "--in", atlas, "--top", 3, output="neighbours.fits")
    same(found, rows)
    assert np.allclose(found["similarity"][found["rank"] == 1], 1, atol=1e-4)
    with pytest.raises(specclip.SpecCLIPError, match="mass: is not known of its stars"):
        model.search(**spectra, atlas=atlas, where="mass>1")
    # Conditions choose among the model's own stars too.
    cool = model.search(**spectra, where="teff<5000")
    assert len(cool) == 5 * 6 and np.all(cool["teff"] < 5000)


def test_odd_stars(model, command, lamost_files):
    spectra = stars.lamost(lamost_files)
    table = model.outliers(**spectra)
    rows = command("outliers", *lamost_files, output="odd.fits")
    assert {"p", "q"} <= set(same(table, rows))
    assert [str(text).strip() for text in rows["reason"]] == list(table["reason"])
    # Whatever columns the command has of probabilities, Python has them.
    assert {name for name in rows.dtype.names if name.startswith("p")} <= set(table.colnames)


def test_odd_stars_together(model, lamost_files):
    """Two spectra that are said to be of one star: their velocities are compared."""
    spectra = stars.lamost(lamost_files[:3])
    spectra["source_id"] = ["a", "b", "a"]
    table = model.outliers(**spectra, together=True)
    assert list(table["star"]) == [0, 2, 1] and list(table["source_id"]) == ["a", "a", "b"]
    assert np.isfinite(table["p_repeats"]).tolist() == [True, True, False]
    assert table["p_repeats"][0] == table["p_repeats"][1]
    assert not np.isfinite(model.outliers(**spectra)["p_repeats"]).any()


def test_messages_are_the_command_s(model, message, tmp_path):
    spectra = stars.formula(1)
    file = stars.write_csv(tmp_path, {**spectra, "flux": spectra["flux"] * np.nan})[0]
    with pytest.raises(specclip.SpecCLIPError) as raised:
        model.predict(spectra["wavelength"], spectra["flux"][0] * np.nan, ivar=spectra["ivar"][0])
    assert message(file).split("flux: ", 1)[1] == str(raised.value).split("flux: ", 1)[1]
