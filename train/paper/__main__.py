"""`python -m aedsp.train.paper DIR -o results/`: repeat the experiment of the paper on a folder of music.

Writes the tables and Figure 2 of section 3. Exit status: 0 if all cells that ran in time are done, 1 if some failed, 2
for bad input, 130 after Ctrl-C. Finished cells are kept and shown on the page; run the same command to resume.
"""

from __future__ import annotations

import functools
import math
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from aedsp import cli
from aedsp.errors import TrainingError
from aedsp.train.data import tracks as audio
from aedsp.train.data.build import default_folder, gather, n_processes
from aedsp.train.data.corpus import Corpus, largest
from aedsp.train.paper import experiment
from aedsp.train.paper.known import read as read_known
from aedsp.train.paper.page import Page, require_ours
from aedsp.train.report.progress import Screen
from aedsp.train.run import memory
from aedsp.train.run.interrupt import Interrupt
from aedsp.train.sweep import cluster
from aedsp.train.sweep.cell import Material, Outcome
from aedsp.train.sweep.cluster import Cluster
from aedsp.train.sweep.progress import SweepScreen, in_words
from aedsp.train.sweep.sweep import Store, Sweep, alone

_FAILED, _INTERRUPTED = 1, 130
_CORPUS = "corpus.h5"
_CLIPS = 5  # files that a report may try for its clip
_BYTES_A_WORKER = 2e9


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="folder of audio files; default: $AEDSP_CORPUS/train, or the shipped clips"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="output folder; default: results, or results-smoke with --smoke"),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="fill Table 1 for every size and noise level, also where the paper left it empty"),
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="tiny settings to check that everything runs; the models learn nothing")
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, tcp://HOST:PORT; default: this machine")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="parallel trainings on this machine; default: one per core")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="time limit, hours; unfinished cells are marked in the tables")
    ] = None,
    learning_rates: Annotated[
        bool,
        typer.Option("--learning-rates", help="train the largest models also at 0.1 and 10 times the learning rate"),
    ] = False,
    known: Annotated[
        Path | None,
        typer.Option(metavar="TABLES.JSON", help="tables.json of another run; skip the cells that it contains"),
    ] = None,
) -> None:
    """Repeat the paper's experiment on a folder of music: Tables 1, 2 and 3, beside the paper's values, and Figure 2.

    Ctrl-C keeps finished cells and the last epoch of running ones; run the same command to resume, bit-identically.
    """
    if scheduler is not None and workers is not None:
        raise TrainingError("--workers is for this machine only; remove it, or --scheduler")
    cluster.require()
    output = output or Path("results-smoke" if smoke else "results")
    _require_place(output)
    elsewhere = {} if known is None else read_known(known)
    with Interrupt() as interrupt:
        folder = _folder(folder, smoke)
        with cluster.Cluster(scheduler, workers or _n_workers()) as connected:
            options = _Options(output, full, learning_rates, smoke, hours, elsewhere)
            raise typer.Exit(_Work(options, connected, interrupt).run(folder))


@dataclass(frozen=True, slots=True)
class _Options:
    output: Path
    full: bool
    learning_rates: bool
    smoke: bool
    hours: float | None
    known: Mapping[str, Outcome]


class _Work:
    """The command, from folder to page."""

    def __init__(self, options: _Options, workers: Cluster, interrupt: Interrupt) -> None:
        self._options, self._output, self._smoke = options, options.output, options.smoke
        self._workers, self._interrupt = workers, interrupt
        self._began = time.monotonic()
        self._stop_at = math.inf if options.hours is None else self._began + 3600 * options.hours

    def run(self, folder: Path) -> int:
        """Return the exit status."""
        made = not self._output.exists()
        self._output.mkdir(exist_ok=True)
        try:
            with alone(self._output):
                return self._sweep(self._material(folder))
        finally:
            if made and not (self._output / _CORPUS).exists():
                shutil.rmtree(self._output, ignore_errors=True)  # no corpus, no results

    def _material(self, folder: Path) -> tuple[Material, float]:
        """The corpus and its largest magnitude."""
        path, data = self._output / _CORPUS, experiment.data_recipe(self._tiny)
        check = self._interrupt.check
        with Screen() as screen:
            self._workers.require_same_version()
            run_jobs = functools.partial(self._workers.run_jobs, check=check, say=screen.line)

            def on_file(done: int, total: int) -> None:
                screen.files(done, total)
                check()

            def on_spectra(done: int, total: int) -> None:
                screen.spectra(done, total)
                check()

            found = gather(folder.resolve(), path, data.draw(), data.license, on_file, on_spectra, run_jobs)
            screen.gathered(path, found)
            with Corpus(path) as corpus:
                screen.counts(corpus, data)
                heard = [track["content"] for track in corpus.tracks[:_CLIPS]]
                material = Material(
                    corpus=path.resolve(),
                    fingerprint=corpus.fingerprint,
                    tracks=tuple(track for track in found.tracks if track.content in heard),
                )
                return material, largest(corpus)

    def _sweep(self, given: tuple[Material, float]) -> int:
        material, maximum = given
        options = self._options
        cells = experiment.cells(maximum, full=options.full, learning_rates=options.learning_rates, tiny=self._tiny)
        sweep = Sweep(cells, material, Store(self._output), known=options.known)
        page = Page(self._output, sweep, tiny=self._smoke, check=self._interrupt.check)
        try:
            interrupted = self._run(sweep, page)
        finally:
            path = page.write()
        took = in_words(time.monotonic() - self._began)
        print(f"{path}: the tables, Figure 2 and a page for each model; {took}", flush=True)
        if interrupted:
            print("interrupted; run the same command to resume", flush=True)
            return _INTERRUPTED
        if sweep.open:
            n_done = len(cells) - len(sweep.open)
            print(f"time is up: {n_done} of {len(cells)} cells are done; run the same command to resume", flush=True)
        return _FAILED if "failed" in sweep.states.values() else 0

    def _run(self, sweep: Sweep, page: Page) -> bool:
        """Run the sweep; return whether it was interrupted."""
        n_shown = len(sweep.outcomes)
        with SweepScreen() as screen:
            screen.begin(sweep)

            def on_change() -> None:
                nonlocal n_shown
                news = self._workers.news
                for name in news:
                    sweep.started(name)
                screen.update(sweep, news, self._workers.n_workers)
                if len(sweep.outcomes) != n_shown:
                    n_shown = len(sweep.outcomes)
                    page.write()
                self._interrupt.check()

            try:
                sweep.run(self._workers, on_change, lambda: time.monotonic() >= self._stop_at)
            except KeyboardInterrupt:
                return True
        return False

    @property
    def _tiny(self) -> dict[str, Any]:
        return experiment.TINY if self._smoke else {}


def _folder(given: Path | None, smoke: bool) -> Path:
    """The folder of music, after checking that it contains audio."""
    with Screen() as screen:
        if smoke:
            screen.line(
                "tiny settings: a check that everything runs; the models learn nothing and the numbers mean nothing"
            )
        if given is None:
            given, reason = default_folder()
            screen.line(f"no folder given: training on {given} ({reason})")
    audio.find_audio(given)
    return given


def _n_workers() -> int:
    """One per core, limited by memory."""
    total = memory.total()
    return max(1, n_processes() if total is None else min(n_processes(), int(total // _BYTES_A_WORKER)))


def _require_place(output: Path) -> None:
    """Reject an output folder that cannot be written or that holds other files.

    Raises
    ------
    TrainingError
        It is a file, its parent is missing or not writable, or it contains another page.
    """
    if output.exists() and not output.is_dir():
        raise TrainingError(f"{output} is a file; give a folder for the results with -o")
    above = output if output.is_dir() else output.absolute().parent
    if not above.is_dir():
        raise TrainingError(f"{above}: no such directory; create it, or give another output with -o")
    if not os.access(above, os.W_OK):
        raise TrainingError(f"{above} is not writable; give another output with -o")
    require_ours(output)


if __name__ == "__main__":
    cli.run(command, name="python -m aedsp.train.paper")
