"""The course of a run: the best epoch is kept; early stopping, interruption, bit-identical resume, divergence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.train.run import checkpoint as checkpoints
from aedsp.train.run import warm_start
from aedsp.train.run.recipe import Recipe, from_options
from aedsp.train.run.stages import HISTORY_COLUMNS, BatchProgress
from aedsp.train.run.training import train
from runs import DEEP, GEOMETRY, PLAIN, QUICK, losses_of, run


def test_the_best_epoch_is_kept_not_the_last(small_corpus):
    result = run(small_corpus, learning_rate=0.01, final_learning_rate=3.0, epochs=8)
    losses = losses_of(result)
    assert result.best_epoch == int(np.argmin(losses)) < 8
    assert result.validation_loss == losses.min() < losses[-1]


def test_early_stopping(small_corpus):
    result = run(small_corpus, epochs=200, early_stopping_epochs=3, early_stopping_decrease=0.05)
    losses = losses_of(result)
    assert 4 < len(losses) < 200
    assert min(losses[-3:]) > 0.95 * min(losses[:-3])
    for n in range(4, len(losses)):
        assert min(losses[n - 3 : n]) <= 0.95 * min(losses[: n - 3]), "it should have stopped earlier"


def test_the_learning_rate_falls_on_a_plateau(small_corpus):
    result = run(small_corpus, epochs=12, learning_rate=0.2, plateau_epochs=2, plateau_factor=0.1)
    rates = result.history[:, HISTORY_COLUMNS.index("learning_rate")]
    assert rates[0] == 0.2 and rates[-1] < 0.021 and losses_of(result)[-1] <= losses_of(result).max()


def test_a_steadily_growing_loss_ends_the_run(small_corpus):
    """The loss stays finite."""
    result = run(small_corpus, learning_rate=0.01, final_learning_rate=300.0, epochs=40)
    assert np.isfinite(losses_of(result)).all() and len(losses_of(result)) < 41
    assert "the loss diverges in training" in result.diverged and "use a smaller learning_rate" in result.diverged
    assert result.validation_loss == pytest.approx(losses_of(result).min(), rel=1e-4)


def test_a_layer_that_has_not_learned_anything_is_dropped(small_corpus):
    def stop(moment: BatchProgress) -> None:
        if moment.stage.name == "layer 1" and moment.batch == 3:
            raise KeyboardInterrupt

    result = run(small_corpus, **DEEP, on_batch=stop)
    assert result.interrupted and [layer.n_hidden for layer in result.model.layers] == [24]
    assert result.validation_loss < 0.1


def test_a_layer_whose_initial_weights_were_the_best_is_kept(small_corpus):
    options = {**PLAIN, "hidden": (24, 6), "encoder_activation": ("linear",), "fine_tuning": False}
    result = run(small_corpus, **options, learning_rate=0.5, epochs=2)
    assert [layer.n_hidden for layer in result.model.layers] == [24, 6]


def test_a_run_interrupted_before_the_first_epoch_has_no_result(small_corpus):
    def stop(moment: BatchProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(small_corpus, on_batch=stop)
    with pytest.raises(KeyboardInterrupt):
        run(small_corpus, check=lambda: stop(None))


def test_a_checkpoint_records_which_model_was_continued(small_corpus, tmp_path):
    path = tmp_path / "x.checkpoint.h5"
    first, second = (run(small_corpus, **DEEP, seed=seed).model for seed in (1, 2))
    recipe = from_options({**QUICK, **PLAIN, **warm_start.settled(first)})
    with small_corpus() as corpus:
        train(recipe, corpus, name="x", start=first, checkpoint=path)
        with pytest.raises(TrainingError, match="continue was"):
            train(recipe, corpus, name="x", start=second, checkpoint=path)


def test_a_full_disk_at_a_checkpoint_is_reported_once_and_training_continues(small_corpus, tmp_path, monkeypatch):
    said = []

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = run(small_corpus, checkpoint=tmp_path / "x.checkpoint.h5", on_trouble=said.append)
    assert len(said) == 1 and "No space left on device" in said[0] and "continues without it" in said[0]
    assert result.best_epoch > 0 and not result.interrupted


def test_ctrl_c_keeps_the_best_model_so_far(small_corpus):
    def stop(moment: BatchProgress) -> None:
        if moment.epoch == 3 and moment.batch == 7:
            raise KeyboardInterrupt

    result = run(small_corpus, on_batch=stop)
    assert result.interrupted and len(result.history) == 3
    assert result.validation_loss == losses_of(result).min() < 0.5


def test_a_deep_model_interrupted_in_its_first_layer_has_that_layer(small_corpus):
    def stop(moment: BatchProgress) -> None:
        if moment.epoch == 3:
            raise KeyboardInterrupt

    result = run(small_corpus, **DEEP, on_batch=stop)
    assert [layer.n_hidden for layer in result.model.layers] == [24]


@pytest.mark.parametrize(
    "options", [{}, DEEP, {**PLAIN, "optimizer": "sgd", "learning_rate": 0.01, "corruption": ("gaussian:0.1",)}]
)
@pytest.mark.parametrize("stop_at", [1, 3, 7])
def test_a_run_stopped_and_resumed_is_bit_identical(small_corpus, tmp_path, options, stop_at):
    path = tmp_path / "x.checkpoint.h5"
    whole = run(small_corpus, **options, plateau_epochs=2).model
    counted = []

    def stop(moment: BatchProgress) -> None:
        counted.append(moment)
        if sum(m.batch == 1 for m in counted) == stop_at + 1 and moment.batch == 5:
            raise KeyboardInterrupt

    run(small_corpus, **options, plateau_epochs=2, checkpoint=path, on_batch=stop)
    resumed = run(small_corpus, **options, plateau_epochs=2, checkpoint=path)
    for a, b in zip(whole.layers, resumed.model.layers, strict=True):
        np.testing.assert_array_equal(a.encoder_weight, b.encoder_weight)
        np.testing.assert_array_equal(a.decoder_weight, b.decoder_weight)
    seconds = HISTORY_COLUMNS.index("seconds")
    np.testing.assert_array_equal(
        np.delete(whole.training["history"], seconds, 1), np.delete(resumed.history, seconds, 1)
    )


def test_a_checkpoint_of_another_run_is_rejected_with_the_difference(small_corpus, tmp_path):
    path = tmp_path / "x.checkpoint.h5"
    run(small_corpus, checkpoint=path)
    with pytest.raises(
        TrainingError, match=r"hidden was \[12\] and is \[13\]; seed was 0 and is 1; use the same options"
    ):
        run(small_corpus, checkpoint=path, hidden=(13,), seed=1)
    corpus = small_corpus(seed=9)
    with pytest.raises(TrainingError, match="the audio files have changed;"):
        train(Recipe(**GEOMETRY, **QUICK), corpus, name="x", checkpoint=path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(TrainingError, match=r"x\.checkpoint\.h5 is damaged .*; delete it"):
        run(small_corpus, checkpoint=path)


def test_a_failed_checkpoint_leaves_the_previous_one(tmp_path, monkeypatch):
    path = tmp_path / "x.checkpoint.h5"
    first = checkpoints.Checkpoint(recipe={}, corpus="c", stage=0, arrays={"a": np.arange(5.0)})
    checkpoints.save(path, first)
    before = path.read_bytes()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(path, first)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_model_is_adapted_to_other_music(small_corpus, tmp_path):
    start = run(small_corpus, **{**DEEP, "epochs": 2}).model
    recipe = from_options({**QUICK, **PLAIN, "learning_rate": 0.002, **warm_start.settled(start)})
    assert (recipe.hidden, recipe.fft_length, recipe.preprocess) == ((24, 6), 256, ("normalize",))
    with small_corpus(seed=5) as corpus:
        result = train(recipe, corpus, name="adapted", start=start)
    assert result.validation_loss < losses_of(result)[0] < 0.5
    assert result.model.preprocess.steps[0].max == start.preprocess.steps[0].max
    assert isinstance(result.model, Model) and result.model.n_code == 6


def test_progress_counts_every_batch(small_corpus):
    moments, rows = [], []
    run(
        small_corpus,
        epochs=2,
        on_batch=moments.append,
        on_row=lambda stage, row: rows.append((row.epoch, stage.epochs)),
    )
    assert [(m.epoch, m.batch) for m in moments] == [(e, b) for e in (1, 2) for b in range(1, 21)]
    assert {(m.n_epochs, m.n_batches) for m in moments} == {(2, 20)}
    assert rows == [(0, 2), (1, 2), (2, 2)]


def test_a_non_finite_loss_ends_the_run_with_the_best_model(small_corpus):
    options = {"encoder_activation": ("linear",), "nonnegative": False, "initial": "random", "optimizer": "sgd"}
    result = run(small_corpus, learning_rate=1000.0, **options)
    assert "no longer finite in training, epoch 1, batch" in result.diverged
    assert "at learning rate 1000; use a smaller learning_rate" in result.diverged
    assert np.isfinite(result.model.layers[0].encoder_weight).all() and result.best_epoch == 0
