"""From corpus to model: every kind learns, saves, loads and plays; reported units and losses are correct."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.train.run.recipe import Recipe
from aedsp.train.run.stages import HISTORY_COLUMNS
from aedsp.train.run.training import train
from runs import DEEP, GEOMETRY, PLAIN, QUICK, run, share_by_hand


@pytest.mark.parametrize(
    "options, most",
    [
        ({}, 0.1),
        ({"tied": True}, 0.3),
        (PLAIN, 0.1),
        ({**PLAIN, "initial": "random"}, 0.2),
        ({"preprocess": ("power:0.5", "normalize"), "level_balance": 1.0}, 0.6),
        ({**PLAIN, "encoder_activation": ("sigmoid",)}, 0.1),
        ({**PLAIN, "encoder_activation": ("tanh",), "initial": "random"}, 0.2),
        ({**PLAIN, "hidden": (200,)}, 0.02),
        ({**PLAIN, "corruption": ("gaussian:0.02",)}, 0.1),
        ({**PLAIN, "corruption": ("dropout:0.1",)}, 0.1),
        ({**PLAIN, "corruption": ("salt_and_pepper:0.01",)}, 0.6),
        ({**PLAIN, "sparsity": (0.001,)}, 0.1),
        ({**PLAIN, "weight_decay": 1e-5}, 0.1),
        ({**PLAIN, "initial": "nonnegative", "negative_decay": 0.01, "learning_rate": 0.003, "epochs": 10}, 0.5),
        ({**PLAIN, "objective": "cross_entropy", "decoder_activation": ("sigmoid",), "initial": "random",
          "epochs": 40}, 0.75),
        ({**PLAIN, "objective": "cross_entropy", "preprocess": ("power:0.5",), "preprocessed_loss": 0.5,
          "magnitude_loss": 1.0, "decoder_activation": ("sigmoid",), "initial": "random", "epochs": 40}, 0.9),
        ({**PLAIN, "preprocess": ("power:0.5", "normalize"), "magnitude_loss": 1.0, "preprocessed_loss": 0.02}, 0.1),
        ({**PLAIN, "preprocess": ("log:1e-4", "standardize")}, 0.8),
        (DEEP, 0.3),
        ({**DEEP, "hidden": (24, 12, 6), "encoder_activation": ("relu",), "decoder_activation": ("linear",)}, 0.5),
        ({**DEEP, "initial": "principal", "pretraining": False}, 0.2),
        ({**DEEP, "initial": "principal", "pretraining": False, "hidden": (11, 9)}, 0.3),
        ({**PLAIN, "context_spectra": 3}, 0.1),
        ({**PLAIN, "front_end": "cqft", "f_min_hz": 60.0, "f_max_hz": 3000.0, "hidden": (6,)}, 0.2),
        ({**DEEP, "context_spectra": 3, "initial": "principal", "pretraining": False}, 0.2),
        ({**PLAIN, "optimizer": "sgd", "learning_rate": 0.02, "momentum": 0.5, "final_momentum": 0.9}, 0.1),
    ],
)  # fmt: skip
def test_it_learns(small_corpus, tmp_path, options, most):
    result = run(small_corpus, **options)
    assert result.validation_loss < most
    assert result.test_loss < 1.5 * most
    assert result.history.shape[1] == len(HISTORY_COLUMNS)
    require_playable(result.model, tmp_path / "x.h5")


def require_playable(model: Model, path: Path) -> None:
    """Saved and loaded, the model plays in the engine and reconstructs the same magnitudes."""
    model.save(path)
    loaded = Model.load(path)
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 2000).astype(np.float32)
    played, expected = (aedsp.Engine(one).process(x) for one in (loaded, model))
    np.testing.assert_array_equal(played, expected)
    assert np.isfinite(played).all() and np.abs(played).max() > 0
    magnitudes = np.full((1, model.front_end.n_bins), 0.01, np.float32)
    np.testing.assert_array_equal(loaded.reconstruct(magnitudes)[0], model.reconstruct(magnitudes)[0])


def test_the_papers_second_layer_is_sigmoid_on_both_sides_and_its_error_is_adjusted(small_corpus):
    rows = []
    options = {
        **PLAIN, "hidden": (32, 8), "encoder_activation": ("sigmoid",), "decoder_activation": ("linear", "sigmoid"),
        "initial": "random", "learning_rate": 0.003,
    }  # fmt: skip
    result = run(small_corpus, **options, on_row=lambda stage, row: rows.append((stage, row)))
    assert [layer.decoder_activation for layer in result.model.layers] == ["linear", "sigmoid"]
    assert [stage.name for stage, _ in rows] == ["layer 0"] * 6 + ["layer 1"] * 6 + ["all layers"] * 6
    with small_corpus() as corpus:
        x = corpus.splits["validation"].read(0, 200)
        recipe = Recipe(**GEOMETRY, **{**QUICK, **options, "hidden": (32,), "decoder_activation": ("linear",)})
        below = train(recipe, corpus, name="below").model
    code = below.encode(x)
    mean = below.encode(small_corpus().splits["training"].read(0, 1000)).mean(axis=0)
    trivial = float(np.square(code - mean).sum() / len(x))
    row = next(row for stage, row in rows if stage.first == 1 and row.epoch == 5)
    assert row.validation_error == pytest.approx(row.validation_loss * trivial * 129 / 32, rel=0.05)


def test_fine_tuning_starts_from_the_trained_layers(small_corpus):
    rows = {}
    run(small_corpus, **DEEP, on_row=lambda stage, row: rows.setdefault(stage.name, []).append(row.validation_loss))
    assert rows["all layers"][0] < 0.5 and min(rows["all layers"]) <= rows["all layers"][0]


def test_unrolled_principal_components_start_as_pca(small_corpus):
    result = run(small_corpus, **{**DEEP, "initial": "principal", "pretraining": False, "epochs": 0})
    plain = run(small_corpus, **{**PLAIN, "hidden": (6,), "encoder_activation": ("linear",), "epochs": 0})
    assert result.validation_loss == pytest.approx(plain.validation_loss, rel=0.02)


def test_the_reported_losses_are_those_of_the_model(small_corpus):
    """Units are reordered and rescaled at the end, which must not change the output."""
    for options in ({}, DEEP):
        result = run(small_corpus, **options)
        with small_corpus() as corpus:
            rows = {name: split.read(0, len(split)) for name, split in corpus.splits.items()}
        mean = result.model.preprocess.apply(rows["training"]).mean(axis=0, dtype=np.float64)
        assert share_by_hand(result.model, rows["validation"], mean) == pytest.approx(result.validation_loss, rel=1e-3)
        assert share_by_hand(result.model, rows["test"], mean) == pytest.approx(result.test_loss, rel=1e-3)


def test_linear_units_from_principal_components_start_as_pca(small_corpus):
    """Eckart-Young: no rank-12 reconstruction of the training spectra is better."""
    result = run(small_corpus, **{**PLAIN, "encoder_activation": ("linear",), "epochs": 0})
    with small_corpus() as corpus:
        rows = corpus.splits["training"].read(0, 1000)
    x = result.model.preprocess.apply(rows.astype(np.float64))
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    best = np.sum(singular[12:] ** 2) / np.sum(singular**2)
    assert share_by_hand(result.model, rows, x.mean(axis=0)) == pytest.approx(best, rel=1e-3)


def test_asymmetric_decay_leaves_fewer_negative_weights(small_corpus):
    options = {**PLAIN, "initial": "nonnegative", "learning_rate": 0.003, "epochs": 10}
    shares = []
    for decay in (0.0, 1.0):
        layer = run(small_corpus, **options, negative_decay=decay).model.layers[0]
        shares.append(np.minimum(layer.decoder_weight, 0).__abs__().sum() / np.abs(layer.decoder_weight).sum())
    assert shares[1] < 0.3 * shares[0]


def test_sparsity_makes_sparse_codes(small_corpus):
    shares = []
    for sparsity in (0.0, 0.02):
        model = run(
            small_corpus, **{**PLAIN, "hidden": (40,), "sparsity": (sparsity,), "epochs": 10, "initial": "random"}
        ).model
        with small_corpus() as corpus:
            code = model.encode(corpus.splits["test"].read(0, 200))
        shares.append(np.mean(np.abs(code) > 0.01))
    assert shares[1] < 0.8 * shares[0]


def test_classes_pull_the_code_apart_and_leave_centroids(small_corpus, music):
    rng, time = np.random.default_rng(2), np.arange(8 * 8000) / 8000
    for i in range(3):  # the same notes with different partials
        (music / f"k{i}").mkdir()
        (music / f"{i}.wav").unlink()
        notes = 2 * np.pi * rng.choice([220, 330, 440], size=32)[(time / 0.25).astype(int)] * time
        tone = np.sin(notes) + 0.4 * np.sin((i + 2) * notes)
        soundfile.write(music / f"k{i}" / "x.wav", 0.3 * tone + 0.01 * rng.standard_normal(time.size), 8000, "PCM_16")
    options = {**PLAIN, "hidden": (8,), "encoder_activation": ("linear",), "epochs": 3}

    def separation(**more):
        result = run(small_corpus, **options, **more)
        with small_corpus() as corpus:
            split = corpus.splits["test"]
            code, classes = result.model.encode(split.read(0, len(split))), split.classes
        means = np.array([code[classes == k].mean(axis=0) for k in range(3)])
        within = np.mean([code[classes == k].var(axis=0).sum() for k in range(3)])
        return result, means, means.var(axis=0).sum() / within

    _, _, plain = separation()
    result, means, pulled = separation(classes=True, class_epochs=10, class_weight=1.0)
    assert pulled > 1.5 * plain and result.validation_loss < 0.3
    assert result.model.classes.names == ("k0", "k1", "k2")
    np.testing.assert_allclose(result.model.classes.centroids, means, atol=0.15)


def test_context_plays_in_the_engine_without_more_latency(small_corpus):
    plain, context = (run(small_corpus, **PLAIN, context_spectra=n).model for n in (1, 3))
    assert context.layers[0].context_spectra == 3
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 2000).astype(np.float32)
    engines = [aedsp.Engine(model) for model in (plain, context)]
    assert engines[0].latency_frames == engines[1].latency_frames
    assert np.abs(engines[1].process(x)).max() > 0.01


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


def test_units_of_a_deep_code_come_in_the_order_of_what_they_change(small_corpus):
    model = run(small_corpus, **DEEP).model
    outer, inner = model.layers
    with small_corpus() as corpus:
        code = model.encode(corpus.splits["training"].read(0, 1000))
    whole, changes = outer.decode(inner.decode(code)), []
    for unit in range(6):
        still = code.copy()
        still[:, unit] = code[:, unit].mean()
        changes.append(np.square(outer.decode(inner.decode(still)) - whole).sum())
    assert all(b < 1.1 * a for a, b in itertools.pairwise(changes)), changes


def test_without_biases_silence_stays_silence_and_gain_carries_through(small_corpus):
    model = run(small_corpus).model
    with small_corpus() as corpus:
        x = corpus.splits["test"].read(0, 20)
    silent, _ = model.reconstruct(np.zeros_like(x))
    assert not silent.any()
    loud, quiet = model.reconstruct(x)[0], model.reconstruct(x / 8)[0]
    np.testing.assert_allclose(loud, 8 * quiet, rtol=1e-4, atol=1e-6)


def test_without_fine_tuning_the_losses_are_still_those_of_spectra(small_corpus):
    result = run(small_corpus, **{**DEEP, "fine_tuning": False})
    with small_corpus() as corpus:
        rows = {name: split.read(0, len(split)) for name, split in corpus.splits.items()}
    mean = result.model.preprocess.apply(rows["training"]).mean(axis=0, dtype=np.float64)
    assert share_by_hand(result.model, rows["validation"], mean) == pytest.approx(result.validation_loss, rel=1e-3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"preprocess": ("log:1e-5",)}, "'parts' needs non-negative spectra"),
        (
            {"preprocess": ("standardize",), "level_balance": 0.5, "initial": "random"},
            "cannot be combined with 'standardize'",
        ),
        ({"level_balance": 1.0, "magnitude_loss": 1.0}, "cannot be combined with magnitude_loss"),
        (
            {"objective": "cross_entropy", "preprocess": ("standardize",), "initial": "random"},
            "cross_entropy needs spectra from 0 to 1",
        ),
        ({**DEEP, "initial": "parts", "pretraining": False}, "'parts' works on one layer at a time"),
        ({**DEEP, "initial": "principal", "pretraining": False, "tied": True}, "got tied relu; use initial random"),
        ({**DEEP, "pretraining": False, "fine_tuning": False}, "are both off; turn"),
        ({**DEEP, "pretraining": False, "fine_tuning": False, "classes": True}, "are both off; turn"),
        (
            {"hidden": (65_536,) * 3, "encoder_activation": ("relu",)},
            r"training needs about \d+.* GB of memory, this machine has .* use fewer",
        ),
    ],
)
def test_incompatible_options(small_corpus, options, message):
    with pytest.raises(TrainingError, match=message):
        run(small_corpus, **options)


def test_provenance_is_the_recipe_and_the_history(small_corpus):
    result = run(small_corpus, name="given", model_license="CC0-1.0")
    assert (result.model.name, result.model.license) == ("given", "CC0-1.0")
    assert result.model.training["recipe"]["hidden"] == [12]
    np.testing.assert_array_equal(result.model.training["history"], result.history)
    assert run(small_corpus, epochs=0).model.name == "test"
