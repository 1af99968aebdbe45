"""Training stages: each layer separately, all layers together, and classes last; and the training of one stage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from aedsp.arrays import Floats
from aedsp.errors import DivergedError, TrainingError
from aedsp.model.preprocess import Chain
from aedsp.train.data.batches import ROWS, Batch, Spectra, mean_of
from aedsp.train.network.network import Autoencoder
from aedsp.train.network.objectives import (
    AfterInverse,
    CrossEntropy,
    Objective,
    SquaredError,
    Sum,
    require_unit_range,
)
from aedsp.train.network.optimizers import Adam, Optimizer, Sgd
from aedsp.train.run.recipe import Recipe

_DIVERGENCE_EPOCHS, _DIVERGED = 3, 3.0  # epochs; times the best loss
#: A loss that is above the best by this factor for this many epochs does not come back in time.
_STALLED_EPOCHS, _STALLED = 5, 1.02


class EpochRecord(NamedTuple):
    """A row of the history. Losses are relative to the trivial error, and include the class entropy in the class stage;
    epoch 0 is before the first step of the stage.

    validation_error is the objective itself: squared error summed over the bins, averaged over the spectra; for a layer
    above the first it is adjusted as in Table 2 of the paper, times bins / width.
    """

    stage: float
    epoch: float
    training_loss: float
    validation_loss: float
    validation_error: float
    learning_rate: float
    seconds: float


#: Columns of the history in a model file.
HISTORY_COLUMNS = EpochRecord._fields


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: trains layers `first` to `stop` of the stack, on the codes of the layers below."""

    name: str
    first: int
    stop: int
    epochs: int
    classes: bool = False


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The progress of a run: `batch` of `n_batches` done in `epoch` (from 1) of `n_epochs` of a stage, and its loss."""

    stage: Stage
    epoch: int
    n_epochs: int
    batch: int
    n_batches: int
    loss: float


def stages_of(recipe: Recipe) -> tuple[Stage, ...]:
    """The stages of a recipe, in order."""
    n = len(recipe.hidden)
    stages = []
    if n == 1:
        stages.append(Stage("training", 0, 1, recipe.epochs))
    elif recipe.pretraining:
        stages += [Stage(f"layer {i}", i, i + 1, recipe.epochs) for i in range(n)]
    if n > 1 and recipe.fine_tuning:
        epochs = recipe.epochs if recipe.fine_tuning_epochs is None else recipe.fine_tuning_epochs
        stages.append(Stage("all layers", 0, n, epochs))
    if not stages:
        raise TrainingError("pretraining and fine_tuning are both off; turn at least one of them on")
    if recipe.classes:
        stages.append(Stage("classes", 0, n, recipe.class_epochs, classes=True))
    return tuple(stages)


class StageRun:
    """The training of one stage: updates, validation, and the best parameters so far.

    Parameters
    ----------
    recipe : Recipe
    stage : Stage
    index : int
        Index of the stage in the run.
    network : Autoencoder
    training, validation : Spectra
    objective : StageObjective
    adjusts : float
        Factor of the reported error.
    """

    def __init__(
        self,
        recipe: Recipe,
        stage: Stage,
        index: int,
        network: Autoencoder,
        training: Spectra,
        validation: Spectra,
        objective: StageObjective,
        adjusts: float,
    ) -> None:
        self._recipe, self.stage, self._index, self.network = recipe, stage, index, network
        self._training, self._validation = training, validation
        self.objective, self._adjusts = objective, adjusts
        self._trivial = objective.trivial(training)
        self._class_weight = recipe.class_weight * self._trivial if stage.classes else 0.0
        self._trivial_validation = objective.trivial(validation)
        make = Adam if recipe.optimizer == "adam" else Sgd
        self._optimizer: Optimizer = make(network.gradient, kernels=network.kernels)
        self._rng = np.random.default_rng([recipe.seed, 1, index])
        self._n_batches = -(-len(training) // recipe.batch_size)
        self._error = np.zeros((network.n_rows, network.n_output), np.float32)
        self.rows: list[EpochRecord] = []
        self.best_parameters = network.parameters.copy()
        self.best_loss, self.best_epoch = math.inf, 0
        #: Whether the stage stopped because its validation loss rose.
        self.stalled = False
        self._rate_factor, self._epochs_since_fall = 1.0, 0

    def run(
        self,
        on_batch: Callable[[BatchProgress], None],
        on_row: Callable[[Stage, EpochRecord], None],
        on_epoch: Callable[[StageRun], None],
    ) -> None:
        """Train the remaining epochs; `on_epoch` is called after each, when `state` is complete."""
        if not self.rows:
            self._validate(0, math.nan, 0.0)
            on_row(self.stage, self.rows[-1])
        for epoch in range(len(self.rows), self.stage.epochs + 1):
            if self._should_stop_early():
                return
            if self.has_stalled():
                self.stalled = True
                return
            started = time.monotonic()
            with np.errstate(over="ignore", invalid="ignore"):  # divergence is detected below
                batches = self._training.shuffled(self._recipe.batch_size, self._rng)
                losses = [self._step(batch, epoch, i, on_batch) for i, batch in enumerate(batches)]
            self._validate(epoch, float(np.mean(losses)) / self._trivial, time.monotonic() - started)
            on_epoch(self)
            on_row(self.stage, self.rows[-1])

    def state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """All that the remaining epochs depend on: numbers, and arrays."""
        about = {
            "rows": self.rows,
            "best": [self.best_loss if math.isfinite(self.best_loss) else None, self.best_epoch],
            "rate": [self._rate_factor, self._epochs_since_fall],
            "random": self._rng.bit_generator.state,
        }
        arrays = {"parameters": self.network.parameters, "best_parameters": self.best_parameters}
        return about, arrays | {f"optimizer_{name}": array for name, array in self._optimizer.state().items()}

    def restore(self, about: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
        """Resume from what `state` returned."""
        self.rows = [EpochRecord(*(math.nan if value is None else value for value in row)) for row in about["rows"]]
        loss, self.best_epoch = about["best"]
        self.best_loss = math.inf if loss is None else loss
        self._rate_factor, self._epochs_since_fall = about["rate"]
        self._rng.bit_generator.state = about["random"]
        self.network.parameters[:], self.best_parameters[:] = arrays["parameters"], arrays["best_parameters"]
        self._optimizer.restore({name: arrays[f"optimizer_{name}"] for name in self._optimizer.state()})

    def finish(self) -> None:
        """Restore the best parameters."""
        self.network.parameters[:] = self.best_parameters

    def _step(self, batch: Batch, epoch: int, index: int, on_batch: Callable[[BatchProgress], None]) -> float:
        rate, momentum = self._learning_rate(epoch, index), self._momentum(epoch, index)
        keep, scale = self._optimizer.factors(rate, momentum)
        loss = self.network.loss_and_gradient(batch, self.objective.loss, self._rng, self._class_weight, keep, scale)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is no longer finite in {self.stage.name}, epoch {epoch}, batch {index + 1}, at learning "
                f"rate {rate:g}; use a smaller learning_rate or momentum"
            )
        self._optimizer.step(self.network.parameters, rate, momentum)
        self.network.project()
        on_batch(BatchProgress(self.stage, epoch, self.stage.epochs, index + 1, self._n_batches, loss / self._trivial))
        return loss

    def _learning_rate(self, epoch: int, index: int) -> float:
        """Linear from the first step to the last, times the reductions on plateaus."""
        first, last = self._recipe.learning_rate, self._recipe.final_learning_rate
        if last is None:
            return first * self._rate_factor
        n_steps = self.stage.epochs * self._n_batches
        done = min(1.0, ((epoch - 1) * self._n_batches + index) / max(1, n_steps - 1))
        return (first + (last - first) * done) * self._rate_factor

    def _momentum(self, epoch: int, index: int) -> float:
        first, last = self._recipe.momentum, self._recipe.final_momentum
        if last is None:
            return first
        done = min(1.0, (epoch - 1 + index / self._n_batches) / self._recipe.momentum_epochs)
        return first + (last - first) * done

    def _validate(self, epoch: int, training_loss: float, seconds: float) -> None:
        error = self._error_of(self._validation)
        loss = error / self._trivial_validation
        rate = self._learning_rate(max(epoch, 1), self._n_batches - 1 if epoch else 0)
        self.rows.append(EpochRecord(self._index, epoch, training_loss, loss, error * self._adjusts, rate, seconds))
        if not math.isfinite(loss):
            raise DivergedError(
                f"the validation loss is no longer finite in {self.stage.name} after epoch {epoch}, at learning "
                f"rate {rate:g}; use a smaller learning_rate or momentum"
            )
        self._require_descent(epoch, loss, rate)
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_parameters[:] = self.network.parameters
            self._epochs_since_fall = 0
        elif self._recipe.plateau_epochs:
            self._epochs_since_fall += 1
            if self._epochs_since_fall >= self._recipe.plateau_epochs:
                self._rate_factor *= self._recipe.plateau_factor
                self._epochs_since_fall = 0

    def _require_descent(self, epoch: int, loss: float, rate: float) -> None:
        """Stop if the loss has been above the trivial error, and far above the best, for several epochs."""
        last = [row.validation_loss for row in self.rows[-_DIVERGENCE_EPOCHS:]]
        if len(last) == _DIVERGENCE_EPOCHS and min(last) > max(1.0, _DIVERGED * self.best_loss):
            raise DivergedError(
                f"the loss diverges in {self.stage.name}: after epoch {epoch} it is {loss:.3g} of the trivial error, "
                f"{loss / self.best_loss:.3g} times the best, at learning rate {rate:g}; use a smaller learning_rate"
            )

    def _should_stop_early(self) -> bool:
        """Whether the best loss fell by less than `early_stopping_decrease` in the early-stopping window."""
        n = self._recipe.early_stopping_epochs
        losses = [row.validation_loss for row in self.rows]
        if not n or len(losses) <= n:
            return False
        return min(losses[-n:]) > (1 - self._recipe.early_stopping_decrease) * min(losses[:-n])

    def has_stalled(self) -> bool:
        """Whether, without an early-stopping window, the loss has been above the best for several epochs, clearly."""
        last = [row.validation_loss for row in self.rows[-_STALLED_EPOCHS:]]
        over = len(self.rows) - 1 - self.best_epoch >= _STALLED_EPOCHS
        recipe = self._recipe  # with SGD, as in the paper, a loss may come back
        watched = recipe.optimizer == "adam" and not recipe.early_stopping_epochs
        return watched and over and min(last) > _STALLED * self.best_loss

    def _error_of(self, spectra: Spectra) -> float:
        """The objective over a split, plus the weighted class entropy."""
        total = 0.0
        for batch in spectra.in_order(self.network.n_rows):
            output, activation = self.network.forward(batch.x), self.network.plans[0].decoder_activation
            error = self._error[: len(batch)]
            total += len(batch) * self.objective.loss.value_and_error(output, batch, activation, error=error)
            if self._class_weight:
                total += len(batch) * self._class_weight * self.network.class_entropy(batch)
        return total / len(spectra)


def loss_of(network: Autoencoder, objective: StageObjective, spectra: Spectra) -> float:
    """The objective of a network over a split, relative to the trivial error."""
    error, total = np.zeros((network.n_rows, network.n_output), np.float32), 0.0
    for batch in spectra.in_order(network.n_rows):
        output, activation = network.forward(batch.x), network.plans[0].decoder_activation
        total += len(batch) * objective.loss.value_and_error(output, batch, activation, error=error[: len(batch)])
    return total / len(spectra) / objective.trivial(spectra)


class StageObjective:
    """The objective of a stage, and its trivial error: that of predicting the training mean for every spectrum.

    The magnitude loss is scaled so that both trivial errors are equal on the training spectra.

    Raises
    ------
    TrainingError
        Cross entropy of values outside [0, 1], or identical spectra.
    """

    def __init__(self, recipe: Recipe, stage: Stage, preprocess: Chain, training: Spectra, kernels: Any) -> None:
        entropy = recipe.objective == "cross_entropy"
        if entropy:
            for batch in training.in_order(ROWS):
                _require_unit_range(batch, stage, recipe)
        self._mean, self._mean_magnitudes = mean_of(training)
        self._own: Objective = CrossEntropy(kernels) if entropy else SquaredError(kernels)
        self._weights = (recipe.preprocessed_loss, recipe.magnitude_loss) if stage.first == 0 else (1.0, 0.0)
        self._scale = 1.0
        own, of_magnitudes = self._trivial_parts(training)
        if own == 0 or (self._weights[1] and of_magnitudes == 0):
            raise TrainingError("all training spectra are identical; give audio that changes")
        self._scale = own / of_magnitudes if self._weights[1] else 1.0
        parts: list[tuple[float, Objective]] = [(self._weights[0], self._own)]
        if self._weights[1]:
            parts.append((self._weights[1], AfterInverse(self._own, preprocess, self._scale, kernels)))
        parts = [(weight, objective) for weight, objective in parts if weight]
        self.loss: Objective = self._own if parts == [(1.0, self._own)] else Sum(*parts)

    def trivial(self, spectra: Spectra) -> float:
        """The objective of predicting the training mean for every spectrum of a split; above 0."""
        own, of_magnitudes = self._trivial_parts(spectra)
        total = self._weights[0] * own + self._weights[1] * self._scale * of_magnitudes
        return total if total > 0 else 1.0

    def _trivial_parts(self, spectra: Spectra) -> tuple[float, float]:
        own = of_magnitudes = 0.0
        for batch in spectra.in_order(ROWS):
            own += self._of_mean(batch.wanted, self._mean)
            if batch.magnitudes is not None and self._mean_magnitudes is not None:
                of_magnitudes += self._of_mean(batch.magnitudes, self._mean_magnitudes)
        return own / len(spectra), of_magnitudes / len(spectra)

    def _of_mean(self, wanted: Floats, mean: Floats) -> float:
        """The objective of predicting the mean, times the number of spectra."""
        if isinstance(self._own, SquaredError):
            return float(np.square(wanted - mean).sum(dtype=np.float64))
        output = np.ascontiguousarray(np.broadcast_to(mean, wanted.shape))
        value = self._own.value_and_error(output, Batch(wanted), "linear", error=np.empty_like(output))
        return len(wanted) * value


def _require_unit_range(batch: Batch, stage: Stage, recipe: Recipe) -> None:
    """Reject values for which the objective is undefined, if its weight is not 0."""
    if stage.first:
        require_unit_range(batch.wanted, "codes of the layer below")
        return
    if recipe.preprocessed_loss:
        require_unit_range(batch.wanted, "spectra")
    if batch.magnitudes is not None:
        require_unit_range(batch.magnitudes, "magnitudes")
