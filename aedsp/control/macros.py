"""Macros: one fader moves many units. Directions move the code; groups move the gains of some units, each in its range.

A direction's position is in standard deviations of its descriptor, 0 in the middle; a group's is 0 to 1. Positions are
not kept: they follow from `Controls.offset` and `Controls.gain`, so that whatever changes these (undo, snapshots, other
faders) moves them too. Call under a lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from aedsp.arrays import Float32
from aedsp.engine.controls import Controls
from aedsp.model.directions import DIRECTIONS

#: Range of a direction's position, in standard deviations.
MOST_DEVIATIONS = 3.0
GROUPS = range(1, 9)
#: By name: the macros that faders and commands move.
MACROS = (*DIRECTIONS, *map(str, GROUPS))


@dataclass(frozen=True)
class Group:
    """Units with their gains at the bottom and at the top of the fader."""

    ranges: Mapping[int, tuple[float, float]]

    def gains(self, position: float) -> dict[int, float]:
        """The gain of each unit with the fader at a position, 0 to 1."""
        return {unit: low + (high - low) * position for unit, (low, high) in self.ranges.items()}

    def position(self, gain: Float32) -> float:
        """Where the fader is with these gains of all units: the median of where each unit is in its range."""
        places = [
            (float(gain[unit]) - low) / (high - low)
            for unit, (low, high) in self.ranges.items()
            if high != low and unit < len(gain)
        ]
        return float(np.clip(np.median(places), 0, 1)) if places else 1.0


@dataclass
class Macros:
    """The macros of some controls. directions: by name, offsets (n_units,) for one standard deviation."""

    controls: Controls
    directions: Mapping[str, Float32] = field(default_factory=dict)
    groups: Mapping[int, Group] = field(default_factory=dict)

    def range_of(self, name: str) -> tuple[float, float]:
        """Positions at the bottom and at the top of the fader; ValueError if there is no such macro."""
        if name in DIRECTIONS:
            if name not in self.directions:
                raise ValueError(f"{name}: this model has no code statistics; train it with aedsp.train")
            return -MOST_DEVIATIONS, MOST_DEVIATIONS
        if int(name) not in self.groups:
            raise ValueError(f"macro {name} is empty; define it, e.g. group {name} 3=0..1 5=1..0")
        return 0.0, 1.0

    def position(self, name: str) -> float:
        """The position of a macro; 0 if there is none."""
        if name in self.directions:
            return self.positions()[name]
        group = self.groups.get(int(name)) if name not in DIRECTIONS else None
        return round(group.position(self.controls.state()["gain"]), 4) if group else 0.0

    def positions(self) -> dict[str, float]:
        """The positions of all directions, from the offsets that they have made."""
        offset = self.controls.state()["offset"]
        if not self.directions or not offset.any():
            return dict.fromkeys(self.directions, 0.0)
        matrix = self._matrix()[: len(offset)]
        found = np.linalg.lstsq(matrix, offset[: len(matrix)].astype(np.float64), rcond=None)[0]
        return {name: round(float(m), 4) for name, m in zip(self.directions, found, strict=True)}

    def move(self, name: str, position: float) -> None:
        """Move a macro; ValueError beyond its range."""
        least, most = self.range_of(name)
        if not least <= position <= most:
            raise ValueError(f"macro {name}: value is {position:g}; expected {least:g} to {most:g}")
        if name in self.directions:
            self._offset({**self.positions(), name: position})
            return
        with self.controls.together():
            for unit, gain in self.groups[int(name)].gains(position).items():
                if unit < self.controls.n_units:
                    self.controls.gain[unit] = gain

    def define(self, number: int, ranges: Mapping[int, tuple[float, float]]) -> None:
        """Define a group, or without ranges, remove it. Its units stay as they are until it is moved."""
        others = {n: group for n, group in self.groups.items() if n != number}
        self.groups = {**others, number: Group(dict(ranges))} if ranges else others

    def change_model(self, directions: Mapping[str, Float32], positions: Mapping[str, float]) -> None:
        """Take the directions of another model and move them to these positions; groups keep their units."""
        self.directions = directions
        self._offset({name: positions.get(name, 0.0) for name in directions})

    def _offset(self, positions: Mapping[str, float]) -> None:
        offset = np.zeros(self.controls.n_units, np.float32)
        if positions:
            there = self._matrix() @ np.array(list(positions.values()))
            n = min(len(there), len(offset))
            offset[:n] = there[:n]
        self.controls.offset[:] = offset

    def _matrix(self) -> Float32:
        return np.stack(list(self.directions.values()), axis=1)
