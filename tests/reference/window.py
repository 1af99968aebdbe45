"""Periodic windows and canonical duals, from their definitions."""

import numpy as np
from scipy.signal import get_window


def periodic(name, length):
    """SciPy's periodic window: an independent reference for `FrontEnd.analysis_window`."""
    return get_window({"rect": "boxcar"}.get(name, name), length, fftbins=True)


def dual(window, hop):
    """w(n) / Σ_m w²(n - mH), as a direct sum."""
    length = len(window)
    total = np.zeros(length)
    for n in range(length):
        total[n] = sum(window[n - m * hop] ** 2 for m in range(-length, length + 1) if 0 <= n - m * hop < length)
    return window / total


def apply(frame, window, fft_length):
    out = np.zeros(fft_length)
    out[: len(window)] = np.asarray(frame, np.float64) * window
    return out
