"""Snapshots 1 to 9 of the settings: store, recall at once, or morph over time. Control thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

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
        """Set a point on the way from `start`: interpolate gain, scale and overrides; switch the rest half way."""
        between: Values = {}
        for name, target in self.values.items():
            n = min(len(target), len(start[name]), controls.n_units)
            old, new = start[name][:n], target[:n]
            if name in ("gain", "scale"):
                between[name] = old + np.float32(share) * (new - old)
            elif name == "override":
                both = np.isfinite(old) & np.isfinite(new)
                between[name] = np.where(both, old + np.float32(share) * (new - old), new if share >= 0.5 else old)
            else:
                between[name] = new if share >= 0.5 else old
        with controls.together():
            self._set(controls, between)

    @staticmethod
    def _set(controls: Controls, values: Values) -> None:
        for name, value in values.items():
            n = min(len(value), controls.n_units)
            getattr(controls, name)[:n] = value[:n]


class Morph:
    """A running morph, in its own thread; `cancel` stops it where it is."""

    def __init__(self, snapshot: Snapshot, controls: Controls, duration_s: float) -> None:
        self._stop = threading.Event()
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
