"""How parameters follow their gradient: SGD with momentum, and Adam. In place on one flat vector, no allocation."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class Optimizer(Protocol):
    """Keeps its state for one parameter vector."""

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float) -> None:
        """Update `parameters` (n,) in place; `gradient` (n,) may be overwritten."""
        ...


class Sgd:
    """``v ← momentum · v - learning_rate · g``, ``p ← p + v``.

    Parameters
    ----------
    n_parameters : int
    momentum : float
        0 to below 1; 0 is plain gradient descent.
    """

    def __init__(self, n_parameters: int, *, momentum: float, dtype: npt.DTypeLike = np.float32) -> None:
        self._momentum = momentum
        self._velocity = np.zeros(n_parameters, dtype)

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float) -> None:
        self._velocity *= self._velocity.dtype.type(self._momentum)
        gradient *= gradient.dtype.type(learning_rate)
        self._velocity -= gradient
        parameters += self._velocity


class Adam:
    """``p ← p - learning_rate · m̂ / (√v̂ + ε)``: running means of gradient (m) and its square (v), bias-corrected.

    Parameters
    ----------
    n_parameters : int
    momentum : float
        Decay of the running mean of the gradient (β₁), 0 to below 1.
    decay : float
        Decay of the running mean of its square (β₂).
    epsilon : float

    References
    ----------
    Kingma & Ba (2015), algorithm 1.
    """

    def __init__(
        self,
        n_parameters: int,
        *,
        momentum: float = 0.9,
        decay: float = 0.999,
        epsilon: float = 1e-8,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self._momentum, self._decay, self._epsilon = momentum, decay, epsilon
        self._mean, self._square, self._scratch = (np.zeros(n_parameters, dtype) for _ in range(3))
        self._n_steps = 0

    def step(self, parameters: Floats, gradient: Floats, learning_rate: float) -> None:
        real = gradient.dtype.type
        self._n_steps += 1
        np.multiply(gradient, gradient, out=self._scratch)
        self._scratch *= real(1 - self._decay)
        self._square *= real(self._decay)
        self._square += self._scratch
        gradient *= real(1 - self._momentum)
        self._mean *= real(self._momentum)
        self._mean += gradient
        np.sqrt(self._square, out=self._scratch)
        self._scratch *= real(1 / np.sqrt(1 - self._decay**self._n_steps))
        self._scratch += real(self._epsilon)
        np.divide(self._mean, self._scratch, out=self._scratch)
        self._scratch *= real(learning_rate / (1 - self._momentum**self._n_steps))
        parameters -= self._scratch
