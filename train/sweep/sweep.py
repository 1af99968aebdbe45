"""A sweep: many trainings on one corpus, on all available cores or machines.

`Store` keeps the files of finished cells, so that no cell runs twice for the same recipe and corpus; `Sweep` schedules
the cells. `cell` defines a cell; `cluster` sends cells to the workers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from aedsp.atomic import only_one
from aedsp.errors import TrainingError
from aedsp.train.run.recipe import NEW_OPTIONS, OLD_NAMES
from aedsp.train.sweep.cell import MODEL, OUTCOME, Cell, Files, Material, Outcome

FORMAT_VERSION = 1
_FIRST = 1e18  # larger than any cost

State = Literal["waiting", "queued", "running", "done", "known", "failed", "impossible"]


_ALWAYS = object()


def keys_of(cells: Sequence[Cell], fingerprint: str) -> dict[str, str]:
    """By name, a digest of all that the result of a cell depends on: its recipe, the corpus, its parent.

    The recipe counts under the first edition's option names and without newer options that are not set, so that
    finished cells survive a renaming or a new option.
    """
    first_edition = {new: old for old, new in OLD_NAMES.items()}
    keys: dict[str, str] = {}
    for cell in cells:
        parent = None if cell.parent is None else keys[cell.parent]
        options = cell.recipe.to_dict().items()
        kept = {name: value for name, value in options if NEW_OPTIONS.get(name, _ALWAYS) != value}
        recipe = {first_edition.get(name, name): value for name, value in kept.items()}
        text = json.dumps([FORMAT_VERSION, recipe, fingerprint, parent, cell.stacks], sort_keys=True)
        keys[cell.name] = hashlib.sha256(text.encode()).hexdigest()
    return keys


class Store:
    """The cells of a results folder: a folder `cells/NAME-KEY` for each finished one, in an atomic write, and a
    checkpoint `checkpoints/NAME-KEY.h5` for each running one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._checkpoints = folder / "cells", folder.absolute() / "checkpoints"
        for each in (self.folder, self._checkpoints):
            each.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(".unfinished-*"):  # left by a killed run
            shutil.rmtree(left, ignore_errors=True)

    def path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}-{key[:12]}"

    def checkpoint(self, name: str, key: str) -> Path:
        """The checkpoint path of a running cell; absolute, since a worker may run in another directory."""
        return self._checkpoints / f"{name}-{key[:12]}.h5"

    def outcome(self, name: str, key: str) -> Outcome | None:
        """The outcome of a cell; None if it has not run, or its folder is damaged."""
        try:
            about = json.loads((self.path(name, key) / OUTCOME).read_text(encoding="utf-8"))
            outcome = Outcome(**about["outcome"])
            return outcome if about["key"] == key and (self.path(name, key) / MODEL).is_file() else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def model(self, name: str, key: str) -> bytes:
        """The model file of a cell."""
        return (self.path(name, key) / MODEL).read_bytes()

    def put(self, name: str, key: str, files: Mapping[str, bytes]) -> Outcome:
        """Store the files of a finished cell and delete its checkpoint.

        Raises
        ------
        ValueError
            Invalid cell files.
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
            shutil.rmtree(self.path(name, key), ignore_errors=True)  # if damaged
            unfinished.chmod(0o755)
            unfinished.rename(self.path(name, key))
            self.checkpoint(name, key).unlink(missing_ok=True)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return outcome


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock a results folder against other sweeps, if the system supports it.

    Raises
    ------
    TrainingError
        Another sweep is writing to it.
    """
    with only_one(folder / ".lock") as alone_here:
        if not alone_here:
            raise TrainingError(f"{folder} is being written by another run; wait for it, or give another folder")
        yield


class Hopeless(Exception):
    """The error of a cell that must not be tried again."""


class Workers(Protocol):
    """Runs cells: `cluster.Cluster`, or a test double."""

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None: ...

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]: ...

    def stop(self) -> list[tuple[str, Files | Exception]]: ...


@dataclass
class Sweep:
    """The cells of a sweep and their states.

    cells : each parent before the cells that start from it
    attempts : number of failures after which a cell is given up
    known : outcomes of another run, by key; these cells run only if a cell that has to run starts from them
    states, outcomes, troubles : by name; outcomes of finished cells, errors of failed ones
    """

    cells: Sequence[Cell]
    material: Material
    store: Store
    attempts: int = 2
    known: Mapping[str, Outcome] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.cells:
            if not re.fullmatch(r"[\w.-]+", cell.name):
                raise ValueError(f"cell is named {cell.name!r}; expected letters, digits, '_', '-' and '.'")
        self.keys = keys_of(self.cells, self.material.fingerprint)
        parents: set[str] = set()
        found = {cell.name: self._begin(cell, parents) for cell in reversed(self.cells)}
        self.states = {cell.name: found[cell.name] for cell in self.cells}
        self._tries = dict.fromkeys(self.states, 0)

    def _begin(self, cell: Cell, parents: set[str]) -> State:
        """The initial state of a cell. parents: names of the parents of cells that have to run; extended here."""
        key = self.keys[cell.name]
        outcome = self.store.outcome(cell.name, key)
        if outcome is not None:
            self.outcomes[cell.name] = outcome
            return "done"
        if key in self.known and cell.name not in parents:
            self.outcomes[cell.name] = self.known[key]
            return "known"
        if cell.parent is not None:
            parents.add(cell.parent)
        return "waiting"

    def path(self, name: str) -> Path:
        """The folder of the files of a cell; does not exist if its outcome is known from another run."""
        return self.store.path(name, self.keys[name])

    @property
    def open(self) -> list[Cell]:
        """The cells that are not finished and have not failed."""
        return [cell for cell in self.cells if self.states[cell.name] in ("waiting", "queued", "running")]

    def run(self, workers: Workers, on_change: Callable[[], None], until: Callable[[], bool]) -> None:
        """Submit open cells and store their results until none is left or `until()` is true.

        Parameters
        ----------
        on_change : callable
            Called after each poll of the workers, a few times a second; may raise KeyboardInterrupt.
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
        """Mark a cell as running, when its worker reports that it has started."""
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
            # parents first, then cells with a parent, so that branches finish; then the cheapest
            rank = 2 if cell.name in parents else 1 if cell.parent else 0
            checkpoint = self.store.checkpoint(cell.name, self.keys[cell.name])
            material = dataclasses.replace(self.material, checkpoint=checkpoint)
            workers.submit(cell.name, cell, material, content, rank * _FIRST - cell.cost)
            self.states[cell.name] = "queued"

    def _take_all(self, results: Sequence[tuple[str, Files | Exception]]) -> None:
        """Store the results; an OSError such as a full disk is raised after all of them have been tried."""
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
        if isinstance(found, TrainingError):  # the checkpoint may be the cause
            self.store.checkpoint(name, self.keys[name]).unlink(missing_ok=True)
        self._tries[name] = self.attempts if isinstance(found, Hopeless) else self._tries[name] + 1
        self.troubles[name] = str(found)
        self.states[name] = "failed" if self._tries[name] >= self.attempts else "waiting"
