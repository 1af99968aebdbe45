"""A whole signal through an engine: latency removed, tail flushed. Used offline and to measure effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32

BLOCK_FRAMES = 16_384


class Processor(Protocol):
    """What `through` needs of an engine."""

    @property
    def channels(self) -> int: ...
    @property
    def latency_frames(self) -> int: ...
    def process(
        self, x: npt.ArrayLike, *, out: Float32 | None = None, phase_from: npt.ArrayLike | None = None
    ) -> Float32: ...


#: Passes blocks on, and moves the engine's controls in time.
Controlled = Callable[[Iterator[Float32]], Iterator[Float32]]


def through(
    engine: Processor,
    blocks: Iterable[Float32],
    phase_from: Iterable[Float32] | None = None,
    automate: Controlled | None = None,
) -> Iterator[Float32]:
    """Process blocks (frames, channels), latency removed and tail flushed: as many frames out as in.

    phase_from: a second sound that supplies the phases, in blocks of any length; padded with silence. automate: gets
    all blocks, those of the tail too, before they are processed.
    """
    to_skip = engine.latency_frames
    other = None if phase_from is None else _Reblocked(phase_from, engine.channels)
    played: Iterator[Float32] = chain(blocks, _silence(engine))
    for block in played if automate is None else automate(played):
        out = engine.process(block, phase_from=None if other is None else other.next(len(block)))
        yield out[to_skip:]
        to_skip = max(0, to_skip - len(out))


class _Reblocked:
    """Turns blocks of any length into blocks of requested lengths, padded with silence at the end."""

    def __init__(self, blocks: Iterable[Float32], channels: int) -> None:
        self._blocks, self._rest = iter(blocks), np.zeros((0, channels), np.float32)

    def next(self, n: int) -> Float32:
        while len(self._rest) < n:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((n - len(self._rest), self._rest.shape[1]), np.float32)
            self._rest = np.concatenate([self._rest, block])
        out, self._rest = self._rest[:n], self._rest[n:]
        return out


def _silence(engine: Processor) -> Iterator[Float32]:
    left = engine.latency_frames
    while left:
        n = min(left, BLOCK_FRAMES)
        yield np.zeros((n, engine.channels), np.float32)
        left -= n


#: Called with (frames done, frames in all).
Progress = Callable[[int, int], None]


def count(blocks: Iterable[Float32], n_frames: int, progress: Progress | None) -> Iterator[Float32]:
    """Pass blocks on and report the frames so far, of n_frames in all."""
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        if progress is not None:
            progress(min(done, n_frames), n_frames)
