"""Time-stretches and transposes a whole source before the engine (`_kernels/time_stretch`); checks the settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from aedsp._kernels.time_stretch import PUSHED, STRETCH_RANGE, TRANSPOSE_RANGE, TimeStretcher
from aedsp.arrays import Float32
from aedsp.model.front_end import FrontEnd


def check(stretch: float, transpose: float) -> None:
    """Raise ValueError if stretch or transpose is out of range."""
    for name, value, (least, most) in (
        ("stretch", stretch, STRETCH_RANGE),
        ("transpose", transpose, TRANSPOSE_RANGE),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise ValueError(f"{name} is {value!r}; expected a number from {least:g} to {most:g}")
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError(f"{name} is {value}; expected {least:g} to {most:g}")


def pitch_of(transpose: float) -> float:
    """Semitones as a frequency ratio; 0 gives exactly 1."""
    return float(2 ** (transpose / 12))


def time_stretcher(sample_rate: float, channels: int) -> TimeStretcher:
    """A time-stretcher with windows of about 90 ms: 2048 frames below 32 kHz, else 4096; hops of a quarter window."""
    length = 2048 if sample_rate < 32_000 else 4096
    windows = FrontEnd(sample_rate=sample_rate, fft_length=length, window_length=length, hop_length=length // 4)
    return TimeStretcher(channels, length, length // 4, windows.analysis_window(), windows.synthesis_window())


class Stretched:
    """A whole source in blocks (frames, channels), time-stretched and transposed to round(frames · stretch) frames.

    Iterate once only.

    Parameters
    ----------
    source : iterable of float32 (frames, channels)
    sample_rate : float
        Hz.
    channels : int
    stretch, transpose : float
        Duration factor, 0.25 to 4, and semitones, -24 to 24.

    Attributes
    ----------
    taken, refused : int
        Source frames read so far, and invalid samples that count as 0 (without time-stretch or transposition, the
        consumer counts them).

    Raises
    ------
    ValueError
        stretch or transpose is out of range.
    """

    def __init__(
        self, source: Iterable[Float32], sample_rate: float, channels: int, stretch: float, transpose: float
    ) -> None:
        check(stretch, transpose)
        self.taken = self.refused = 0
        self._source, self._channels, self._stretch = source, channels, stretch
        self._kernel: TimeStretcher | None = None
        if (stretch, transpose) != (1, 0):
            self._kernel = time_stretcher(sample_rate, channels)
            self._kernel.set(float(stretch), pitch_of(transpose))

    def __iter__(self) -> Iterator[Float32]:
        kernel, made = self._kernel, 0
        for block in self._source:
            self.taken += len(block)
            if kernel is None:
                yield block
                continue
            for i in range(0, len(block), PUSHED):
                self.refused += kernel.push(np.ascontiguousarray(block[i : i + PUSHED], np.float32))
                while len(out := kernel.pull(4 * PUSHED)):
                    made += len(out)
                    yield out
        left, silence = round(self.taken * self._stretch) - made, np.zeros((PUSHED, self._channels), np.float32)
        while kernel is not None and left > 0:
            out = kernel.pull(left)
            left -= len(out)
            if len(out):
                yield out
            kernel.push(silence)
