"""How parameters follow their gradient: SGD with momentum, and Adam. In place on one flat vector, no allocation.

State that a checkpoint needs is in `state()`, and goes back by `restore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aedsp.train import passes as all_passes

Floats = npt.NDArray[np.floating[Any]]


class Optimizer(Protocol):
    """Keeps its state for one parameter vector."""

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float, momentum: float) -> None:
        """Update `parameters` (n,) in place; `gradient` (n,) may be overwritten.

        momentum: 0 to below 1; of SGD, or Adam's decay of the mean gradient (β₁).
        """
        ...

    def state(self) -> dict[str, Floats]:
        """Arrays that say all about it; not copies."""
        ...

    def restore(self, state: Mapping[str, Floats]) -> None:
        """Take over what `state` gave."""
        ...


class Sgd:
    """``v ← momentum · v - learning_rate · g``, ``p ← p + v``."""

    def __init__(self, n_parameters: int, *, dtype: npt.DTypeLike = np.float32, passes: Any = None) -> None:
        self._passes = passes or all_passes.load()
        self._velocity = np.zeros(n_parameters, dtype)

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float, momentum: float) -> None:
        self._passes.sgd(parameters, gradient, self._velocity, learning_rate, momentum)

    def state(self) -> dict[str, Floats]:
        return {"velocity": self._velocity}

    def restore(self, state: Mapping[str, Floats]) -> None:
        self._velocity[:] = state["velocity"]


class Adam:
    """``p ← p - learning_rate · m̂ / (√v̂ + ε)``: running means of gradient (m) and its square (v), bias-corrected.

    Parameters
    ----------
    n_parameters : int
    decay : float
        Decay of the running mean of the gradient's square (β₂).
    epsilon : float

    References
    ----------
    Kingma & Ba (2015), algorithm 1.
    """

    def __init__(
        self,
        n_parameters: int,
        *,
        decay: float = 0.999,
        epsilon: float = 1e-8,
        dtype: npt.DTypeLike = np.float32,
        passes: Any = None,
    ) -> None:
        self._passes = passes or all_passes.load()
        self._decay, self._epsilon = decay, epsilon
        self._mean, self._square = np.zeros(n_parameters, dtype), np.zeros(n_parameters, dtype)
        self._scratch = np.zeros(n_parameters if self._passes.kind == "numpy" else 0, dtype)
        self._n_steps = np.zeros(1)
        self._mean_weight = np.ones(1)  # Π momentum: what the mean still holds of the zeros it began with

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float, momentum: float) -> None:
        self._n_steps += 1
        self._mean_weight *= momentum
        scale = float(1 / np.sqrt(1 - self._decay ** self._n_steps[0]))
        rate = learning_rate / float(1 - self._mean_weight[0])
        self._passes.adam(
            parameters, gradient, self._mean, self._square, self._scratch,
            rate, momentum, 1 - self._decay, scale, self._epsilon,
        )  # fmt: skip

    def state(self) -> dict[str, Floats]:
        return {"mean": self._mean, "square": self._square, "n_steps": self._n_steps, "mean_weight": self._mean_weight}

    def restore(self, state: Mapping[str, Floats]) -> None:
        for name, array in self.state().items():
            array[:] = state[name]
