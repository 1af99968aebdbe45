"""What a network is asked for: the loss of a batch and its gradient. NumPy, in place, no allocation per batch."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class Objective(Protocol):
    """A loss between the output of a network and its target."""

    def value_and_gradient(self, output: Floats, target: Floats, *, out: Floats) -> float:
        """The loss, mean over the frames; its gradient with respect to `output` goes into `out`.

        All arrays (n_frames, n_visible); `out` may be `output` itself.
        """
        ...


class SquaredError:
    """``1/n Σ_frames Σ_k (z_k - x_k)²``: summed over bins, mean over frames.

    References
    ----------
    Eq. 3 of Sarroff & Casey (2014).
    """

    def value_and_gradient(self, output: Floats, target: Floats, *, out: Floats) -> float:
        np.subtract(output, target, out=out)
        flat = out.reshape(-1)
        loss = float(flat @ flat) / len(output)
        out *= out.dtype.type(2 / len(output))
        return loss
