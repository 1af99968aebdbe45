"""What a stream tells of itself: how late it is, and how its callbacks went. Values, and their words for a person."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Latency:
    """From input to output in frames at the stream's rate: what the windows, the resamplers and the device add."""

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
        return f"latency: {', '.join(words)}, together {self.total} ({1000 * self.total / self.sample_rate:.1f} ms)"


@dataclass(frozen=True)
class StreamStatistics:
    """What the callback saw. Loads are shares of the time available for a block; `load[i]` counts blocks of a load from
    i/32 to (i+1)/32, the last one all above."""

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
        """The load that `share` of the callbacks stayed below, to 1/32; 0 where there were none."""
        total, passed = sum(self.load), 0
        for i, n in enumerate(self.load):
            passed += n
            if total and passed >= share * total:
                return min((i + 1) / 32, self.worst_load)
        return 0.0

    def lines(self) -> list[str]:
        """For a person, at the end."""
        flags = ", ".join(f"{name} {n}" for name, n in self.flags.items() if n) or "none"
        return [
            f"callback: {self.callbacks} calls, load median {self.load_at(0.5):.0%}, "
            f"99 % below {self.load_at(0.99):.0%}, worst {self.worst_load:.0%}; {self.misses} missed, "
            f"{self.late} came late (worst gap {self.worst_gap_ms:.1f} ms)"
            + (f", {self.odd_blocks} of another length than asked for" if self.odd_blocks else ""),
            f"hops: {self.hops}, of them {self.late_hops} over their time, {self.sustained_hops} held; "
            f"source empty {self.underruns} times, {self.underrun_frames} frames",
            f"output: {self.limited_frames} frames limited, {self.refused_samples} input samples refused; "
            f"recorded {self.recorded_frames} frames, dropped {self.dropped_frames}; PortAudio's flags: {flags}",
        ]
