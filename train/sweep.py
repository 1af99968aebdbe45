"""A sweep: trainings that share one corpus, on as many cores or machines as there are.

A `Cell` is one training; `run_cell` is what a worker does, from a recipe to the files of a model; `Store` keeps the
files of finished cells, so that no cell runs twice for the same recipe and corpus; `Sweep` hands cells out. How they
reach the workers is the matter of `cluster`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

import aedsp
from aedsp import model_file
from aedsp.errors import MissingExtraError, TrainingError
from aedsp.model import Model
from aedsp.train import baselines
from aedsp.train import corpus as corpora
from aedsp.train import report as reports
from aedsp.train.corpus import Corpus
from aedsp.train.examples import Examples
from aedsp.train.recipe import Recipe
from aedsp.train.stages import HISTORY_COLUMNS, Row, Stage
from aedsp.train.tracks import Track
from aedsp.train.training import Result, train

FORMAT_VERSION = 1
MODEL, OUTCOME = "model.h5", "cell.json"
_CODE_ROWS = 1024
_FIRST = 1e18  # more than any cost
_COST_OF_A_REPORT = 1e11

State = Literal["waiting", "queued", "running", "done", "failed", "impossible"]
Files = dict[str, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One training of a sweep.

    name : letters, digits, "_", "-" and "."; its folder
    parent : name of the cell whose model it starts from
    stacks : the parent's layers stay as they are, below those that are trained; else all of them are trained on
    """

    name: str
    recipe: Recipe
    parent: str | None = None
    stacks: bool = False

    @property
    def cost(self) -> float:
        """About how much work it is, of an arbitrary unit."""
        recipe = self.recipe
        widths = [recipe.analysis().n_bins, *recipe.layer_units()]
        products = [a * b for a, b in itertools.pairwise(widths)]
        steps = sum(5 * n for n in products)
        if self.stacks:  # the layers below are read, not trained
            steps = sum(products[:-1]) + 5 * products[-1]
        return (steps + 60 * widths[0]) * recipe.training_spectra * recipe.epochs + _COST_OF_A_REPORT


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a cell. Errors are squared, summed over bins, averaged over spectra; the corpus's largest magnitude
    counts as 1.

    validation, test : of the spectra
    adjusted : of the stacked layer on the codes below it, times bins / width, with its share of the trivial error and
        that of as many principal components of those codes; None where nothing was stacked
    epochs, best_epoch : of the last stage
    diverged : why it stopped early; its best model is kept
    report, trouble : whether its model has a page, and why not
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
    """What every cell of a sweep is given: the corpus by path and fingerprint, tracks to hear, whether to report."""

    corpus: Path
    fingerprint: str
    tracks: tuple[Track, ...] = ()
    report: bool = True


def run_cell(
    cell: Cell,
    material: Material,
    parent: bytes | None,
    on_row: Callable[[Stage, Row], None],
    check: Callable[[], None],
) -> Files:
    """Train one cell: the files of its model, by name.

    Parameters
    ----------
    parent : bytes, optional
        The model file that it starts from.
    on_row, check : callable
        After each epoch; between batches, where it may raise.

    Raises
    ------
    AedspError
        What the trainer refuses.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aedsp-cell-") as temporary, Corpus(material.corpus) as corpus:
        path = Path(temporary, MODEL)
        model = None if parent is None else _read_model(parent, path)
        result = train(
            cell.recipe, corpus, name=cell.name, start=None if cell.stacks else model,
            below=model if cell.stacks else None, on_batch=lambda moment: check(), on_row=on_row, check=check,
        )  # fmt: skip
        model_file.save(result.model, path, weight_dtype=cell.recipe.weights)
        trouble = "not asked for"
        if material.report:
            try:
                reports.write(path, result, corpus, material.tracks, cell.recipe.to_toml(), check)
                trouble = ""
            except (MissingExtraError, OSError) as error:
                trouble = f"{platform.node()}: {error}"
        maximum, splits = corpora.largest(corpus), corpus.splits
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
            seconds=time.monotonic() - began,
            diverged=result.diverged,
            report=not trouble,
            trouble=trouble,
            worker=platform.node(),
        )
        files = {p.relative_to(temporary).as_posix(): p.read_bytes() for p in Path(temporary).rglob("*") if p.is_file()}
    about = {"outcome": asdict(outcome), "recipe": cell.recipe.to_dict(), "aedsp": aedsp.__version__}
    return {**files, OUTCOME: json.dumps(about, indent=1).encode()}


def _gave_up(result: Result, below: Model | None) -> bool:
    """Whether the stacked layer diverged before it had learnt anything, and was left out."""
    return below is not None and len(result.model.layers) == len(below.layers)


def _read_model(content: bytes, path: Path) -> Model:
    path.write_bytes(content)
    return model_file.load(path)


def _adjusted(result: Result, corpus: Corpus) -> tuple[float, float, float]:
    """Of the last layer: its adjusted error, as a share of the trivial error, and the adjusted one of its PCA."""
    columns = dict(zip(HISTORY_COLUMNS, result.history.T, strict=True))
    best = int(np.nanargmin(columns["validation_loss"]))
    model, *below = result.model, *result.model.layers[:-1]

    def codes(name: corpora.SplitName) -> Any:
        examples = Examples(corpus.splits[name], model.preprocess, model.front_end.n_bins)
        for batch in examples.in_order(_CODE_ROWS):
            code = batch.x
            for layer in below:
                code = layer.encode(code)
            yield code

    components = baselines.Components(codes("training"), model.layers[-1].n_visible)
    adjusts = model.front_end.n_bins / model.layers[-1].n_visible
    left = components.errors(codes("validation"))[min(model.n_code, model.layers[-1].n_visible)]
    return float(columns["validation_error"][best]), float(columns["validation_loss"][best]), float(left * adjusts)


def keys_of(cells: Sequence[Cell], fingerprint: str) -> dict[str, str]:
    """By name, a digest of all that a cell's result depends on: its recipe, the corpus, its parent."""
    keys: dict[str, str] = {}
    for cell in cells:
        parent = None if cell.parent is None else keys[cell.parent]
        text = json.dumps([FORMAT_VERSION, cell.recipe.to_dict(), fingerprint, parent, cell.stacks], sort_keys=True)
        keys[cell.name] = hashlib.sha256(text.encode()).hexdigest()
    return keys


class Store:
    """The finished cells of a results folder, each a folder `cells/NAME-KEY` that appears whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cells"
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(".unfinished-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)

    def path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{key[:12]}"

    def outcome(self, name: str, key: str) -> Outcome | None:
        """What came of a cell; None where it has not been run, or its folder is damaged."""
        try:
            about = json.loads((self.path(name, key) / OUTCOME).read_text(encoding="utf-8"))
            outcome = Outcome(**about["outcome"])
            return outcome if about["key"] == key and (self.path(name, key) / MODEL).is_file() else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def model(self, name: str, key: str) -> bytes:
        """Its model file."""
        return (self.path(name, key) / MODEL).read_bytes()

    def put(self, name: str, key: str, files: Mapping[str, bytes]) -> Outcome:
        """Keep what a cell made.

        Raises
        ------
        ValueError
            The files are not those of a cell.
        OSError
            The disk is full, or the folder cannot be written.
        """
        about = {"key": key, **json.loads(files[OUTCOME])}
        outcome = Outcome(**about["outcome"])
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder))
        try:
            for file, content in files.items():
                target = unfinished / file
                if ".." in target.parts or not target.resolve().is_relative_to(unfinished.resolve()):
                    raise ValueError(f"a worker sent a file {file!r}; expected a name inside the cell's folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(json.dumps(about, indent=1).encode() if file == OUTCOME else content)
            shutil.rmtree(self.path(name, key), ignore_errors=True)  # where it is damaged
            unfinished.chmod(0o755)
            unfinished.rename(self.path(name, key))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return outcome


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other sweeps out of a results folder, where the system can.

    Raises
    ------
    TrainingError
        Another one is at work there.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainingError(
                f"{folder} is being written by another run; wait for it, or give another folder"
            ) from None
        yield


class Hopeless(Exception):
    """A cell that is not to be tried again."""


class Workers(Protocol):
    """Who runs cells: `cluster.Cluster`, or a test's stand-in."""

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None: ...

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]: ...

    def stop(self) -> list[tuple[str, Files | Exception]]: ...


@dataclass
class Sweep:
    """The cells of a sweep and where each of them is.

    cells : a parent before those that start from it
    attempts : how often a cell may fail
    states, outcomes, troubles : by name; outcomes of what is done, troubles of what failed
    """

    cells: Sequence[Cell]
    material: Material
    store: Store
    attempts: int = 2
    states: dict[str, State] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.cells:
            if not re.fullmatch(r"[\w.-]+", cell.name):
                raise ValueError(f"cell is named {cell.name!r}; expected letters, digits, '_', '-' and '.'")
        self.keys = keys_of(self.cells, self.material.fingerprint)
        for cell in self.cells:
            outcome = self.store.outcome(cell.name, self.keys[cell.name])
            self.states[cell.name] = "waiting" if outcome is None else "done"
            if outcome is not None:
                self.outcomes[cell.name] = outcome
        self._tries = dict.fromkeys(self.states, 0)

    def path(self, name: str) -> Path:
        """The folder of a cell's files."""
        return self.store.path(name, self.keys[name])

    @property
    def open(self) -> list[Cell]:
        """The cells that may still come to something."""
        return [cell for cell in self.cells if self.states[cell.name] in ("waiting", "queued", "running")]

    def run(self, workers: Workers, on_change: Callable[[], None], until: Callable[[], bool]) -> None:
        """Hand out what is open, and keep what comes back, until nothing is left or `until()` is true.

        Parameters
        ----------
        on_change : callable
            After each look at the workers, some times a second; may raise KeyboardInterrupt.
        """
        try:
            while self.open and not until():
                self._hand_out(workers)
                self._take_all(workers.finished(0.5))
                on_change()
        finally:
            ended = workers.stop()
            for name, state in self.states.items():
                self.states[name] = "waiting" if state in ("queued", "running") else state
            self._take_all(ended)

    def started(self, name: str) -> None:
        """A worker says that it has begun."""
        if self.states.get(name) == "queued":
            self.states[name] = "running"

    def _hand_out(self, workers: Workers) -> None:
        parents = {cell.parent for cell in self.open}
        for cell in self.cells:
            if self.states[cell.name] != "waiting":
                continue
            content = None
            if cell.parent is not None:
                if self.states[cell.parent] in ("failed", "impossible"):
                    self.states[cell.name] = "impossible"
                    self.troubles[cell.name] = f"needs the model of {cell.parent}, which failed"
                    continue
                if self.states[cell.parent] != "done":
                    continue
                content = self.store.model(cell.parent, self.keys[cell.parent])
            # what others wait for, then what stands on others, so that branches come to their end; then what is quick
            rank = 2 if cell.name in parents else 1 if cell.parent else 0
            workers.submit(cell.name, cell, self.material, content, rank * _FIRST - cell.cost)
            self.states[cell.name] = "queued"

    def _take_all(self, results: Sequence[tuple[str, Files | Exception]]) -> None:
        """Keep what came back; a full disk is raised when the rest has been tried."""
        full: OSError | None = None
        for name, found in results:
            try:
                self._take(name, found)
            except OSError as error:
                full, self.states[name] = error, "waiting"
        if full is not None:
            raise full

    def _take(self, name: str, found: Files | Exception) -> None:
        if not isinstance(found, Exception):
            try:
                self.outcomes[name] = self.store.put(name, self.keys[name], found)
            except (ValueError, TypeError, KeyError) as error:
                found = TrainingError(f"the worker sent no cell of this version ({error})")
            else:
                self.states[name] = "done"
                return
        self._tries[name] = self.attempts if isinstance(found, Hopeless) else self._tries[name] + 1
        self.troubles[name] = str(found)
        self.states[name] = "failed" if self._tries[name] >= self.attempts else "waiting"
