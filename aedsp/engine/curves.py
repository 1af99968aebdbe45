"""Automation curves: controls over time, hop by hop, for whole signals and files.

A curve's value at a time acts on the hop whose code belongs to that time (`Engine.code_frame`): what one hears at 3.0 s
is what the curve says at 3.0 s. Row m of an array acts on hop m, the m-th spectrum of `aedsp.spectra`. Control thread
only; the schedule carries the values to the hop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aedsp._rt.control import CONTROLS
from aedsp.arrays import Float32, Float64, Int64
from aedsp.engine.arguments import expect_choice
from aedsp.engine.controls import Controls
from aedsp.engine.scheduling import NAMES, Changes, Int32, changes_of
from aedsp.engine.state import NEUTRAL

#: Controls by name with their curves, an array of gains (n_hops, n_code), a function of the time, or a file.
Automation = (
    Mapping[str, Any] | npt.ArrayLike | Callable[[float], "Mapping[str, Any] | npt.ArrayLike"] | str | os.PathLike[str]
)

#: Values that are scheduled before the engine takes them; the queue has room for twice as many, and one hop more.
_MOST_VALUES = 1 << 12
_MOST_HOPS = 512
#: Controls that jump from one breakpoint's value to the next.
_STEPS = {"muted", "sign", "original", "frozen"}


class Automated(Protocol):
    """What `Curves` needs of an engine."""

    @property
    def controls(self) -> Controls: ...
    @property
    def sample_rate(self) -> float: ...
    def hop_frame(self, hop: int) -> int: ...
    def code_frame(self, hop: int) -> float: ...
    def schedule_changes(self, frames: Int64, changes: Changes) -> None: ...


@dataclass(frozen=True)
class _Points:
    """One control along breakpoints: linear between them, but for `_STEPS`."""

    name: str
    units: Int32
    times: Float64
    values: Float64

    def at(self, hops: range, times: Float64) -> Float32:
        if self.name in _STEPS:
            found = self.values[np.maximum(np.searchsorted(self.times, times, side="right") - 1, 0)]
        else:
            found = np.interp(times, self.times, self.values)
        return found.astype(np.float32)[:, None]


@dataclass(frozen=True)
class _Rows:
    """One control by hop; the last row is held. values: (n_hops, n_units)."""

    name: str
    units: Int32
    values: Float32

    def at(self, hops: range, times: Float64) -> Float32:
        return np.asarray(self.values[np.minimum(np.asarray(hops), len(self.values) - 1)])


class Curves:
    """An automation of one engine.

    Parameters
    ----------
    engine : Engine
        Newly made or reset, for blocks of any length.
    automation : array, mapping, callable or path
        array (n_hops, n_code): gains. A mapping: names of controls with their curves: breakpoints
        ``[(time_s, value), ...]`` or one value a hop (n_hops,) for ``detail``, ``mix``, ``volume_db``,
        ``target_amount``, ``monitor``, ``frozen``; ``{unit: breakpoints}`` or (n_hops, n_code) for controls of units. A
        callable: called with each hop's time in s, from 0 on, returns changes as `Engine.schedule` takes them, or gains
        (n_code,). A path: `curve_files`.

    Raises
    ------
    TypeError, ValueError, IndexError
        The automation is none of these, or a value does not fit.
    """

    def __init__(self, engine: Automated, automation: Automation) -> None:
        self._engine = engine
        self._function = automation if callable(automation) else None
        self._curves = [] if callable(automation) else list(_curves(engine.controls, automation))
        self._names = np.concatenate(
            [np.zeros(0, np.int32), *(np.full(len(c.units), CONTROLS.index(c.name), np.int32) for c in self._curves)]
        )
        self._units = np.concatenate([np.zeros(0, np.int32), *(c.units for c in self._curves)])
        self._last: Float32 | None = None
        self._set: dict[tuple[int, int], float] = {}

    def split(self, blocks: Iterator[Float32]) -> Iterator[Float32]:
        """Pass blocks on, cut where necessary, with the values of their hops scheduled before each."""
        engine, at, hop = self._engine, 0, 0
        most = max(1, min(_MOST_HOPS, _MOST_VALUES // max(1, len(self._units), engine.controls.n_units)))
        for block in blocks:
            while len(block):
                frames: list[int] = []
                while len(frames) < most and (frame := engine.hop_frame(hop + len(frames))) < at + len(block):
                    frames.append(frame)
                done = self._schedule(hop, np.array(frames, np.int64))
                hop += done
                is_cut = done == most or done < len(frames)
                n = max(0, min(len(block), engine.hop_frame(hop) - at)) if is_cut else len(block)
                yield block[:n]
                block = block[n:]
                at += n

    def _schedule(self, first: int, frames: Int64) -> int:
        """Schedule the values of the hops that begin at `frames`; returns how many hops: as many as the queue takes."""
        hops = range(first, first + len(frames))
        times = np.array([self._engine.code_frame(hop) for hop in hops]) / self._engine.sample_rate
        if self._function is not None:
            n = 0
            for i, (frame, time) in enumerate(zip(frames, times.tolist(), strict=True)):
                changes = self._called(max(0.0, time))
                self._engine.schedule_changes(np.full(len(changes.units), frame, np.int64), changes)
                n += len(changes.units)
                if n > _MOST_VALUES:
                    return i + 1
            return len(frames)
        if not len(frames) or not self._curves:
            return len(frames)
        values = np.concatenate([curve.at(hops, times) for curve in self._curves], axis=1)
        before = np.concatenate([values[:1] if self._last is None else self._last, values[:-1]])
        changed = values.view(np.uint32) != before.view(np.uint32)
        if self._last is None:
            changed[0] = True
        self._last = values[-1:].copy()
        rows, columns = np.nonzero(changed)
        changes = Changes(self._names[columns], self._units[columns], values[rows, columns])
        self._engine.schedule_changes(frames[rows], changes)
        return len(frames)

    def _called(self, time: float) -> Changes:
        """What the function says, without the values that are set already."""
        assert self._function is not None
        given = self._function(time)
        changes = changes_of(self._engine.controls, given if isinstance(given, Mapping) else {"gain": given})
        new = []
        for i, key in enumerate(zip(changes.controls.tolist(), changes.units.tolist(), strict=True)):
            value = changes.values[i]
            if self._set.get(key) != value:
                self._set[key] = value
                new.append(i)
        return Changes(changes.controls[new], changes.units[new], changes.values[new])


def _curves(controls: Controls, automation: Any) -> Iterator[_Points | _Rows]:
    """The curves of an automation that is not a function."""
    if isinstance(automation, (str, os.PathLike)):
        from aedsp.engine import curve_files

        for name, unit, points in curve_files.read(automation):
            with curve_files.naming(automation, name, unit):
                yield _points(controls, name, unit, points)
    elif isinstance(automation, Mapping):
        for name, curve in automation.items():
            expect_choice("automation: control", name, NAMES)
            if isinstance(curve, Mapping):
                for unit, points in curve.items():
                    yield _points(controls, name, unit, points)
            elif np.ndim(curve) == 2 and name in NEUTRAL:
                yield _rows(controls, name, curve)
            elif np.ndim(curve) == 1 and name not in NEUTRAL:
                yield _rows(controls, name, np.asarray(curve)[:, None])
            else:
                yield _points(controls, name, None, curve)
    elif np.ndim(automation) == 2:
        yield _rows(controls, "gain", automation)
    else:
        raise TypeError(
            f"automation is {type(automation).__name__} of shape {np.shape(automation)}; "
            f"expected gains (n_hops, {controls.n_units}), a mapping of curves, a function of the time, or a file"
        )


def _points(controls: Controls, name: str, unit: Any, points: Any) -> _Points:
    expected = "breakpoints [(time_s, value), ...]"
    expect_choice("automation: control", name, NAMES)
    if unit is not None and not isinstance(unit, (int, np.integer)):
        raise ValueError(f"automation: {name} has the unit {unit!r}; expected one unit's number")
    if (unit is None) != (name not in NEUTRAL):
        expected = f"{{unit: {expected}}} or values (n_hops, {controls.n_units})" if name in NEUTRAL else expected
        raise ValueError(f"automation: {name} is a control of {'units' if name in NEUTRAL else 'all'}; give {expected}")
    try:
        pairs = [(float(time), value) for time, value in points]
    except (TypeError, ValueError):
        pairs = []
    times = np.array([time for time, _ in pairs])
    if not pairs or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValueError(f"automation: {name} needs {expected}, times in s, not falling")
    changes = [changes_of(controls, {name: value if unit is None else {unit: value}}) for _, value in pairs]
    found = Changes(*(np.concatenate(column) for column in zip(*changes, strict=True)))
    control = CONTROLS[found.controls[0]]
    exact = found.values if control in _STEPS else [float(value) for _, value in pairs]
    return _Points(control, found.units[:1], times, np.array(exact, np.float64))


def _rows(controls: Controls, name: str, rows: npt.ArrayLike) -> _Rows:
    given = np.asarray(rows)
    n_columns = controls.n_units if name in NEUTRAL else 1
    if given.ndim != 2 or given.shape[1] != n_columns or not len(given):
        raise ValueError(f"automation: {name} has shape {given.shape}; expected (n_hops, {n_columns})")
    per_unit = name in NEUTRAL
    values = [changes_of(controls, {name: row if per_unit else row.item()}).values for row in given]
    first = changes_of(controls, {name: given[0] if per_unit else given[0].item()})
    return _Rows(CONTROLS[first.controls[0]], first.units, np.stack(values))
