"""Corruption of the input of a layer, which the layer learns to undo: denoising autoencoders.

References
----------
Vincent et al. (2010), section 3.3: Gaussian noise, masking noise (here dropout), salt-and-pepper noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import TrainingError

CorruptionKind = Literal["gaussian", "dropout", "salt_and_pepper"]


@dataclass(frozen=True, slots=True)
class Corruption:
    """gaussian: standard deviation `amount`. dropout: proportion `amount` of values set to 0. salt_and_pepper: half of
    that proportion set to 0, the other half to 1."""

    kind: CorruptionKind
    amount: float


def parse(text: str) -> Corruption | None:
    """ "gaussian:0.1", "dropout:0.2", "salt_and_pepper:0.1", or "none".

    Raises
    ------
    TrainingError
        An unknown kind, or an amount out of range: at least 0, and at most 1 for a share.
    """
    kind, _, number = text.partition(":")
    if text == "none":
        return None
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    most = math.inf if kind == "gaussian" else 1.0
    if kind not in get_args(CorruptionKind) or not (0 <= amount <= most and math.isfinite(amount)):
        raise TrainingError(
            f"corruption is {text!r}; expected none, gaussian:DEVIATION, dropout:SHARE or salt_and_pepper:SHARE, "
            "the share from 0 to 1"
        )
    return Corruption(cast(CorruptionKind, kind), amount) if amount else None


class Corruptor:
    """Corrupts batches in its own buffers.

    Parameters
    ----------
    corruption : Corruption
    n_rows, n_units : int
        The largest batch.
    kernels : the namespace returned by `elementwise_kernels`
    dtype : float32 or float64
    """

    def __init__(self, corruption: Corruption, n_rows: int, n_units: int, kernels: Any, dtype: Any) -> None:
        self._corruption, self._kernels = corruption, kernels
        self._noise, self._keeps, self._out = (np.zeros((n_rows, n_units), dtype) for _ in range(3))

    def corrupt(self, x: Floats, rng: np.random.Generator) -> Floats:
        """A corrupted copy of x (n, n_units); valid until the next call."""
        n, amount = len(x), self._corruption.amount
        noise, keeps, out = self._noise[:n], self._keeps[:n], self._out[:n]
        if self._corruption.kind == "gaussian":
            rng.standard_normal(out=noise, dtype=noise.dtype.type)
            self._kernels.add_noise(x, noise, amount, out)
        else:
            rng.random(out=noise, dtype=noise.dtype.type)
            change = self._kernels.drop if self._corruption.kind == "dropout" else self._kernels.salt_and_pepper
            change(x, noise, amount, keeps, out)
        return out

    def back_through(self, error: Floats) -> None:
        """Propagate the error from the corrupted input to the clean one: 0 where a value was replaced."""
        if self._corruption.kind != "gaussian":
            error *= self._keeps[: len(error)]
