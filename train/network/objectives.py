"""Objectives: the loss of a batch, and its derivative with respect to the input of the output units.

In place, in preallocated buffers. Losses are summed over bins and averaged over frames (Eq. 3 and 4 of the paper).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import TrainingError
from aedsp.model.layers import Activation
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize
from aedsp.train.data.batches import Batch
from aedsp.train.network.backend import elementwise_kernels

_SURE = 1e-7  # outputs are kept at least this far from 0 and 1


class Objective(Protocol):
    """A loss between the output of a network and its target."""

    def value_and_error(self, output: Floats, batch: Batch, activation: Activation, *, error: Floats) -> float:
        """Return the loss; write its derivative with respect to the input of `activation` to `error`.

        `output` and `error` (n, n_output) must not overlap.
        """
        ...


class SquaredError:
    """``1/n Σ_spectra Σ_k (z_k - x_k)²``, Eq. 3."""

    def __init__(self, kernels: Any = None) -> None:
        self._kernels = kernels or elementwise_kernels()
        self._scratch = np.zeros(0, np.float32)

    def value_and_error(self, output: Floats, batch: Batch, activation: Activation, *, error: Floats) -> float:
        loss = self._kernels.squared_error(output, batch.wanted, 2 / len(output), error) / len(output)
        self._scratch = _like(self._scratch, output)
        self._kernels.back_through(error, output, activation, self._scratch)
        return float(loss)


class CrossEntropy:
    """``-1/n Σ_spectra Σ_k [x_k log z_k + (1 - x_k) log(1 - z_k)]``, Eq. 4; for x in [0, 1]."""

    def __init__(self, kernels: Any = None) -> None:
        self._kernels = kernels or elementwise_kernels()
        self._sure, self._logs = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def value_and_error(self, output: Floats, batch: Batch, activation: Activation, *, error: Floats) -> float:
        x = batch.wanted
        z, logs = self._sure, self._logs = _like(self._sure, output), _like(self._logs, output)
        np.clip(output, _SURE, 1 - _SURE, out=z)
        np.log(z, out=logs)
        loss = -float(np.vdot(x, logs))
        np.subtract(1, z, out=error)
        np.log(error, out=logs)
        np.subtract(1, x, out=error)
        loss -= float(np.vdot(error, logs))
        np.subtract(output if activation == "sigmoid" else z, x, out=error)
        error *= error.dtype.type(1 / len(x))
        if activation != "sigmoid":  # for sigmoid, the derivative z (1 - z) cancels the denominator
            np.subtract(1, z, out=logs)
            logs *= z
            error /= logs
            self._kernels.back_through(error, output, activation, logs)
        return loss / len(x)


class AfterInverse:
    """Another objective applied to magnitudes: to the output after the inverse preprocessing.

    Parameters
    ----------
    objective : Objective
    chain : Chain
        The preprocessing.
    scale : float
        Factor of the loss.
    """

    def __init__(self, objective: Objective, chain: Chain, scale: float = 1.0, kernels: Any = None) -> None:
        self._objective, self._chain, self._scale = objective, chain, scale
        self._kernels = kernels or elementwise_kernels()
        self._value = self._slope = self._scratch = np.zeros(0, np.float32)

    def value_and_error(self, output: Floats, batch: Batch, activation: Activation, *, error: Floats) -> float:
        assert batch.magnitudes is not None
        value, slope = self._value, self._slope = _like(self._value, output), _like(self._slope, output)
        self._scratch = _like(self._scratch, output)
        invert_with_slope(self._chain, output, value=value, slope=slope, scratch=self._scratch)
        loss = self._objective.value_and_error(value, Batch(batch.magnitudes), "linear", error=error)
        slope *= slope.dtype.type(self._scale)
        error *= slope
        self._kernels.back_through(error, output, activation, slope)
        return self._scale * loss


class Sum:
    """Weighted sum of objectives."""

    def __init__(self, *weighted: tuple[float, Objective]) -> None:
        self._weighted = weighted
        self._error = np.zeros(0, np.float32)

    def value_and_error(self, output: Floats, batch: Batch, activation: Activation, *, error: Floats) -> float:
        self._error = _like(self._error, output)
        error[...] = 0
        total = 0.0
        for weight, objective in self._weighted:
            total += weight * objective.value_and_error(output, batch, activation, error=self._error)
            self._error *= self._error.dtype.type(weight)
            error += self._error
        return total


def invert_with_slope(chain: Chain, y: Floats, *, value: Floats, slope: Floats, scratch: Floats) -> None:
    """``value ← chain⁻¹(y)`` and ``slope ←`` its derivative; all (n, n_bins)."""
    np.copyto(value, y)
    slope[...] = 1
    real = value.dtype.type
    for step in reversed(tuple(chain)):
        if isinstance(step, (Normalize, Standardize)):
            factor = step.max if isinstance(step, Normalize) else step.std
            value *= factor
            slope *= factor
            if isinstance(step, Standardize):
                value += step.mean
        elif isinstance(step, Power):
            np.maximum(value, 0, out=value)
            slope *= real(1 / step.exponent)
            if step.exponent == 0.5:
                slope *= value
                value *= value
            else:
                np.greater(value, 0, out=scratch)
                slope *= scratch
                np.maximum(value, np.finfo(value.dtype).tiny, out=scratch)
                np.power(scratch, real(1 / step.exponent - 1), out=scratch)
                slope *= scratch
                value *= scratch
        elif isinstance(step, Log):
            np.power(real(10), value, out=value)
            slope *= real(np.log(10))
            slope *= value
        else:
            raise TypeError(f"preprocess step is {step!r}; expected Normalize, Standardize, Log or Power")


def require_unit_range(x: Floats, name: str) -> None:
    """Reject values for which cross entropy is undefined.

    Raises
    ------
    TrainingError
        A value outside [0, 1].
    """
    if len(x) and not (x.min() >= 0 and x.max() <= 1):
        raise TrainingError(
            f"objective cross_entropy needs {name} from 0 to 1; got {x.min():.3g} to {x.max():.3g}; make normalize the "
            "last preprocess step, or use objective squared_error"
        )


def _like(buffer: Floats, wanted: Floats) -> Floats:
    """A buffer with the shape of `wanted`: the old one, or part of it, if large enough."""
    if buffer.dtype == wanted.dtype and buffer.ndim == 2 and buffer.shape[1:] == wanted.shape[1:]:
        base = buffer.base if buffer.base is not None and buffer.base.ndim == 2 else buffer
        if len(base) >= len(wanted):
            return base[: len(wanted)]
    return np.zeros_like(wanted)
