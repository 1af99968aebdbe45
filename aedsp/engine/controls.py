"""Controls: gain, scale, mute, sign and override per unit, monitor and freeze, published to the audio thread.

Every change is checked, kept here in float32, and published as one snapshot through the triple buffer of
`aedsp/_rt/control.pyx`; it takes effect at the next hop. Any number of Python threads may write. An ordinary lock
serialises them; the audio thread never waits.
"""

from __future__ import annotations

import reprlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, SupportsIndex, get_args

import numpy as np
import numpy.typing as npt

from aedsp._rt.control import ControlBuffer
from aedsp.arrays import Float32
from aedsp.unique import Unique

Monitor = Literal["original", "resynthesized"]
Values = dict[str, Float32]
#: Called under the lock at every publication with version, values (copy them to keep them), monitor and frozen.
Listener = Callable[[int, Values, Monitor, bool], None]
Index = SupportsIndex | slice | list[int] | npt.NDArray[Any]

NEUTRAL: dict[str, float] = {"gain": 1.0, "scale": 1.0, "muted": 0.0, "sign": 1.0, "override": float("nan")}


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
            values = np.array(self._controls._values[self._name][self._checked(index)])
        if self._name == "muted":
            values = values.astype(bool)
        return values if values.ndim else values.item()

    def __setitem__(self, index: Index, value: npt.ArrayLike) -> None:
        controls = self._controls
        if type(index) is int and self._is_valid(value):  # the common case, without the cost of arrays
            with controls._lock:
                if 0 <= index < controls.n_units:
                    controls._values[self._name][index] = value
                    controls._changed()
                    return
        with controls._lock:
            index = self._checked(index)
            target = controls._values[self._name]
            target[index] = self._checked_value(value, np.shape(target[index]))
            controls._changed()

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


class Controls(Unique):
    """Controls of the code's units: ``activation · gain · scale · sign``, or the override when set; 0 when muted.

    Attributes
    ----------
    gain, scale, muted, sign, override : UnitValues
        One value per unit. Neutral: 1, 1, False, 1, nan (no override).
    monitor : "original" or "resynthesized"
        Which signal is heard.
    frozen : bool
        Spectral freeze: the code and its spectrum are held while the phases advance.
    """

    _instead = "they belong to one engine; copy their values with state()"

    __slots__ = (
        *NEUTRAL,
        "_depth",
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
        self._depth = 0
        self.version = 0
        self.listener: Listener | None = None
        self._values = {name: np.full(n_units, value, np.float32) for name, value in NEUTRAL.items()}
        self._monitor: Monitor = "resynthesized"
        self._frozen = False
        self.buffer = ControlBuffer(n_units)
        self.gain = UnitValues(self, "gain")
        self.scale = UnitValues(self, "scale")
        self.muted = UnitValues(self, "muted")
        self.sign = UnitValues(self, "sign")
        self.override = UnitValues(self, "override")

    def __setattr__(self, name: str, value: object) -> None:
        if name in NEUTRAL and hasattr(self, name):
            raise AttributeError(f"controls.{name} is set by index: controls.{name}[:] = ...")
        super().__setattr__(name, value)

    @property
    def monitor(self) -> Monitor:
        with self._lock:
            return self._monitor

    @monitor.setter
    def monitor(self, value: Monitor) -> None:
        if not isinstance(value, str) or value not in get_args(Monitor):
            raise ValueError(f"controls.monitor: value is {reprlib.repr(value)}; expected one of {get_args(Monitor)}")
        with self._lock:
            self._monitor = value
            self._changed()

    @property
    def frozen(self) -> bool:
        with self._lock:
            return self._frozen

    @frozen.setter
    def frozen(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"controls.frozen: value is {reprlib.repr(value)}; expected True or False")
        with self._lock:
            self._frozen = bool(value)
            self._changed()

    def reset(self, units: Index = slice(None)) -> None:
        """Reset the units to neutral values, which leave the activations unchanged."""
        with self.together():
            for name, neutral in NEUTRAL.items():
                getattr(self, name)[units] = neutral

    @contextmanager
    def together(self) -> Iterator[None]:
        """Group several changes into one publication; if the block raises, all of them are undone.

        Writes from other threads wait until the block ends.
        """
        with self._lock:
            before = {name: values.copy() for name, values in self._values.items()}, self._monitor, self._frozen
            self._depth += 1
            try:
                yield
            except BaseException:
                self._values, self._monitor, self._frozen = before
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
        """Whether all controls of a unit are neutral."""
        with self._lock:
            return all(
                np.array_equal(values[unit], np.float32(NEUTRAL[name]), equal_nan=True)
                for name, values in self._values.items()
            )

    def state(self) -> Values:
        """A copy of all values: gain, scale, muted, sign, override, each float32 (n_units,)."""
        with self._lock:
            return {name: values.copy() for name, values in self._values.items()}

    def _publish(self) -> None:
        v = self._values
        self.version += 1
        if self.listener is not None:
            self.listener(self.version, v, self._monitor, self._frozen)
        with np.errstate(over="ignore"):
            factor = np.clip(v["gain"] * v["scale"], _LEAST, _MOST) * v["sign"] * (v["muted"] == 0)
        override = np.where(v["muted"] == 0, v["override"], _NONE)  # mute wins
        original = self._monitor == "original"
        self.buffer.publish(factor.astype(np.float32), override, original, self.version, self._frozen)


_MOST = np.float32(np.finfo(np.float32).max)
_LEAST = -_MOST
_SAFE = float(_MOST)
_NONE = np.float32(np.nan)
