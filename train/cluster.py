"""Dask: where the cells of a sweep, and the drawing of its corpus, run. The only importer of dask and distributed.

Without a scheduler: a process a core on this machine. With one: whatever workers it has; they need this package and the
audio files at the same path. Models and reports travel through the scheduler, as does the corpus to workers that do
not see its file. BLAS and Numba are held to one thread, since each core has a training of its own.
"""

from __future__ import annotations

import logging
import signal
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from aedsp.errors import MissingExtraError, TrainingError
from aedsp.train import corpus as corpora
from aedsp.train.drawing import Drawn, Job
from aedsp.train.stages import Row, Stage
from aedsp.train.sweep import Cell, Files, Material, run_cell
from aedsp.train.tracks import FloatArray

_TOPIC = "aedsp"
_CONNECT_S = 10


class Cluster:
    """A context manager.

    Parameters
    ----------
    scheduler : str or None
        "tcp://HOST:PORT" of a running Dask scheduler; None: processes on this machine.
    n_workers : int
        Of these processes.

    Raises
    ------
    MissingExtraError
        dask or distributed is not installed.
    TrainingError
        There is no such scheduler.
    """

    def __init__(self, scheduler: str | None, n_workers: int) -> None:
        self._scheduler, self._n_local = scheduler, n_workers
        self._local: Any = None
        self._futures: dict[str, Any] = {}
        #: By cell: what its worker said last; "" when it began.
        self.news: dict[str, str] = {}

    def __enter__(self) -> Cluster:
        try:
            import dask
            import distributed
        except ImportError:
            raise MissingExtraError("a sweep needs Dask; pip install 'aedsp[cluster]'") from None
        self._distributed: Any = distributed
        for name in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", message="Sending large graph|(?s:.*)Mismatched versions")
        dask.config.set({"distributed.comm.timeouts.connect": f"{_CONNECT_S}s"})
        address: Any = self._scheduler
        if address is None:
            self._local = address = distributed.LocalCluster(
                n_workers=self._n_local, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0",
                memory_limit=0, silence_logs=logging.CRITICAL,
            )  # fmt: skip
        try:
            self._client = distributed.Client(address, timeout=_CONNECT_S)
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"there is no Dask scheduler at {self._scheduler!r} ({str(error).splitlines()[0]}); expected the "
                "address that `dask scheduler` prints, such as tcp://192.168.0.5:8786"
            ) from None
        self._client.subscribe_topic(_TOPIC, self._hear)
        if self._local is not None:
            self._client.register_plugin(_deaf_to_ctrl_c(), name="aedsp-ctrl-c")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(Exception):
            self.cancel()
        with suppress(Exception):
            self._client.close(timeout=2)
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=2)

    @property
    def n_workers(self) -> int:
        """Cells that can run at once."""
        return sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())

    def run_jobs(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Drawn]]:
        """Draw a corpus's rows on the workers, into the file here; for `corpus.build`.

        Raises
        ------
        TrainingError
            A worker does not see the audio files.
        """
        of = {self._client.submit(_draw, job, pure=False): job for job in jobs}
        waiting = self._distributed.as_completed(of)
        for future in waiting:
            job = of[future]
            rows, drawn = future.result()
            job.place()[:] = rows
            future.release()
            yield job, drawn

    def share(self, material: Material) -> None:
        """Let every worker, those that come later too, have the corpus: by its path, else a copy of its own."""
        if self._scheduler is not None:
            self._client.register_plugin(_plugin(material), name=f"aedsp-{material.fingerprint}")

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None:
        """Queue a cell; those of higher priority first."""
        key = f"aedsp-{name}-{uuid.uuid4().hex[:12]}"
        self._futures[name] = self._client.submit(
            _run, cell, material, parent, key=key, pure=False, priority=priority, retries=0
        )

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]:
        """What came to its end since the last call, after so many seconds at most: files, or why there are none."""
        if not self._futures:
            time.sleep(timeout_s)
            return []
        with suppress(TimeoutError):
            self._distributed.wait(list(self._futures.values()), timeout=timeout_s, return_when="FIRST_COMPLETED")
        ended = [name for name, future in self._futures.items() if future.done()]
        return [(name, self._result(self._futures.pop(name))) for name in ended]

    def cancel(self) -> None:
        """Take back what is queued or running; workers notice within a batch."""
        futures, self._futures = list(self._futures.values()), {}
        self._client.cancel(futures, force=True)

    @staticmethod
    def _result(future: Any) -> Files | Exception:
        try:
            files: Files = future.result(timeout=60)
            return files
        except Exception as error:  # whatever the cell met, or Dask
            return error

    def _hear(self, event: tuple[float, Any]) -> None:
        name, text = event[1]
        self.news[name] = text


class _Unwanted(Exception):
    """The cell was taken back."""


def _run(cell: Cell, material: Material, parent: bytes | None) -> Files:
    """On a worker: one cell."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def say(text: str) -> None:
        with suppress(Exception):
            worker.log_event(_TOPIC, (cell.name, text))

    def check() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state in ("cancelled", "resumed"):
            raise _Unwanted(cell.name)

    def on_row(stage: Stage, row: Row) -> None:
        say(f"epoch {row.epoch:.0f} of {stage.epochs}, {row.validation_loss:.3f} of the trivial error")

    say("")
    with one_thread():
        return run_cell(cell, _seen(material, worker), parent, on_row, check)


def _draw(job: Job) -> tuple[FloatArray, Drawn]:
    """On a worker: the rows of one file."""
    if not job.track.path.is_file():
        raise TrainingError(f"a worker does not see {job.track.path}; workers need the audio at the same path")
    rows = np.zeros(job.shape, np.float32)
    with one_thread():
        return rows, job.draw_into(rows)


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products and Numba on this core alone, whatever the worker was started with."""
    import threadpoolctl

    with suppress(ImportError):  # the trainer does without it
        import numba

        numba.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        yield


def _seen(material: Material, worker: Any) -> Material:
    """The material as this worker sees it."""
    copy = _copy_of(material, worker)
    for path in (material.corpus, copy):
        if corpora.holds(path, material.fingerprint):
            return Material(
                corpus=path, fingerprint=material.fingerprint, tracks=material.tracks, report=material.report
            )
    raise TrainingError(f"worker {worker.address} has neither {material.corpus} nor a copy of it")


def _copy_of(material: Material, worker: Any) -> Path:
    return Path(worker.local_directory, f"corpus-{material.fingerprint[:16]}.h5")


def _deaf_to_ctrl_c() -> Any:
    """For processes of the same terminal: the command decides when to stop."""
    from distributed import WorkerPlugin

    class Deaf(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    return Deaf()


def _plugin(material: Material) -> Any:
    from distributed import WorkerPlugin

    class Share(WorkerPlugin):  # type: ignore[misc]
        """Carries the corpus to a worker, which writes it down where it cannot see the original."""

        def __init__(self, material: Material, content: bytes) -> None:
            self._material, self._content = material, content

        def setup(self, worker: Any) -> None:
            if not corpora.holds(self._material.corpus, self._material.fingerprint):
                _copy_of(self._material, worker).write_bytes(self._content)
            self._content = b""

    return Share(material, material.corpus.read_bytes())
