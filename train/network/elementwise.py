"""Elementwise kernels: activations and their derivatives, corruption, losses, parameter updates.

Each is a NumPy function that works in place; `elementwise_numba` has the same as fused loops, equal up to rounding;
`backend` selects. Arrays are contiguous; `error`, `out` and `z` are written to. Neither version allocates.
"""

from __future__ import annotations

import numpy as np

from aedsp.arrays import Floats
from aedsp.model.layers import Activation


def activate(z: Floats, bias: Floats, activation: Activation) -> None:
    """``z ← s(z + bias)``; z (n, n_units), bias (n_units,)."""
    z += bias
    if activation == "relu":
        np.maximum(z, 0, out=z)
    elif activation == "tanh":
        np.tanh(z, out=z)
    elif activation == "sigmoid":  # by tanh, which cannot overflow
        z *= z.dtype.type(0.5)
        np.tanh(z, out=z)
        z *= z.dtype.type(0.5)
        z += z.dtype.type(0.5)


def back_through(error: Floats, y: Floats, activation: Activation, scratch: Floats) -> None:
    """``error ← error · s'`` where ``y = s(z)``; `scratch` has the shape of `y`."""
    if activation == "relu":
        np.greater(y, 0, out=scratch)
    elif activation == "tanh":
        np.multiply(y, y, out=scratch)
        np.subtract(1, scratch, out=scratch)
    elif activation == "sigmoid":
        np.subtract(1, y, out=scratch)
        scratch *= y
    else:
        return
    error *= scratch


def squared_error(output: Floats, target: Floats, scale: float, out: Floats) -> float:
    """``Σ (output - target)²``; ``out ← scale · (output - target)``. `out` may be `output`."""
    np.subtract(output, target, out=out)
    flat = out.reshape(-1)
    total = float(flat @ flat)
    out *= out.dtype.type(scale)
    return total


def add_noise(x: Floats, noise: Floats, deviation: float, out: Floats) -> None:
    """``out ← x + deviation · noise``."""
    np.multiply(noise, noise.dtype.type(deviation), out=out)
    out += x


def drop(x: Floats, uniform: Floats, share: float, keeps: Floats, out: Floats) -> None:
    """``out ← x`` where `uniform` is at least `share`, otherwise 0; ``keeps ←`` 1 or 0."""
    np.greater_equal(uniform, uniform.dtype.type(share), out=keeps)
    np.multiply(x, keeps, out=out)


def salt_and_pepper(x: Floats, uniform: Floats, share: float, keeps: Floats, out: Floats) -> None:
    """``out ← x``; 1 where `uniform` is below half of `share`, 0 where it is between that and `share`."""
    drop(x, uniform, share, keeps, out)
    np.less(uniform, uniform.dtype.type(share / 2), out=uniform)
    out += uniform


def decay(gradient: Floats, parameters: Floats, negative: float, positive: float, scratch: Floats) -> None:
    """``gradient ← gradient + factor · parameters``, the factor by the sign of each parameter. `scratch` like both."""
    for factor, bound in ((negative, np.minimum), (positive, np.maximum)):
        if factor:
            bound(parameters, 0, out=scratch)
            scratch *= scratch.dtype.type(factor)
            gradient += scratch


def settle(x: Floats, least: float) -> None:
    """``x ← 0`` where ``|x| < least``."""
    x[np.abs(x) < least] = 0


def adam(
    parameters: Floats, gradient: Floats, mean: Floats, square: Floats, scratch: Floats,
    rate: float, momentum: float, forgets: float, scale: float, epsilon: float,
) -> None:  # fmt: skip
    """``m ← momentum m + (1 - momentum) g``, ``q ← (1 - forgets) q + forgets g²``,
    ``p ← p - rate m / (scale √q + ε)``; `gradient` is overwritten."""
    real = gradient.dtype.type
    np.multiply(gradient, gradient, out=scratch)
    scratch *= real(forgets)
    square *= real(1 - forgets)
    square += scratch
    gradient *= real(1 - momentum)
    mean *= real(momentum)
    mean += gradient
    np.sqrt(square, out=scratch)
    scratch *= real(scale)
    scratch += real(epsilon)
    np.divide(mean, scratch, out=scratch)
    scratch *= real(rate)
    parameters -= scratch


#: All kernels.
ALL = (activate, back_through, squared_error, add_noise, drop, salt_and_pepper, decay, settle, adam)
