"""The kernels of `elementwise` as fused Numba loops, compiled once and cached."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from aedsp.arrays import Floats
from aedsp.model.layers import Activation
from aedsp.train.network import elementwise

# Reassociation and fused multiply-add only, as in the loops of NumPy; no other part of "fast math".
_fused: Any = njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")


@_fused
def _add_bias(z, bias, rectify):  # type: ignore[no-untyped-def]
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            value = z[i, j] + bias[j]
            z[i, j] = max(value, value * 0) if rectify else value


@_fused
def _add_half_bias(z, bias):  # type: ignore[no-untyped-def]
    half = z.dtype.type(0.5)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = (z[i, j] + bias[j]) * half


@_fused
def _halve_and_lift(z):  # type: ignore[no-untyped-def]
    half = z.dtype.type(0.5)
    for i in range(z.size):
        z[i] = z[i] * half + half


def activate(z: Floats, bias: Floats, activation: Activation) -> None:
    if activation == "sigmoid":  # NumPy's tanh is vectorised, the compiler's is not
        _add_half_bias(z, bias)
        np.tanh(z, out=z)
        _halve_and_lift(z.reshape(-1))
        return
    _add_bias(z, bias, activation == "relu")
    if activation == "tanh":
        np.tanh(z, out=z)


@_fused
def _through_relu(error, y):  # type: ignore[no-untyped-def]
    for i in range(y.size):
        error[i] = error[i] if y[i] > 0 else error[i] * 0


@_fused
def _through_tanh(error, y):  # type: ignore[no-untyped-def]
    one = y.dtype.type(1)
    for i in range(y.size):
        error[i] *= one - y[i] * y[i]


@_fused
def _through_sigmoid(error, y):  # type: ignore[no-untyped-def]
    one = y.dtype.type(1)
    for i in range(y.size):
        error[i] *= (one - y[i]) * y[i]


_THROUGH = {"relu": _through_relu, "tanh": _through_tanh, "sigmoid": _through_sigmoid}


def back_through(error: Floats, y: Floats, activation: Activation, scratch: Floats) -> None:
    if activation != "linear":
        _THROUGH[activation](error.reshape(-1), y.reshape(-1))


@_fused
def _squared_error(output, target, scale, out):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(output.shape[0]):
        part = scale * 0
        for j in range(output.shape[1]):
            d = output[i, j] - target[i, j]
            part += d * d
            out[i, j] = d * scale
        total += part
    return total


def squared_error(output: Floats, target: Floats, scale: float, out: Floats) -> float:
    return float(_squared_error(output, target, output.dtype.type(scale), out))


@_fused
def _add_noise(x, noise, deviation, out):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        out[i] = x[i] + deviation * noise[i]


def add_noise(x: Floats, noise: Floats, deviation: float, out: Floats) -> None:
    _add_noise(x.reshape(-1), noise.reshape(-1), noise.dtype.type(deviation), out.reshape(-1))


@_fused
def _corrupt(x, uniform, share, salt, keeps, out):  # type: ignore[no-untyped-def]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(x.size):
        keep = uniform[i] >= share
        keeps[i] = one if keep else zero
        out[i] = x[i] if keep else (one if uniform[i] < salt else zero)


def drop(x: Floats, uniform: Floats, share: float, keeps: Floats, out: Floats) -> None:
    real = uniform.dtype.type
    _corrupt(x.reshape(-1), uniform.reshape(-1), real(share), real(0), keeps.reshape(-1), out.reshape(-1))


def salt_and_pepper(x: Floats, uniform: Floats, share: float, keeps: Floats, out: Floats) -> None:
    real = uniform.dtype.type
    _corrupt(x.reshape(-1), uniform.reshape(-1), real(share), real(share / 2), keeps.reshape(-1), out.reshape(-1))


@_fused
def _decay(gradient, parameters, negative, positive):  # type: ignore[no-untyped-def]
    for i in range(parameters.size):
        p = parameters[i]
        gradient[i] += p * (negative if p < 0 else positive)


def decay(gradient: Floats, parameters: Floats, negative: float, positive: float, scratch: Floats) -> None:
    real = parameters.dtype.type
    _decay(gradient, parameters, real(negative), real(positive))


@_fused
def _settle(x, least):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        x[i] = x[i] if abs(x[i]) >= least else x[i] * 0


def settle(x: Floats, least: float) -> None:
    _settle(x, x.dtype.type(least))


@_fused
def _adam(parameters, gradient, mean, square, rate, momentum, forgets, scale, epsilon):  # type: ignore[no-untyped-def]
    one = parameters.dtype.type(1)
    for i in range(parameters.size):
        g = gradient[i]
        m = momentum * mean[i] + (one - momentum) * g
        q = (one - forgets) * square[i] + forgets * g * g
        mean[i], square[i] = m, q
        parameters[i] -= rate * m / (scale * np.sqrt(q) + epsilon)


def adam(
    parameters: Floats, gradient: Floats, mean: Floats, square: Floats, scratch: Floats,
    rate: float, momentum: float, forgets: float, scale: float, epsilon: float,
) -> None:  # fmt: skip
    real = parameters.dtype.type
    _adam(parameters, gradient, mean, square, real(rate), real(momentum), real(forgets), real(scale), real(epsilon))


for _function in (activate, back_through, squared_error, add_noise, drop, salt_and_pepper, decay, settle, adam):
    _function.__doc__ = getattr(elementwise, _function.__name__).__doc__
