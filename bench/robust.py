"""What residuals are measured with in the field."""
import numpy as np


def robust_sigma(y):
    """Biweight sigma about the median (reference: Beers, Flynn & Gebhardt 1990)."""
    y = y - np.median(y)
    mad = np.median(np.abs(y)) / 0.6745
    u2 = (y / (6 * mad)) ** 2
    kept = u2 <= 1
    numerator = np.sum(y[kept] ** 2 * (1 - u2[kept]) ** 4)
    denominator = np.sum((1 - u2[kept]) * (1 - 5 * u2[kept]))
    return np.sqrt(len(y) * numerator / (denominator * (denominator - 1)))
