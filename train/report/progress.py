"""Console output of the training command: lines on standard output, progress bars on a terminal.

The bars need rich and a terminal; without either, only the lines are printed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from aedsp.train.data.build import Gathered
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.sampling import SPLITS
from aedsp.train.run.recipe import Recipe
from aedsp.train.run.stages import BatchProgress, EpochRecord, Stage


def terminal(stream: TextIO) -> Any:
    """A rich console on a stream; None if the stream is not a terminal or rich is not installed."""
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream)


class Screen:
    """Prints lines and shows at most one bar at a time, on standard error; a context manager."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None
        self._bar = ""

    def __enter__(self) -> Screen:
        console = terminal(sys.stderr)
        if console is not None:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
                console=console,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def line(self, text: str) -> None:
        """Print a permanent line."""
        print(text, flush=True)

    def gathered(self, path: Path, found: Gathered) -> None:
        """Print which files the corpus holds, and which were skipped."""
        if found.reused:
            self.line(f"reusing the spectra in {path}: same files, same options")
        else:
            anew = "; replaces a corpus of other files or options" if found.replaced else ""
            self.line(
                f"{path}: {path.stat().st_size / 1e6:.0f} MB of spectra, kept for the next run; may be deleted{anew}"
            )
        for line in found.left_out:
            self.line(f"skipped: {line}")
        for line in found.not_read:
            self.line(f"not read: {line}")

    def counts(self, corpus: Corpus, recipe: Recipe, too_few: bool = False) -> None:
        """Print the number of spectra in each split. too_few: files, to hold out whole ones."""
        counts = {name: len(split) for name, split in corpus.splits.items()}
        text = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
        how = "by file" if corpus.split_by == "file" else "by spectrum"
        self.line(f"{len(corpus.tracks)} files, spectra: {text}, split {how}")
        if too_few:
            self.line(
                f"split by spectrum: {len(corpus.tracks)} files are too few to hold out whole ones; the losses are "
                "those of spectra from the same files (--split file for other files)"
            )
        elif corpus.split_by != recipe.split:
            self.line("split by spectrum: a split by file leaves less than half of the spectra for training")
        if sum(counts.values()) < recipe.draw().n_spectra:
            self.line(f"fewer than the {recipe.draw().n_spectra:,} spectra of the recipe: the files hold no more")
        if recipe.classes:
            self.line(f"classes: {', '.join(corpus.class_names)}")

    def files(self, done: int, total: int) -> None:
        """Progress of scanning the files."""
        self._show("files", done, total, f"{done:,} of {total:,} files")

    def spectra(self, done: int, total: int) -> None:
        """Progress of the corpus."""
        self._show("corpus", done, total, f"{done:,} of {total:,} spectra")

    def preparing(self) -> None:
        """Between the corpus and the first epoch: preprocessing and initial weights are fitted to the spectra."""
        self._show("preparing", 0, None, "")

    def batch(self, progress: BatchProgress) -> None:
        """Progress of the training."""
        done = (progress.epoch - 1) * progress.n_batches + progress.batch
        note = f"epoch {progress.epoch} of {progress.n_epochs}, loss {progress.loss:.4f}"
        self._show(progress.stage.name, done, progress.n_epochs * progress.n_batches, note)

    def row(self, stage: Stage, row: EpochRecord) -> None:
        """Print one line for a row of the history."""
        text = f"{stage.name}, epoch {row.epoch:.0f} of {stage.epochs}: "
        if row.epoch == 0:
            text = f"{stage.name}, before the first step: "
        elif not math.isnan(row.training_loss):
            text += f"training loss {row.training_loss:.4f}, "
        text += f"validation loss {row.validation_loss:.4f} of the trivial error"
        if stage.first:
            text += f", adjusted error {row.validation_error:.4f}"
        self.line(text if row.epoch == 0 or math.isnan(row.seconds) else f"{text}, {row.seconds:.1f} s")

    def _show(self, bar: str, done: int, total: int | None, note: str) -> None:
        if self._progress is None:
            return
        if bar != self._bar:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task, self._bar = self._progress.add_task(bar, total=total, note=note), bar
        self._progress.update(self._task, completed=done, note=note)
