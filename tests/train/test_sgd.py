"""The update rules as their papers print them, one step at a time in float64."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.train import passes
from aedsp.train.sgd import Adam, Sgd


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_with_momentum(rng, momentum, kind):
    p, velocity = rng.standard_normal(7), np.zeros(7)
    expected, sgd = p.copy(), Sgd(7, dtype=np.float64, passes=passes.load(kind))
    for rate in (0.1, 0.1, 0.01):
        gradient = rng.standard_normal(7)
        velocity = momentum * velocity - rate * gradient
        expected = expected + velocity
        sgd.step(p, gradient, rate, momentum)
    np.testing.assert_allclose(p, expected, rtol=1e-14)


def test_adam(rng, kind):
    p, m, v = rng.standard_normal(7), np.zeros(7), np.zeros(7)
    expected, adam = p.copy(), Adam(7, dtype=np.float64, passes=passes.load(kind))
    for t in range(1, 6):
        gradient = rng.standard_normal(7)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        expected = expected - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.step(p, gradient, 0.01, 0.9)
    np.testing.assert_allclose(p, expected, rtol=1e-13)


def test_no_gradient_no_step():
    for optimizer in (Sgd(3), Adam(3)):
        p = np.ones(3, np.float32)
        optimizer.step(p, np.zeros(3, np.float32), 0.1, 0.5)
        np.testing.assert_array_equal(p, 1)
