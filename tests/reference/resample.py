"""Resampling from the definition: a sum over the whole signal for every output sample."""

from fractions import Fraction

import numpy as np


def resample(x, rate_in, rate_out, kernel):
    """out[m] = Σ_j h(m rate_in/rate_out - j) x[j]; kernel(t): h at t input samples, float64."""
    step = Fraction(rate_in) / Fraction(rate_out)
    n = int(len(x) / step)
    j = np.arange(len(x))
    return np.array([np.sum(kernel(float(m * step) - j) * x) for m in range(n)])


def kaiser_sinc(rate_in, rate_out, half):
    """The kernel's windowed sinc: cutoff at the middle of the transition, Kaiser window of 100 dB."""
    cutoff = min(1.0, rate_out / rate_in) * 0.95
    beta = 0.1102 * (100 - 8.7)

    def h(t):
        inside = np.maximum(0, 1 - (t / half) ** 2)
        window = np.where(np.abs(t) <= half, np.i0(beta * np.sqrt(inside)) / np.i0(beta), 0)
        return cutoff * np.sinc(cutoff * t) * window

    return h
