"""Counters of an engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistics:
    """Counters since the last reset, for all channels together.

    limited_frames: frames that the limiter changed. refused_samples: input samples that were not finite or beyond ±16.
    late_changes: changes scheduled at a frame whose hop had begun, which took effect at the next one.
    """

    frames: int
    hops: int
    limited_frames: int
    refused_samples: int
    late_changes: int = 0
