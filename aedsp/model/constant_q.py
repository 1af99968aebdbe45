"""Bands of the constant-Q front end: analysis weights from bins to bands, synthesis weights from bands to bins.

Float64 tables computed at set-up. The compiled hop applies them (`aedsp/_kernels/constant_q.pyx`); the trainer
multiplies by their matrix. Control thread only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aedsp.arrays import Float32, Floats
from aedsp.model.front_end import LOUDEST, FrontEnd

_LOBE_STEPS = 64  # samples of the window's transform per bin


@dataclass(frozen=True, slots=True)
class Band:
    """Bins from `first` to ``first + len(analysis) - 1``: ``c = √(Σ analysis m²)``, inverse ``m += synthesis c``."""

    first: int
    analysis: Floats
    synthesis: Floats


def bands(front_end: FrontEnd) -> tuple[Band, ...]:
    """The bands of a "cqft" front end, lowest first.

    Weights are triangular over log frequency: 1 at the band's centre, 0 at the neighbouring centres. A band without a
    bin of its own is interpolated between the two bins around its centre. Analysis weights are scaled so that a
    full-scale sine at the centre reads 1.0; synthesis weights so that a full-scale sine at each bin returns as 1.0.
    Bins outside all bands return as 0.
    """
    to_bins = front_end.fft_length / front_end.sample_rate
    places = [_weights(front_end, centre * to_bins) for centre in front_end.centres_hz()]
    lobe = _Lobe(front_end)
    analysis = [
        weights / (weights @ lobe.power(first + np.arange(len(weights)) - centre * to_bins))
        for (first, weights), centre in zip(places, front_end.centres_hz(), strict=True)
    ]
    returned = np.zeros(front_end.n_fft_bins)
    for (first, _), weights in zip(places, analysis, strict=True):
        offsets = np.arange(float(len(weights)))
        for at, weight in enumerate(weights):  # the band's value for a full-scale sine at each of its bins
            returned[first + at] += weight * np.sqrt(weights @ lobe.power(offsets - at))
    return tuple(
        Band(first, weights, weights / returned[first : first + len(weights)])
        for (first, _), weights in zip(places, analysis, strict=True)
    )


def matrix(front_end: FrontEnd) -> Floats:
    """``Qᵀ`` in ``c = √(Q m²)``, (n_fft_bins, n_bins)."""
    q = np.zeros((front_end.n_fft_bins, front_end.n_bins))
    for b, band in enumerate(bands(front_end)):
        q[band.first : band.first + len(band.analysis), b] = band.analysis
    return q


def to_bins(values: Float32, front_end: FrontEnd) -> Float32:
    """Magnitudes of bands (n, n_bins) to the FFT's bins, (n, n_fft_bins); as they are if there are no bands."""
    if front_end.kind != "cqft":
        return values
    bins = np.zeros((len(values), front_end.n_fft_bins), np.float32)
    for band, value in zip(bands(front_end), values.T, strict=True):
        bins[:, band.first : band.first + len(band.synthesis)] += value[:, None] * band.synthesis
    return np.asarray(np.minimum(bins, LOUDEST), np.float32)


def _weights(front_end: FrontEnd, centre: float) -> tuple[int, Floats]:
    """First bin and bin weights of a band; `centre` in bins."""
    reach = 2 ** (1 / (front_end.bins_per_octave or 12))
    first, last = int(np.floor(centre / reach)) + 1, int(np.ceil(centre * reach)) - 1
    last = min(last, front_end.n_fft_bins - 1)
    if first <= last:
        octaves = np.log2(np.arange(first, last + 1) / centre)
        return first, np.maximum(0, 1 - np.abs(octaves) * (front_end.bins_per_octave or 12))
    first = min(int(centre), front_end.n_fft_bins - 2)
    return first, np.array([1 - (centre - first), centre - first])


class _Lobe:
    """The main lobe: the window's transform around a full-scale sine."""

    def __init__(self, front_end: FrontEnd) -> None:
        window = front_end.analysis_window()
        spectrum = np.abs(np.fft.rfft(window, _LOBE_STEPS * front_end.fft_length)) / window.sum()
        self._power = np.square(spectrum)
        self._offsets = np.arange(len(spectrum)) / _LOBE_STEPS

    def power(self, offsets: Floats) -> Floats:
        """``|m|²`` at `offsets` in bins from the sine; 1 at 0."""
        return np.asarray(np.interp(np.abs(offsets), self._offsets, self._power))
