"""`python -m aedsp.train.paper DIR -o results/`: section 3 of the paper on a folder of music, its tables and Figure 2.

Exit status 0 when every cell is done, 1 where some failed, 2 for bad input, 130 after Ctrl-C. What is done is kept, and
the same command goes on.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from aedsp import command_line
from aedsp.errors import TrainingError
from aedsp.train import corpus as corpora
from aedsp.train import gathering
from aedsp.train.cluster import Cluster
from aedsp.train.interrupt import Interrupt
from aedsp.train.paper import experiment, page
from aedsp.train.screen import Screen
from aedsp.train.sweep import Material, Store, Sweep
from aedsp.train.sweep_screen import SweepScreen, in_words

_FAILED, _INTERRUPTED = 1, 130
_CLIPS = 5  # files that a report may try to take its clip from


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="audio files; none: $AEDSP_CORPUS/train, else the shipped clips"),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the folder for everything that is made")] = Path(
        "results"
    ),
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
) -> None:
    """Repeat the paper's experiment on a folder of music: Tables 1, 2 and 3 and Figure 2, beside its own figures.

    Ctrl-C keeps every cell that is done; the same command again goes on, and runs no cell twice.
    """
    began = time.monotonic()
    if scheduler is not None and workers is not None:
        raise TrainingError("--workers is for this machine alone; leave it out with --scheduler")
    tiny = experiment.TINY if smoke else None
    store = Store(_made(output))
    path, data = output / "corpus.h5", experiment.data_recipe(tiny or {})
    with Interrupt() as interrupt, Cluster(scheduler, workers or corpora.n_processes()) as cluster:
        with Screen() as screen:
            if smoke:
                screen.line("tiny settings: everything runs, nothing is learnt, the figures mean nothing")
            folder = folder or gathering.default_folder(screen)
            tracks = gathering.gather(folder.resolve(), path, data, screen, interrupt.check, cluster.run_jobs)
            with corpora.Corpus(path) as corpus:
                gathering.say_counts(corpus, data, screen)
                maximum, fingerprint = corpora.largest(corpus), corpus.fingerprint
                heard = [track["content"] for track in corpus.tracks[:_CLIPS]]
        material = Material(
            corpus=path.resolve(),
            fingerprint=fingerprint,
            tracks=tuple(track for track in tracks if track.content in heard),
        )
        sweep = Sweep(experiment.cells(maximum, full=full, tiny=tiny), material, store)
        interrupted = _run(sweep, cluster, interrupt, began + 3600 * hours if hours is not None else None)
    made = page.write(output, sweep, tiny=smoke)
    print(f"{made}: the tables, the figure and every model's page; {in_words(time.monotonic() - began)}", flush=True)
    if interrupted:
        print("interrupted; the same command again goes on", flush=True)
        raise typer.Exit(_INTERRUPTED)
    raise typer.Exit(_FAILED if "failed" in sweep.states.values() else 0)


def main() -> None:
    """The entry point of `python -m aedsp.train.paper`."""
    command_line.run(command, name="python -m aedsp.train.paper")


def _run(sweep: Sweep, cluster: Cluster, interrupt: Interrupt, stop_at: float | None) -> bool:
    """Whether it was interrupted."""
    cluster.share(sweep.material)
    with SweepScreen() as screen:
        screen.begin(sweep)

        def on_change() -> None:
            for name in cluster.news:
                sweep.started(name)
            screen.update(sweep, cluster.news, cluster.n_workers)
            interrupt.check()

        try:
            sweep.run(cluster, on_change, lambda: stop_at is not None and time.monotonic() >= stop_at)
        except KeyboardInterrupt:
            return True
    return False


def _made(output: Path) -> Path:
    """The folder for the results, made if it is missing.

    Raises
    ------
    TrainingError
        A file stands there.
    """
    if output.exists() and not output.is_dir():
        raise TrainingError(f"{output} is a file; give the name of a folder for the results")
    if not output.absolute().parent.is_dir():
        raise TrainingError(f"{output.absolute().parent} is not a folder; make it, or give another place")
    output.mkdir(exist_ok=True)
    return output


if __name__ == "__main__":
    main()
