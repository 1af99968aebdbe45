"""Functions that run on the workers of a sweep: train one cell, draw the rows of one file, set up a worker.

BLAS and Numba are limited to one thread, since each core runs its own training.
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aedsp import version as package
from aedsp.arrays import Float32
from aedsp.atomic import atomic_write
from aedsp.errors import TrainingError
from aedsp.train.data.corpus import holds
from aedsp.train.data.sampling import Drawn, Job
from aedsp.train.run.stages import EpochRecord, Stage
from aedsp.train.sweep.cell import Cell, Files, Material, run_cell


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a cell, as text, and its worker."""

    text: str
    worker: str


class NoCorpus:
    """The worker cannot read the corpus."""


class Unwanted(Exception):
    """The cell was cancelled."""


def in_words(error: BaseException) -> str:
    """The class and the text of an error, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def version() -> str:
    """The version of this package; runs on a worker."""
    return package.__version__


def run(cell: Cell, material: Material, parent: bytes | None, topic: str) -> Files | Failure | NoCorpus:
    """Train one cell; runs on a worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def say(text: str) -> None:
        with suppress(Exception):
            worker.log_event(topic, (cell.name, text))

    def check() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state in ("cancelled", "resumed"):
            raise Unwanted(cell.name)

    def on_row(stage: Stage, row: EpochRecord) -> None:
        say(f"epoch {row.epoch:.0f} of {stage.epochs}, validation loss {row.validation_loss:.3f} of the trivial error")

    say("")
    copy = _copy(material, worker)
    seen = [path for path in (material.corpus, copy) if holds(path, material.fingerprint)]
    if not seen:
        return NoCorpus()
    try:
        with one_thread():
            return run_cell(cell, dataclasses.replace(material, corpus=seen[0]), parent, on_row, check)
    except Unwanted:
        raise
    except Exception as error:  # as text: the other side may not have the class
        return Failure(in_words(error), worker.address)


def draw(job: Job) -> tuple[Float32, Drawn]:
    """Draw the rows of one file; runs on a worker."""
    if not job.track.path.is_file():
        from distributed import get_worker

        raise TrainingError(
            f"worker {get_worker().address} cannot find {job.track.path}; workers need the audio at the same path"
        )
    rows = np.zeros(job.shape, np.float32)
    with one_thread():
        return rows, job.draw_into(rows)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS and Numba to one thread, however the worker was started."""
    import threadpoolctl

    with suppress(ImportError):  # optional
        import numba

        numba.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        yield


def _copy(material: Material, worker: Any) -> Path:
    return Path(worker.local_directory, f"corpus-{material.fingerprint[:16]}.h5")


def deaf_to_ctrl_c() -> Any:
    """A plugin that ignores Ctrl-C, for processes of the same terminal: the command decides when to stop."""
    from distributed import WorkerPlugin

    class Deaf(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    return Deaf()


def copy_of_corpus(material: Material) -> Any:
    from distributed import WorkerPlugin

    class Copy(WorkerPlugin):  # type: ignore[misc]
        """Sends the corpus to a worker, which writes a copy if it cannot read the original."""

        def __init__(self, material: Material, content: bytes) -> None:
            self._material, self._content = material, content

        def setup(self, worker: Any) -> None:
            material, copy = self._material, _copy(self._material, worker)
            if not any(holds(path, material.fingerprint) for path in (material.corpus, copy)):
                with atomic_write(copy, durable=False) as unfinished:
                    unfinished.write_bytes(self._content)
            self._content = b""

    return Copy(material, material.corpus.read_bytes())
