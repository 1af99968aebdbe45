"""What the actions act on: the protocol of an instrument, and the part of it that needs no stream.

`actions` calls it, `play/instrument` implements it. Any thread may call.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from aedsp.engine.controls import Controls, Monitor, Values

UnitValue = Literal["gain", "scale", "override"]
BankStep = Literal["next", "previous"]

#: One step of a key, by what it moves.
STEPS = {"gain": 0.05, "scale": 0.05, "override": 0.05}


class UnitPerformer:
    """Actions on the units of a model, and on the bank of them that is in view.

    Parameters
    ----------
    controls : Controls
    bank_size : int
        Units in view at once.
    override_range : float array (n_units,), optional
        The value that a fader at its top gives a unit's override; None: 1.0 for all.
    """

    def __init__(self, controls: Controls, bank_size: int = 8, override_range: npt.ArrayLike | None = None) -> None:
        self.controls, self.bank_size = controls, bank_size
        self.override_range = None if override_range is None else np.asarray(override_range, np.float64)
        #: How often values have moved under the faders of a controller, which then no longer stand where they should.
        self.jumps = 0
        self._bank = self._selected = 0
        self._silenced: Values | None = None  # mutes and overrides as they were
        self._units_lock = threading.RLock()

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
        """The unit in a place of the bank in view, None where the last bank has no such unit."""
        units = self.units
        return units[slot] if slot < len(units) else None

    def top_of_override(self, unit: int) -> float:
        """The override that a fader at its top stands for."""
        ranges = self.override_range
        return float(ranges[unit]) if ranges is not None and unit < len(ranges) else 1.0

    def values_jumped(self) -> None:
        """Note that values have moved under the faders: each takes over only where it meets its value."""
        self.jumps += 1

    def show_bank(self, bank: int | BankStep) -> None:
        """Bring a bank into view; next and previous are cyclic."""
        with self._units_lock:
            if isinstance(bank, str):
                bank = (self.bank + (1 if bank == "next" else -1)) % self.n_banks
            if not 0 <= bank < self.n_banks:
                raise ValueError(f"there are banks 0 to {self.n_banks - 1}")
            self._bank = bank
            self.values_jumped()

    def select(self, step: int) -> None:
        """Select the unit so many places on in the bank, cyclic."""
        self._selected = (self.selected + step) % len(self.units)

    def set_unit(self, name: UnitValue, unit: int, value: float) -> None:
        """Set a unit's gain, scale or override (nan: none)."""
        getattr(self.controls, name)[unit] = value

    def nudge_unit(self, name: UnitValue, steps: float) -> None:
        """Move a value of the selected unit by so many steps; an override that is not set is set first."""
        values, unit = getattr(self.controls, name), self.selected_unit
        if name != "override":
            values[unit] = max(0.0, round(values[unit] + steps * STEPS[name], 4))
        elif values[unit] == values[unit]:
            values[unit] += steps * STEPS[name] * self.top_of_override(unit)
        else:
            self.toggle_override(unit)

    def activation(self, unit: int) -> float:
        """Of a unit, now; 0 where nobody knows."""
        return 0.0

    def toggle_override(self, unit: int) -> bool:
        """Override a unit at the activation that it has, or clear its override. Whether it is set now."""
        override = self.controls.override
        held = override[unit] == override[unit]
        override[unit] = float("nan") if held else self.activation(unit)
        return not held

    def toggle_mute(self, unit: int) -> bool:
        """Whether the unit is muted now."""
        muted = self.controls.muted
        muted[unit] = not muted[unit]
        return bool(muted[unit])

    def invert_polarity(self, unit: int) -> float:
        """The unit's sign now."""
        sign = self.controls.sign
        sign[unit] = -sign[unit]
        return float(sign[unit])

    def restore(self, unit: int) -> None:
        """Set a unit back to its original activation."""
        self.controls.reset(unit)
        self.values_jumped()

    def reset(self) -> None:
        """Set all units back to their original activations."""
        with self._units_lock:
            self._silenced = None
            self.controls.reset()
            self.values_jumped()

    def toggle_silence(self) -> bool:
        """Set all units to 0, overridden ones too; again: bring them back. Whether they are silent now."""
        controls = self.controls
        with self._units_lock, controls.together():
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
            return self.silenced

    def forget_silence(self) -> None:
        """The mutes were set by something else; `toggle_silence` begins anew."""
        self._silenced = None

    def set_monitor(self, monitor: Monitor) -> None:
        self.controls.monitor = monitor

    def toggle_monitor(self) -> None:
        """Original or resynthesized."""
        self.controls.monitor = "resynthesized" if self.controls.monitor == "original" else "original"

    def toggle_frozen(self) -> None:
        """Hold the spectrum of this moment, or let it go on."""
        self.controls.frozen = not self.controls.frozen


class Performer(Protocol):
    """Everything that a player can do; what each action does is said in `actions`.

    The methods without a docstring here are those of `UnitPerformer`.
    """

    controls: Controls
    morph_s: float

    @property
    def bank(self) -> int: ...
    @property
    def bank_size(self) -> int: ...
    @property
    def units(self) -> range: ...
    @property
    def selected_unit(self) -> int: ...
    @property
    def silenced(self) -> bool: ...
    @property
    def transport(self) -> str:
        """ "play", "pause", "stop" or "end"."""
        ...

    @property
    def is_recording(self) -> bool: ...
    @property
    def position_s(self) -> float: ...

    def show_bank(self, bank: int | BankStep) -> None: ...
    def select(self, step: int) -> None: ...
    def set_unit(self, name: UnitValue, unit: int, value: float) -> None: ...
    def nudge_unit(self, name: UnitValue, steps: float) -> None: ...
    def toggle_override(self, unit: int) -> bool: ...
    def toggle_mute(self, unit: int) -> bool: ...
    def invert_polarity(self, unit: int) -> float: ...
    def restore(self, unit: int) -> None: ...
    def reset(self) -> None: ...
    def toggle_silence(self) -> bool: ...
    def set_monitor(self, monitor: Monitor) -> None: ...
    def toggle_monitor(self) -> None: ...
    def toggle_frozen(self) -> None: ...

    def toggle_play(self) -> None:
        """Play, or pause."""

    def stop(self) -> None:
        """Stop and rewind."""

    def seek(self, position_s: float) -> None:
        """To a position of the file, in s."""

    def set_stretch(self, *, stretch: float | None = None, transpose: float | None = None) -> None:
        """Of the file: times its duration, and semitones; None: as it is. Beyond the ends: the nearest end."""

    def nudge_stretch(self, *, semitone_steps: int = 0, transpose: int = 0) -> None:
        """Faster by so many steps of a twelfth of an octave, and up by so many semitones."""

    def store(self, number: int) -> None:
        """Keep the settings as a snapshot."""

    def recall(self, number: int, duration_s: float | None = None) -> None:
        """Back to a snapshot, at once or by a morph; None: as long as `morph_s` says."""

    def set_morph(self, duration_s: float | None) -> None:
        """How long a recall takes, in s; None: the next of some usual times."""

    def toggle_recording(self, path: str | Path | None = None) -> None:
        """Record what is heard, or finish the recording."""

    def load_model(self, path: str | Path) -> bool:
        """Switch models while playing."""

    def learn(self, target: str, place: int | None) -> None:
        """The next control that moves does this from now on; place: in the bank, from 0."""

    def save_session(self, path: str | Path) -> None:
        """Write the session file."""

    def quit(self) -> None: ...

    def describe_latency(self) -> str:
        """What adds up to it, in a line."""
        ...

    def describe_status(self) -> str:
        """How the stream is doing, in lines."""
        ...
