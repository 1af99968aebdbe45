"""One cell of a sweep: its recipe, its input, its outcome, and how a worker trains it.

`run_cell` runs on a worker and returns the files of the finished model. `sweep` and `cluster` decide which cells run,
when and where.
"""

from __future__ import annotations

import itertools
import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aedsp.errors import MissingExtraError
from aedsp.model.model import Model
from aedsp.train.data.batches import Spectra
from aedsp.train.data.corpus import Corpus, largest
from aedsp.train.data.sampling import SplitName
from aedsp.train.data.tracks import Track
from aedsp.train.report import report as reports
from aedsp.train.run.recipe import Recipe
from aedsp.train.run.stages import HISTORY_COLUMNS, EpochRecord, Stage
from aedsp.train.run.training import Result, train
from aedsp.train.sweep import baselines
from aedsp.version import __version__

MODEL, OUTCOME = "model.h5", "cell.json"
_CODE_ROWS = 1024
_COST_OF_A_REPORT = 1e11

Files = dict[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One training of a sweep.

    name : letters, digits, "_", "-" and "."; also the name of its folder
    parent : name of the cell whose model it starts from
    stacks : whether the layers of the parent stay fixed below the trained ones; otherwise all are trained further
    """

    name: str
    recipe: Recipe
    parent: str | None = None
    stacks: bool = False

    @property
    def cost(self) -> float:
        """Approximate amount of work, in arbitrary units."""
        recipe = self.recipe
        widths = [recipe.analysis().n_bins, *recipe.layer_units()]
        products = [a * b for a, b in itertools.pairwise(widths)]
        steps = sum(5 * n for n in products)
        if self.stacks:  # the layers below are only evaluated
            steps = sum(products[:-1]) + 5 * products[-1]
        return (steps + 60 * widths[0]) * recipe.training_spectra * recipe.epochs + _COST_OF_A_REPORT


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The outcome of a cell. Errors are squared, summed over bins, averaged over spectra, with the largest magnitude of
    the corpus scaled to 1.

    validation, test : error of the spectra
    adjusted : error of the stacked layer on the codes below it, times bins / width; its ratio to the trivial error; the
        error of the same number of principal components of those codes. None without a stacked layer
    epochs, best_epoch : of the last stage
    seconds : training time of all attempts, up to their last checkpoints
    diverged : why it stopped early; the best model is kept
    report, trouble : whether the model has a page, and if not, why
    """

    name: str
    validation: float
    test: float
    adjusted: tuple[float, float, float] | None = None
    epochs: int
    best_epoch: int
    seconds: float
    diverged: str = ""
    report: bool = False
    trouble: str = ""
    worker: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """The input of a cell.

    corpus, fingerprint : path and content digest of the corpus
    tracks : audio files for the clips of the report
    report : whether to write a report
    checkpoint : path of the checkpoint while the cell runs; not written if its folder does not exist, as on another
        machine
    """

    corpus: Path
    fingerprint: str
    tracks: tuple[Track, ...] = ()
    report: bool = True
    checkpoint: Path | None = None


def run_cell(
    cell: Cell,
    material: Material,
    parent: bytes | None,
    on_row: Callable[[Stage, EpochRecord], None],
    check: Callable[[], None],
) -> Files:
    """Train one cell, resuming from its checkpoint if there is one; return the files of the model by name.

    Parameters
    ----------
    parent : bytes, optional
        The model file to start from.
    on_row, check : callable
        Called after each epoch; called between batches, may raise.

    Raises
    ------
    AedspError
        Any error of the trainer.
    """
    began, trained_s = time.monotonic(), 0.0

    def count(stage: Stage, row: EpochRecord) -> None:
        nonlocal trained_s
        trained_s += row.seconds
        on_row(stage, row)

    checkpoint = material.checkpoint
    if checkpoint is not None and not checkpoint.parent.is_dir():
        checkpoint = None
    with tempfile.TemporaryDirectory(prefix="aedsp-cell-") as temporary, Corpus(material.corpus) as corpus:
        path = Path(temporary, MODEL)
        model = None if parent is None else _read_model(parent, path)
        result = train(
            cell.recipe, corpus, name=cell.name, start=None if cell.stacks else model,
            below=model if cell.stacks else None, checkpoint=checkpoint, on_batch=lambda progress: check(),
            on_row=count, check=check,
        )  # fmt: skip
        earlier_s = float(result.history[:, HISTORY_COLUMNS.index("seconds")].sum()) - trained_s
        result.model.save(path, weight_dtype=cell.recipe.weights)
        trouble = "not requested"
        if material.report:
            try:
                reports.write(path, result, corpus, material.tracks, cell.recipe.to_toml(), check)
                trouble = ""
            except (MissingExtraError, OSError) as error:
                trouble = f"{platform.node()}: {error}"
        maximum, splits = largest(corpus), corpus.splits
        errors = {
            name: baselines.error_of(result.model, splits[name].in_order(), maximum) if len(splits[name]) else np.nan
            for name in ("validation", "test")
        }
        outcome = Outcome(
            name=cell.name,
            validation=errors["validation"],
            test=errors["test"],
            adjusted=_adjusted(result, corpus) if cell.stacks and not _gave_up(result, model) else None,
            epochs=int(result.history[-1, HISTORY_COLUMNS.index("epoch")]),
            best_epoch=result.best_epoch,
            seconds=time.monotonic() - began + earlier_s,
            diverged=result.diverged,
            report=not trouble,
            trouble=trouble,
            worker=platform.node(),
        )
        files = {p.relative_to(temporary).as_posix(): p.read_bytes() for p in Path(temporary).rglob("*") if p.is_file()}
    about = {"outcome": asdict(outcome), "recipe": cell.recipe.to_dict(), "aedsp": __version__}
    return {**files, OUTCOME: json.dumps(about, indent=1).encode()}


def _gave_up(result: Result, below: Model | None) -> bool:
    """Whether the stacked layer diverged before it learned anything and was dropped."""
    return below is not None and len(result.model.layers) == len(below.layers)


def _read_model(content: bytes, path: Path) -> Model:
    path.write_bytes(content)
    return Model.load(path)


def _adjusted(result: Result, corpus: Corpus) -> tuple[float, float, float]:
    """Of the last layer: the adjusted error, its ratio to the trivial error, and the adjusted error of PCA."""
    columns = dict(zip(HISTORY_COLUMNS, result.history.T, strict=True))
    best = int(np.nanargmin(columns["validation_loss"]))
    model, *below = result.model, *result.model.layers[:-1]

    def codes(name: SplitName) -> Any:
        examples = Spectra(corpus.splits[name], model.preprocess, model.front_end.n_bins)
        for batch in examples.in_order(_CODE_ROWS):
            code = batch.x
            for layer in below:
                code = layer.encode(code)
            yield code

    components = baselines.Components(codes("training"), model.layers[-1].n_visible)
    adjusts = model.front_end.n_bins / model.layers[-1].n_visible
    left = components.errors(codes("validation"))[min(model.n_code, model.layers[-1].n_visible)]
    return float(columns["validation_error"][best]), float(columns["validation_loss"][best]), float(left * adjusts)
