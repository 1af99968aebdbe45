"""Preprocessing of magnitude spectra: Normalize, Standardize, Log, Power, and chains of them.

Each step maps non-negative magnitudes to a range that suits a network (`apply`) and back (`invert`). This NumPy code
is for training and `Model.reconstruct`; the compiled hop (`aedsp/_kernels/preprocess.pyx`) matches it up to rounding.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aedsp.arrays import Floats, ReadOnlyArrays

#: The smallest divisor whose float32 reciprocal is finite.
_LEAST = np.finfo(np.float32).tiny


class Step(Protocol):
    """One invertible step. `n_bins` is None if the step fits spectra of any length."""

    @property
    def n_bins(self) -> int | None: ...
    def apply(self, x: Floats, out: Floats | None = None) -> Floats: ...
    def invert(self, y: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Normalize(ReadOnlyArrays):
    """``y = x / max``; `max` is one value > 0, or one per bin, shape (n_bins,), float32."""

    max: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "max", _positive("normalize", "max", self.max))

    @property
    def n_bins(self) -> int | None:
        return _n_bins(self.max)

    def apply(self, x: Floats, out: Floats | None = None) -> Floats:
        return np.divide(x, self.max, out=out)

    def invert(self, y: Floats) -> Floats:
        return y * self.max


@dataclass(frozen=True, eq=False)
class Standardize(ReadOnlyArrays):
    """``y = (x - mean) / std``; each is one value or one per bin, shape (n_bins,), float32, std > 0."""

    mean: Floats
    std: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _vector("standardize", "mean", self.mean))
        object.__setattr__(self, "std", _positive("standardize", "std", self.std))
        lengths = {n for n in (_n_bins(self.mean), _n_bins(self.std)) if n is not None}
        if len(lengths) > 1:
            raise ValueError(
                f"standardize: mean has {self.mean.size} values and std {self.std.size}; expected equal numbers"
            )

    @property
    def n_bins(self) -> int | None:
        return _n_bins(self.mean) or _n_bins(self.std)

    def apply(self, x: Floats, out: Floats | None = None) -> Floats:
        y = np.subtract(x, self.mean, out=out)
        return np.divide(y, self.std, out=out)

    def invert(self, y: Floats) -> Floats:
        return y * self.std + self.mean


@dataclass(frozen=True)
class Log:
    """``y = log10(max(x, floor))``, floor > 0; inverse ``10^y``. Values below the floor return as the floor."""

    floor: float = 1e-5

    def __post_init__(self) -> None:
        object.__setattr__(self, "floor", float(_positive("log", "floor", self.floor)))

    @property
    def n_bins(self) -> int | None:
        return None

    def apply(self, x: Floats, out: Floats | None = None) -> Floats:
        return np.asarray(np.log10(np.maximum(x, x.dtype.type(self.floor), out=out), out=out))

    def invert(self, y: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.asarray(np.power(y.dtype.type(10), y))


@dataclass(frozen=True)
class Power:
    """``y = max(x, 0)^exponent``, exponent > 0. The inverse treats negative values as 0."""

    exponent: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponent", float(_positive("power", "exponent", self.exponent)))

    @property
    def n_bins(self) -> int | None:
        return None

    def apply(self, x: Floats, out: Floats | None = None) -> Floats:
        y = np.maximum(x, 0, out=out)
        if self.exponent == 0.5:
            return np.asarray(np.sqrt(y, out=out))
        return np.asarray(np.power(y, x.dtype.type(self.exponent), out=out))

    def invert(self, y: Floats) -> Floats:
        with np.errstate(over="ignore"):
            positive = np.maximum(y, 0)
            return np.asarray(
                positive * positive if self.exponent == 0.5 else positive ** y.dtype.type(1 / self.exponent)
            )


@dataclass(frozen=True)
class Chain:
    """Steps applied in order and inverted in reverse order. An empty chain leaves magnitudes unchanged."""

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        for step in self.steps:
            if not isinstance(step, (Normalize, Standardize, Log, Power)):
                raise TypeError(f"preprocess step is {step!r}; expected Normalize, Standardize, Log or Power")
        lengths = sorted({step.n_bins for step in self.steps if step.n_bins is not None})
        if len(lengths) > 1:
            raise ValueError(f"preprocess steps are for spectra of {lengths} bins; expected one length for all")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def n_bins(self) -> int | None:
        return next((step.n_bins for step in self.steps if step.n_bins is not None), None)

    def apply(self, x: Floats, out: Floats | None = None) -> Floats:
        """Magnitudes (..., n_bins) to preprocessed spectra of the same shape; written to `out` if given."""
        if out is not None and not self.steps:
            np.copyto(out, x)
            return out
        for step in self.steps:
            x = step.apply(x, out)
        return x

    def invert(self, y: Floats) -> Floats:
        """The inverse of `apply`, up to rounding and to clipping in `Log` and `Power`."""
        for step in reversed(self.steps):
            y = step.invert(y)
        return y


def _vector(kind: str, name: str, value: npt.ArrayLike) -> Floats:
    """A read-only float32 copy: a scalar () or one value per bin (n_bins,)."""
    if np.asarray(value).dtype.kind not in "fiu":
        raise ValueError(f"{kind}: {name} is {reprlib.repr(value)}; expected real numbers")
    with np.errstate(over="ignore"):
        array = np.array(value, dtype=np.float32)
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"{kind}: {name} has shape {array.shape}; expected one value or one per bin")
    if array.size == 1:
        array = array.reshape(()).copy()  # the owner of its memory, so that nobody can make it writeable
    if not np.isfinite(array).all():
        raise ValueError(f"{kind}: {name} holds values that are not finite; expected finite values")
    array.flags.writeable = False
    view: Floats = array.view()
    return view


def _positive(kind: str, name: str, value: npt.ArrayLike) -> Floats:
    array = _vector(kind, name, value)
    if not (array >= _LEAST).all():
        raise ValueError(f"{kind}: {name} holds {array.min():g}; expected values above 0, at least {_LEAST:.2g}")
    return array


def _n_bins(value: Floats) -> int | None:
    return value.size if value.ndim else None
