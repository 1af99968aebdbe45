"""Computes a model's input spectra with the engine's own kernel: of single windows and of whole signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aedsp._kernels.stft import Transform
from aedsp.arrays import Float32
from aedsp.model import constant_q
from aedsp.model.front_end import FrontEnd

_BLOCK_SPECTRA = 1024


class Analysis:
    """The analysis of one front end. Holds scratch memory; use one instance per thread."""

    def __init__(self, front_end: FrontEnd) -> None:
        window = front_end.analysis_window()
        # hop = window: the kernel treats each row as one window, without overlap
        self._transform = Transform(front_end.fft_length, front_end.window_length, window, window)
        self._bands = constant_q.matrix(front_end).astype(np.float32) if front_end.kind == "cqft" else None

    def magnitudes(self, frames: Float32) -> Float32:
        """``|rfft(window · frame)| · 2/Σ window``, grouped into bands for cqft: (n, window_length) -> (n, n_bins)."""
        magnitudes: Float32 = self._transform.magnitudes(np.ascontiguousarray(frames).reshape(-1))
        return magnitudes if self._bands is None else np.sqrt(np.square(magnitudes) @ self._bands)


def transform(front_end: FrontEnd) -> Transform:
    """The front end's windows and FFT, one window at a time."""
    windows = front_end.analysis_window(), front_end.synthesis_window()
    return Transform(front_end.fft_length, front_end.hop_length, *windows, front_end.reach_length)


def windows_of(x: Float32, front_end: FrontEnd) -> Iterator[tuple[Float32, Float32]]:
    """Magnitudes (n, n_bins) and phases (n, n_fft_bins) of the windows of a signal (frames,), in blocks.

    Window m ends at frame (m + 1) hop; silence before the signal and after it, so that every frame is in as many
    windows as any other.
    """
    length, hop = front_end.window_length, front_end.hop_length
    n = max(1, -(-(len(x) + front_end.reach_length - hop) // hop))
    padded = np.zeros(length - hop + n * hop, np.float32)
    some = min(len(x), n * hop)
    padded[length - hop : length - hop + some] = x[:some]
    stft = transform(front_end)
    bands = constant_q.matrix(front_end).astype(np.float32) if front_end.kind == "cqft" else None
    for first in range(0, n, _BLOCK_SPECTRA):
        found = [stft.forward(padded[m * hop : m * hop + length]) for m in range(first, min(n, first + _BLOCK_SPECTRA))]
        re, im = (np.array(part) for part in zip(*found, strict=True))
        magnitudes = np.hypot(re, im) * np.float32(front_end.magnitude_scale)
        if bands is not None:
            magnitudes = np.sqrt(np.square(magnitudes) @ bands)
        yield magnitudes, np.arctan2(im, re)
