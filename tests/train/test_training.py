"""A run from corpus to model: it learns, repeats, keeps the best, stops when asked; the end changes no sound."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.preprocess import Log, Normalize, Power, Standardize
from aedsp.train import corpus as corpora
from aedsp.train.recipe import Recipe
from aedsp.train.training import HISTORY_COLUMNS, Moment, Result, fit_preprocess, train

GEOMETRY = {"sample_rate": 8000, "fft_length": 256, "window_length": 256, "hop_length": 128}
QUICK = {
    "hidden": 12,
    "encoder_activation": "relu",
    "encoder_bias": False,
    "decoder_bias": False,
    "nonnegative": True,
    "initial": "parts",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "batch": 50,
    "epochs": 5,
}


def run(make_corpus, **options: object) -> Result:
    callbacks = {key: options.pop(key) for key in ("on_batch", "on_epoch") if key in options}
    with make_corpus() as corpus:
        return train(Recipe(**GEOMETRY, **{**QUICK, **options}), corpus, name="test", **callbacks)


def share_by_hand(model, rows: np.ndarray, mean: np.ndarray) -> float:
    """The loss as a share of the trivial error, from the finished model and Eq. 3, in float64."""
    x = model.preprocess.apply(rows.astype(np.float64))
    z = model.layers[0].decode(model.layers[0].encode(x))
    return float(np.sum((x - z) ** 2) / np.sum((x - mean) ** 2))


@pytest.mark.parametrize(
    "options, most",
    [
        ({}, 0.1),
        ({"tied": True}, 0.3),
        ({"nonnegative": False, "initial": "principal", "encoder_bias": True, "decoder_bias": True}, 0.1),
        ({"nonnegative": False, "initial": "random"}, 0.2),
        ({"preprocess": ("power:0.5", "normalize"), "level_balance": 1.0}, 0.6),
        ({"encoder_activation": "sigmoid", "initial": "principal", "nonnegative": False, "encoder_bias": True,
          "decoder_bias": True}, 0.1),
    ],
)  # fmt: skip
def test_it_learns(small_corpus, options, most):
    result = run(small_corpus, **options)
    assert result.validation_loss < most
    assert result.test_loss == pytest.approx(result.validation_loss, rel=0.3)
    assert result.history.shape == (6, len(HISTORY_COLUMNS))


def test_the_reported_losses_are_those_of_the_model(small_corpus):
    """Units are reordered and rescaled at the end; that must not change what comes out."""
    result = run(small_corpus)
    with small_corpus() as corpus:
        rows = {name: split.read(0, len(split)) for name, split in corpus.splits.items()}
    mean = result.model.preprocess.apply(rows["training"]).mean(axis=0, dtype=np.float64)
    assert share_by_hand(result.model, rows["validation"], mean) == pytest.approx(result.validation_loss, rel=1e-4)
    assert share_by_hand(result.model, rows["test"], mean) == pytest.approx(result.test_loss, rel=1e-4)


def test_linear_units_from_principal_components_start_as_their_analysis(small_corpus):
    """Eckart-Young: no rank-12 reconstruction of the training spectra is better."""
    options = {"encoder_activation": "linear", "initial": "principal", "nonnegative": False, "epochs": 0}
    result = run(small_corpus, **options, encoder_bias=True, decoder_bias=True)
    with small_corpus() as corpus:
        rows = corpus.splits["training"].read(0, 1000)
    x = result.model.preprocess.apply(rows.astype(np.float64))
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    best = np.sum(singular[12:] ** 2) / np.sum(singular**2)
    assert share_by_hand(result.model, rows, x.mean(axis=0)) == pytest.approx(best, rel=1e-3)


def test_the_same_seed_makes_the_same_model(small_corpus):
    first, second, other = (run(small_corpus, seed=seed).model.layers[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.encoder_weight, second.encoder_weight)
    assert not np.array_equal(first.encoder_weight, other.encoder_weight)


def test_units_come_in_the_order_of_what_they_explain_and_statistics_are_theirs(small_corpus):
    model = run(small_corpus).model
    with small_corpus() as corpus:
        code = model.encode(corpus.splits["training"].read(0, 1000))
    layer, statistics = model.layers[0], model.code_statistics
    explained = code.var(axis=0) * np.sum(layer.decoder_weight**2, axis=0)
    assert (np.diff(explained) <= 1e-6 * explained[0]).all()
    np.testing.assert_allclose(statistics.mean, code.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(statistics.std, code.std(axis=0), rtol=1e-4)
    expected = np.percentile(code, [1, 5, 25, 50, 75, 95, 99], axis=0)
    np.testing.assert_allclose(statistics.percentiles, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(statistics.percentiles[6], 1, rtol=1e-5)


def test_without_biases_silence_stays_silence_and_gain_carries_through(small_corpus):
    model = run(small_corpus).model
    with small_corpus() as corpus:
        x = corpus.splits["test"].read(0, 20)
    silent, _ = model.reconstruct(np.zeros_like(x))
    assert not silent.any()
    loud, quiet = model.reconstruct(x)[0], model.reconstruct(x / 8)[0]
    np.testing.assert_allclose(loud, 8 * quiet, rtol=1e-4, atol=1e-6)


def test_the_best_epoch_is_kept_not_the_last(small_corpus):
    result = run(small_corpus, learning_rate=0.01, last_learning_rate=3.0, epochs=8)
    losses = result.history[:, HISTORY_COLUMNS.index("validation_loss")]
    assert result.best_epoch == int(np.argmin(losses)) < 8
    assert result.validation_loss == losses.min() < losses[-1]


def test_ctrl_c_keeps_the_best_model_so_far(small_corpus):
    def stop(moment: Moment) -> None:
        if moment.epoch == 3 and moment.batch == 7:
            raise KeyboardInterrupt

    result = run(small_corpus, on_batch=stop)
    assert result.interrupted and len(result.history) == 4
    assert result.validation_loss == result.history[:, 2].min() < 0.5


def test_progress_counts_every_batch(small_corpus):
    moments, rows = [], []
    run(small_corpus, epochs=2, on_batch=moments.append, on_epoch=lambda row, n_epochs: rows.append((row[0], n_epochs)))
    assert [(m.epoch, m.batch) for m in moments] == [(e, b) for e in (1, 2) for b in range(1, 21)]
    assert {(m.n_epochs, m.n_batches) for m in moments} == {(2, 20)}
    assert rows == [(0, 2), (1, 2), (2, 2)]


def test_a_loss_that_is_not_finite_ends_the_run(small_corpus):
    options = {"encoder_activation": "linear", "nonnegative": False, "initial": "random", "optimizer": "sgd"}
    with pytest.raises(
        TrainingError, match=r"no longer finite in epoch 1, batch \d+; .* smaller learning_rate than 1000"
    ):
        run(small_corpus, learning_rate=1000.0, **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"preprocess": ("log:1e-5",)}, "'parts' takes spectra that are nowhere negative"),
        ({"preprocess": ("standardize",), "level_balance": 0.5, "initial": "random"}, "does not go with 'standardize'"),
    ],
)
def test_options_that_do_not_go_together(small_corpus, options, message):
    with pytest.raises(TrainingError, match=message):
        run(small_corpus, **options)


def test_provenance_is_the_recipe_and_the_history(small_corpus):
    result = run(small_corpus, name="given", model_license="CC0-1.0")
    assert (result.model.name, result.model.license) == ("given", "CC0-1.0")
    assert result.model.training["recipe"]["hidden"] == 12
    np.testing.assert_array_equal(result.model.training["history"], result.history)
    assert run(small_corpus, epochs=0).model.name == "test"


class TestPreprocess:
    """Fitted to the training split, and to what the steps before have made of it."""

    def rows(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(0, 3, (20_000, 5)).astype(np.float32)

    def test_each_step_is_fitted_to_what_it_is_given(self, rng):
        x = self.rows(rng)
        chain = fit_preprocess(["power:0.5", "normalize", "log", "standardize"], corpora.Split(x, 0, len(x)))
        assert [type(step) for step in chain] == [Power, Normalize, Log, Standardize]
        y = chain.apply(x).astype(np.float64)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-4)

    def test_normalize_is_the_global_maximum_of_the_split_alone(self, rng):
        x = self.rows(rng)
        x[0] = 100
        (step,) = fit_preprocess(["normalize"], corpora.Split(x, 1, len(x)))
        assert step.max == x[1:].max()

    def test_a_bin_that_never_changes_keeps_its_scale(self):
        x = np.ones((10, 3), np.float32)
        (step,) = fit_preprocess(["standardize"], corpora.Split(x, 0, 10))
        np.testing.assert_array_equal(step.std, 1)

    def test_silence_cannot_be_normalized(self):
        with pytest.raises(TrainingError, match="the largest training value is 0"):
            fit_preprocess(["normalize"], corpora.Split(np.zeros((10, 3), np.float32), 0, 10))
