"""Baselines: principal components against singular values of the data, errors against Eq. 3."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.model.front_end import FrontEnd
from aedsp.model.layers import Layer
from aedsp.model.model import Model
from aedsp.model.preprocess import Chain, Normalize, Power
from aedsp.train.sweep.baselines import Components, error_of


@pytest.mark.parametrize(("n", "width"), [(200, 7), (40, 33), (5, 9), (2, 1)])
def test_the_errors_of_components_are_the_remaining_singular_values(rng, n, width):
    x = rng.standard_normal((n, width)) @ rng.standard_normal((width, width)) + 3
    errors = Components(np.array_split(x, min(n, 3)), width).errors(np.array_split(x, min(n, 4)))
    squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2 / n
    expected = [squares[k:].sum() for k in range(width + 1)]
    np.testing.assert_allclose(errors, expected, rtol=1e-9, atol=1e-9 * errors[0])


def test_other_rows_are_measured_from_the_training_mean(rng):
    x, y = rng.standard_normal((300, 6)), rng.standard_normal((50, 6)) + 1
    errors = Components([x], 6).errors([y])
    assert errors[0] == pytest.approx(np.square(y - x.mean(axis=0)).sum(axis=1).mean())
    assert errors[-1] == 0 and (np.diff(errors) <= 0).all()
    _, _, basis = np.linalg.svd(x - x.mean(axis=0))
    rebuilt = (y - x.mean(axis=0)) @ basis[:2].T @ basis[:2] + x.mean(axis=0)
    assert errors[2] == pytest.approx(np.square(y - rebuilt).sum(axis=1).mean())


@pytest.mark.parametrize("steps", [(Normalize(np.float32(4.0)),), (Power(0.5), Normalize(np.float32(2.0)))])
def test_the_error_of_a_model_is_eq_3_on_magnitudes_of_which_the_largest_is_1(rng, steps):
    front_end = FrontEnd(sample_rate=8000, fft_length=64, window_length=64, hop_length=32)
    layer = Layer(
        encoder_weight=rng.standard_normal((5, 33)).astype(np.float32) / 6,
        encoder_bias=rng.standard_normal(5).astype(np.float32),
        decoder_weight=rng.standard_normal((33, 5)).astype(np.float32),
        decoder_bias=np.full(33, -0.2, np.float32),
        encoder_activation="sigmoid",
        decoder_activation="linear" if len(steps) == 1 else "relu",
    )
    model = Model(front_end=front_end, layers=(layer,), preprocess=Chain(steps))
    x = (4 * rng.random((70, 33))).astype(np.float32)
    z = model.preprocess.apply(x.astype(np.float64))
    hidden = 1 / (1 + np.exp(-(z @ layer.encoder_weight.T.astype(np.float64) + layer.encoder_bias)))
    output = hidden @ layer.decoder_weight.T.astype(np.float64) + layer.decoder_bias
    if len(steps) == 1:
        expected = np.square(output - z).sum(axis=1).mean()  # in normalised units, including negative values
    else:
        expected = np.square(((2 * np.maximum(output, 0)) ** 2 - x) / 4).sum(axis=1).mean()
    assert error_of(model, [x[:32], x[32:]], 4.0) == pytest.approx(expected, rel=1e-5)
