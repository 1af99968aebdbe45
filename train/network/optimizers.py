"""Optimizers: SGD with momentum, and Adam; in place on one flat vector, without allocation.

`state()` returns what a checkpoint needs; `restore` takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from aedsp.arrays import Floats
from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.network.gemm import Gemm, load_gemm

_STEPS_TO_SETTLE, _STILL = 16, 1e-30  # smaller velocities are set to 0 before they become denormal


class Optimizer(Protocol):
    """Holds the state for one parameter vector; reads the gradient from the vector passed at construction."""

    def factors(self, learning_rate: float, momentum: float) -> tuple[float, float]:
        """`keep` and `scale`: the gradient vector must become keep · itself + scale · new gradient before `step`."""
        ...

    def step(self, parameters: Floats, learning_rate: float, momentum: float) -> None:
        """Update `parameters` (n,) in place.

        momentum: from 0 to below 1; for Adam, the decay of the mean gradient (β₁).
        """
        ...

    def state(self) -> dict[str, Floats]:
        """The arrays of the complete state; not copies."""
        ...

    def restore(self, state: Mapping[str, Floats]) -> None:
        """Restore what `state` returned."""
        ...


class Sgd:
    """``v ← momentum · v - learning_rate · g``, ``p ← p + v``; the gradient vector itself holds v."""

    def __init__(self, gradient: Floats, *, kernels: Any = None, gemm: Gemm | None = None) -> None:
        self._kernels, self._gemm = kernels or elementwise_kernels(), gemm or load_gemm()
        self._velocity, self._n_steps = gradient, np.zeros(1)
        self._velocity[:] = 0

    def factors(self, learning_rate: float, momentum: float) -> tuple[float, float]:
        return momentum, -learning_rate

    def step(self, parameters: Floats, learning_rate: float, momentum: float) -> None:
        self._gemm.add(self._velocity, parameters)
        self._n_steps += 1
        if self._n_steps[0] % _STEPS_TO_SETTLE == 0:
            self._kernels.settle(self._velocity, _STILL)

    def state(self) -> dict[str, Floats]:
        return {"velocity": self._velocity, "n_steps": self._n_steps}

    def restore(self, state: Mapping[str, Floats]) -> None:
        for name, array in self.state().items():
            array[:] = state[name]


class Adam:
    """``p ← p - learning_rate · m̂ / (√v̂ + ε)``: running means of gradient (m) and its square (v), bias-corrected.

    Parameters
    ----------
    gradient : (n_parameters,)
    decay : float
        Decay of the running mean of the squared gradient (β₂).
    epsilon : float

    References
    ----------
    Kingma & Ba (2015), algorithm 1.
    """

    def __init__(
        self,
        gradient: Floats,
        *,
        decay: float = 0.999,
        epsilon: float = 1e-8,
        kernels: Any = None,
    ) -> None:
        self._kernels = kernels or elementwise_kernels()
        self._gradient, self._decay, self._epsilon = gradient, decay, epsilon
        self._mean, self._square = np.zeros_like(gradient), np.zeros_like(gradient)
        self._scratch = np.zeros_like(gradient if self._kernels.kind == "numpy" else gradient[:0])
        self._n_steps = np.zeros(1)
        self._mean_weight = np.ones(1)  # Π momentum: remaining weight of the initial zeros in the mean

    def factors(self, learning_rate: float, momentum: float) -> tuple[float, float]:
        return 0.0, 1.0

    def step(self, parameters: Floats, learning_rate: float, momentum: float) -> None:
        self._n_steps += 1
        self._mean_weight *= momentum
        scale = float(1 / np.sqrt(1 - self._decay ** self._n_steps[0]))
        rate = learning_rate / float(1 - self._mean_weight[0])
        self._kernels.adam(
            parameters, self._gradient, self._mean, self._square, self._scratch,
            rate, momentum, 1 - self._decay, scale, self._epsilon,
        )  # fmt: skip

    def state(self) -> dict[str, Floats]:
        return {"mean": self._mean, "square": self._square, "n_steps": self._n_steps, "mean_weight": self._mean_weight}

    def restore(self, state: Mapping[str, Floats]) -> None:
        for name, array in self.state().items():
            array[:] = state[name]
