"""`python -m aedsp.train.paper DIR -o results/`: section 3 of the paper on a folder of music, its tables and Figure 2.

Exit status 0 when every cell that there was time for is done, 1 where some failed, 2 for bad input, 130 after Ctrl-C.
What is done is kept, the page shows it, and the same command goes on.
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
_CLIPS = 5  # files that a report may try to take its clip from
_BYTES_A_WORKER = 2e9


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="audio files; none: $AEDSP_CORPUS/train, else the shipped clips"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="the folder for everything that is made; none: results, or results-smoke"),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Table 1 at every size and noise, also where the paper's is empty")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="tiny settings, to see that everything runs; learns nothing")
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:PORT; none: this machine")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="trainings at a time on this machine; none: one a core")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="stop after so many; cells that are not done are marked so")
    ] = None,
    learning_rates: Annotated[
        bool,
        typer.Option("--learning-rates", help="the largest models also at a tenth of and ten times the learning rate"),
    ] = False,
    known: Annotated[
        Path | None,
        typer.Option(metavar="TABLES.JSON", help="of another run: do not train the cells whose figures it holds"),
    ] = None,
) -> None:
    """Repeat the paper's experiment on a folder of music: Tables 1, 2 and 3 and Figure 2, beside its own figures.

    Ctrl-C keeps every cell that is done and the last epoch of those that run; the same command again resumes them
    bit-identically, and runs no cell twice.
    """
    if scheduler is not None and workers is not None:
        raise TrainingError("--workers is for this machine alone; leave it out with --scheduler")
    cluster.require()
    output = output or Path("results-smoke" if smoke else "results")
    _require_place(output)
    elsewhere = {} if known is None else read_known(known)
    with Interrupt() as interrupt:
        folder = _folder(folder, smoke)
        with cluster.Cluster(scheduler, workers or _n_workers()) as connected:
            options = _Options(output, full, learning_rates, smoke, hours, elsewhere)
            raise typer.Exit(_Work(options, connected, interrupt).run(folder))


def main() -> None:
    """The entry point of `python -m aedsp.train.paper`."""
    cli.run(command, name="python -m aedsp.train.paper")


@dataclass(frozen=True, slots=True)
class _Options:
    output: Path
    full: bool
    learning_rates: bool
    smoke: bool
    hours: float | None
    known: Mapping[str, Outcome]


class _Work:
    """From folder to page."""

    def __init__(self, options: _Options, workers: Cluster, interrupt: Interrupt) -> None:
        self._options, self._output, self._smoke = options, options.output, options.smoke
        self._workers, self._interrupt = workers, interrupt
        self._began = time.monotonic()
        self._stop_at = math.inf if options.hours is None else self._began + 3600 * options.hours

    def run(self, folder: Path) -> int:
        """The exit status."""
        made = not self._output.exists()
        self._output.mkdir(exist_ok=True)
        try:
            with alone(self._output):
                return self._sweep(self._material(folder))
        finally:
            if made and not (self._output / _CORPUS).exists():
                shutil.rmtree(self._output, ignore_errors=True)  # nothing came of it

    def _material(self, folder: Path) -> tuple[Material, float]:
        """The corpus, and its largest magnitude."""
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
        print(f"{path}: the tables, the figure and every model's page; {took}", flush=True)
        if interrupted:
            print("interrupted; the same command again goes on", flush=True)
            return _INTERRUPTED
        if sweep.open:
            n_done = len(cells) - len(sweep.open)
            print(f"time is up: {n_done} of {len(cells)} cells are done; the same command goes on", flush=True)
        return _FAILED if "failed" in sweep.states.values() else 0

    def _run(self, sweep: Sweep, page: Page) -> bool:
        """Whether it was interrupted."""
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
    """The folder of music, once it is known to hold some."""
    with Screen() as screen:
        if smoke:
            screen.line("tiny settings: everything runs, nothing is learnt, the figures mean nothing")
        if given is None:
            given, reason = default_folder()
            screen.line(f"no folder given: training on {given} ({reason})")
    audio.find_audio(given)
    return given


def _n_workers() -> int:
    """One a core, but no more than there is memory for."""
    total = memory.total()
    return max(1, n_processes() if total is None else min(n_processes(), int(total // _BYTES_A_WORKER)))


def _require_place(output: Path) -> None:
    """Refuse a place where the results cannot be written, or that is somebody else's.

    Raises
    ------
    TrainingError
        A file stands there, the folder above is missing, or it holds another page.
    """
    if output.exists() and not output.is_dir():
        raise TrainingError(f"{output} is a file; give the name of a folder for the results")
    above = output if output.is_dir() else output.absolute().parent
    if not above.is_dir():
        raise TrainingError(f"{above} is not a folder; make it, or give another place")
    if not os.access(above, os.W_OK):
        raise TrainingError(f"{above} is not writable; give another place for the results")
    require_ours(output)


if __name__ == "__main__":
    main()
