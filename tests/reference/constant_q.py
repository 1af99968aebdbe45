"""Constant-Q bands from their definition, bin by bin, float64: for `aedsp/model/constant_q.py` and its kernel."""

import numpy as np


def lobe_power(front_end, bins):
    """``|m|²`` of a full-scale sine at `bins` bins from it: the window's transform, as a direct sum."""
    window, n = front_end.analysis_window(), np.arange(front_end.window_length)
    turns = np.outer(bins, n) / front_end.fft_length
    return np.abs((window * np.exp(-2j * np.pi * turns)).sum(axis=1) / window.sum()) ** 2


def analysis(front_end):
    """Q (n_bands, n_fft_bins)."""
    per_octave, centres = front_end.bins_per_octave, front_end.centres_hz()
    hz = np.arange(front_end.n_fft_bins) * front_end.sample_rate / front_end.fft_length
    q = np.zeros((len(centres), len(hz)))
    for row, centre in zip(q, centres, strict=True):
        octaves = np.log2(np.maximum(hz, 1e-9) / centre)
        row[:] = np.maximum(0, 1 - per_octave * np.abs(octaves))
        at = centre * front_end.fft_length / front_end.sample_rate
        if not row.any():
            low = int(at)
            row[low : low + 2] = 1 - (at - low), at - low
        used = np.flatnonzero(row)
        row /= row[used] @ lobe_power(front_end, used - at)
    return q


def forward(q, magnitudes):
    """(n, n_fft_bins) to (n, n_bands)."""
    return np.sqrt(magnitudes**2 @ q.T)


def synthesis(front_end, q):
    """(n_fft_bins, n_bands): Qᵀ, each row scaled so that a full-scale sine at its bin returns as 1.0."""
    back = q.T.copy()
    bins = np.arange(front_end.n_fft_bins)
    power = lobe_power(front_end, bins)
    for k, row in enumerate(back):
        if row.any():
            row /= row @ np.sqrt(q @ power[np.abs(bins - k)])
    return back
