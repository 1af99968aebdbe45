"""FrontEnd: the geometry of the analysis, its windows and its defaults.

All lengths are in frames (one sample per channel). Nothing here touches audio: `analysis_window()` and
`synthesis_window()` are float64 tables computed at set-up by the control thread.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from aedsp.arrays import Float64

WindowName = Literal["hann", "hamming", "blackman", "rect", "asymmetric"]
FrontEndKind = Literal["stft", "cqft"]

#: Coefficients of the cosine series a0 - a1 cos(2πn/L) + a2 cos(4πn/L), Harris (1978).
_COSINE_SERIES: dict[str, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "rect": (1.0,),
}
#: Larger samples and magnitudes count as invalid (`AEDSP_LOUDEST` in the kernels).
LOUDEST = 16.0

_SHORTEST_FFT, _LONGEST_FFT = 64, 32768
_WEAKEST_OVERLAP = 0.01

#: Defaults of the constant-Q front end.
_CQFT_LENGTHS = {"fft_length": 16_384, "window_length": 8192, "hop_length": 2205}
_CQFT_BANDS = {"bins_per_octave": 12, "f_min_hz": 20.0, "f_max_hz": 11_025.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontEnd:
    """Geometry of the short-time Fourier transform and of the optional constant-Q bands that group its bins.

    Parameters
    ----------
    kind : "stft" or "cqft"
        Input of the model: the bins of the transform, or bands of constant relative width (`aedsp.model.constant_q`).
        `of_kind` chooses suitable lengths for either.
    sample_rate : float
        Hz, > 0.
    fft_length : int
        Power of two from 64 to 32768, in frames.
    window_length : int
        At most `fft_length`, in frames; the window is zero-padded to `fft_length`.
    hop_length : int
        At most `window_length`, in frames; the squared windows of successive hops must not leave gaps.
    window : "hann", "hamming", "blackman", "rect" or "asymmetric"
        The first four are periodic. "asymmetric" rises slowly and falls within half of `synthesis_length`: long for
        resolution of pitch, short for latency.
    synthesis_length : int
        "asymmetric" only: length of the synthesis window at the end of the analysis window, in frames; even,
        2 hop_length to window_length. The latency depends on it instead of `window_length`.
    bins_per_octave : int
        cqft only: bands per octave, 1 to 192. Default: 12.
    f_min_hz, f_max_hz : float
        cqft only: centre of the lowest band, and upper limit of the centres. Default: 20 Hz, and 11,025 Hz or half
        the rate, whichever is lower.

    Raises
    ------
    ValueError
        A value is out of its range; the message gives the value and the range.
    """

    kind: FrontEndKind = "stft"
    sample_rate: float = 22_050.0
    fft_length: int = 2048
    window_length: int = 2048
    hop_length: int = 512
    window: WindowName = "hann"
    synthesis_length: int | None = None
    bins_per_octave: int | None = None
    f_min_hz: float | None = None
    f_max_hz: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FrontEndKind):
            raise ValueError(f"front end kind is {self.kind!r}; expected one of {get_args(FrontEndKind)}")
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
        self._check_synthesis_length()
        if self.analysis_window().sum() < 0.1:
            raise ValueError(
                f"window_length is {self.window_length}: a {self.window!r} window of that length is silent"
            )
        overlap = self._overlapped(self._unscaled_dual())
        if overlap.min() < _WEAKEST_OVERLAP * overlap.max():
            raise ValueError(
                f"hop_length {self.hop_length} leaves gaps between {self.window!r} windows of {self.window_length}: "
                f"the squared windows sum to {overlap.min() / overlap.max():.2%} of their maximum in places; "
                f"expected at least 1 %; use a shorter hop"
            )
        self._check_bands()

    def _check_synthesis_length(self) -> None:
        if self.window != "asymmetric":
            if self.synthesis_length is not None:
                raise ValueError(
                    f"synthesis_length is {reprlib.repr(self.synthesis_length)} and window {self.window!r}; only the "
                    "window 'asymmetric' has one"
                )
            return
        if self.kind != "stft":
            raise ValueError(f"window is 'asymmetric' and the front end {self.kind!r}; expected 'stft'")
        if self.synthesis_length is None:
            raise ValueError("window is 'asymmetric' without synthesis_length; expected an even number of frames")
        length = _checked_int("synthesis_length", self.synthesis_length)
        if length % 2 or not 2 * self.hop_length <= length <= self.window_length:
            raise ValueError(
                f"synthesis_length is {length}; expected an even number from 2 hop_length = {2 * self.hop_length} to "
                f"window_length = {self.window_length}"
            )
        object.__setattr__(self, "synthesis_length", length)

    def _check_bands(self) -> None:
        given = {name: getattr(self, name) for name in _CQFT_BANDS}
        if self.kind == "stft":
            for name, value in given.items():
                if value is not None:
                    raise ValueError(f"{name} is {reprlib.repr(value)}; only the front end 'cqft' has bands")
            return
        nyquist = self.sample_rate / 2
        defaults = {**_CQFT_BANDS, "f_max_hz": min(nyquist, _CQFT_BANDS["f_max_hz"])}
        values = {name: defaults[name] if value is None else value for name, value in given.items()}
        n = values["bins_per_octave"]
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= 192:
            raise ValueError(f"bins_per_octave is {reprlib.repr(n)}; expected a whole number from 1 to 192")
        for name in ("f_min_hz", "f_max_hz"):
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
                raise ValueError(f"{name} is {reprlib.repr(value)}; expected Hz")
        low, high = float(values["f_min_hz"]), float(values["f_max_hz"])
        if not 0.01 <= low < high <= nyquist:
            raise ValueError(f"bands from {low:g} to {high:g} Hz; expected 0.01 <= f_min_hz < f_max_hz <= {nyquist:g}")
        for name, value in (("bins_per_octave", int(n)), ("f_min_hz", low), ("f_max_hz", high)):
            object.__setattr__(self, name, value)

    @classmethod
    def of_kind(cls, kind: FrontEndKind, **options: Any) -> FrontEnd:
        """A front end with default lengths for its kind; `options` override them."""
        return cls(kind=kind, **{**(_CQFT_LENGTHS if kind == "cqft" else {}), **options})

    @property
    def n_fft_bins(self) -> int:
        """Bins of one transform, DC and Nyquist included."""
        return self.fft_length // 2 + 1

    @property
    def n_bins(self) -> int:
        """Values per spectrum at the model's input: the bins of the transform, or the bands."""
        return self.n_fft_bins if self.kind == "stft" else len(self.centres_hz())

    def centres_hz(self) -> Float64:
        """Centre frequency of each value in Hz: ``k sample_rate / fft_length`` or ``f_min 2^(b / bins_per_octave)``."""
        if self.bins_per_octave is None or self.f_min_hz is None or self.f_max_hz is None:
            return np.arange(float(self.n_fft_bins)) * (self.sample_rate / self.fft_length)
        n = 1 + int(np.floor(self.bins_per_octave * np.log2(self.f_max_hz / self.f_min_hz) + 1e-9))
        centres: Float64 = self.f_min_hz * np.exp2(np.arange(n) / self.bins_per_octave)
        return centres

    @property
    def magnitude_scale(self) -> float:
        """``2 / Σ window``: factor on FFT magnitudes that makes a full-scale sine read 1.0."""
        return 2.0 / float(self.analysis_window().sum())

    @property
    def reach_length(self) -> int:
        """Length of the part of the window that is heard: `synthesis_length`, or `window_length` without one."""
        return self.window_length if self.synthesis_length is None else self.synthesis_length

    @property
    def window_centre(self) -> float:
        """Phase centre of the window in frames, where the bins of one peak are taken to be in phase.

        L/2 for a symmetric window. Asymmetric: midway between the centre of gravity of what is analysed and the centre
        L - S/2 of what is heard, which reconstructs better than either (`docs/phase.md`).
        """
        if self.synthesis_length is None:
            return self.window_length / 2
        window, heard = self.analysis_window(), self.window_length - self.synthesis_length / 2
        return float((np.arange(self.window_length) @ window / window.sum() + heard) / 2)

    def analysis_window(self) -> Float64:
        """Analysis window, shape (window_length,), float64.

        Asymmetric, with R = L - S/2: ``sin(π/2 (n + ½)/R)`` for n < R, then ``cos(π/2 (n - R + ½)/(S/2))``.
        """
        if self.window == "asymmetric":
            fall = self.reach_length // 2
            rise = self.window_length - fall
            up, down = (np.pi / 2 * (np.arange(n) + 0.5) / n for n in (rise, fall))
            return np.concatenate([np.sin(up), np.cos(down)])
        turns = np.arange(self.window_length) / self.window_length
        signs = (1.0, -1.0, 1.0)
        series = _COSINE_SERIES[self.window]
        terms = [s * a * np.cos(2 * np.pi * k * turns) for k, (s, a) in enumerate(zip(signs, series, strict=False))]
        return np.asarray(np.sum(terms, axis=0), dtype=np.float64)

    def synthesis_window(self) -> Float64:
        """Synthesis window that reconstructs perfectly, shape (window_length,), float64.

        The canonical dual ``w(n) / Σ_m w²(n - mH)``. Asymmetric, a(n) being the analysis window: in its last S frames
        ``s(n) = sin²(π (i + ½)/S) / a(n)``, i = n - (L - S), divided by ``Σ_m a s (n - mH)``; 0 before.
        """
        dual = self._unscaled_dual()
        position_in_hop = np.arange(self.window_length) % self.hop_length
        return np.asarray(dual / self._overlapped(dual)[position_in_hop], dtype=np.float64)

    def _unscaled_dual(self) -> Float64:
        window = self.analysis_window()
        if self.synthesis_length is None:
            return window
        dual, n = np.zeros(self.window_length), self.synthesis_length
        dual[-n:] = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 / window[-n:]
        return dual

    def _overlapped(self, dual: Float64) -> Float64:
        """``Σ_m w(n - mH) dual(n - mH)`` for n in one hop, shape (hop_length,), float64."""
        product = np.zeros(-(-self.window_length // self.hop_length) * self.hop_length)
        product[: self.window_length] = self.analysis_window() * dual
        return np.asarray(product.reshape(-1, self.hop_length).sum(axis=0), dtype=np.float64)


def _checked_rate(value: Any) -> float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool) and 1 <= value <= 1e7:
        return float(value)
    raise ValueError(f"sample_rate is {reprlib.repr(value)}; expected 1 to 10,000,000 Hz")


def _checked_int(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} is {reprlib.repr(value)}; expected an integer number of frames")
    return int(value)
