"""What a player can do with the units of a model and the bank in view; needs no stream. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.control.history import History
from aedsp.control.performer import AmountName, BankStep, UnitValue
from aedsp.engine.controls import Amount, Controls
from aedsp.engine.state import SILENCE_DB, Monitor, State, Values

#: Key step by parameter.
STEPS = {
    "gain": 0.05, "scale": 0.05, "override": 0.05, "target_amount": 0.05, "detail": 0.05, "mix": 0.05, "volume_db": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Everything that a player sets: all controls; the mutes before silencing; snapshots."""

    controls: State
    silenced: Values | None
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
        self.controls, self.bank_size = controls, bank_size
        self.override_range = None if override_range is None else np.asarray(override_range, np.float64)
        #: How often values have changed without the faders, whose positions then no longer match.
        self.jumps = 0
        self._bank = self._selected = 0
        self._silenced: Values | None = None  # mutes before silencing
        self._units_lock = threading.RLock()
        self.history = History(self.settings, self.put_back)

    @property
    def has_source(self) -> bool:
        """Whether there is an original to hear."""
        return True

    @property
    def bank(self) -> int:
        """The bank in view, from 0."""
        return min(self._bank, self.n_banks - 1)

    @property
    def n_banks(self) -> int:
        return -(-self.controls.n_units // self.bank_size)

    @property
    def units(self) -> range:
        """The units in view."""
        first = self.bank * self.bank_size
        return range(first, min(first + self.bank_size, self.controls.n_units))

    @property
    def selected(self) -> int:
        """The place in the bank that keys act on, from 0."""
        return min(self._selected, len(self.units) - 1)

    @property
    def selected_unit(self) -> int:
        return self.units[self.selected]

    @property
    def silenced(self) -> bool:
        """Whether `toggle_silence` has set all units to 0."""
        return self._silenced is not None

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
            return Settings(self.controls.everything(), self._silenced, {})

    def put_back(self, settings: Settings) -> None:
        """Restore what `settings` returned; units that are not in it keep their values."""
        with self._units_lock, self.controls.together():
            self.controls.restore(settings.controls)
            self._silenced = settings.silenced
            self.values_jumped()

    def undo(self) -> str | None:
        """Undo the last step; returns what it was, None if there is none."""
        return self.history.undo()

    def redo(self) -> str | None:
        """Redo the step that was undone last; returns what it was, None if there is none."""
        return self.history.redo()

    def show_bank(self, bank: int | BankStep) -> None:
        """Show a bank; next and previous wrap around."""
        with self._units_lock:
            if isinstance(bank, str):
                bank = (self.bank + (1 if bank == "next" else -1)) % self.n_banks
            if not 0 <= bank < self.n_banks:
                raise ValueError(f"bank is {bank}; expected 0 to {self.n_banks - 1}")
            self._bank = bank
            self.values_jumped()

    def select(self, step: int) -> None:
        """Move the selection by `step` units in the bank; wraps around."""
        self._selected = (self.selected + step) % len(self.units)

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
        """Mute or unmute a unit. Returns whether it is muted."""
        muted = self.controls.muted
        with self.history.step(f"mute of unit {unit}"):
            muted[unit] = not muted[unit]
        return bool(muted[unit])

    def invert_polarity(self, unit: int) -> float:
        """Invert a unit's polarity. Returns its sign."""
        sign = self.controls.sign
        with self.history.step(f"sign of unit {unit}"):
            sign[unit] = -sign[unit]
        return float(sign[unit])

    def restore(self, unit: int) -> None:
        """Restore a unit's original activation."""
        with self.history.step(f"restore of unit {unit}"):
            self.controls.reset(unit)
        self.values_jumped()

    def reset(self) -> None:
        """Restore the original activations of all units."""
        with self.history.step("reset"), self._units_lock:
            self._silenced = None
            self.controls.reset()
            self.values_jumped()

    def toggle_silence(self) -> bool:
        """Silence all units, overridden ones too; again: bring them back. Returns whether they are silent."""
        controls = self.controls
        with self.history.step("silence"), self._units_lock, controls.together():
            if self._silenced is None:
                self._silenced = {"muted": controls.state()["muted"]}
                controls.muted[:] = True
            else:
                n = min(len(self._silenced["muted"]), controls.n_units)
                controls.muted[:] = False
                for name, values in self._silenced.items():
                    getattr(controls, name)[:n] = values[:n]
                self._silenced = None
            return self.silenced

    def forget_silence(self) -> None:
        """Discard the state before silencing, because something else has set the mutes."""
        self._silenced = None

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
