"""Snapshots 1 to 9 of the settings: store, recall at once, or morph over time. Control thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from aedsp.arrays import Float32
from aedsp.engine.controls import NEUTRAL_AMOUNTS, Controls
from aedsp.engine.state import Amounts, Monitor, Values

NUMBERS = range(1, 10)
STEP_S = 0.02


@dataclass(frozen=True)
class Snapshot:
    """All controls but freeze and volume."""

    values: Values
    monitor: Monitor = "resynthesized"
    amounts: Amounts = field(default_factory=lambda: without_volume(NEUTRAL_AMOUNTS))

    @classmethod
    def of(cls, controls: Controls) -> Snapshot:
        now = controls.everything()
        return cls(now.values, now.monitor, without_volume(now.amounts))

    def recall(self, controls: Controls) -> None:
        """Set all values at once; units that are not in the snapshot keep theirs."""
        with controls.together():
            self._set(controls, self.values, self.amounts)
            controls.monitor = self.monitor

    def morph_step(self, controls: Controls, start: Snapshot, share: float) -> None:
        """Set a point on the way from `start`. Gains with their signs, scales, overrides and amounts are interpolated,
        mutes as gains and overrides of 0; an override that only one side has begins or ends half way. Targets are
        interpolated if both sides use theirs; else those of the side that does apply."""
        n = min(len(self.values["gain"]), len(start.values["gain"]), controls.n_units)
        old, new = ({name: values[:n] for name, values in side.values.items()} for side in (start, self))
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
        target = new["target"] if self.amounts["target_amount"] else old["target"]
        if start.amounts["target_amount"] and self.amounts["target_amount"]:
            target = between(old["target"], new["target"])
        with controls.together():
            self._set(
                controls,
                {
                    "gain": np.abs(gain),
                    "sign": np.where(gain < 0, np.float32(-1), np.where(gain > 0, 1, old["sign"])),
                    "scale": between(old["scale"], new["scale"]),
                    "muted": (old["muted"] != 0) & (new["muted"] != 0),
                    "override": np.where(both, between(*ends), ends[1] if late else ends[0]),
                    "target": target,
                    "offset": between(old["offset"], new["offset"]),
                },
                {name: before + share * (self.amounts[name] - before) for name, before in start.amounts.items()},
            )

    @staticmethod
    def _set(controls: Controls, values: Values, amounts: Amounts) -> None:
        for name, amount in amounts.items():
            setattr(controls, name, amount)
        for name, value in values.items():
            n = min(len(value), controls.n_units)
            getattr(controls, name)[:n] = value[:n]


def without_volume(amounts: Amounts) -> Amounts:
    """The amounts that belong to a snapshot."""
    return {name: amount for name, amount in amounts.items() if name != "volume_db"}


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
        start, began = Snapshot.of(controls), time.monotonic()
        while not self._stop.wait(STEP_S):
            share = (time.monotonic() - began) / duration_s
            if share >= 1:
                snapshot.recall(controls)
                return
            snapshot.morph_step(controls, start, share)
