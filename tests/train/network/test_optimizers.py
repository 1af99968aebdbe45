"""The update rules against their published formulas, step by step in float64."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.network.optimizers import Adam, Sgd


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_with_momentum(rng, momentum, kind):
    p, velocity = rng.standard_normal(7), np.zeros(7)
    expected, vector = p.copy(), np.ones(7)
    sgd = Sgd(vector, kernels=elementwise_kernels(kind))
    for rate in (0.1, 0.1, 0.01):
        gradient = rng.standard_normal(7)
        keep, scale = sgd.factors(rate, momentum)
        vector[:] = keep * vector + scale * gradient
        velocity = momentum * velocity - rate * gradient
        expected = expected + velocity
        sgd.step(p, rate, momentum)
    np.testing.assert_allclose(p, expected, rtol=1e-14)


def test_adam(rng, kind):
    p, m, v = rng.standard_normal(7), np.zeros(7), np.zeros(7)
    expected, vector = p.copy(), np.zeros(7)
    adam = Adam(vector, kernels=elementwise_kernels(kind))
    assert adam.factors(0.01, 0.9) == (0, 1)
    for t in range(1, 6):
        gradient = rng.standard_normal(7)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        expected = expected - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        vector[:] = gradient
        adam.step(p, 0.01, 0.9)
    np.testing.assert_allclose(p, expected, rtol=1e-13)


def test_without_gradient_there_is_no_step():
    for make in (Sgd, Adam):
        p = np.ones(3, np.float32)
        make(np.zeros(3, np.float32)).step(p, 0.1, 0.5)
        np.testing.assert_array_equal(p, 1)
