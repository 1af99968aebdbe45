"""Dask: runs the cells of a sweep, and the drawing of its corpus, on workers. The only importer of dask.

Without a scheduler: one process per core on this machine. With one: all of its workers; they need this package and the
audio files at the same path. Models and reports are sent through the scheduler, and so is the corpus if a worker
reports that it cannot read the file. `worker` has the functions that run there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import logging
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from aedsp import version as package
from aedsp.errors import MissingExtraError, TrainingError
from aedsp.train.data.sampling import Drawn, Job
from aedsp.train.sweep import worker
from aedsp.train.sweep.cell import Cell, Files, Material
from aedsp.train.sweep.sweep import Hopeless

_CONNECT_S, _LOOK_S, _FETCH_S = 10, 0.5, 300


class Cluster:
    """Connects to workers or starts them; a context manager.

    Parameters
    ----------
    scheduler : str or None
        "tcp://HOST:PORT" of a running Dask scheduler; None: processes on this machine.
    n_workers : int
        Number of these processes.
    """

    def __init__(self, scheduler: str | None, n_workers: int) -> None:
        self._scheduler, self._n_local = scheduler, n_workers
        self._local: Any = None
        self._topic = f"aedsp-{uuid.uuid4().hex}"  # other runs may use the same scheduler
        self._cells: dict[str, tuple[Any, ...]] = {}  # by name, the arguments of `submit`
        self._queue: list[tuple[float, str]] = []  # started one per core, so that a lost worker loses no other cell
        self._futures: dict[str, Any] = {}
        self._avoided: dict[str, str] = {}
        self._shared: list[str] = []
        self._news: dict[str, str] = {}

    def __enter__(self) -> Cluster:
        """Connect.

        Raises
        ------
        MissingExtraError
            dask or distributed is not installed.
        TrainingError
            No scheduler at this address.
        """
        self._distributed = _dask()
        _be_quiet()
        address: Any = self._scheduler
        if address is None:
            self._local = address = _begun(
                self._distributed.LocalCluster, n_workers=self._n_local, threads_per_worker=1, host="127.0.0.1",
                dashboard_address=":0", memory_limit=0, silence_logs=logging.CRITICAL,
            )  # fmt: skip
        reason = ""
        try:
            self._client = _begun(self._distributed.Client, address, timeout=_CONNECT_S)
        except (OSError, ValueError) as error:
            if self._local is not None:
                self._local.close(timeout=2)
                raise
            reason = worker.in_words(error)
        if reason:
            gc.collect()  # free the client that failed: later, while another one starts, its finalizer can deadlock
            raise TrainingError(
                f"no Dask scheduler at {self._scheduler!r} ({reason}); expected the address that `dask scheduler` "
                "prints, such as tcp://192.168.0.5:8786"
            )
        self._client.subscribe_topic(self._topic, self._hear)
        if self._local is not None:
            self._client.register_plugin(worker.deaf_to_ctrl_c(), name="aedsp-ctrl-c")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        with suppress(Exception):
            for name in self._shared:
                self._client.unregister_worker_plugin(name)
            self._client.close(timeout=2)
        if self._local is not None:
            with suppress(Exception):
                self._local.close(timeout=2)

    @property
    def n_workers(self) -> int:
        """Number of cells that can run at once."""
        with self._answering():
            return sum(self._client.nthreads().values())

    @property
    def news(self) -> dict[str, str]:
        """By cell: the latest message of its worker; "" when it starts."""
        return dict(self._news)

    def require_same_version(self) -> None:
        """Reject workers on which cells would fail.

        Raises
        ------
        TrainingError
            A worker has another version of this package, or none; the message names it.
        """
        with self._answering():
            found = self._client.run(worker.version, on_error="return")
        for address, version in found.items():
            if version != package.__version__:
                what = f"aedsp {version}" if isinstance(version, str) else f"no aedsp that it can import ({version})"
                raise TrainingError(f"worker {address} has {what}; install aedsp {package.__version__} there")

    def run_jobs(
        self, jobs: Sequence[Job], check: Callable[[], None], say: Callable[[str], None]
    ) -> Iterator[tuple[Job, Drawn]]:
        """Draw the rows of a corpus on the workers, into the file on this machine; for `build_corpus`.

        check : called repeatedly; may raise KeyboardInterrupt. say : called with a message if there are no workers.

        Raises
        ------
        TrainingError
            A worker cannot find the audio files, or was killed while reading one.
        """
        if not self.n_workers:
            say(f"no worker at {self._scheduler} yet; waiting")
        with self._answering():
            of = {self._client.submit(worker.draw, job, pure=False): job for job in jobs}
        while of:
            check()
            with self._answering():
                self._wait(list(of), _LOOK_S)
            for future in [future for future in of if future.done()]:
                job = of.pop(future)
                try:
                    rows, drawn = future.result()
                except TrainingError:
                    raise
                except Exception as error:  # any error of the worker
                    raise TrainingError(
                        f"{job.track.path}: no worker could read it ({worker.in_words(error)})"
                    ) from None
                job.place()[:] = rows
                future.release()
                yield job, drawn

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None:
        """Queue a cell; the next call of `finished` starts those of the highest priority."""
        self._cells[name] = (cell, material, parent)
        self._queue.append((priority, name))
        self._queue.sort()

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]:
        """The cells that have ended since the last call, within `timeout_s` seconds: files, or the error.

        Raises
        ------
        TrainingError
            The scheduler does not answer.
        """
        self._fill()
        if not self._futures:
            time.sleep(timeout_s)
            return []
        with self._answering():
            self._wait(list(self._futures.values()), timeout_s)
            ended = [name for name, future in self._futures.items() if future.done()]
            results = [(name, self._result(name)) for name in ended]
        return [(name, result) for name, result in results if result is not None]

    def stop(self) -> list[tuple[str, Files | Exception]]:
        """Cancel queued and running cells, which workers notice within a batch; return the cells that have ended."""
        self._queue, ended = [], []
        with suppress(TrainingError):
            ended = self.finished(0)
        futures, self._futures = list(self._futures.values()), {}
        with suppress(Exception):
            self._client.cancel(futures, force=True)
        return ended

    def _fill(self) -> None:
        """Start as many cells as there are cores, the highest priority first."""
        free = self.n_workers - len(self._futures) if self._queue else 0
        while self._queue and free > 0:
            self._start(self._queue.pop()[1])
            free -= 1

    def _start(self, name: str) -> None:
        cell, material, parent = self._cells[name]
        self._news.pop(name, None)
        with self._answering():
            avoided = self._avoided.get(name)
            others = [address for address in self._client.nthreads() if address != avoided]
            key = f"aedsp-{name}-{uuid.uuid4().hex[:12]}"
            self._futures[name] = self._client.submit(
                worker.run, cell, material, parent, self._topic, key=key, pure=False, retries=0,
                workers=others if avoided and others else None, allow_other_workers=bool(avoided and others),
            )  # fmt: skip

    def _result(self, name: str) -> Files | Exception | None:
        """The result of a cell that ended; None if it has not arrived yet, or the cell was started again."""
        found: Any
        try:
            found = self._futures[name].result(timeout=_FETCH_S)
        except _timeouts():
            return None  # its worker was lost meanwhile, or the transfer is slow
        except concurrent.futures.CancelledError:
            raise
        except self._distributed.KilledWorker:
            found = Hopeless("every process that ran it was killed, perhaps out of memory")
        except Exception as error:  # any error of Dask
            found = error
        del self._futures[name]
        self._news.pop(name, None)
        if isinstance(found, worker.NoCorpus):
            self._share(self._cells[name][1])
            self._start(name)
            return None
        if isinstance(found, worker.Failure):
            self._avoided[name] = found.worker
            return TrainingError(found.text)
        result: Files | Exception = found
        return result

    def _share(self, material: Material) -> None:
        """Send a copy of the corpus to every worker that cannot read it, including workers that join later."""
        name = f"aedsp-{material.fingerprint}"
        if name not in self._shared:
            self._shared.append(name)
            self._client.register_plugin(worker.copy_of_corpus(material), name=name)

    def _wait(self, futures: list[Any], timeout_s: float) -> None:
        with suppress(*_timeouts()):
            self._distributed.wait(futures, timeout=timeout_s, return_when="FIRST_COMPLETED")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Raise TrainingError if the scheduler no longer answers."""
        try:
            yield
        except (concurrent.futures.CancelledError, OSError) as error:
            where = "on this machine" if self._scheduler is None else f"at {self._scheduler}"
            raise TrainingError(
                f"the Dask scheduler {where} no longer answers ({worker.in_words(error)}); finished cells are kept; "
                "run the same command to resume"
            ) from None

    def _hear(self, event: tuple[float, Any]) -> None:
        name, text = event[1]
        if name in self._futures:
            self._news[name] = text


def _begun(what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call it, and once more if the event loop of Dask did not start within 10 s, as on a machine that slept."""
    try:
        return what(*arguments, **options)
    except AssertionError:
        return what(*arguments, **options)


def _dask() -> Any:
    try:
        import dask  # noqa: F401
        import distributed
        import threadpoolctl  # noqa: F401
    except ImportError:
        raise MissingExtraError("a sweep needs Dask; pip install 'aedsp[cluster]'") from None
    return distributed


def require() -> None:
    """Check that Dask is installed.

    Raises
    ------
    MissingExtraError
        It is not.
    """
    _dask()


def _be_quiet() -> None:
    """Silence Dask, whose messages this package replaces; give up a cell after two lost workers."""
    import dask

    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Sending large graph|(?s:.*)Mismatched versions")
    settings = {
        "distributed.comm.timeouts.connect": f"{_CONNECT_S}s",
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-ttl": None,  # a suspended run keeps its workers when it resumes
    }
    dask.config.set(settings)


def _timeouts() -> tuple[type[Exception], ...]:
    return TimeoutError, asyncio.TimeoutError  # two classes before Python 3.11
