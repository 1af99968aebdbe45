"""Meter readings, latency and callback statistics of a stream: values and their text form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from aedsp.arrays import Float32


class Meter(NamedTuple):
    """The latest readings. code : (n_code,) of the first channel, before gains and overrides; original, heard : its
    magnitudes (n_bins,) before and after the model; peak : output peak, decaying by 20 dB per second; frame : stream
    frame."""

    code: Float32
    original: Float32
    heard: Float32
    peak: float
    frame: int


@dataclass(frozen=True)
class Latency:
    """Latency from input to output, in frames at the stream's rate: windows, resamplers and device."""

    algorithm: int
    resampler: int
    device: int
    sample_rate: float

    @property
    def total(self) -> int:
        return self.algorithm + self.resampler + self.device

    def __str__(self) -> str:
        parts = (("algorithm", self.algorithm), ("resampler", self.resampler), ("device", self.device))
        words = [f"{name} {n} frames ({1000 * n / self.sample_rate:.1f} ms)" for name, n in parts]
        return f"latency: {', '.join(words)}, total {self.total} ({1000 * self.total / self.sample_rate:.1f} ms)"


@dataclass(frozen=True)
class StreamStatistics:
    """Counters of the callback. Loads are shares of the time available per block; `load[i]` counts blocks with a load
    from i/32 to (i+1)/32, the last entry all above."""

    callbacks: int
    misses: int
    late: int
    worst_load: float
    last_load: float
    worst_gap_ms: float
    load: list[int] = field(repr=False)
    flags: dict[str, int]
    frames: int
    hops: int
    sustained_hops: int
    late_hops: int
    limited_frames: int
    refused_samples: int
    underrun_frames: int
    underruns: int
    recorded_frames: int
    dropped_frames: int
    lost_events: int
    odd_blocks: int

    def load_at(self, share: float) -> float:
        """The load that `share` of the callbacks stayed below, to 1/32; 0 if there were none."""
        total, passed = sum(self.load), 0
        for i, n in enumerate(self.load):
            passed += n
            if total and passed >= share * total:
                return min((i + 1) / 32, self.worst_load)
        return 0.0

    def lines(self) -> list[str]:
        """Summary in text, for the end."""
        flags = ", ".join(f"{name} {n}" for name, n in self.flags.items() if n) or "none"
        return [
            f"callback: {self.callbacks} calls, load median {self.load_at(0.5):.0%}, "
            f"99 % below {self.load_at(0.99):.0%}, worst {self.worst_load:.0%}; {self.misses} missed, "
            f"{self.late} late (worst gap {self.worst_gap_ms:.1f} ms)"
            + (f", {self.odd_blocks} of unexpected length" if self.odd_blocks else ""),
            f"hops: {self.hops}, {self.late_hops} late, {self.sustained_hops} frozen or concealed; "
            f"underruns: {self.underruns}, {self.underrun_frames} frames",
            f"output: {self.limited_frames} frames limited, {self.refused_samples} invalid input samples; "
            f"recorded {self.recorded_frames} frames, dropped {self.dropped_frames}; PortAudio flags: {flags}",
        ]
