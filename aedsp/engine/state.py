"""The controls at one moment as plain values, and what they come to for each unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aedsp._rt import control as compiled
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


@dataclass(frozen=True, slots=True)
class State:
    """All controls at one moment. values: by name, float32 (n_units,). amounts: by name. Not to be changed."""

    values: Values
    amounts: Amounts
    monitor: Monitor
    frozen: bool


def packed(values: Values) -> Float32:
    """Values per unit as the compiled side has them: (7, n_units), in the order of `NEUTRAL`."""
    return np.stack([values[name] for name in NEUTRAL])


def effective(values: Values, target_amount: float) -> tuple[Float32, Float32, Float32, float]:
    """Factor, override (nan: none; a mute wins), target, each (n_units,), and the amount of the target.

    What the hop uses: ``((1 - a) y + a target) factor``, offsets included in the target.
    """
    return compiled.effective(packed(values), target_amount)
