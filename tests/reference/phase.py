"""Phases of the output spectrum as unit phasors."""

import numpy as np


def source(spectra, scale, fft_length, hop_length, floor=1e-9):
    """Unit phasors (n_spectra, n_bins): X/|X|, or below the floor the previous one advanced by one hop."""
    k = np.arange(spectra.shape[1])
    run_on = np.exp(2j * np.pi * hop_length * k / fft_length)
    unit = np.ones(spectra.shape[1], complex)
    units = []
    for x in spectra:
        magnitude = np.abs(x) * scale
        defined = magnitude >= floor
        unit = np.where(defined, x / np.where(defined, np.abs(x), 1), unit * run_on)
        units.append(unit)
    return np.array(units)


def advance(hop, fft_length, hop_length, start_turns):
    """start + 2π ((m H k) mod N) / N, in whole numbers."""
    k = np.arange(len(start_turns))
    at = [(int(hop) * hop_length * int(b)) % fft_length for b in k]
    return np.exp(2j * np.pi * (start_turns + np.array(at) / fft_length))


def edge(front_end):
    """Turns (n_bins,) from a phase at the window's phase centre to that at its edge."""
    centre = front_end.window_length / 2
    if front_end.window == "asymmetric":
        window = front_end.analysis_window()
        gravity = sum(n * w for n, w in enumerate(window)) / sum(window)
        centre = (gravity + front_end.window_length - front_end.synthesis_length / 2) / 2
    return -np.arange(front_end.n_fft_bins) * centre / front_end.fft_length


def peaks(z):
    """Bins above their left neighbour and not below their right one; never the ends."""
    return np.flatnonzero((z[1:-1] > z[:-2]) & (z[1:-1] >= z[2:])) + 1


def peak_offset(z, j):
    """Offset from j of the maximum of the parabola through three logarithms: bins, within ±0.5."""
    a, b, c = np.log(np.maximum(z[j - 1 : j + 2], 1e-9))
    bend = a - 2 * b + c
    return float(np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def owners(z):
    """The peak of every bin: regions meet at the lowest bin between two peaks, which belongs to the left one."""
    tops = peaks(z)
    owner = np.arange(len(z))
    if len(tops):
        owner[: tops[0]] = tops[0]
        for left, right in zip(tops, [*tops[1:], None], strict=True):
            stop = len(z) if right is None else left + int(np.argmin(z[left : right + 1])) + 1
            owner[left:stop] = left
            owner[stop:right] = right if right is not None else 0
    return owner


def spsi(magnitudes, front_end, start_turns):
    """Unit phasors (n, n_bins) from magnitudes: every peak and its bins advance at its interpolated frequency.

    Beauregard, Harish & Wyse, "Single pass spectrogram inversion" (2015). Without peaks each bin advances on its own.
    """
    n, hop = front_end.fft_length, front_end.hop_length
    middle = np.array(start_turns, float)  # at the middle of the window
    units = []
    for z in np.asarray(magnitudes, float):
        owner = owners(z)
        tops = set(peaks(z))
        offset = np.array([peak_offset(z, j) if j in tops else 0.0 for j in range(len(z))])
        middle = (middle[owner] + hop * (owner + offset[owner]) / n) % 1
        units.append(np.exp(2j * np.pi * (middle + edge(front_end))))
    return np.array(units)
