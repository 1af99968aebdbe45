"""A training run: from an open corpus and a recipe to a model, the best of all epochs on the validation spectra.

Losses are shares of the trivial error, which is what predicting the mean training spectrum costs: 1 is useless,
0 perfect. Nothing here writes files or prints.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aedsp.errors import TrainingError
from aedsp.model import CodeStatistics, Layer, Model
from aedsp.preprocess import Chain, Log, Normalize, Power, Standardize, Step
from aedsp.train import initial
from aedsp.train.corpus import Corpus, Split
from aedsp.train.network import Autoencoder
from aedsp.train.objectives import SquaredError
from aedsp.train.recipe import Recipe, parse_step
from aedsp.train.sgd import Adam, Optimizer, Sgd

Floats = npt.NDArray[np.floating[Any]]

#: Columns of the history; losses are shares of the trivial error, row 0 is the network before its first step.
HISTORY_COLUMNS = ("epoch", "training_loss", "validation_loss", "learning_rate", "seconds")
_STATISTICS_SPECTRA = 20_000
_QUIETEST = 0.01  # of the mean level: below it, balancing no longer lifts a spectrum


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a run is: `batch` of `n_batches` done in `epoch` (from 1) of `n_epochs`, and the loss of that batch."""

    epoch: int
    n_epochs: int
    batch: int
    n_batches: int
    loss: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The model, its history (epochs + 1, len(HISTORY_COLUMNS)), and the test loss (None without a test split)."""

    model: Model
    history: Floats
    best_epoch: int
    validation_loss: float
    test_loss: float | None
    interrupted: bool


class Examples:
    """A split, preprocessed and balanced in level: what the network is shown."""

    def __init__(self, split: Split, preprocess: Chain, level_balance: float, level: float) -> None:
        self._split, self._preprocess, self._level_balance, self._level = split, preprocess, level_balance, level

    def __len__(self) -> int:
        return len(self._split)

    def shuffled(self, n_rows: int, rng: np.random.Generator) -> Iterator[Floats]:
        return map(self._prepare, self._split.shuffled(n_rows, rng))

    def in_order(self, n_rows: int) -> Iterator[Floats]:
        return map(self._prepare, self._split.in_order(n_rows))

    def _prepare(self, magnitudes: Floats) -> Floats:
        x = np.ascontiguousarray(self._preprocess.apply(magnitudes), dtype=np.float32)
        if self._level_balance:
            norms = np.linalg.norm(x, axis=1, keepdims=True)
            x *= (self._level / (norms + np.float32(_QUIETEST * self._level))) ** np.float32(self._level_balance)
        return x


def train(
    recipe: Recipe,
    corpus: Corpus,
    *,
    name: str,
    on_batch: Callable[[Moment], None] | None = None,
    on_epoch: Callable[[Sequence[float], int], None] | None = None,
) -> Result:
    """Train one autoencoder.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
        With the recipe's front end.
    name : str
        Of the model, where the recipe gives none.
    on_batch : callable (Moment), optional
        Called after each batch.
    on_epoch : callable (row of the history, number of epochs), optional
        Called after each validation.

    Returns
    -------
    Result
        After KeyboardInterrupt, the best model so far; it is raised only before the first validation.

    Raises
    ------
    TrainingError
        Options that do not fit the data, or a loss that is no longer finite.
    """
    rng = np.random.default_rng([recipe.seed, 1])
    preprocess = fit_preprocess(recipe.preprocess, corpus.splits["training"])
    level = _mean_norm(corpus.splits["training"], preprocess, recipe)
    examples = {key: Examples(split, preprocess, recipe.level_balance, level) for key, split in corpus.splits.items()}
    network = _initial_network(recipe, corpus.n_bins, examples["training"], rng)
    mean = _mean_of(examples["training"], corpus.n_bins)
    descent = _Descent(recipe, network, examples["training"], examples["validation"], mean, rng)
    descent.run(on_batch or (lambda moment: None), on_epoch or (lambda row, n_epochs: None))
    network.parameters[:] = descent.best_parameters
    layer, statistics = _finish(network.to_layer(), corpus.splits["training"], preprocess)
    model = Model(
        front_end=recipe.front_end(),
        layers=(layer,),
        preprocess=preprocess,
        name=recipe.name or name,
        license=recipe.model_license,
        created_by="aedsp.train",
        code_statistics=statistics,
        training={"recipe": recipe.to_dict(), "history": np.array(descent.history)},
    )
    return Result(
        model=model,
        history=np.array(descent.history),
        best_epoch=descent.best_epoch,
        validation_loss=descent.best_loss,
        test_loss=_share(network, examples["test"], mean) if len(examples["test"]) else None,
        interrupted=descent.interrupted,
    )


class _Descent:
    """The epochs: updates, validation, and the best parameters so far."""

    def __init__(
        self,
        recipe: Recipe,
        network: Autoencoder,
        training: Examples,
        validation: Examples,
        mean: Floats,
        rng: np.random.Generator,
    ) -> None:
        self._recipe, self._network, self._rng = recipe, network, rng
        self._training, self._validation, self._mean = training, validation, mean
        self._trivial = _trivial_error(training, mean, recipe.batch)
        self._optimizer = _optimizer(recipe, network)
        self._objective = SquaredError()
        self._n_steps = 0
        self.history: list[tuple[float, ...]] = []
        self.best_parameters = network.parameters.copy()
        self.best_loss, self.best_epoch = math.inf, 0
        self.interrupted = False

    def run(self, on_batch: Callable[[Moment], None], on_epoch: Callable[[Sequence[float], int], None]) -> None:
        """All epochs, or those until KeyboardInterrupt."""
        n_epochs = self._recipe.epochs
        try:
            self._validate(0, math.nan, 0.0)
            on_epoch(self.history[-1], n_epochs)
            for epoch in range(1, n_epochs + 1):
                started = time.monotonic()
                with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is found below, and named
                    losses = [self._step(x, epoch, i, on_batch) for i, x in enumerate(self._batches())]
                self._validate(epoch, float(np.mean(losses)) / self._trivial, time.monotonic() - started)
                on_epoch(self.history[-1], n_epochs)
        except KeyboardInterrupt:
            if not self.history:
                raise
            self.interrupted = True
            if self._n_steps:
                self._validate(len(self.history), math.nan, math.nan)
                on_epoch(self.history[-1], n_epochs)

    def _batches(self) -> Iterator[Floats]:
        return self._training.shuffled(self._recipe.batch, self._rng)

    def _step(self, x: Floats, epoch: int, index: int, on_batch: Callable[[Moment], None]) -> float:
        loss = self._network.loss_and_gradient(x, x, self._objective)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is no longer finite in epoch {epoch}, batch {index + 1}; "
                f"take a smaller learning_rate than {self._recipe.learning_rate:g}"
            )
        self._optimizer.step(self._network.parameters, self._network.gradient, self._learning_rate())
        self._network.project()
        self._n_steps += 1
        n_batches = -(-len(self._training) // self._recipe.batch)
        on_batch(Moment(epoch, self._recipe.epochs, index + 1, n_batches, loss / self._trivial))
        return loss

    def _learning_rate(self) -> float:
        """On a straight line from the first step's to the last step's."""
        first, last = self._recipe.learning_rate, self._recipe.last_learning_rate
        if last is None:
            return first
        n_steps = self._recipe.epochs * -(-len(self._training) // self._recipe.batch)
        return first + (last - first) * min(1.0, self._n_steps / max(1, n_steps - 1))

    def _validate(self, epoch: int, training_loss: float, seconds: float) -> None:
        loss = _share(self._network, self._validation, self._mean)
        self.history.append((epoch, training_loss, loss, self._learning_rate(), seconds))
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_parameters[:] = self._network.parameters


def fit_preprocess(steps: Iterable[str], training: Split) -> Chain:
    """Fit steps such as "normalize", "standardize", "power:0.5", "log:1e-5" to the training spectra, in order.

    "normalize" divides by the largest value of all (the paper, section 3.1), "standardize" centres and scales each
    bin; a bin that never changes keeps its scale.

    Raises
    ------
    TrainingError
        An unknown step, or spectra that are silent throughout.
    """
    fitted: list[Step] = []
    for kind, number in map(parse_step, steps):
        so_far = map(Chain(tuple(fitted)).apply, training.in_order())
        if kind == "normalize":
            largest = max(float(np.abs(x).max()) for x in so_far)
            if not 0 < largest < math.inf:
                raise TrainingError(f"the largest training value is {largest:g}; there is nothing to normalize")
            fitted.append(Normalize(np.float32(largest)))
        elif kind == "standardize":
            fitted.append(_standardize(so_far))
        elif number is not None:
            fitted.append(Log(number) if kind == "log" else Power(number))
    return Chain(tuple(fitted))


def _standardize(batches: Iterable[Floats]) -> Standardize:
    total, squares, n = np.float64(0), np.float64(0), 0
    for x in batches:
        total = total + x.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(x, dtype=np.float64).sum(axis=0)
        n += len(x)
    mean = total / n
    deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
    return Standardize(mean.astype(np.float32), np.where(deviation > 1e-12, deviation, 1).astype(np.float32))


def _mean_norm(training: Split, preprocess: Chain, recipe: Recipe) -> float:
    """The mean length of the first preprocessed training spectra: the level that balancing brings all to."""
    if recipe.level_balance and any(isinstance(step, (Standardize, Log)) for step in preprocess):
        raise TrainingError("level_balance scales spectra; it does not go with 'standardize' or 'log'; set it to 0")
    return float(np.linalg.norm(preprocess.apply(next(training.in_order())), axis=1).mean())


def _initial_network(recipe: Recipe, n_bins: int, training: Examples, rng: np.random.Generator) -> Autoencoder:
    network = Autoencoder(
        n_bins,
        recipe.hidden,
        n_rows=recipe.batch,
        encoder_activation=recipe.encoder_activation,
        decoder_activation=recipe.decoder_activation,
        tied=recipe.tied,
        encoder_bias=recipe.encoder_bias,
        decoder_bias=recipe.decoder_bias,
        nonnegative=recipe.nonnegative,
    )
    if recipe.initial == "principal":
        initial.principal(network, training.in_order(4096))
    elif recipe.initial == "parts":
        initial.parts(network, training.in_order(4096), rng)
    else:
        initial.random(network, rng)
    if not recipe.encoder_bias:
        network.encoder_bias[:] = 0
    if not recipe.decoder_bias:
        network.decoder_bias[:] = 0
    network.project()
    return network


def _optimizer(recipe: Recipe, network: Autoencoder) -> Optimizer:
    if recipe.optimizer == "adam":
        return Adam(network.parameters.size, momentum=recipe.momentum)
    return Sgd(network.parameters.size, momentum=recipe.momentum)


def _mean_of(examples: Examples, n_bins: int) -> Floats:
    total = np.zeros(n_bins)
    for x in examples.in_order(4096):
        total += x.sum(axis=0, dtype=np.float64)
    return (total / len(examples)).astype(np.float32)


def _trivial_error(examples: Examples, mean: Floats, n_rows: int) -> float:
    """The squared error, as the objective has it, of predicting `mean` for every spectrum."""
    objective, total = SquaredError(), 0.0
    for x in examples.in_order(n_rows):
        total += len(x) * objective.value_and_gradient(np.broadcast_to(mean, x.shape), x, out=np.empty_like(x))
    if total == 0:
        raise TrainingError("all training spectra are alike; there is nothing to learn; give audio that changes")
    return total / len(examples)


def _share(network: Autoencoder, examples: Examples, mean: Floats) -> float:
    """The loss over a split, as a share of its trivial error."""
    objective, total = SquaredError(), 0.0
    for x in examples.in_order(network.n_rows):
        output = network.forward(x)
        total += len(x) * objective.value_and_gradient(output, x, out=output)
    return total / len(examples) / _trivial_error(examples, mean, network.n_rows)


def _finish(layer: Layer, training: Split, preprocess: Chain) -> tuple[Layer, CodeStatistics]:
    """Units in the order of the variance they explain, on a scale of 1 where nothing else depends on it.

    The scale of a linear or rectified unit is free where the decoder's weight can undo it: its 99th percentile
    becomes 1.
    """
    x = training.read(0, _STATISTICS_SPECTRA)
    code = layer.encode(preprocess.apply(x))
    decoder = layer.encoder_weight.T if layer.decoder_weight is None else layer.decoder_weight
    explained = code.var(axis=0, dtype=np.float64) * np.square(decoder, dtype=np.float64).sum(axis=0)
    order = np.argsort(-explained, kind="stable")
    scale = np.ones(layer.n_hidden, np.float32)
    if layer.decoder_weight is not None and layer.encoder_activation in ("linear", "relu"):
        reach = np.percentile(np.abs(code), 99, axis=0).astype(np.float32)
        scale = np.where(reach > 0, 1 / np.maximum(reach, np.float32(1e-12)), np.float32(1))
    weight, bias = layer.encoder_weight * scale[:, None], layer.encoder_bias * scale
    ordered = Layer(
        encoder_weight=weight[order],
        encoder_bias=bias[order],
        decoder_weight=None if layer.decoder_weight is None else (decoder / scale)[:, order],
        decoder_bias=layer.decoder_bias,
        encoder_activation=layer.encoder_activation,
        decoder_activation=layer.decoder_activation,
    )
    code = (code * scale)[:, order]
    ranks = CodeStatistics.percentile_ranks
    statistics = CodeStatistics(
        mean=code.mean(axis=0, dtype=np.float64).astype(np.float32),
        std=code.std(axis=0, dtype=np.float64).astype(np.float32),
        percentiles=np.percentile(code, ranks, axis=0).astype(np.float32),
    )
    return ordered, statistics
