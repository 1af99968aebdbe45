"""The controls at one moment as plain values, and what they come to for each unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aedsp.arrays import Float32

Monitor = Literal["original", "resynthesized"]
Values = dict[str, Float32]
Amounts = dict[str, float]

#: Neutral values per unit. A target acts only as far as `target_amount` says.
NEUTRAL: dict[str, float] = {
    "gain": 1.0, "scale": 1.0, "muted": 0.0, "sign": 1.0, "override": float("nan"), "target": 0.0, "offset": 0.0,
}  # fmt: skip
#: Volumes from here down are silence.
SILENCE_DB = -60.0

_MOST = np.float32(np.finfo(np.float32).max)
_NONE = np.float32(np.nan)


@dataclass(frozen=True, slots=True)
class State:
    """All controls at one moment. values: by name, float32 (n_units,). amounts: by name. Not to be changed."""

    values: Values
    amounts: Amounts
    monitor: Monitor
    frozen: bool


def effective(values: Values, target_amount: float) -> tuple[Float32, Float32, Float32, float]:
    """Factor, override (nan: none; a mute wins), target, each (n_units,), and the amount of the target.

    ``((1 - a) y + a target + offset) factor``: the hop knows no offsets. They become part of the target; without one,
    of a target with the amount a half, which costs a factor of two, so that nothing is rounded.
    """
    v, target = values, values["target"]
    with np.errstate(over="ignore"):
        factor = np.clip(v["gain"] * v["scale"], -_MOST, _MOST) * v["sign"] * (v["muted"] == 0)
        if v["offset"].any():
            if target_amount:
                target = np.clip(target + v["offset"] / np.float32(target_amount), -_MOST, _MOST)
            else:
                target, target_amount = v["offset"], 0.5
                factor = np.clip(2 * factor, -_MOST, _MOST)
    return factor.astype(np.float32), np.where(v["muted"] == 0, v["override"], _NONE), target, target_amount
