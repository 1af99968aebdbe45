"""Controls: values per unit, amounts, monitor and freeze, published to the audio thread.

Every change is checked, kept here in float32, and published as one snapshot through the triple buffer of
`aedsp/_rt/control.pyx`; it takes effect at the next hop. Any number of Python threads may write. An ordinary lock
serialises them; the audio thread never waits.
"""

from __future__ import annotations

import math
import reprlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, SupportsIndex, get_args, overload

import numpy as np
import numpy.typing as npt

from aedsp._rt.control import CONTROLS, ControlBuffer
from aedsp.arrays import Float32
from aedsp.engine.arguments import expect_bool, expect_choice
from aedsp.engine.state import NEUTRAL, Amounts, Monitor, State, Values, packed
from aedsp.unique import Unique


class Listener(Protocol):
    """Called under the lock; copy the values to keep them."""

    def published(self, version: int, state: State) -> None:
        """At every publication."""

    def folded(self, state: State) -> None:
        """Scheduled changes, which the audio thread has applied already, are in the state now."""


Index = SupportsIndex | slice | list[int] | npt.NDArray[Any]


class UnitValues(Unique):
    """One value per unit, as an array that publishes every write. Reads return copies.

    Index by unit (negative counts from the end), slice, list, index array or boolean array.
    """

    _instead = "take a copy of the values with [:]"

    def __init__(self, controls: Controls, name: str) -> None:
        self._controls = controls
        self._name = name

    def __len__(self) -> int:
        return self._controls.n_units

    def __getitem__(self, index: Index) -> Any:
        with self._controls._lock:
            self._controls._fold()
            values = np.array(self._controls._values[self._name][self._checked(index)])
        if self._name == "muted":
            values = values.astype(bool)
        return values if values.ndim else values.item()

    def __setitem__(self, index: Index, value: npt.ArrayLike) -> None:
        controls = self._controls
        if type(index) is int and self._is_valid(value):  # the common case, without the cost of arrays
            with controls._lock:
                controls._fold()
                if 0 <= index < controls.n_units:
                    controls._values[self._name][index] = value
                    controls._changed()
                    return
        with controls._lock:
            controls._fold()
            index = self._checked(index)
            target = controls._values[self._name]
            target[index] = self._checked_value(value, np.shape(target[index]))
            controls._changed()

    def checked(self, index: Index, value: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], Float32]:
        """Units and the value of each, both (n,), that ``self[index] = value`` would set; raises its errors."""
        units = np.arange(len(self))[self._checked(index)]
        values = self._checked_value(value, np.shape(units))
        return np.atleast_1d(units), np.atleast_1d(np.broadcast_to(values, np.shape(units)))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def __repr__(self) -> str:
        return f"{self._name}: {self[:]!r}"

    def _is_valid(self, value: Any) -> bool:
        """Whether a Python number is valid for one unit; False where only `_checked_value` can tell."""
        if type(value) not in (float, int, bool):
            return False
        if self._name == "muted":
            return value in (0, 1)
        if self._name == "sign":
            return value in (1, -1)
        return -_SAFE < value < _SAFE or (self._name == "override" and value != value)

    def _checked(self, index: Any) -> Any:
        n = len(self)
        if isinstance(index, slice) or index is Ellipsis:
            return index
        array = np.asarray(index)
        if array.size == 0:
            return np.zeros(0, int)
        if array.dtype == bool and array.shape == (n,):
            return array
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise IndexError(
                f"controls.{self._name}: index is {index!r}; expected a unit from 0 to {n - 1}, a slice or an array"
            )
        if array.size and (array.min() < -n or array.max() >= n):
            worst = array.max() if array.max() >= n else array.min()
            raise IndexError(f"controls.{self._name}: there is no unit {worst}; the model has units 0 to {n - 1}")
        return array if array.ndim else int(array)

    def _checked_value(self, value: npt.ArrayLike, shape: tuple[int, ...]) -> Float32:
        try:
            given = np.asarray(value)
            if given.dtype.kind not in "fiub" and not all(isinstance(v, int) for v in given.flat):
                raise TypeError  # strings, complex numbers, None; integers beyond 64 bits are fine
            with np.errstate(over="ignore"):
                new = given.astype(np.float64).astype(np.float32)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"controls.{self._name}: value is {reprlib.repr(value)}; expected numbers") from None
        if new.ndim and new.shape != shape:
            expected = f"one number or {shape[0]} of them" if shape else "one number for one unit"
            raise ValueError(f"controls.{self._name}: value has shape {new.shape}; expected {expected}")
        finite = np.isfinite(new) | (np.isnan(new) if self._name == "override" else False)
        if not np.all(finite):
            raise ValueError(f"controls.{self._name}: value is {reprlib.repr(value)}; expected finite float32 numbers")
        if self._name == "sign" and not np.all(np.abs(new) == 1):
            raise ValueError(f"controls.sign: value is {reprlib.repr(value)}; expected 1 or -1")
        if self._name == "muted" and not np.all((new == 0) | (new == 1)):
            raise ValueError(f"controls.muted: value is {reprlib.repr(value)}; expected True or False")
        return new


class Amount:
    """A control with one value for the whole code or output, as an attribute that publishes every write.

    Parameters
    ----------
    neutral, least, most : float
        The initial value, and the inclusive range.
    """

    def __init__(self, neutral: float, least: float, most: float) -> None:
        self.neutral, self.least, self.most = neutral, least, most
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, controls: None, owner: type) -> Amount: ...
    @overload
    def __get__(self, controls: Controls, owner: type) -> float: ...
    def __get__(self, controls: Controls | None, owner: type) -> Amount | float:
        if controls is None:
            return self
        with controls._lock:
            controls._fold()
            return controls._amounts[self._name]

    @property
    def range(self) -> str:
        """The range in words."""
        return f"{'at most ' if self.least < -_SAFE else f'{self.least:g} to '}{self.most:g}"

    def fits(self, value: object) -> bool:
        """Whether a value is a finite number within the range."""
        if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
            return False
        return bool(-_SAFE < value < _SAFE and self.least <= value <= self.most)

    def checked(self, value: float) -> float:
        """The value as a float; ValueError unless it fits."""
        if not self.fits(value):
            raise ValueError(f"controls.{self._name}: value is {reprlib.repr(value)}; expected {self.range}")
        return float(value)

    def __set__(self, controls: Controls, value: float) -> None:
        value = self.checked(value)
        with controls._lock:
            controls._fold()
            controls._amounts = {**controls._amounts, self._name: value}
            controls._changed()


class Controls(Unique):
    """Controls of the code's units and of the output.

    Each activation y becomes ``((1 - a) y + a target + offset) · gain · scale · sign``, a being `target_amount`; or the
    override where one is set; 0 where muted.

    Attributes
    ----------
    gain, scale, muted, sign, override, target, offset : UnitValues
        One value per unit. Neutral: 1, 1, False, 1, nan (no override), 0, 0.
    target_amount : float
        0 to 1: how far the code is taken towards the targets. Neutral: 0.
    detail : float
        0 to 1: how much of the original's fine structure the resynthesis keeps; at 1, untouched controls give the
        original, and faders shape it. Neutral: 0, the paper's resynthesis.
    mix : float
        0 to 1: from the original to the resynthesis. Neutral: 1.
    volume_db : float
        Output level in dB, up to 12; -60 and below is silence. Neutral: 0.
    monitor : "original" or "resynthesized"
        Which signal is heard.
    frozen : bool
        Spectral freeze: the code and its spectrum are held while the phases advance.
    """

    _instead = "they belong to one engine; copy their values with state()"

    target_amount = Amount(0.0, 0.0, 1.0)
    detail = Amount(0.0, 0.0, 1.0)
    mix = Amount(1.0, 0.0, 1.0)
    volume_db = Amount(0.0, -math.inf, 12.0)

    __slots__ = (
        *NEUTRAL,
        "_amounts",
        "_depth",
        "_folded",
        "_frozen",
        "_lock",
        "_monitor",
        "_values",
        "version",
        "buffer",
        "listener",
        "n_units",
    )

    def __init__(self, n_units: int) -> None:
        self.n_units = n_units
        self._lock = threading.RLock()
        self._depth = self._folded = 0
        self.version = 0
        self.listener: Listener | None = None
        self._values = {name: np.full(n_units, value, np.float32) for name, value in NEUTRAL.items()}
        self._amounts = dict(NEUTRAL_AMOUNTS)
        self._monitor: Monitor = "resynthesized"
        self._frozen = False
        self.buffer = ControlBuffer(n_units)
        self.gain = UnitValues(self, "gain")
        self.scale = UnitValues(self, "scale")
        self.muted = UnitValues(self, "muted")
        self.sign = UnitValues(self, "sign")
        self.override = UnitValues(self, "override")
        self.target = UnitValues(self, "target")
        self.offset = UnitValues(self, "offset")

    def __setattr__(self, name: str, value: object) -> None:
        if name in NEUTRAL and hasattr(self, name):
            raise AttributeError(f"controls.{name} is set by index: controls.{name}[:] = ...")
        super().__setattr__(name, value)

    @property
    def monitor(self) -> Monitor:
        with self._lock:
            self._fold()
            return self._monitor

    @monitor.setter
    def monitor(self, value: Monitor) -> None:
        expect_choice("controls.monitor: value", value, get_args(Monitor))
        with self._lock:
            self._fold()
            self._monitor = value
            self._changed()

    @property
    def frozen(self) -> bool:
        with self._lock:
            self._fold()
            return self._frozen

    @frozen.setter
    def frozen(self, value: bool) -> None:
        expect_bool("controls.frozen: value", value)
        with self._lock:
            self._fold()
            self._frozen = bool(value)
            self._changed()

    def reset(self, units: Index | None = None) -> None:
        """Reset all units, or some, to neutral values, which leave the activations unchanged.

        All: `target_amount` too. Some: they keep their offsets, which belong to the whole code. Targets stay.
        """
        with self.together():
            for name, neutral in NEUTRAL.items():
                if name != "target" and (units is None or name != "offset"):
                    getattr(self, name)[slice(None) if units is None else units] = neutral
            if units is None:
                self.target_amount = NEUTRAL_AMOUNTS["target_amount"]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Group several changes into one publication; if the block raises, all of them are undone.

        Writes from other threads wait until the block ends.
        """
        with self._lock:
            self._fold()
            values = {name: values.copy() for name, values in self._values.items()}
            before = values, self._amounts, self._monitor, self._frozen
            self._depth += 1
            try:
                yield
            except BaseException:
                self._values, self._amounts, self._monitor, self._frozen = before
                raise
            finally:
                self._depth -= 1
            self._changed()

    def _changed(self) -> None:
        """Publish, unless inside `together`. Call under the lock."""
        if self._depth == 0:
            self._publish()

    @contextmanager
    def resized(self, n_units: int) -> Iterator[ControlBuffer]:
        """For `Engine.swap`: a new triple buffer for `n_units`; the old one is restored if the block raises.

        Values are kept by index; additional units are neutral.
        """
        with self._lock:
            self._fold()
            before = self.n_units, self._values, self.buffer
            self.n_units = n_units
            self._values = {name: np.full(n_units, value, np.float32) for name, value in NEUTRAL.items()}
            for name, values in before[1].items():
                self._values[name][: before[0]] = values[:n_units]
            self.buffer = ControlBuffer(n_units)
            try:
                self._publish()
                yield self.buffer
            except BaseException:
                self.n_units, self._values, self.buffer = before
                raise

    def is_neutral(self, unit: int) -> bool:
        """Whether all controls of a unit are neutral; target and offset do not count."""
        with self._lock:
            self._fold()
            return all(
                np.array_equal(values[unit], np.float32(NEUTRAL[name]), equal_nan=True)
                for name, values in self._values.items()
                if name not in ("target", "offset")
            )

    def state(self) -> Values:
        """A copy of all values per unit by name, each float32 (n_units,)."""
        with self._lock:
            self._fold()
            return {name: values.copy() for name, values in self._values.items()}

    def everything(self) -> State:
        """A copy of all controls."""
        with self._lock:
            return State(self.state(), self._amounts, self._monitor, self._frozen)

    def restore(self, state: State | Mapping[str, npt.ArrayLike]) -> None:
        """Set what `everything` or `state` returned, in one publication; further units keep their values."""
        values = state.values if isinstance(state, State) else state
        if unknown := [name for name in values if name not in NEUTRAL]:
            raise ValueError(f"there is no control {unknown[0]!r} per unit; expected {', '.join(NEUTRAL)}")
        with self.together():
            for name, given in values.items():
                n = min(np.size(given), self.n_units)
                getattr(self, name)[:n] = np.reshape(given, -1)[:n]
            if isinstance(state, State):
                for name, amount in state.amounts.items():
                    setattr(self, name, amount)
                self.monitor, self.frozen = state.monitor, state.frozen

    def _fold(self) -> None:
        """Take over the scheduled changes that the audio thread has applied; not inside `together`. Under the lock."""
        if self._depth or (returned := self.buffer.returned()) is None:
            return
        units, amounts, unit_stamps, amount_stamps, n_applied = returned
        for i, values in enumerate(self._values.values()):
            np.copyto(values, units[i], where=unit_stamps[i] > self._folded)
        for name, value, stamp in zip(CONTROLS[len(NEUTRAL) :], amounts.tolist(), amount_stamps, strict=True):
            if stamp <= self._folded:
                continue
            if name == "original":
                self._monitor = "original" if value else "resynthesized"
            elif name == "frozen":
                self._frozen = bool(value)
            else:
                self._amounts = {**self._amounts, name: value}
        self._folded = n_applied
        if self.listener is not None:
            self.listener.folded(State(self._values, self._amounts, self._monitor, self._frozen))

    def _publish(self) -> None:
        self.version += 1
        if self.listener is not None:
            self.listener.published(self.version, State(self._values, self._amounts, self._monitor, self._frozen))
        amounts = [*self._amounts.values(), self._monitor == "original", self._frozen]
        self.buffer.publish(packed(self._values), np.array(amounts, np.float32), self.version, self._folded)


#: Neutral amounts.
NEUTRAL_AMOUNTS: Amounts = {
    name: amount.neutral for name, amount in vars(Controls).items() if isinstance(amount, Amount)
}
_SAFE = float(np.finfo(np.float32).max)
