"""Each elementwise kernel against its formula in float64, for Numba and NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.model.layers import ACTIVATIONS
from aedsp.train.network.backend import elementwise_kernels
from reference import autoencoder as reference

SHAPES = [(1, 1), (3, 7), (17, 33), (8, 1025)]
EPS = 2.0**-23


def near(a, b, scale=1.0, n=8):
    np.testing.assert_allclose(a, b, rtol=n * EPS, atol=n * EPS * scale)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activate(rng, kind, shape, activation):
    z, bias = rng.standard_normal(shape).astype(np.float32), rng.standard_normal(shape[1]).astype(np.float32)
    expected = reference.ACTIVATIONS[activation](z.astype(np.float64) + bias)
    elementwise_kernels(kind).activate(z, bias, activation)
    near(z, expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_at_extreme_inputs_are_finite_and_raise_no_warning(kind, activation):
    z = np.array([[-np.float32(3e38), -1e4, -88, -0.0, 0, 88, 1e4, 3e38]], np.float32)
    y, scratch = z.copy(), np.zeros_like(z)
    with np.errstate(all="raise"):
        elementwise_kernels(kind).activate(y, np.zeros(8, np.float32), activation)
        error = np.ones_like(y)
        elementwise_kernels(kind).back_through(error, np.clip(y, -1e18, 1e18), activation, scratch)
    assert np.isfinite(y).all()
    if activation == "sigmoid":
        np.testing.assert_allclose(y[0], [0, 0, 0, 0.5, 0.5, 1, 1, 1], atol=1e-7)
        assert not error[0, [0, 1, -2, -1]].any(), "the derivative of a saturated unit is 0, not denormal"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_back_through(rng, kind, shape, activation):
    y = reference.ACTIVATIONS[activation](rng.standard_normal(shape)).astype(np.float32)
    error = rng.standard_normal(shape).astype(np.float32)
    slope = {"linear": np.ones(shape), "relu": y > 0, "tanh": 1 - y.astype(float) ** 2, "sigmoid": y * (1.0 - y)}[
        activation
    ]
    expected = error * slope
    elementwise_kernels(kind).back_through(error, y, activation, np.zeros_like(y))
    near(error, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_squared_error(rng, kind, shape):
    output, target = rng.standard_normal((2, *shape)).astype(np.float32)
    difference, out = output.astype(np.float64) - target, np.zeros_like(output)
    total = elementwise_kernels(kind).squared_error(output, target, 0.25, out)
    assert total == pytest.approx(np.sum(difference**2), rel=(4 + shape[1]) * EPS)
    near(out, 0.25 * difference)
    assert elementwise_kernels(kind).squared_error(output, target, 0.25, output) == total, "in place"
    np.testing.assert_array_equal(output, out)


@pytest.mark.parametrize("shape", SHAPES)
def test_corruption(rng, kind, shape):
    kernels = elementwise_kernels(kind)
    x, noise, uniform = (f(shape).astype(np.float32) for f in (rng.standard_normal, rng.standard_normal, rng.random))
    out, keeps = np.zeros_like(x), np.zeros_like(x)
    kernels.add_noise(x, noise, 0.3, out)
    near(out, x + 0.3 * noise.astype(np.float64), 3)
    kernels.drop(x, uniform.copy(), 0.4, keeps, out)
    np.testing.assert_array_equal(out, np.where(uniform >= np.float32(0.4), x, 0))
    np.testing.assert_array_equal(keeps, uniform >= np.float32(0.4))
    kernels.salt_and_pepper(x, uniform.copy(), 0.4, keeps, out)
    expected = np.where(uniform < np.float32(0.2), 1, np.where(uniform < np.float32(0.4), 0, x))
    np.testing.assert_array_equal(out, expected)


def test_decay(rng, kind):
    gradient, parameters = rng.standard_normal((2, 37)).astype(np.float32)
    expected = gradient + np.where(parameters < 0, 0.5, 0.125) * parameters
    elementwise_kernels(kind).decay(gradient, parameters, 0.5, 0.125, np.zeros_like(gradient))
    near(gradient, expected, 4)


def test_settle(kind):
    x = np.array([0, 1e-31, -1e-31, 1e-30, -2e-30, 1e-40, 5.0], np.float32)
    elementwise_kernels(kind).settle(x, 1e-30)
    np.testing.assert_array_equal(x, np.array([0, 0, 0, 1e-30, -2e-30, 0, 5.0], np.float32))
