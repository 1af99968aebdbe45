"""Tap: what a stream plays, as blocks, for another stream or any program. Control side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from aedsp._rt.player import Player
from aedsp._rt.ring import ItemRing
from aedsp.arrays import Float32

_POLL_S = 0.002


class Tap(Iterator[Float32]):
    """An iterator over the output of a stream from now on: float32 (frames, channels), as it is played.

    Each block holds what has come since the last one; waits for some. What is not taken within `seconds` is lost. Ends
    when it or the stream is closed. One reader.
    """

    def __init__(
        self,
        player: Player,
        i: int,
        channels: int,
        capacity: int,
        ended: Callable[[], bool],
        release: Callable[[], None],
    ) -> None:
        self._player, self._i, self._channels = player, i, channels
        self._ended, self._release = ended, release
        self._ring = ItemRing(capacity, 4 * channels)
        player.tap(i, self._ring)
        self.closed = False

    def __next__(self) -> Float32:
        while not self._ring.readable:
            if self.closed or self._ended():
                raise StopIteration
            time.sleep(_POLL_S)
        return np.asarray(self._ring.read(self._ring.capacity, np.float32)).reshape(-1, self._channels)

    def close(self) -> None:
        """Stop copying. May be called twice."""
        if not self.closed:
            self.closed = True
            self._player.tap(self._i, None)
            self._release()
