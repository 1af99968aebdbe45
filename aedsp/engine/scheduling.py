"""Changes of controls at a frame: checks them, and puts them into the numbers that the audio side takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from aedsp._rt.control import CONTROLS
from aedsp.arrays import Float32, Int64
from aedsp.engine.arguments import expect_bool, expect_choice, expect_int
from aedsp.engine.controls import Amount, Controls
from aedsp.engine.readings import EngineReadings
from aedsp.engine.state import NEUTRAL, Monitor
from aedsp.errors import ScheduleError

Int32 = npt.NDArray[np.int32]
NAMES = (*NEUTRAL, *(name for name, value in vars(Controls).items() if isinstance(value, Amount)), "monitor", "frozen")


class Changes(NamedTuple):
    """Single values to be set: numbers of the controls, units (0 for amounts) and values, each (n,)."""

    controls: Int32
    units: Int32
    values: Float32

    @classmethod
    def single(cls, name: str, unit: int, value: float) -> Changes:
        """One change, by its name in `CONTROLS`."""
        return _numbered(name, [unit], [value])


def changes_of(controls: Controls, given: Mapping[str, Any]) -> Changes:
    """Changes by name, as `Engine.schedule` takes them.

    Raises
    ------
    TypeError
        There is no such control.
    ValueError, IndexError
        A value or a unit does not fit, as in `Controls`.
    """
    parts = [_one(controls, name, value) for name, value in given.items()]
    if not parts:
        return Changes(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    return Changes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _one(controls: Controls, name: str, value: Any) -> Changes:
    if name in NEUTRAL:
        target = getattr(controls, name)
        items = value.items() if isinstance(value, Mapping) else [(slice(None), value)]
        found = [target.checked(units, values) for units, values in items]
        return _numbered(
            name, np.concatenate([[], *(u for u, _ in found)]), np.concatenate([[], *(v for _, v in found)])
        )
    if isinstance(amount := vars(Controls).get(name), Amount):
        return _numbered(name, [0], [amount.checked(value)])
    if name == "monitor":
        expect_choice("controls.monitor: value", value, get_args(Monitor))
        return _numbered("original", [0], [value == "original"])
    if name == "frozen":
        expect_bool("controls.frozen: value", value)
        return _numbered("frozen", [0], [value])
    raise TypeError(f"there is no control {name!r}; expected {', '.join(NAMES)}")


def _numbered(name: str, units: npt.ArrayLike, values: npt.ArrayLike) -> Changes:
    values = np.asarray(values, np.float32)
    return Changes(np.full(len(values), CONTROLS.index(name), np.int32), np.asarray(units, np.int32), values)


class ScheduledEngine(EngineReadings):
    """An engine with a schedule; a base of `Engine`."""

    __slots__ = ()

    def schedule(self, frame: int, **changes: Any) -> None:
        """Change controls at a frame of the input: at the hop whose new frames contain it, however blocks are cut.

        Parameters
        ----------
        frame : int
            Input frame at the host's rate since `reset`, from 0 (`Engine.frame` is the next one); its sound is heard
            `latency_frames` later. If its hop has begun, the next hop takes the changes (`statistics.late_changes`).
            `reset`, and `stop` of a stream, drop what is scheduled.
        **changes
            By name, as in `Controls`: ``gain={3: 0.5}`` for some units, one value or an array for all of them;
            ``detail=1.0``; ``monitor="original"``. They take effect together.

        Notes
        -----
        Safe to call from any thread. The controls read as changed once the hop has run. A change by hand afterwards
        counts; one before does not. The volume acts on the sound that is due when the hop runs: its ramp begins up to a
        window earlier than what the other controls do.

        Raises
        ------
        TypeError, ValueError, IndexError
            As for `Controls`; nothing is scheduled.
        ScheduleError
            Too many changes wait: 16,384 values, or 16 for each unit if that is more.
        """
        expect_int("frame", frame, 0, 2**62)
        found = changes_of(self._controls, changes)
        self.schedule_changes(np.full(len(found.units), frame, np.int64), found)

    def unschedule(self) -> None:
        """Drop all changes that wait. What is scheduled afterwards holds."""
        self._handle.unschedule()

    def schedule_changes(self, frames: Int64, changes: Changes) -> None:
        """`schedule` for many frames at once, checked before: frames (n,), one for each of the changes."""
        if not self._handle.schedule(frames, *changes):
            raise ScheduleError(
                f"{len(frames)} changes do not fit: at most {self._handle.most_scheduled} wait at a time; "
                "process some audio first, or schedule fewer"
            )
