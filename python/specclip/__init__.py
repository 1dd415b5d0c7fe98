"""Stellar spectra read with a foundation model: labels with errors, embeddings, translations, look-alikes, odd stars.

>>> import specclip
>>> model = specclip.load()
>>> table = model.predict(wavelength, flux, ivar=ivar)  # doctest: +SKIP

Arrays in (NumPy, astropy quantities, ``specutils`` spectra, Arrow, lists), tables out (astropy, pandas, Arrow, NumPy). The
numbers are those of the command ``specclip``, which this package shares its code with. Long calls stop at Ctrl-C; other
threads run meanwhile; processes must be started by ``spawn``.
"""

from ._catalogue import meta, predict
from ._errors import SpecCLIPError, SpecCLIPWarning
from ._learning import NPE, OrderedBottleneck
from ._library import check_torch as _check_torch
from ._library import version
from ._model import Model, load

_check_torch()

__version__ = "0.1.0"
__all__ = ["NPE", "Model", "OrderedBottleneck", "SpecCLIPError", "SpecCLIPWarning", "load", "meta", "predict", "version"]
