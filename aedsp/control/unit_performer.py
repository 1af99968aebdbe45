"""What a player can do with the units of a model; needs no stream. Banks, mutes and macros are in their own modules.

Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Float64
from aedsp.control.banks import Banks, BankStep
from aedsp.control.history import History
from aedsp.control.macros import Group, Macros
from aedsp.control.mutes import Mutes, MuteState
from aedsp.control.performer import AmountName, UnitValue
from aedsp.engine.controls import Amount, Controls
from aedsp.engine.effects import NOTHING_DB
from aedsp.engine.state import SILENCE_DB, Monitor, State

#: Key step by parameter.
STEPS = {
    "gain": 0.05, "scale": 0.05, "override": 0.05, "target_amount": 0.05, "detail": 0.05, "mix": 0.05, "volume_db": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Everything that a player sets: all controls; silence and solo; groups of units; snapshots."""

    controls: State
    mutes: MuteState
    groups: Mapping[int, Group]
    snapshots: Mapping[int, Any]


class UnitPerformer:
    """Actions on the units of a model and on the bank in view.

    Parameters
    ----------
    controls : Controls
    bank_size : int
        Number of units in view.
    override_range : float array (n_units,), optional
        Override of each unit with the fader at the top; None: 1.0 for all.
    """

    def __init__(self, controls: Controls, bank_size: int = 8, override_range: npt.ArrayLike | None = None) -> None:
        self.controls, self.banks = controls, Banks(bank_size)
        self.mutes, self.macros, self.mute_solos = Mutes(controls), Macros(controls), False
        self.override_range = None if override_range is None else np.asarray(override_range, np.float64)
        #: How often values have changed without the faders, whose positions then no longer match.
        self.jumps = 0
        self._units_lock = threading.RLock()
        self.history = History(self.settings, self.put_back)

    @property
    def has_source(self) -> bool:
        """Whether there is an original to hear."""
        return True

    @property
    def bank_size(self) -> int:
        return self.banks.size

    @property
    def bank(self) -> int:
        """The bank in view, from 0."""
        return self.banks.bank(self.controls.n_units)

    @property
    def n_banks(self) -> int:
        return self.banks.count(self.controls.n_units)

    @property
    def units(self) -> Sequence[int]:
        """The units in view."""
        return self.banks.units(self.controls.n_units)

    @property
    def selected(self) -> int:
        """The place in the bank that keys act on, from 0."""
        return self.banks.selected(self.controls.n_units)

    @property
    def selected_unit(self) -> int:
        return self.units[self.selected]

    @property
    def silenced(self) -> bool:
        """Whether `toggle_silence` has set all units to 0."""
        return self.mutes.state.silenced

    @property
    def is_sorted(self) -> bool:
        """Whether the banks are in the order of the units' effects."""
        return self.banks.is_sorted(self.controls.n_units)

    def unit(self, slot: int) -> int | None:
        """The unit at a place of the bank in view; None if the last bank has no such unit."""
        units = self.units
        return units[slot] if slot < len(units) else None

    def top_of_override(self, unit: int) -> float:
        """The override of a unit with the fader at the top."""
        ranges = self.override_range
        return float(ranges[unit]) if ranges is not None and unit < len(ranges) else 1.0

    def values_jumped(self) -> None:
        """Note that values changed without the faders: from now on soft takeover applies to each of them."""
        self.jumps += 1

    def settings(self) -> Settings:
        """Everything that `undo` brings back, as copies."""
        with self._units_lock:
            return Settings(self.controls.everything(), self.mutes.state, self.macros.groups, {})

    def put_back(self, settings: Settings) -> None:
        """Restore what `settings` returned; units that are not in it keep their values."""
        with self._units_lock, self.controls.together():
            self.controls.restore(settings.controls)
            self.mutes.state, self.macros.groups = settings.mutes, settings.groups
            self.values_jumped()

    def undo(self) -> str | None:
        """Undo the last step; returns what it was, None if there is none."""
        return self.history.undo()

    def redo(self) -> str | None:
        """Redo the step that was undone last; returns what it was, None if there is none."""
        return self.history.redo()

    def show_bank(self, bank: int | BankStep) -> None:
        """Show a bank; next and previous wrap around."""
        self.banks.show(bank, self.controls.n_units)
        self.values_jumped()

    def select(self, step: int) -> None:
        """Move the selection by `step` units in the bank; wraps around."""
        self.banks.select(step, self.controls.n_units)

    def effects(self) -> Float64 | None:
        """What each unit changes, in dB, whatever its mute; None if nothing is known."""
        return None

    def toggle_sorted(self) -> bool:
        """Put the units that change the sound most on the first banks; again: back. Returns whether they are there.

        No value changes. ValueError if nothing has been heard yet.
        """
        order: Sequence[int] = ()
        if not self.is_sorted:
            effects = self.effects()
            if effects is None or effects.max() <= NOTHING_DB:
                raise ValueError("nothing has been heard yet; play some music first")
            order = np.argsort(-effects, kind="stable").tolist()
        self.banks.sort(order)
        self.values_jumped()
        return self.is_sorted

    def set_unit(self, name: UnitValue, unit: int, value: float) -> None:
        """Set a unit's gain, scale or override (nan clears it)."""
        with self.history.step(f"{name} of unit {unit}", continuous=True):
            getattr(self.controls, name)[unit] = value

    def nudge_unit(self, name: UnitValue, steps: float) -> None:
        """Change a value of the selected unit by `steps`; an override that is not set is set first."""
        values, unit = getattr(self.controls, name), self.selected_unit
        with self.history.step(f"{name} of unit {unit}", continuous=True):
            if name != "override":
                values[unit] = max(0.0, round(values[unit] + steps * STEPS[name], 4))
            elif values[unit] == values[unit]:
                values[unit] += steps * STEPS[name] * self.top_of_override(unit)
            else:
                values[unit] = self.activation(unit)

    def set_amount(self, name: AmountName, value: float) -> None:
        """Set detail, mix, volume or the amount of the target."""
        with self.history.step(name, continuous=True):
            setattr(self.controls, name, value)

    def nudge_amount(self, name: AmountName, steps: float) -> None:
        """Change an amount by `steps`, within its range; volume from -60 dB on."""
        amount: Amount = getattr(Controls, name)
        value = max(getattr(self.controls, name), SILENCE_DB) + steps * STEPS[name]
        self.set_amount(name, min(amount.most, max(amount.least, SILENCE_DB, round(value, 4))))
        self.values_jumped()

    def toggle_detail(self) -> float:
        """Switch detail between 0, the resynthesis alone, and 1. Returns it."""
        with self.history.step("detail"):
            self.controls.detail = 0.0 if self.controls.detail else 1.0
        self.values_jumped()
        return self.controls.detail

    def take_target(self) -> None:
        """Make the current activations the target of the code."""
        with self.history.step("target"):
            self.controls.target[:] = [self.activation(unit) for unit in range(self.controls.n_units)]

    def activation(self, unit: int) -> float:
        """The current activation of a unit; 0 if unknown."""
        return 0.0

    def toggle_override(self, unit: int) -> bool:
        """Override a unit at its current activation, or clear the override. Returns whether it is set."""
        override = self.controls.override
        with self.history.step(f"override of unit {unit}"):
            held = override[unit] == override[unit]
            override[unit] = float("nan") if held else self.activation(unit)
        return not held

    def toggle_mute(self, unit: int) -> bool:
        """Mute or unmute a unit. Returns whether it is muted, solo aside."""
        with self.history.step(f"mute of unit {unit}"), self._units_lock:
            return self.mutes.toggle(unit)

    def hold_solo(self, unit: int, on: bool) -> None:
        """Solo a unit for a moment, beside those that are soloed, or end its solo; no step for `undo`."""
        self.before_mutes()
        with self._units_lock, self.controls.together():
            self.mutes.set_solo(self._existing(unit) if on else unit, on)

    def toggle_solo(self, unit: int) -> bool:
        """Solo a unit beside those that are soloed; again: not. Returns whether it is soloed."""
        self.before_mutes()
        with self.history.step(f"solo of unit {unit}"), self._units_lock, self.controls.together():
            self.mutes.set_solo(self._existing(unit), unit not in self.mutes.state.solo)
        return unit in self.mutes.state.solo

    def before_mutes(self) -> None:
        """Called before silence or solo change the mutes: nothing else may be moving them."""

    def clear_solo(self) -> None:
        """End all solos."""
        self.before_mutes()
        with self.history.step("solo"), self._units_lock, self.controls.together():
            self.mutes.clear_solo()

    def toggle_all_but(self) -> bool:
        """Hear all but the soloed units; again: only these. Returns which; ValueError if none is soloed."""
        if not self.mutes.state.solo:
            raise ValueError("no unit is soloed; solo those to leave out first")
        self.before_mutes()
        with self.history.step("all but"), self._units_lock, self.controls.together():
            return self.mutes.toggle_all_but()

    def _existing(self, unit: int) -> int:
        if not 0 <= unit < self.controls.n_units:
            raise IndexError(f"there is no unit {unit}; the model has units 0 to {self.controls.n_units - 1}")
        return unit

    def move_macro(self, name: str, position: float) -> None:
        """Move a macro: a direction in standard deviations, or a group from 0 to 1."""
        with self.history.step(f"macro {name}", continuous=True), self._units_lock:
            self.macros.move(name, position)

    def nudge_macro(self, name: str, steps: float) -> None:
        """Move a macro by `steps` of a twentieth of its range, within it."""
        least, most = self.macros.range_of(name)
        position = self.macros.position(name) + steps * (most - least) / 20
        self.move_macro(name, min(most, max(least, round(position, 4))))
        self.values_jumped()

    def define_group(self, number: int, ranges: Mapping[int, tuple[float, float]]) -> None:
        """Define the units of a group and their gains at the bottom and top of its fader; none: remove it."""
        for unit in ranges:
            self._existing(unit)
        with self.history.step(f"group {number}"), self._units_lock:
            self.macros.define(number, ranges)
        self.values_jumped()

    def invert_polarity(self, unit: int) -> float:
        """Invert a unit's polarity. Returns its sign."""
        sign = self.controls.sign
        with self.history.step(f"sign of unit {unit}"):
            sign[unit] = -sign[unit]
        return float(sign[unit])

    def restore(self, unit: int) -> None:
        """Restore a unit's original activation."""
        with self.history.step(f"restore of unit {unit}"), self._units_lock, self.controls.together():
            self.controls.reset(unit)
            self.mutes.unmute(unit)
        self.values_jumped()

    def reset(self) -> None:
        """Restore the original activations of all units."""
        with self.history.step("reset"), self._units_lock:
            self.mutes.forget()
            self.controls.reset()
            self.values_jumped()

    def toggle_silence(self) -> bool:
        """Silence all units, overridden ones too; again: bring them back. Returns whether they are silent."""
        self.before_mutes()
        with self.history.step("silence"), self._units_lock, self.controls.together():
            return self.mutes.toggle_silence()

    def forget_mutes(self) -> None:
        """End silence and solo, because something else has set the mutes."""
        self.mutes.forget()

    def set_monitor(self, monitor: Monitor) -> None:
        with self.history.step("monitor"):
            self.controls.monitor = monitor

    def toggle_monitor(self) -> None:
        """Switch between original and resynthesized."""
        self.set_monitor("resynthesized" if self.controls.monitor == "original" else "original")

    def toggle_frozen(self) -> None:
        """Freeze or release the current spectrum."""
        with self.history.step("freeze"):
            self.controls.frozen = not self.controls.frozen
