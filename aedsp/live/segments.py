"""Segments of a stream: what the audio thread reads between two jumps, from one song or from one into another.

The streamer and the rendering of gestures make the same frames of the same segment. Control side only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from aedsp.arrays import Float32
from aedsp.audio.reader import Reader
from aedsp.live.sources import Song

#: How long a song fades out while the next one begins.
CROSSFADE_S = 1.0


@dataclass(frozen=True)
class Fading:
    """A song that fades out: from which frame of its file, and its gain there."""

    source: Song
    frame: int
    gain: float = 1.0


@dataclass(frozen=True)
class Segment:
    """A song from a frame of its file on. opened: it is another song than before; fading: that one, if it played."""

    source: Song
    frame: int
    opened: bool = False
    fading: Fading | None = None

    def gain_after(self, frames: float, sample_rate: float) -> float:
        """The gain of the song, so many frames after the beginning: it may still be fading in."""
        n = CROSSFADE_S * sample_rate
        return float(np.sin(np.pi / 2 * min(1.0, frames / n))) if self.fading else 1.0


def frames_of(segment: Segment, reader: Reader, old: Reader | None = None) -> Iterator[Float32]:
    """The frames of a segment in blocks: float32 (frames, channels) at the rate of `reader`.

    old: of the song that fades, at the same rate; closed when it has faded out.
    """
    new = reader.blocks(segment.frame)
    if segment.fading is None or old is None:
        yield from new
        return
    n = round(CROSSFADE_S * reader.sample_rate)
    with closing(old):
        turn = np.pi / 2 * np.arange(n, dtype=np.float64)[:, None] / n
        rising, falling = np.sin(turn).astype(np.float32), np.cos(turn).astype(np.float32)
        first, rest = _first(new, n, reader.channels)
        last, _ = _first(old.blocks(segment.fading.frame), n, reader.channels)
        mixed = rising * first + np.float32(segment.fading.gain) * falling * last
    yield mixed
    if len(rest):
        yield rest
    yield from new


def _first(blocks: Iterator[Float32], n: int, channels: int) -> tuple[Float32, Float32]:
    """The first n frames, followed by silence if there are not as many; and the rest of the last block read."""
    parts, total = [np.zeros((0, channels), np.float32)], 0
    while total < n and (block := next(blocks, None)) is not None:
        parts.append(block)
        total += len(block)
    whole = np.concatenate(parts)
    missing = np.zeros((max(0, n - total), channels), np.float32)
    return np.concatenate([whole[:n], missing]), whole[n:]
