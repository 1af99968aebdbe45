"""Objectives against their definitions, and derivatives against finite differences, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.model.layers import ACTIVATIONS
from aedsp.model.preprocess import Chain, Log, Normalize, Power, Standardize
from aedsp.train.network.backend import elementwise_kernels
from aedsp.train.network.objectives import (
    AfterInverse,
    Batch,
    CrossEntropy,
    SquaredError,
    Sum,
    invert_with_slope,
    require_unit_range,
)
from reference import autoencoder as reference

CHAINS = {
    "none": Chain(),
    "root": Chain((Power(0.5), Normalize(np.float32(0.7)))),
    "third": Chain((Normalize(np.float32(2.0)), Power(0.3))),
    "log": Chain((Log(1e-5), Standardize(np.float32(-2.0), np.float32(0.5)))),
    "bins": Chain((Power(0.5), Standardize(np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.5, 2.0])))),
}


def batch_of(rng, low=0.05, high=0.95):
    return Batch(rng.uniform(low, high, (5, 3)), magnitudes=rng.uniform(0, 1, (5, 3)))


def derivative(objective, sums, batch, activation, step=1e-6):
    """Finite differences with respect to each input of the activation."""
    found = np.zeros_like(sums)
    for at in np.ndindex(sums.shape):
        losses = []
        for offset in (step, -step):
            moved = sums.copy()
            moved[at] += offset
            output = reference.ACTIVATIONS[activation](moved)
            losses.append(objective.value_and_error(output, batch, activation, error=np.zeros_like(moved)))
        found[at] = (losses[0] - losses[1]) / (2 * step)
    return found


def objectives(kind):
    chosen = elementwise_kernels(kind)
    inner = {"squared": SquaredError(chosen), "entropy": CrossEntropy(chosen)}
    made: dict[str, object] = {
        f"{name} after {key}": AfterInverse(objective, chain, 0.3, chosen)
        for key, chain in CHAINS.items()
        for name, objective in inner.items()
        if name == "squared" or key == "root"  # entropy has no derivative at 1 and above, which the other chains reach
    }
    made |= {"squared": SquaredError(chosen), "entropy": CrossEntropy(chosen)}
    return made | {
        "sum": Sum((0.2, SquaredError(chosen)), (1.5, AfterInverse(SquaredError(chosen), CHAINS["root"], 1.0, chosen)))
    }


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", objectives("numpy"))
def test_the_error_is_that_of_finite_differences(rng, kind, name, activation):
    objective, batch = objectives(kind)[name], batch_of(rng)
    sums = rng.uniform(0.1, 0.9, (5, 3))
    output, error = reference.ACTIVATIONS[activation](sums), np.zeros((5, 3))
    objective.value_and_error(output, batch, activation, error=error)
    expected = derivative(objective, sums, batch, activation)
    np.testing.assert_allclose(error, expected, rtol=2e-5, atol=1e-6 * np.abs(expected).max())


def test_values_are_those_of_the_papers_equations(rng, kind):
    batch, z, chosen = batch_of(rng), rng.uniform(0.1, 0.9, (5, 3)), elementwise_kernels(kind)
    error = np.zeros((5, 3))
    squared = SquaredError(chosen).value_and_error(z, batch, "linear", error=error)
    assert squared == pytest.approx(reference.squared_error(batch.x, z), rel=1e-12)
    entropy = CrossEntropy(chosen).value_and_error(z, batch, "linear", error=error)
    assert entropy == pytest.approx(reference.cross_entropy(batch.x, z), rel=1e-6)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_cross_entropy_of_saturated_outputs_is_finite(kind, activation):
    x, z = np.array([[0.0, 1.0, 0.5]], np.float32), np.array([[1.0, 0.0, 1.0]], np.float32)
    error = np.zeros_like(x)
    value = CrossEntropy(elementwise_kernels(kind)).value_and_error(z, Batch(x), activation, error=error)
    assert 10 < value < 100 and np.isfinite(error).all() and error[0, 0] > 0 > error[0, 1]


@pytest.mark.parametrize("name", CHAINS)
def test_invert_with_slope(rng, name):
    chain, m = CHAINS[name], rng.uniform(0.01, 1, (4, 3))
    y = chain.apply(m)
    value, slope, scratch = np.zeros_like(y), np.zeros_like(y), np.zeros_like(y)
    invert_with_slope(chain, y, value=value, slope=slope, scratch=scratch)
    np.testing.assert_allclose(value, m, rtol=1e-6)
    step = 1e-6
    np.testing.assert_allclose(slope, (chain.invert(y + step) - chain.invert(y - step)) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("x", [[-0.01, 0.5], [0.0, 1.01], [np.nan, 0.5]])
def test_cross_entropy_rejects_values_outside_0_and_1(x):
    with pytest.raises(TrainingError, match=r"objective cross_entropy needs spectra from 0 to 1; got"):
        require_unit_range(np.array([x]), "spectra")


def test_smaller_batches_use_the_same_buffers(rng, kind):
    objective = objectives(kind)["sum"]
    whole, z = batch_of(rng), rng.uniform(0.1, 0.9, (5, 3))
    error, alone = np.zeros((5, 3)), np.zeros((2, 3))
    objective.value_and_error(z, whole, "linear", error=error)
    part = Batch(whole.x[:2], magnitudes=whole.magnitudes[:2])
    objective.value_and_error(z[:2], part, "linear", error=alone)
    np.testing.assert_allclose(alone / 2.5, error[:2], rtol=1e-12)
