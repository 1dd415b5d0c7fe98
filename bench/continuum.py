"""Continuum normalisation and resampling of one LAMOST LRS spectrum with numpy and scipy, one spectrum at a time."""
import numpy as np
from scipy.interpolate import interp1d
from scipy.signal import medfilt, savgol_filter

GRID = np.linspace(3.602, 3.602 + 1461e-4, 1462)  # log10 of the wavelength in Å
HOT_WINDOWS = [(4030, 4160), (4270, 4410), (4800, 4940)]


def continuum(wave, flux):
    """The two-arm polynomial continuum of the reference (recipe for S/N 60)."""
    smooth = medfilt(np.asarray(flux, float), 7)
    blue, red = (wave >= 3700) & (wave <= 5700), wave > 6100
    result = smooth.copy()
    result[blue] = _blue(wave, smooth, blue)
    result[red] = _red(wave[red], savgol_filter(smooth[red], 3, 2, mode="nearest"))
    result[result <= 0] = 1.0
    return result


def _blue(wave, smooth, blue):
    x, y = wave[blue], smooth[blue].copy()
    first = np.polyval(np.polyfit(x, savgol_filter(y, 3, 2, mode="nearest"), 5), x)
    if x[np.argmax(first)] < 4500:
        _bridge_balmer_lines(wave, y)
    for _ in range(10):
        y = np.maximum(np.polyval(np.polyfit(x, y, 5), x), y)
    return np.polyval(np.polyfit(x, y, 5), x)


def _bridge_balmer_lines(wave, y):
    # Indices of the whole spectrum applied to its blue part: a quirk of the reference that its models were trained with.
    peak = lambda at: y[np.flatnonzero(np.abs(wave - at) <= 10)].max()
    ends = [(peak(low), peak(high)) for low, high in HOT_WINDOWS]
    for (low, high), levels in zip(HOT_WINDOWS, ends):
        inside = np.flatnonzero((wave >= low) & (wave <= high))
        y[inside] = np.interp(wave[inside], [low, high], levels)


def _red(x, y):
    for _ in range(9):
        fit = np.polyval(np.polyfit(x, y, 4), x)
        sigma = np.std(y - fit)
        y = np.where((y < fit) | (y > fit + 3 * sigma), fit, y)
    return fit


def prepare(wave, flux):
    """Continuum-normalised flux on the model's grid."""
    return interp1d(np.log10(wave), flux / continuum(wave, flux))(GRID).astype(np.float32)
