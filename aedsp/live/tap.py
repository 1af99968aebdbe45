"""Tap: what a stream plays, as blocks, for another stream or any program. Control side."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from aedsp._rt.player import TAPS, Player
from aedsp._rt.ring import ItemRing
from aedsp.arrays import Float32
from aedsp.engine.arguments import expect_number

_POLL_S = 0.002


class Tap(Iterator[Float32]):
    """An iterator over the output of a stream from now on: float32 (frames, channels), as it is played.

    Each block holds what has come since the last one; waits for some. What is not taken in time is lost. Ends when it
    or the stream is closed; one that is dropped is closed. A context manager. One reader.

    newest : where something was lost, what is left is dropped too, so that the next block is of now.
    """

    def __init__(
        self, ring: ItemRing, channels: int, ended: Callable[[], bool | None], release: Callable[[], None], newest: bool
    ) -> None:
        self._ring, self._channels, self._ended, self._newest = ring, channels, ended, newest
        self._close = weakref.finalize(self, release)
        self._close.atexit = False

    @property
    def closed(self) -> bool:
        return not self._close.alive

    def __next__(self) -> Float32:
        if self._newest and not self._ring.writable:
            self._ring.read(self._ring.capacity)
        while not self._ring.readable:
            if self.closed or self._ended() is not False:
                raise StopIteration
            time.sleep(_POLL_S)
        return np.asarray(self._ring.read(self._ring.capacity, np.float32)).reshape(-1, self._channels)

    def close(self) -> None:
        """Stop copying. May be called twice."""
        self._close()

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Played(Protocol):
    @property
    def sample_rate(self) -> float: ...
    @property
    def channels(self) -> int: ...


class Taps:
    """The taps of one stream. Call under the stream's lock.

    ended : says whether the stream is closed; None once it is gone.
    """

    def __init__(self, player: Player, engine: _Played, ended: Callable[[], bool | None]) -> None:
        self._player, self._engine, self._ended = player, engine, ended
        self._open: set[int] = set()
        self._rings: dict[int, ItemRing] = {}

    def open(self, seconds: float, newest: bool = False) -> Tap:
        """A new tap that holds at most so many seconds.

        Raises
        ------
        TypeError, ValueError
            seconds is not a number above 0.
        RuntimeError
            All are in use.
        """
        if not expect_number("seconds", seconds) > 0:
            raise ValueError(f"seconds is {seconds}; expected more than 0")
        free = [i for i in range(TAPS) if i not in self._open]
        if not free:
            raise RuntimeError(f"the stream has {TAPS} taps already; close one of them first")
        i, capacity = free[0], max(1, int(seconds * self._engine.sample_rate))
        ring = self._rings.get(i)
        if ring is None or ring.capacity != capacity:
            ring = self._rings[i] = ItemRing(capacity, 4 * self._engine.channels)
        ring.read(ring.capacity)
        self._open.add(i)
        self._player.tap(i, ring)
        return Tap(ring, self._engine.channels, self._ended, lambda: self._release(i), newest)

    def _release(self, i: int) -> None:
        self._player.tap(i, None)
        self._open.discard(i)
