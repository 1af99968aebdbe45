"""Sounds that are no files, for `Reader`: an array, and blocks that arrive as they are made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float32, expect_samples

#: The length of a sound whose end is not known.
ENDLESS = 1 << 62
#: Called for each next block; None or an empty one: the end.
NextBlock = Callable[[], "npt.ArrayLike | None"]


class Sound(Protocol):
    """What `Reader` uses of an open file."""

    name: str
    frames: int
    samplerate: float

    @property
    def channels(self) -> int: ...
    def seek(self, at: int) -> object: ...
    def buffer_read_into(self, block: Any, dtype: str) -> int: ...
    def close(self) -> None: ...


def as_block(name: str, given: npt.ArrayLike) -> Float32:
    """Real floats (frames,) or (frames, channels) as float32 (frames, channels). TypeError or ValueError otherwise."""
    x = np.asarray(given)
    expect_samples(name, x)
    return np.ascontiguousarray(x.reshape(len(x), -1) if x.size else x.reshape(0, *(x.shape[1:] or (1,))), np.float32)


class ArraySound:
    """An array (frames,) or (frames, channels) as an open file."""

    name = "the array"

    def __init__(self, x: npt.ArrayLike, sample_rate: float) -> None:
        self._x = as_block("x", x)
        self.frames, self.channels = self._x.shape
        self.samplerate = sample_rate
        self._at = 0

    def seek(self, at: int) -> None:
        self._at = at

    def buffer_read_into(self, block: Float32, dtype: str) -> int:
        part = self._x[self._at : self._at + len(block)]
        block[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        pass


class BlockSound:
    """Blocks from an iterable, or from a function called for each, as an open file that cannot seek."""

    name = "the blocks"

    def __init__(self, blocks: Iterable[npt.ArrayLike] | NextBlock, sample_rate: float) -> None:
        self._next = iter(blocks) if isinstance(blocks, Iterable) else _called(blocks)
        self.samplerate, self.frames, self._at = sample_rate, ENDLESS, 0
        self._first: Float32 | None = None
        self._rest = np.zeros((0, 1), np.float32)

    @property
    def channels(self) -> int:
        """Those of the first block, which this waits for."""
        if self._first is None:
            self._first = self._rest = self._block()
        return int(self._first.shape[1])

    def _block(self) -> Float32:
        """The next block that holds frames; an empty one at the end."""
        for given in self._next:
            block = as_block("a block", given)
            if self._first is not None and block.shape[1] != self._first.shape[1]:
                raise ValueError(f"a block has {block.shape[1]} channels; the first one had {self._first.shape[1]}")
            if len(block):
                return block
        return np.zeros((0, 1 if self._first is None else self._first.shape[1]), np.float32)

    def seek(self, at: int) -> None:
        """There is only onwards."""

    def buffer_read_into(self, block: Float32, dtype: str) -> int:
        if not len(self._rest):
            self._rest = self._block()
        n = min(len(block), len(self._rest))
        block[:n], self._rest = self._rest[:n], self._rest[n:]
        self._at += n
        if n == 0:
            self.frames = self._at
        return n

    def close(self) -> None:
        if (close := getattr(self._next, "close", None)) is not None:
            with contextlib.suppress(ValueError):  # a generator that is being executed, in another thread
                close()


def _called(function: NextBlock) -> Iterator[npt.ArrayLike]:
    while (block := function()) is not None and np.size(block):
        yield block
