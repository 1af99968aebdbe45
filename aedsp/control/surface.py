"""A surface, a controller with banks: turns messages into control values and actions; no ports, no thread.

Faders set values of the units in view. A fader acts only once it reaches or passes the current value (soft takeover),
so that nothing jumps: at its first touch, or after a bank change, a reset or a recall. `quit` must be held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from aedsp.control import actions
from aedsp.control.action_table import AMOUNT_FADERS, FADERS, HELD, MACRO_FADERS
from aedsp.control.answers import AMOUNTS
from aedsp.control.mapping import Mapping, Target
from aedsp.control.midi_messages import Message
from aedsp.control.performer import Performer
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Amount, Controls
from aedsp.engine.state import SILENCE_DB

#: Distance, in steps of 1/127, within which a fader takes over a value.
_NEAR = 1.0
_PRESSED = 64
#: Buttons that must be held, and for how long, in s.
HELD_S = {"quit": 1.0}


class Surface:
    """One controller and the performer it plays.

    Parameters
    ----------
    performer : UnitPerformer
        An instrument; a plain `UnitPerformer` is enough if all targets act on units.
    mapping : Mapping
    first_touch_jumps : bool
        Whether the first message of each fader sets its value at once, for automation recorded with other programs.
    on_hold : callable, optional
        Called with the name of a button that must be held, when it is pressed.
    """

    def __init__(
        self,
        performer: UnitPerformer,
        mapping: Mapping,
        *,
        first_touch_jumps: bool = False,
        on_hold: Callable[[str], None] | None = None,
    ) -> None:
        self._performer, self.mapping, self._on_hold = performer, mapping, on_hold
        self._first_touch_jumps = first_touch_jumps
        self._holding: dict[str, threading.Timer] = {}
        self._held: dict[Target, int | None] = {}  # units of buttons that are held
        self._jumps = performer.jumps
        self._positions: dict[Target, int] = {}
        self._lock = threading.RLock()

    def receive(self, message: Message) -> Target | None:
        """Act on a message; returns its target, None if it has none."""
        target = self.mapping.target(message)
        if target is None:
            return None
        with self._lock:
            pressed = message.value >= (1 if message.kind == "note" else _PRESSED)
            if target.name in FADERS + AMOUNT_FADERS + MACRO_FADERS:
                self._move(target, message.value)
            elif target.name in HELD_S:
                self._hold(target.name, pressed)
            elif target.name in HELD:
                self._press_held(target, pressed)
            elif pressed:
                unit = None if target.slot is None else self._performer.unit(target.slot)
                if target.slot is None or unit is not None:
                    actions.press(self._performer, target.name, unit)
        return target

    def distance(self, name: str, slot: int | None = None) -> int | None:
        """How far a fader is above its value, in steps of 1/127; None if it has taken over or never moved."""
        with self._lock:
            unit = None if slot is None else self._performer.unit(slot)
            position = self._positions.get(Target(name, slot))
            if position is None or (slot is not None and unit is None):
                return None
            away = position - self._position_of(name, unit)
            return None if abs(away) <= _NEAR else round(away)

    def leds(self, performer: Performer) -> dict[tuple[str, int], bool]:
        """LED states of the mapped buttons, by (kind, number)."""
        with self._lock:
            return {
                key: on
                for key, target in self.mapping.targets.items()
                if (on := self._led(target, performer)) is not None
            }

    def _led(self, target: Target, performer: Performer) -> bool | None:
        controls = performer.controls
        if target.name in AMOUNT_FADERS + MACRO_FADERS:
            return None
        if target.slot is None or target.name in FADERS:
            return actions.led(performer, target.name)
        unit = self._performer.unit(target.slot)
        if unit is None:
            return False
        if target.name == "sign":
            return bool(controls.sign[unit] < 0)
        if target.name == "mute":
            return bool(controls.muted[unit])
        if target.name in ("solo", "hold-solo"):
            return unit in performer.mutes.state.solo
        return not controls.is_neutral(unit)

    def _press_held(self, target: Target, pressed: bool) -> None:
        """Act on press and release, on the same unit, even if another bank has come into view meanwhile."""
        unit = self._held.pop(target, None)
        if pressed:
            unit = None if target.slot is None else self._performer.unit(target.slot)
            self._held[target] = unit
        if target.slot is None or unit is not None:
            actions.press(self._performer, target.name, unit, on=pressed)

    def _hold(self, name: str, pressed: bool) -> None:
        """Press the button once it has been held; nothing if it is released before."""
        timer = self._holding.pop(name, None)
        if timer is not None:
            timer.cancel()
        if pressed:
            timer = threading.Timer(HELD_S[name], lambda: actions.press(self._performer, name))
            timer.daemon = True
            self._holding[name] = timer
            timer.start()
            if self._on_hold is not None:
                self._on_hold(name)

    def _move(self, target: Target, position: int) -> None:
        unit = None if target.slot is None else self._performer.unit(target.slot)
        before = self._positions.get(target)
        self._positions[target] = position
        if target.slot is not None and unit is None:
            return
        if target.name in MACRO_FADERS and self._macro_range(target.name) is None:
            return
        fresh = self._first_touch_jumps and self._performer.jumps == self._jumps and before is None
        if fresh or self._meets(self._position_of(target.name, unit), before, position):
            value = self._value_of(target.name, unit, position)
            if target.name in MACRO_FADERS:
                self._performer.move_macro(_macro(target.name), value)
            elif unit is None:
                self._performer.set_amount(AMOUNTS[target.name], value)  # type: ignore[arg-type]
            else:
                self._performer.set_unit(target.name, unit, value)  # type: ignore[arg-type]

    @staticmethod
    def _meets(stored: float, before: int | None, now: int) -> bool:
        low, high = (now, now) if before is None else sorted((before, now))
        return low - _NEAR <= stored <= high + _NEAR

    def _value_of(self, name: str, unit: int | None, position: int) -> float:
        if name == "scale":
            return 1.0 if position in (63, 64) else 2 * position / 127
        if unit is None:
            lowest, highest = self._range(name)
            if lowest == -highest and position in (63, 64):
                return 0.0
            return lowest + (highest - lowest) * position / 127
        top = self._performer.top_of_override(unit) if name == "override" else 1.0
        return top * position / 127

    def _macro_range(self, name: str) -> tuple[float, float] | None:
        """The positions of a macro at the bottom and at the top; None if it moves nothing."""
        try:
            return self._performer.macros.range_of(_macro(name))
        except ValueError:
            return None

    def _range(self, name: str) -> tuple[float, float]:
        """The values of a fader without a unit at the bottom and at the top; volume begins with silence."""
        if name in MACRO_FADERS:
            return self._macro_range(name) or (0.0, 1.0)
        amount: Amount = getattr(Controls, AMOUNTS[name])
        return max(amount.least, SILENCE_DB), amount.most

    def _position_of(self, name: str, unit: int | None) -> float:
        """The fader position of the current value."""
        if unit is None:
            lowest, highest = self._range(name)
            if name in MACRO_FADERS:
                value = self._performer.macros.position(_macro(name))
            else:
                value = getattr(self._performer.controls, AMOUNTS[name])
            return float(np.clip(127 * (value - lowest) / (highest - lowest), 0, 127))
        value = getattr(self._performer.controls, name)[unit]
        if not np.isfinite(value):  # no override: it begins where the unit is
            value = self._performer.activation(unit)
        top = self._value_of(name, unit, 127)
        return float(np.clip(127 * value / top if top else 0, 0, 127))


def _macro(target: str) -> str:
    """The macro of a MIDI target."""
    return target.removeprefix("macro-")
