"""Computes a model's input spectra with the engine's own kernel, for the trainer's corpus and for probes."""

from __future__ import annotations

import numpy as np

from aedsp._kernels.stft import Transform
from aedsp.arrays import Float32
from aedsp.model import constant_q
from aedsp.model.front_end import FrontEnd


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
