"""The player's hand: controllers' messages to control values. Banks, soft takeover, lights; no ports, no threads of its
own.

Faders set values of the units in view. A fader acts only where it stands at the value that it would change, or passes
it: after a bank change, a reset or a recall nothing jumps. What a button does to the transport, the recorder, the
snapshots is handed on to `on_action`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from aedsp.control.mapping import FADERS, Mapping, Target
from aedsp.control.midi_messages import Message
from aedsp.engine.controls import Controls, Values

#: How near, in steps of 1/127, a fader must come to a value to take it over.
_NEAR = 1.0
_PRESSED = 64


class Hand:
    """One player's hand on the controls.

    Parameters
    ----------
    controls : Controls
    mapping : Mapping
    on_action : callable, optional
        Called with the name of what a button does ("play", "quit", "recall-3", ...) where it is not the controls' own.
    override_range : float array (n_units,), optional
        The value that a fader at its top gives a unit's override; None: 1.0 for all.
    """

    def __init__(
        self,
        controls: Controls,
        mapping: Mapping,
        on_action: Callable[[str], None] | None = None,
        override_range: npt.ArrayLike | None = None,
    ) -> None:
        self.controls, self.mapping, self.on_action = controls, mapping, on_action
        self.override_range = None if override_range is None else np.asarray(override_range, np.float64)
        self._bank = 0
        self._fresh = True  # nothing has moved under the faders yet: the first touch of each is taken
        self._positions: dict[Target, int] = {}
        self._silenced: Values | None = None  # mutes and overrides as they were
        self._lock = threading.RLock()

    @property
    def bank(self) -> int:
        """The bank in view, from 0."""
        return min(self._bank, self.n_banks - 1)

    @property
    def n_banks(self) -> int:
        return -(-self.controls.n_units // self.mapping.bank)

    @property
    def units(self) -> range:
        """The units in view."""
        first = self.bank * self.mapping.bank
        return range(first, min(first + self.mapping.bank, self.controls.n_units))

    @property
    def silenced(self) -> bool:
        """Whether "silence" has set all units to 0."""
        return self._silenced is not None

    def unit(self, slot: int) -> int | None:
        """The unit in a slot of the bank in view, None where the last bank has no such unit."""
        units = self.units
        return units[slot] if slot < len(units) else None

    def receive(self, message: Message) -> Target | None:
        """Do what a message says; returns what that was, None where it means nothing."""
        target = self.mapping.target(message)
        if target is None:
            return None
        with self._lock:
            if target.name in FADERS:
                self._move(target, message.value)
            elif message.value >= (1 if message.kind == "note" else _PRESSED):
                self.press(target)
        return target

    def press(self, target: Target) -> None:
        """A button, whatever pressed it."""
        with self._lock:
            if target.slot is not None:
                self._press_unit(target)
            elif target.name in ("bank-previous", "bank-next"):
                step = 1 if target.name == "bank-next" else -1
                self._bank = (self.bank + step) % self.n_banks
                self.let_go()
            elif target.name in ("original", "resynthesized"):
                self.controls.monitor = target.name  # type: ignore[assignment]
            elif target.name == "silence":
                self._silence()
            elif target.name == "reset":
                self._silenced = None
                self.controls.reset()
                self.let_go()
            elif self.on_action is not None:
                self.on_action(target.name)

    def let_go(self) -> None:
        """Values have moved under the faders: from now on each takes over only where it meets its value."""
        with self._lock:
            self._fresh = False

    def forget_silence(self) -> None:
        """The mutes were set by something else; "silence" begins anew."""
        self._silenced = None

    def distance(self, name: str, slot: int) -> int | None:
        """How far above its value a fader stands, in steps of 1/127; None where it holds it or was never moved."""
        with self._lock:
            unit = self.unit(slot)
            position = self._positions.get(Target(name, slot))
            if unit is None or position is None:
                return None
            away = position - self._position_of(name, unit)
            return None if abs(away) <= _NEAR else round(away)

    def lights(self, transport: str, recording: bool) -> dict[tuple[str, int], bool]:
        """Which of the mapped buttons' lights are on, by (kind, number)."""
        with self._lock:
            return {
                key: on
                for key, target in self.mapping.targets.items()
                if (on := self._light(target, transport, recording)) is not None
            }

    def _light(self, target: Target, transport: str, recording: bool) -> bool | None:
        controls = self.controls
        if target.slot is not None and target.name not in FADERS:
            unit = self.unit(target.slot)
            if unit is None:
                return False
            if target.name == "sign":
                return bool(controls.sign[unit] < 0)
            if target.name == "mute":
                return bool(controls.muted[unit])
            return not controls.is_neutral(unit)
        states = {
            "play": transport == "play",
            "stop": transport in ("stop", "end"),
            "original": controls.monitor == "original",
            "resynthesized": controls.monitor == "resynthesized",
            "record": recording,
            "reset": recording,
            "silence": self.silenced,
            "freeze": controls.frozen,
        }
        return states.get(target.name)

    def _press_unit(self, target: Target) -> None:
        assert target.slot is not None
        unit = self.unit(target.slot)
        if unit is None:
            return
        if target.name == "sign":
            self.controls.sign[unit] = -self.controls.sign[unit]
        elif target.name == "mute":
            self.controls.muted[unit] = not self.controls.muted[unit]
        else:
            self.controls.reset(unit)
            self.let_go()

    def _silence(self) -> None:
        """All units to 0, those that were taken over too; or back."""
        controls = self.controls
        with controls.together():
            if self._silenced is None:
                before = controls.state()
                self._silenced = {name: before[name] for name in ("muted", "override")}
                controls.muted[:] = True
                controls.override[:] = np.nan
            else:
                n = min(len(self._silenced["muted"]), controls.n_units)
                controls.muted[:] = False
                for name, values in self._silenced.items():
                    getattr(controls, name)[:n] = values[:n]
                self._silenced = None

    def _move(self, target: Target, position: int) -> None:
        assert target.slot is not None
        unit = self.unit(target.slot)
        before = self._positions.get(target)
        self._positions[target] = position
        if unit is None:
            return
        if not (self._fresh and before is None) and not self._meets(
            self._position_of(target.name, unit), before, position
        ):
            return
        value = self._value_of(target.name, unit, position)
        getattr(self.controls, target.name)[unit] = value

    @staticmethod
    def _meets(stored: float, before: int | None, now: int) -> bool:
        low, high = (now, now) if before is None else sorted((before, now))
        return low - _NEAR <= stored <= high + _NEAR

    def _value_of(self, name: str, unit: int, position: int) -> float:
        if name == "scale":
            return 1.0 if position in (63, 64) else 2 * position / 127
        top, ranges = 1.0, self.override_range
        if name == "override" and ranges is not None and unit < len(ranges):
            top = float(ranges[unit])
        return top * position / 127

    def _position_of(self, name: str, unit: int) -> float:
        """Where a fader would stand for the value that the unit has now."""
        value = getattr(self.controls, name)[unit]
        if not np.isfinite(value):
            return 0.0
        top = self._value_of(name, unit, 127)
        return float(np.clip(127 * value / top if top else 0, 0, 127))
