"""A training run: from a corpus and a recipe to the model of the epoch with the best validation loss.

Losses are relative to the trivial error, that of predicting the mean training spectrum: 1 is useless, 0 perfect.
Nothing here prints; the only file written is the checkpoint.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import DivergedError, TrainingError
from aedsp.model.labels import label_units
from aedsp.model.model import Model
from aedsp.train.data.batches import ROWS, Spectra, fit_preprocess, mean_norm
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.sampling import SplitName
from aedsp.train.network import initial
from aedsp.train.network.corruption import parse as parse_corruption
from aedsp.train.network.network import Autoencoder, LayerPlan, WeightDecay, Weights
from aedsp.train.run import checkpoint as checkpoints
from aedsp.train.run import memory, warm_start
from aedsp.train.run.checkpoint import Checkpoint
from aedsp.train.run.finishing import centroids, finish, match_levels
from aedsp.train.run.recipe import Recipe
from aedsp.train.run.stages import BatchProgress, EpochRecord, Stage, StageObjective, StageRun, loss_of, stages_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The model; its history (rows, len(HISTORY_COLUMNS)) and stages; the best epoch of the last stage; the losses on
    validation and test spectra (None without any); whether it was interrupted; where and why it diverged, if it did;
    whether the last stage stopped because its validation loss rose."""

    model: Model
    history: Floats
    best_epoch: int
    validation_loss: float
    test_loss: float | None
    stages: tuple[Stage, ...]
    interrupted: bool = False
    diverged: str = ""
    stalled: bool = False


def train(
    recipe: Recipe,
    corpus: Corpus,
    *,
    name: str,
    start: Model | None = None,
    below: Model | None = None,
    checkpoint: Path | None = None,
    on_batch: Callable[[BatchProgress], None] | None = None,
    on_row: Callable[[Stage, EpochRecord], None] | None = None,
    on_trouble: Callable[[str], None] | None = None,
    check: Callable[[], None] | None = None,
) -> Result:
    """Train one model.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the front end of the recipe.
    name : str
        Name of the model if the recipe has none.
    start : Model, optional
        Model whose weights and preprocessing to start from, for `--continue`; all layers are trained together.
    below : Model, optional
        Trained model that provides the preprocessing and the lowest layers; pretraining starts above them.
    checkpoint : Path, optional
        Written after each epoch. If it exists, the run resumes from it; the result is bit-identical to that of an
        uninterrupted run.
    on_batch : callable (BatchProgress), optional
        Called after each batch.
    on_row : callable (Stage, EpochRecord), optional
        Called after each validation.
    on_trouble : callable (text), optional
        Called if a checkpoint cannot be written; the run continues.
    check : callable, optional
        Called repeatedly while whole splits are read; may raise KeyboardInterrupt.

    Returns
    -------
    Result
        After KeyboardInterrupt, or if the loss diverges, the best model so far.

    Raises
    ------
    KeyboardInterrupt
        Before the end of the very first epoch.
    TrainingError
        Options that do not suit the data, or a checkpoint of another run.
    """
    nothing: Any = lambda *arguments: None  # noqa: E731
    calls = _Calls(on_batch or nothing, on_row or nothing, on_trouble or nothing, check or nothing)
    return _Run(recipe, corpus, start, below, checkpoint, calls).run(name)


@dataclass(frozen=True, slots=True)
class _Calls:
    on_batch: Callable[[BatchProgress], None]
    on_row: Callable[[Stage, EpochRecord], None]
    on_trouble: Callable[[str], None]
    check: Callable[[], None]


class _Run:
    """The stages in order, each on its own network; weights are passed from one to the next."""

    def __init__(
        self,
        recipe: Recipe,
        corpus: Corpus,
        start: Model | None,
        below: Model | None,
        checkpoint: Path | None,
        calls: _Calls,
    ) -> None:
        self._recipe, self._corpus, self._start, self._below, self._path = recipe, corpus, start, below, checkpoint
        self._calls, self._told = calls, False
        self._identity = {**recipe.to_dict(), "continue": warm_start.digest(start or below)}
        self._front_end = recipe.analysis()
        self._stages = stages_of(recipe) if start is None else _stages_from(recipe, start)
        if below is not None:
            warm_start.require_stack(recipe, below)
            self._stages = self._stages[len(below.layers) :]
        self._plans = _plans(recipe)
        self._require_memory()
        if recipe.classes:
            _require_classes(corpus)
        self._loaded: Checkpoint | None = None
        if checkpoint is not None and checkpoint.exists():
            self._loaded = checkpoints.load(checkpoint)
            checkpoints.require_same(checkpoint, self._loaded, self._identity, corpus.fingerprint)
        training, n_bins = corpus.splits["training"], self._front_end.n_bins
        given = start or below
        self._preprocess = given.preprocess if given else fit_preprocess(recipe.preprocess, training, n_bins)
        self._level = mean_norm(training, self._preprocess, n_bins, recipe.level_balance, recipe.magnitude_loss)
        self._done: list[Floats] = []  # parameters of finished stages
        self._history: list[EpochRecord] = []

    def run(self, name: str) -> Result:
        interrupted, diverged = False, ""
        whole = self._network(0, len(self._plans))
        if given := self._start or self._below:
            warm_start.begin(whole, given)
        first = self._loaded.stage if self._loaded else 0
        if self._loaded:
            self._done = [self._loaded.arrays[f"stage{i}"] for i in range(first)]
            self._history = [EpochRecord(*row) for row in self._loaded.about["history"]]
            for stage, parameters in zip(self._stages, self._done, strict=False):
                _copy(self._stage_network(stage, whole, parameters).layers, whole.layers[stage.first : stage.stop])
        with memory.no_denormals():
            for index, stage in enumerate(self._stages[first:], first):
                run = self._stage_run(index, stage, whole)
                try:
                    run.run(self._calls.on_batch, self._calls.on_row, self._save)
                except KeyboardInterrupt:
                    if not any(row.epoch for row in (*self._history, *run.rows)):
                        raise
                    interrupted = True
                except DivergedError as error:
                    diverged = str(error)
                run.finish()
                _copy(run.network.layers, whole.layers[stage.first : stage.stop])
                self._done.append(run.network.parameters.copy())
                self._history += run.rows
                if interrupted or diverged:
                    break
            return self._result(name, whole, run, interrupted, diverged)

    def _stage_run(self, index: int, stage: Stage, whole: Autoencoder) -> StageRun:
        network = self._stage_network(stage, whole)
        encoder = self._network(0, stage.first, n_rows=ROWS) if stage.first else None
        if encoder is not None:
            _copy(whole.layers[: stage.first], encoder.layers)
        training, validation = (
            self._spectra_of(name, encoder, stage, self._calls.check) for name in ("training", "validation")
        )
        loaded = self._loaded if self._loaded and self._loaded.stage == index else None
        starts = self._start is None and not (
            stage.classes or (stage.stop - stage.first > 1 and self._recipe.pretraining)
        )
        if starts and not loaded:
            initial.start(network, self._recipe.initial, training, np.random.default_rng([self._recipe.seed, 2, index]))
        objective = StageObjective(self._recipe, stage, self._preprocess, training, network.kernels)
        adjusts = self._front_end.n_bins / network.n_output if stage.first else 1.0
        run = StageRun(self._recipe, stage, index, network, training, validation, objective, adjusts)
        if loaded:
            run.restore(loaded.about["descent"], loaded.arrays)
        return run

    def _network(self, first: int, stop: int, n_classes: int = 0, n_rows: int = 256) -> Autoencoder:
        n_input = self._corpus.n_input if first == 0 else self._plans[first - 1].n_hidden
        recipe = self._recipe
        return Autoencoder(
            n_input,
            self._plans[first:stop],
            n_rows=max(recipe.batch_size, n_rows),
            n_output=self._front_end.n_bins if first == 0 else None,
            n_classes=n_classes,
            nonnegative=recipe.nonnegative,
            decay=WeightDecay(
                negative=recipe.weight_decay + recipe.negative_decay,
                positive=recipe.weight_decay + recipe.positive_decay,
                biases=recipe.decay_biases,
            ),
        )

    def _stage_network(self, stage: Stage, whole: Autoencoder, parameters: Floats | None = None) -> Autoencoder:
        """The network of a stage, with the weights of `whole` or with `parameters`."""
        network = self._network(stage.first, stage.stop, len(self._corpus.class_names) if stage.classes else 0)
        if parameters is not None:
            network.parameters[:] = parameters
            return network
        _copy(whole.layers[stage.first : stage.stop], network.layers)
        return network

    def _spectra_of(
        self, name: SplitName, encoder: Autoencoder | None, stage: Stage, check: Callable[[], None] | None = None
    ) -> Spectra:
        return Spectra(
            self._corpus.splits[name],
            self._preprocess,
            self._front_end.n_bins,
            level_balance=self._recipe.level_balance,
            level=self._level,
            magnitudes=bool(self._recipe.magnitude_loss) and stage.first == 0,
            encoder=None if encoder is None else encoder.encode,
            check=check,
        )

    def _save(self, run: StageRun) -> None:
        if self._path is None:
            return
        about, arrays = run.state()
        checkpoint = Checkpoint(
            recipe=self._identity,
            corpus=self._corpus.fingerprint,
            stage=self._stages.index(run.stage),
            about={"descent": about, "history": self._history},
            arrays={**arrays, **{f"stage{i}": done for i, done in enumerate(self._done)}},
        )
        try:
            checkpoints.save(self._path, checkpoint)
        except OSError as error:
            if not self._told:
                self._calls.on_trouble(
                    f"{self._path} cannot be written ({error.strerror or error}); training continues without it"
                )
            self._told = True

    def _result(self, name: str, whole: Autoencoder, run: StageRun, interrupted: bool, diverged: str) -> Result:
        history, recipe, splits = np.array(self._history), self._recipe, self._corpus.splits
        plain = Spectra(splits["training"], self._preprocess, self._front_end.n_bins)
        n_trained = self._n_trained(run, interrupted or bool(diverged))
        layers, statistics = finish(whole.to_layers()[:n_trained], plain)
        if recipe.match_levels and n_trained == len(self._plans):
            layers = match_levels(layers, self._preprocess, plain, self._front_end.n_bins)
        classes = centroids(layers, plain, self._corpus.class_names) if recipe.classes else None
        network, objective = self._network(0, n_trained), run.objective
        _copy(whole.layers[:n_trained], network.layers)
        spectra = Stage("spectra", 0, n_trained, 0)
        if run.stage.first:  # its own losses are on codes
            objective = StageObjective(
                recipe, spectra, self._preprocess, self._spectra_of("training", None, spectra), network.kernels
            )
        losses = {
            split: loss_of(network, objective, self._spectra_of(split, None, spectra))
            for split in ("validation", "test")
            if len(splits[split])
        }
        model = Model(
            front_end=self._front_end,
            layers=layers,
            preprocess=self._preprocess,
            name=recipe.name or name,
            license=recipe.model_license or (self._start.license if self._start else ""),
            created_by="aedsp.train",
            code_statistics=statistics,
            classes=classes,
            training={"recipe": recipe.to_dict(), "history": history},
        )
        model = dataclasses.replace(model, unit_names=label_units(model))
        return Result(
            model=model, history=history, best_epoch=run.best_epoch, validation_loss=losses["validation"],
            test_loss=losses.get("test"), stages=self._stages, interrupted=interrupted, diverged=diverged,
            stalled=run.stalled,
        )  # fmt: skip

    def _n_trained(self, last: StageRun, broke_off: bool) -> int:
        """Number of trained layers; those of an interrupted or diverged stage count only after an epoch."""
        ended = self._stages[: len(self._done)]
        if broke_off and last.stage.first and last.best_epoch == 0:
            ended = ended[:-1]
        return max((stage.stop for stage in ended), default=len(self._below.layers) if self._below else 0)

    def _require_memory(self) -> None:
        """Reject more units than fit in memory, before anything is allocated."""
        n_in, n = self._corpus.n_input, 0
        for plan in self._plans:
            n += (1 if plan.tied else 2) * n_in * plan.n_hidden
            n_in = plan.n_hidden
        # parameters of the network, of a stage, and the best; gradient; two arrays of the optimizer; checkpoint
        n_bytes = 4 * 8 * n
        if self._recipe.initial == "principal":
            n_bytes += 8 * 4 * self._corpus.n_input**2
        memory.require(n_bytes, f"{' and '.join(f'{p.n_hidden:,}' for p in self._plans)} units; use fewer")


def _plans(recipe: Recipe) -> tuple[LayerPlan, ...]:
    options = ("encoder_activation", "decoder_activation", "corruption", "sparsity")
    return tuple(
        LayerPlan(
            n_hidden=n, encoder_activation=encodes, decoder_activation=decodes, tied=recipe.tied,
            encoder_bias=recipe.encoder_bias, decoder_bias=recipe.decoder_bias,
            corruption=parse_corruption(corruption), sparsity=sparsity,
        )
        for n, encodes, decodes, corruption, sparsity in zip(
            recipe.layer_units(), *(recipe.per_layer(name) for name in options), strict=True
        )
    )  # fmt: skip


def _stages_from(recipe: Recipe, start: Model) -> tuple[Stage, ...]:
    stages = [Stage("adapting", 0, len(start.layers), recipe.epochs)]
    if recipe.classes:
        stages.append(Stage("classes", 0, len(start.layers), recipe.class_epochs, classes=True))
    return tuple(stages)


def _require_classes(corpus: Corpus) -> None:
    """Reject classes that cannot be learned.

    Raises
    ------
    TrainingError
        Fewer than two classes, or one without a training spectrum.
    """
    counts = np.bincount(corpus.splits["training"].classes, minlength=len(corpus.class_names))
    if len(counts) < 2 or not counts.all():
        found = ", ".join(f"{name} ({n:,} spectra)" for name, n in zip(corpus.class_names, counts, strict=True))
        raise TrainingError(f"classes needs at least two subfolders of DIR with music in each; found {found}")


def _copy(given: Sequence[Weights], into: Sequence[Weights]) -> None:
    """Copy the weights of layers into others."""
    for source, target in zip(given, into, strict=True):
        for a, b in zip(source, target, strict=True):
            b[...] = a
