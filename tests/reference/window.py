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


def asymmetric(length, synthesis_length, hop):
    """Analysis and synthesis window of an asymmetric window, frame by frame."""
    rise, half = length - synthesis_length // 2, synthesis_length // 2
    analysis = np.array(
        [
            np.sin(np.pi / 2 * (n + 0.5) / rise) if n < rise else np.cos(np.pi / 2 * (n - rise + 0.5) / half)
            for n in range(length)
        ]
    )
    synthesis = np.zeros(length)
    for i in range(synthesis_length):
        n = length - synthesis_length + i
        synthesis[n] = np.sin(np.pi * (i + 0.5) / synthesis_length) ** 2 / analysis[n]
    product = analysis * synthesis
    total = [sum(product[n % hop :: hop]) for n in range(length)]
    return analysis, synthesis / total
