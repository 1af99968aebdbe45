"""Counters of an engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistics:
    """Counters since the last reset, for all channels together."""

    frames: int
    hops: int
    limited_frames: int
    refused_samples: int
