"""FrontEnd: the geometry of the analysis, and the only home of its defaults.

All lengths are in frames (one sample per channel). Nothing here touches audio: `window()` and `dual_window()`
are float64 tables made at set-up time, by the control thread.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

WindowName = Literal["hann", "hamming", "blackman", "rect"]
FrontEndKind = Literal["stft"]

#: Coefficients of the cosine series a0 - a1 cos(2πn/L) + a2 cos(4πn/L), Harris (1978).
_COSINE_SERIES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "rect": (1.0,),
}
#: Samples and magnitudes beyond this are no audio (`AEDSP_LOUDEST` of the kernels).
LOUDEST = 16.0

_SHORTEST_FFT, _LONGEST_FFT = 64, 32768
_WEAKEST_OVERLAP = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontEnd:
    """Geometry of the short-time Fourier transform.

    Parameters
    ----------
    kind : "stft"
        The constant-Q front end "cqft" of file format 1 is not playable yet and is refused by name.
    sample_rate : float
        Hz, > 0.
    fft_length : int
        Power of two from 64 to 32768, in frames.
    window_length : int
        At most `fft_length`, in frames; the window is followed by zeros up to `fft_length`.
    hop_length : int
        At most `window_length`, in frames; refused where the squared windows of successive hops leave gaps.
    window : "hann", "hamming", "blackman" or "rect"
        Periodic.

    Raises
    ------
    ValueError
        For every value out of the ranges above; the text names the value and the range.
    """

    kind: FrontEndKind = "stft"
    sample_rate: float = 22_050.0
    fft_length: int = 2048
    window_length: int = 2048
    hop_length: int = 512
    window: WindowName = "hann"

    def __post_init__(self) -> None:
        if self.kind not in get_args(FrontEndKind):
            raise ValueError(f"front end kind is {self.kind!r}; this version of aedsp plays {get_args(FrontEndKind)}")
        if self.window not in get_args(WindowName):
            raise ValueError(f"window is {self.window!r}; expected one of {get_args(WindowName)}")
        object.__setattr__(self, "sample_rate", _checked_rate(self.sample_rate))
        for name in ("fft_length", "window_length", "hop_length"):
            object.__setattr__(self, name, _checked_int(name, getattr(self, name)))
        if not _SHORTEST_FFT <= self.fft_length <= _LONGEST_FFT or self.fft_length & (self.fft_length - 1):
            raise ValueError(
                f"fft_length is {self.fft_length}; expected a power of two from {_SHORTEST_FFT} to {_LONGEST_FFT}"
            )
        if not 1 <= self.window_length <= self.fft_length:
            raise ValueError(f"window_length is {self.window_length}; expected 1 to fft_length = {self.fft_length}")
        if not 1 <= self.hop_length <= self.window_length:
            raise ValueError(f"hop_length is {self.hop_length}; expected 1 to window_length = {self.window_length}")
        if self.analysis_window().sum() < 0.1:
            raise ValueError(
                f"window_length is {self.window_length}: a {self.window!r} window of that length is silent"
            )
        overlap = self.overlapped_square()
        if overlap.min() < _WEAKEST_OVERLAP * overlap.max():
            raise ValueError(
                f"hop_length {self.hop_length} leaves gaps between {self.window!r} windows of {self.window_length}: "
                f"the squared windows sum to {overlap.min() / overlap.max():.2%} of their maximum in places, "
                f"1 % is the least that can be inverted; take a shorter hop"
            )

    @property
    def n_bins(self) -> int:
        """Bins of one spectrum, DC and Nyquist included."""
        return self.fft_length // 2 + 1

    @property
    def magnitude_scale(self) -> float:
        """``2 / Σ window``: what an FFT magnitude is multiplied by so that a full-scale sine reads 1.0."""
        return 2.0 / float(self.analysis_window().sum())

    def analysis_window(self) -> npt.NDArray[np.float64]:
        """Periodic window, shape (window_length,), float64."""
        turns = np.arange(self.window_length) / self.window_length
        signs = (1.0, -1.0, 1.0)
        series = _COSINE_SERIES[self.window]
        terms = [s * a * np.cos(2 * np.pi * k * turns) for k, (s, a) in enumerate(zip(signs, series, strict=False))]
        return np.asarray(np.sum(terms, axis=0), dtype=np.float64)

    def overlapped_square(self) -> npt.NDArray[np.float64]:
        """``Σ_m w²(n - mH)`` for n in one hop, shape (hop_length,), float64."""
        squared = np.zeros(-(-self.window_length // self.hop_length) * self.hop_length)
        squared[: self.window_length] = self.analysis_window() ** 2
        return np.asarray(squared.reshape(-1, self.hop_length).sum(axis=0), dtype=np.float64)

    def synthesis_window(self) -> npt.NDArray[np.float64]:
        """Canonical dual ``w(n) / Σ_m w²(n - mH)``, shape (window_length,), float64."""
        position_in_hop = np.arange(self.window_length) % self.hop_length
        return np.asarray(self.analysis_window() / self.overlapped_square()[position_in_hop], dtype=np.float64)


def _checked_rate(value: Any) -> float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and 1 <= value <= 1e7:
        return float(value)
    raise ValueError(f"sample_rate is {reprlib.repr(value)}; expected 1 to 10,000,000 Hz")


def _checked_int(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected an integer number of frames")
    return int(value)
