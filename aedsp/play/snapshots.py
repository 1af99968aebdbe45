"""Snapshots 1 to 9 of the settings: store, recall at once, or morph over time. Control thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from aedsp.arrays import Float32
from aedsp.engine.controls import Controls, Monitor, Values

NUMBERS = range(1, 10)
STEP_S = 0.02


@dataclass(frozen=True)
class Snapshot:
    """The values of all controls and the monitor setting."""

    values: Values
    monitor: Monitor

    @classmethod
    def of(cls, controls: Controls) -> Snapshot:
        return cls(controls.state(), controls.monitor)

    def recall(self, controls: Controls) -> None:
        """Set all values at once; units that are not in the snapshot keep theirs."""
        with controls.together():
            self._set(controls, self.values)
            controls.monitor = self.monitor

    def morph_step(self, controls: Controls, start: Values, share: float) -> None:
        """Set a point on the way from `start`. Gains with their signs, scales and overrides are interpolated, mutes as
        gains and overrides of 0; an override that only one side has begins or ends half way."""
        n = min(len(self.values["gain"]), len(start["gain"]), controls.n_units)
        old, new = ({name: values[:n] for name, values in side.items()} for side in (start, self.values))
        w, late = np.float32(share), share >= 0.5

        def between(a: Float32, b: Float32) -> Float32:
            return np.asarray(a + w * (b - a), np.float32)

        sides = (old, new)
        gain = between(*(side["gain"] * side["sign"] * (side["muted"] == 0) for side in sides))
        # a muted side is an override of 0 for one that is overridden
        own = [np.where(side["muted"] == 0, side["override"], np.float32(np.nan)) for side in sides]
        ends = [
            np.where((side["muted"] != 0) & np.isfinite(other), np.float32(0), mine)
            for side, mine, other in zip(sides, own, reversed(own), strict=True)
        ]
        both = np.isfinite(ends[0]) & np.isfinite(ends[1])
        with controls.together():
            self._set(
                controls,
                {
                    "gain": np.abs(gain),
                    "sign": np.where(gain < 0, np.float32(-1), np.where(gain > 0, 1, old["sign"])),
                    "scale": between(old["scale"], new["scale"]),
                    "muted": (old["muted"] != 0) & (new["muted"] != 0),
                    "override": np.where(both, between(*ends), ends[1] if late else ends[0]),
                },
            )

    @staticmethod
    def _set(controls: Controls, values: Values) -> None:
        for name, value in values.items():
            n = min(len(value), controls.n_units)
            getattr(controls, name)[:n] = value[:n]


class Morph:
    """A running morph, in its own thread; `cancel` stops it where it is."""

    def __init__(self, snapshot: Snapshot, controls: Controls, duration_s: float) -> None:
        self._stop = threading.Event()
        self.snapshot = snapshot
        self._arguments = snapshot, controls, duration_s
        self._thread = threading.Thread(target=self._run, name="aedsp morph", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def cancel(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        snapshot, controls, duration_s = self._arguments
        start, began = controls.state(), time.monotonic()
        while not self._stop.wait(STEP_S):
            share = (time.monotonic() - began) / duration_s
            if share >= 1:
                snapshot.recall(controls)
                return
            snapshot.morph_step(controls, start, share)
