"""Phases of the outgoing spectrum as unit phasors, from DESIGN §3."""

import numpy as np


def source(spectra, scale, fft_length, hop_length, floor=1e-9):
    """Unit phasors (n_spectra, n_bins): X/|X|, or, where the magnitude is below the floor, the previous one run on."""
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
