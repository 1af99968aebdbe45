"""A player without a device, and the signals that its tests play."""

from __future__ import annotations

import numpy as np

import aedsp
from aedsp._rt.player import EVENT_BYTES, EVENTS, Player
from aedsp._rt.ring import ItemRing
from aedsp.engine import time_stretch

RATE = 22_050
FADE = 220  # frames


class Rig:
    """A player on a ring that the test fills."""

    def __init__(self, model, *, channels=1, block=None, rate=None, kind="ring", monitor="original", phase="auto",
                 stretching=False):  # fmt: skip
        self.engine = aedsp.Engine(model, rate, channels=channels, block_frames=block, phase=phase)
        self.engine.controls.monitor = monitor
        self.ring = ItemRing(1 << 17, 4 * channels)
        self.log = ItemRing(1 << 12, EVENT_BYTES)
        self.channels = channels
        self.player = Player(
            self.engine.attach(),
            kind=kind,
            sample_rate=rate or RATE,
            source=self.ring if kind == "ring" else None,
            block_frames=block or 0,
            recorder_frames=1 << 17,
            log=self.log,
            time_stretcher=time_stretch.time_stretcher(rate or RATE, channels) if stretching else None,
        )

    def feed(self, x):
        assert self.ring.write(np.asarray(x, np.float32)) == len(x)

    def run(self, n, sizes=None, x=None):
        out = np.full((n, self.channels), np.nan, np.float32)
        at = 0
        while at < n:
            m = n - at if sizes is None else min(int(next(sizes, n - at)), n - at)
            self.player.process(None if x is None else x[at : at + m], out[at : at + m])
            at += m
        return out[:, 0] if self.channels == 1 else out

    def events(self):
        rows = self.log.read(1000, np.int64).reshape(-1, 4)
        return [(EVENTS[kind], int(frame), int(hop), int(value)) for kind, frame, hop, value in rows]


def faded(x, rate=RATE):
    """The input as the engine receives it: the first 5 ms faded in with a raised cosine."""
    n = int(0.005 * rate)
    y = np.array(x, np.float32)
    y[:n] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)
    return y


def sizes_of(rng, most=700):
    return iter(lambda: rng.integers(1, most), None)
