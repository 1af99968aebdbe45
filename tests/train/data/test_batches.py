"""Preprocessing of batches."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.model.preprocess import Log, Normalize, Power, Standardize
from aedsp.train.data.batches import fit_preprocess
from runs import split_of


class TestPreprocess:
    """Each step is fitted to the training split after the steps before it."""

    def rows(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(0, 3, (20_000, 5)).astype(np.float32)

    def test_each_step_is_fitted_to_its_input(self, rng):
        x = self.rows(rng)
        chain = fit_preprocess(["power:0.5", "normalize", "log", "standardize"], split_of(x), 5)
        assert [type(step) for step in chain] == [Power, Normalize, Log, Standardize]
        y = chain.apply(x).astype(np.float64)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-4)

    def test_normalize_is_the_global_maximum_of_the_split_alone(self, rng):
        x = self.rows(rng)
        x[0] = 100
        (step,) = fit_preprocess(["normalize"], split_of(x[1:]), 5)
        assert step.max == x[1:].max()

    def test_a_constant_bin_keeps_its_scale(self):
        x = np.ones((10, 3), np.float32)
        (step,) = fit_preprocess(["standardize"], split_of(x), 3)
        np.testing.assert_array_equal(step.std, 1)

    def test_silence_cannot_be_normalized(self):
        with pytest.raises(TrainingError, match="the largest training value is 0"):
            fit_preprocess(["normalize"], split_of(np.zeros((10, 3), np.float32)), 3)
