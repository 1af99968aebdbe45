"""A training run: from an open corpus and a recipe to a model, the best of all epochs on the validation spectra.

Losses are shares of the trivial error, which is what predicting the mean training spectrum costs: 1 is useless,
0 perfect. Nothing here prints; the only file it writes is the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.errors import DivergedError, TrainingError
from aedsp.model import Model
from aedsp.preprocess import Chain
from aedsp.train import checkpoint as checkpoints
from aedsp.train import initial, memory
from aedsp.train.checkpoint import Checkpoint
from aedsp.train.corpus import Corpus
from aedsp.train.corruption import parse as parse_corruption
from aedsp.train.examples import ROWS, Examples, fit_preprocess, mean_norm
from aedsp.train.finishing import centroids, finish
from aedsp.train.network import Autoencoder, LayerPlan, WeightDecay, Weights
from aedsp.train.recipe import Recipe
from aedsp.train.stages import Descent, Goal, Moment, Row, Stage, stages_of

Floats = npt.NDArray[np.floating[Any]]

#: Options that a model has settled: they cannot be chosen where one is continued.
SETTLED = (
    "front_end", "sample_rate", "fft_length", "window_length", "hop_length", "window", "bins_per_octave", "f_min_hz",
    "f_max_hz", "context_spectra", "preprocess", "hidden", "code", "encoder_activation", "decoder_activation", "tied",
    "initial", "pretraining", "fine_tuning",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The model; its history (rows, len(HISTORY_COLUMNS)); the losses of the last stage: best on validation, and on
    test (None without a test split); whether it was interrupted, and what stopped it where it diverged."""

    model: Model
    history: Floats
    best_epoch: int
    validation_loss: float
    test_loss: float | None
    interrupted: bool = False
    diverged: str = ""


def train(
    recipe: Recipe,
    corpus: Corpus,
    *,
    name: str,
    start: Model | None = None,
    checkpoint: Path | None = None,
    on_batch: Callable[[Moment], None] | None = None,
    on_row: Callable[[Stage, Row], None] | None = None,
) -> Result:
    """Train one model.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the recipe's front end.
    name : str
        Of the model, where the recipe gives none.
    start : Model, optional
        Whose weights and preprocessing to start from, for `--continue`; all its layers are trained together.
    checkpoint : Path, optional
        Written after each epoch. Where it exists the run goes on from it, to the same weights, bit for bit, as if it
        had never stopped.
    on_batch : callable (Moment), optional
        Called after each batch.
    on_row : callable (Stage, Row), optional
        Called after each validation.

    Returns
    -------
    Result
        After KeyboardInterrupt, or a loss that is no longer finite, the best model so far.

    Raises
    ------
    TrainingError
        Options that do not fit the data, or a checkpoint of another run.
    """
    return _Run(recipe, corpus, start, checkpoint, on_batch, on_row).run(name)


class _Run:
    """The stages one after the other, on one network each, whose weights are handed on."""

    def __init__(
        self,
        recipe: Recipe,
        corpus: Corpus,
        start: Model | None,
        checkpoint: Path | None,
        on_batch: Callable[[Moment], None] | None,
        on_row: Callable[[Stage, Row], None] | None,
    ) -> None:
        self._recipe, self._corpus, self._start, self._path = recipe, corpus, start, checkpoint
        self._on_batch = on_batch or (lambda moment: None)
        self._on_row = on_row or (lambda stage, row: None)
        self._front_end = recipe.analysis()
        self._stages = stages_of(recipe) if start is None else _stages_from(recipe, start)
        self._plans = _plans(recipe)
        self._require_memory()
        self._loaded: Checkpoint | None = None
        if checkpoint is not None and checkpoint.exists():
            self._loaded = checkpoints.load(checkpoint)
            checkpoints.require_same(checkpoint, self._loaded, recipe.to_dict(), corpus.fingerprint)
        training, n_bins = corpus.splits["training"], self._front_end.n_bins
        self._preprocess = start.preprocess if start else fit_preprocess(recipe.preprocess, training, n_bins)
        self._level = mean_norm(training, self._preprocess, recipe, n_bins)
        self._done: list[Floats] = []  # parameters of the stages that ended
        self._history: list[Row] = []

    def run(self, name: str) -> Result:
        interrupted, diverged = False, ""
        whole = self._network(0, len(self._plans))
        self._begin(whole)
        first = self._loaded.stage if self._loaded else 0
        if self._loaded:
            self._done = [self._loaded.arrays[f"stage{i}"] for i in range(first)]
            self._history = [Row(*row) for row in self._loaded.about["history"]]
            for stage, parameters in zip(self._stages, self._done, strict=False):
                _copy(self._stage_network(stage, whole, parameters).layers, whole.layers[stage.first : stage.stop])
        with memory.no_denormals():
            for index, stage in enumerate(self._stages[first:], first):
                descent = self._descent(index, stage, whole)
                try:
                    descent.run(self._on_batch, self._on_row, self._save)
                except KeyboardInterrupt:
                    if not descent.rows:
                        raise
                    interrupted = True
                except DivergedError as error:
                    diverged = str(error)
                descent.finish()
                _copy(descent.network.layers, whole.layers[stage.first : stage.stop])
                self._done.append(descent.network.parameters.copy())
                self._history += descent.rows
                if interrupted or diverged:
                    break
        return self._result(name, whole, descent, interrupted, diverged)

    def _descent(self, index: int, stage: Stage, whole: Autoencoder) -> Descent:
        network = self._stage_network(stage, whole)
        encoder = self._network(0, stage.first, n_rows=ROWS) if stage.first else None
        if encoder is not None:
            _copy(whole.layers[: stage.first], encoder.layers)
        training, validation = (self._examples(name, encoder, stage) for name in ("training", "validation"))
        loaded = self._loaded if self._loaded and self._loaded.stage == index else None
        starts = self._start is None and not (
            stage.classes or (stage.stop - stage.first > 1 and self._recipe.pretraining)
        )
        if starts and not loaded:
            initial.start(network, self._recipe, training, np.random.default_rng([self._recipe.seed, 2, index]))
        goal = Goal(self._recipe, stage, self._preprocess, training, network.passes)
        adjusts = self._front_end.n_bins / network.n_output if stage.first else 1.0
        descent = Descent(self._recipe, stage, index, network, training, validation, goal, adjusts)
        if loaded:
            descent.restore(loaded.about["descent"], loaded.arrays)
        return descent

    def _network(self, first: int, stop: int, n_classes: int = 0, n_rows: int = 256) -> Autoencoder:
        n_input = self._corpus.n_input if first == 0 else self._plans[first - 1].n_hidden
        recipe = self._recipe
        return Autoencoder(
            n_input,
            self._plans[first:stop],
            n_rows=max(recipe.batch, n_rows),
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
        """The network of a stage, with the weights that the whole has, or with `parameters`."""
        network = self._network(stage.first, stage.stop, len(self._corpus.class_names) if stage.classes else 0)
        if parameters is not None:
            network.parameters[:] = parameters
            return network
        _copy(whole.layers[stage.first : stage.stop], network.layers)
        return network

    def _examples(self, name: Any, encoder: Autoencoder | None, stage: Stage) -> Examples:
        return Examples(
            self._corpus.splits[name],
            self._preprocess,
            self._front_end.n_bins,
            level_balance=self._recipe.level_balance,
            level=self._level,
            magnitudes=bool(self._recipe.magnitude_loss) and stage.first == 0,
            encoder=None if encoder is None else encoder.encode,
        )

    def _begin(self, whole: Autoencoder) -> None:
        """The weights of the model that the run continues."""
        if self._start is None:
            return
        n_output = whole.n_output
        for weights, layer in zip(whole.layers, self._start.layers, strict=True):
            weights.encoder_weight[...], weights.encoder_bias[...] = layer.encoder_weight, layer.encoder_bias
            rows = slice(-n_output, None) if weights is whole.layers[0] else slice(None)
            if layer.decoder_weight is not None:
                weights.decoder_weight[...] = layer.decoder_weight[rows]
            weights.decoder_bias[...] = layer.decoder_bias[rows]

    def _save(self, descent: Descent) -> None:
        if self._path is None:
            return
        about, arrays = descent.state()
        checkpoints.save(
            self._path,
            Checkpoint(
                recipe=self._recipe.to_dict(),
                corpus=self._corpus.fingerprint,
                stage=self._stages.index(descent.stage),
                about={"descent": about, "history": self._history},
                arrays={**arrays, **{f"stage{i}": done for i, done in enumerate(self._done)}},
            ),
        )

    def _result(self, name: str, whole: Autoencoder, descent: Descent, interrupted: bool, diverged: str) -> Result:
        history, recipe, splits = np.array(self._history), self._recipe, self._corpus.splits
        plain = Examples(splits["training"], self._preprocess, self._front_end.n_bins)
        n_trained = max(
            stage.stop for stage in self._stages[: len(self._done)]
        )  # interrupted, the last may be as they were
        layers, statistics = finish(whole.to_layers()[:n_trained], plain)
        classes = centroids(layers, plain, self._corpus.class_names) if recipe.classes else None
        test = None
        if len(splits["test"]):
            encoder = self._network(0, descent.stage.first, n_rows=ROWS) if descent.stage.first else None
            if encoder is not None:
                _copy(whole.layers[: descent.stage.first], encoder.layers)
            test = descent.loss_of(self._examples("test", encoder, descent.stage))
        model = Model(
            front_end=self._front_end,
            layers=layers,
            preprocess=self._preprocess,
            name=recipe.name or name,
            license=recipe.model_license,
            created_by="aedsp.train",
            code_statistics=statistics,
            classes=classes,
            training={"recipe": recipe.to_dict(), "history": history},
        )
        return Result(
            model=model, history=history, best_epoch=descent.best_epoch, validation_loss=descent.best_loss,
            test_loss=test, interrupted=interrupted, diverged=diverged,
        )  # fmt: skip

    def _require_memory(self) -> None:
        """Refuse more units than there is memory for, before anything is allocated."""
        n_in, n = self._corpus.n_input, 0
        for plan in self._plans:
            n += (1 if plan.tied else 2) * n_in * plan.n_hidden
            n_in = plan.n_hidden
        memory.require(4 * 6 * n, f"{' and '.join(f'{p.n_hidden:,}' for p in self._plans)} units; take fewer")


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


def _copy(given: Sequence[Weights], into: Sequence[Weights]) -> None:
    """The weights of some layers into others."""
    for source, target in zip(given, into, strict=True):
        for a, b in zip(source, target, strict=True):
            b[...] = a


def recipe_for(start: Model, recipe: Recipe) -> Recipe:
    """The recipe with everything that the model to continue has settled: front end, preprocessing, layers.

    Raises
    ------
    TrainingError
        Where its layers differ in what the recipe has one option for.
    """
    tied = {layer.tied for layer in start.layers}
    if len(tied) > 1:
        raise TrainingError("the model to continue has tied and untied layers; expected all alike")
    front_end = start.front_end
    settled: dict[str, Any] = {
        "front_end": front_end.kind,
        **{
            key: getattr(front_end, key)
            for key in ("sample_rate", "fft_length", "window_length", "hop_length", "window")
        },
        "context_spectra": start.layers[0].context_spectra,
        "preprocess": tuple(_step_text(start.preprocess)),
        "hidden": tuple(layer.n_hidden for layer in start.layers),
        "code": None,
        "encoder_activation": tuple(layer.encoder_activation for layer in start.layers),
        "decoder_activation": tuple(layer.decoder_activation for layer in start.layers),
        "tied": tied.pop(),
        "corruption": recipe.corruption if len(recipe.corruption) in (1, len(start.layers)) else ("none",),
        "sparsity": recipe.sparsity if len(recipe.sparsity) in (1, len(start.layers)) else (0.0,),
    }
    if front_end.kind == "cqft":
        settled |= {key: getattr(front_end, key) for key in ("bins_per_octave", "f_min_hz", "f_max_hz")}
    return Recipe(**{**{f: getattr(recipe, f) for f in recipe.to_dict()}, **settled})


def _step_text(chain: Chain) -> list[str]:
    """The steps of a chain as a recipe has them."""
    names = {"Normalize": "normalize", "Standardize": "standardize"}
    return [
        names.get(type(step).__name__)
        or (f"log:{step.floor:g}" if hasattr(step, "floor") else f"power:{step.exponent:g}")  # type: ignore[attr-defined]
        for step in chain
    ]
