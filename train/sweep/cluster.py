"""Dask: where the cells of a sweep, and the drawing of its corpus, run. The only importer of dask.

Without a scheduler: a process a core on this machine. With one: whatever workers it has; they need this package and the
audio files at the same path. Models and reports travel through the scheduler, as does the corpus, once a worker says
that it does not see the file. What they do there is in `worker`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
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
    """Connects to the workers, or starts them; a context manager.

    Parameters
    ----------
    scheduler : str or None
        "tcp://HOST:PORT" of a running Dask scheduler; None: processes on this machine.
    n_workers : int
        Of these processes.
    """

    def __init__(self, scheduler: str | None, n_workers: int) -> None:
        self._scheduler, self._n_local = scheduler, n_workers
        self._local: Any = None
        self._topic = f"aedsp-{uuid.uuid4().hex}"  # others may use the same scheduler
        self._cells: dict[str, tuple[Any, ...]] = {}  # by name, what `_start` was given
        self._queue: list[tuple[float, str]] = []  # handed out one a core: a lost worker takes no other along
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
            There is no such scheduler.
        """
        self._distributed = _dask()
        _be_quiet()
        address: Any = self._scheduler
        if address is None:
            self._local = address = _begun(
                self._distributed.LocalCluster, n_workers=self._n_local, threads_per_worker=1, host="127.0.0.1",
                dashboard_address=":0", memory_limit=0, silence_logs=logging.CRITICAL,
            )  # fmt: skip
        try:
            self._client = _begun(self._distributed.Client, address, timeout=_CONNECT_S)
        except (OSError, ValueError) as error:
            if self._local is not None:
                self._local.close(timeout=2)
                raise
            raise TrainingError(
                f"there is no Dask scheduler at {self._scheduler!r} ({worker.in_words(error)}); expected the "
                "address that `dask scheduler` prints, such as tcp://192.168.0.5:8786"
            ) from None
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
        """Cells that can run at once."""
        with self._answering():
            return sum(each["nthreads"] for each in self._client.scheduler_info(n_workers=-1)["workers"].values())

    @property
    def news(self) -> dict[str, str]:
        """By cell: what its worker said last; "" when it began."""
        return dict(self._news)

    def require_same_version(self) -> None:
        """Refuse workers on which cells could only fail.

        Raises
        ------
        TrainingError
            One has another version of this package, or none; the text names it.
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
        """Draw a corpus's rows on the workers, into the file here; for `corpus.build`.

        check : called now and then; may raise KeyboardInterrupt. say : told where no worker is there.

        Raises
        ------
        TrainingError
            A worker does not see the audio files, or reading one ended it.
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
                except Exception as error:  # whatever the worker met
                    raise TrainingError(
                        f"{job.track.path}: no worker could read it ({worker.in_words(error)})"
                    ) from None
                job.place()[:] = rows
                future.release()
                yield job, drawn

    def submit(self, name: str, cell: Cell, material: Material, parent: bytes | None, priority: float) -> None:
        """Queue a cell; at the next look at what has `finished`, those of the highest priority begin."""
        self._cells[name] = (cell, material, parent)
        self._queue.append((priority, name))
        self._queue.sort()

    def finished(self, timeout_s: float) -> list[tuple[str, Files | Exception]]:
        """What came to its end since the last call, after so many seconds at most: files, or why there are none.

        Raises
        ------
        TrainingError
            The scheduler is gone.
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
        """What has ended meanwhile; what is queued or running is taken back, which workers notice within a batch."""
        self._queue, ended = [], []
        with suppress(TrainingError):
            ended = self.finished(0)
        futures, self._futures = list(self._futures.values()), {}
        with suppress(Exception):
            self._client.cancel(futures, force=True)
        return ended

    def _fill(self) -> None:
        """As many cells to the workers as they have cores, the most urgent first."""
        free = self.n_workers - len(self._futures) if self._queue else 0
        while self._queue and free > 0:
            self._start(self._queue.pop()[1])
            free -= 1

    def _start(self, name: str) -> None:
        cell, material, parent = self._cells[name]
        self._news.pop(name, None)
        with self._answering():
            avoided = self._avoided.get(name)
            others = [address for address in self._client.scheduler_info(n_workers=-1)["workers"] if address != avoided]
            key = f"aedsp-{name}-{uuid.uuid4().hex[:12]}"
            self._futures[name] = self._client.submit(
                worker.run, cell, material, parent, self._topic, key=key, pure=False, retries=0,
                workers=others if avoided and others else None, allow_other_workers=bool(avoided and others),
            )  # fmt: skip

    def _result(self, name: str) -> Files | Exception | None:
        """What a cell that ended came to; None where it is not here yet, or was begun again."""
        found: Any
        try:
            found = self._futures[name].result(timeout=_FETCH_S)
        except _timeouts():
            return None  # its worker was lost meanwhile, or the way is long
        except concurrent.futures.CancelledError:
            raise
        except self._distributed.KilledWorker:
            found = Hopeless("every process that ran it was ended, perhaps for want of memory")
        except Exception as error:  # whatever Dask met
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
        """Give every worker that does not see the corpus a copy of its own, those that come later too."""
        name = f"aedsp-{material.fingerprint}"
        if name not in self._shared:
            self._shared.append(name)
            self._client.register_plugin(worker.copy_of_corpus(material), name=name)

    def _wait(self, futures: list[Any], timeout_s: float) -> None:
        with suppress(*_timeouts()):
            self._distributed.wait(futures, timeout=timeout_s, return_when="FIRST_COMPLETED")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Raise TrainingError where the scheduler does not answer any more."""
        try:
            yield
        except (concurrent.futures.CancelledError, OSError) as error:
            where = "on this machine" if self._scheduler is None else f"at {self._scheduler}"
            raise TrainingError(
                f"the Dask scheduler {where} does not answer any more ({worker.in_words(error)}); what is done is "
                "kept, the same command goes on"
            ) from None

    def _hear(self, event: tuple[float, Any]) -> None:
        name, text = event[1]
        if name in self._futures:
            self._news[name] = text


def _begun(what: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Once more where Dask's event loop was not there within its 10 s, as on a machine that slept meanwhile."""
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
    """Refuse to begin where Dask is not installed.

    Raises
    ------
    MissingExtraError
        It is not.
    """
    _dask()


def _be_quiet() -> None:
    """What Dask would print, this package says in its own words; a cell whose worker is lost twice is given up."""
    import dask

    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Sending large graph|(?s:.*)Mismatched versions")
    settings = {
        "distributed.comm.timeouts.connect": f"{_CONNECT_S}s",
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-ttl": None,  # a run that was paused goes on with the same workers
    }
    dask.config.set(settings)


def _timeouts() -> tuple[type[Exception], ...]:
    return TimeoutError, asyncio.TimeoutError  # two classes before Python 3.11
