"""A real Dask scheduler and worker processes on this machine: the same results, and any worker can be lost."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.train.data import tracks as audio
from aedsp.train.data.build import build_corpus
from aedsp.train.data.corpus import Corpus
from aedsp.train.data.sampling import SPLITS, Draw
from aedsp.train.run.recipe import Recipe
from aedsp.train.sweep.cell import Cell, Material
from aedsp.train.sweep.cluster import Cluster
from aedsp.train.sweep.sweep import Store, Sweep
from patience import wait
from runs import GEOMETRY

distributed = pytest.importorskip("distributed", reason="Dask is not installed; sweeps need it")
LONG = 100_000


class Machines:
    """A scheduler and workers, each a separate process without a nanny that would restart it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "scheduler.json"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._scheduler = self._run(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0",
            "--scheduler-file", self._file,
        )  # fmt: skip
        wait(lambda: self._file.exists() and self._file.read_text().strip().endswith("}"), 60)
        self.address: str = json.loads(self._file.read_text())["address"]

    def add(self, name: str) -> None:
        self.workers[name] = self._run(
            "dask_worker", self.address, "--no-nanny", "--nthreads", "1", "--name", name, "--dashboard-address", ":0",
            "--no-dashboard", "--local-directory", self._folder / name,
        )  # fmt: skip

    def stop(self) -> None:
        for process in (*self.workers.values(), self._scheduler):
            process.kill()
            process.wait()

    def _run(self, command: str, *arguments: object) -> subprocess.Popen[bytes]:
        with open(self._folder / f"{command}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{command}", *map(str, arguments)],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    folder = tmp_path / "machines"
    folder.mkdir()
    started = Machines(folder)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def material(small_corpus, tmp_path: Path) -> Material:
    with small_corpus() as corpus:
        return Material(corpus=tmp_path / "corpus.h5", fingerprint=corpus.fingerprint, report=False)


def recipe(seed: int, epochs: int = 20) -> Recipe:
    return Recipe(**GEOMETRY, hidden=(16,), epochs=epochs, seed=seed, learning_rate=0.01)


def cells(n: int, **options: int) -> list[Cell]:
    return [Cell(name=f"cell_{i}", recipe=recipe(i, **options)) for i in range(n)]


def run(sweep: Sweep, cluster: Cluster, on_change: Callable[[], None] = lambda: None, limit_s: float = 240) -> None:
    began = time.monotonic()

    def look() -> None:
        for name in cluster.news:
            sweep.started(name)
        on_change()
        assert time.monotonic() - began < limit_s, (sweep.states, sweep.troubles)

    sweep.run(cluster, look, lambda: False)


def test_a_killed_workers_cell_is_run_again_by_another(machines, material, tmp_path):
    machines.add("one")
    machines.add("two")
    some = [*cells(5), Cell(name="child", recipe=recipe(9), parent="cell_0")]
    sweep, killed = Sweep(some, material, Store(tmp_path)), []
    with Cluster(machines.address, 1) as cluster:
        wait(lambda: cluster.n_workers == 2, 60)

        def kill_one_in_the_middle() -> None:
            running = [name for name, state in sweep.states.items() if state == "running"]
            if not killed and len(running) == 2:
                machines.workers["two"].send_signal(signal.SIGKILL)
                machines.workers["two"].wait()
                killed.extend(running)

        run(sweep, cluster, kill_one_in_the_middle)
        wait(lambda: cluster.n_workers == 1, 60)
    assert len(killed) == 2, "both must be running when one is killed"
    assert set(sweep.states.values()) == {"done"} and not sweep.troubles
    alone = Sweep(some, material, Store(tmp_path / "alone"))
    with Cluster(None, 1) as cluster:
        run(alone, cluster)
    for name, outcome in alone.outcomes.items():
        assert outcome.validation == sweep.outcomes[name].validation


def test_parents_run_first_then_children_then_cheap_cells(machines, material, tmp_path):
    machines.add("one")
    long, quick = Cell(name="long", recipe=recipe(0, epochs=9)), Cell(name="quick", recipe=recipe(1, epochs=1))
    parent = Cell(name="parent", recipe=recipe(2, epochs=12))
    child = Cell(name="child", recipe=recipe(3, epochs=12), parent="parent")
    sweep, ended = Sweep([long, quick, parent, child], material, Store(tmp_path)), []
    with Cluster(machines.address, 1) as cluster:
        wait(lambda: cluster.n_workers == 1, 60)
        run(sweep, cluster, lambda: ended.extend(set(sweep.outcomes) - set(ended)))
    assert ended == ["parent", "child", "quick", "long"]


def test_a_cell_that_fails_twice_is_reported_and_the_rest_runs(machines, material, tmp_path):
    machines.add("one")
    bad = Cell(name="bad", recipe=Recipe(**GEOMETRY, hidden=(8,), classes=True))
    some = [bad, *cells(2, epochs=1), Cell(name="child", recipe=recipe(9), parent="bad")]
    sweep = Sweep(some, material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:
        run(sweep, cluster)
    assert sweep.states == {"bad": "failed", "cell_0": "done", "cell_1": "done", "child": "impossible"}
    assert "classes needs at least two subfolders" in sweep.troubles["bad"]


def test_a_worker_that_joins_late_and_cannot_read_the_corpus_gets_a_copy(machines, material, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = dataclasses.replace(material, corpus=Path("corpus.h5"))  # missing in the directory of the worker
    sweep = Sweep(cells(2, epochs=1), here, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:
        assert cluster.n_workers == 0
        machines.add("late")
        run(sweep, cluster)
    assert set(sweep.states.values()) == {"done"} and not sweep.troubles
    assert list((tmp_path / "machines" / "late").rglob("corpus-*.h5"))


def test_a_cancelled_cell_stops_on_the_worker(machines, material, tmp_path):
    machines.add("one")
    sweep = Sweep(cells(1, epochs=LONG), material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:

        def interrupt() -> None:
            if "epoch" in cluster.news.get("cell_0", ""):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(sweep, cluster, interrupt)
        assert sweep.states == {"cell_0": "waiting"}
        short = Sweep(cells(1, epochs=1), material, Store(tmp_path))  # needs the one thread of the one worker
        run(short, cluster, limit_s=60)
    assert short.states == {"cell_0": "done"}


def test_a_corpus_drawn_by_workers_is_the_same(machines, music, small, tmp_path):
    machines.add("one")
    machines.add("two")
    tracks, _ = audio.survey(audio.find_audio(music), music)
    draw = Draw(front_end=small, n_training=900, n_validation=100, n_test=100, split="frame")
    build_corpus(tmp_path / "here.h5", tracks, draw)
    seen: list[tuple[int, int]] = []
    with Cluster(machines.address, 1) as cluster:
        run_jobs = partial(cluster.run_jobs, check=lambda: None, say=print)
        build_corpus(tmp_path / "there.h5", tracks, draw, lambda *now: seen.append(now), run_jobs=run_jobs)
        assert seen[-1][0] == seen[-1][1] > 0
        (music / "0.wav").rename(tmp_path / "0.wav")
        with pytest.raises(TrainingError, match=r"worker tcp://\S+ cannot find .*0\.wav; workers need the audio at"):
            build_corpus(tmp_path / "not.h5", tracks, draw, run_jobs=run_jobs)
    assert not (tmp_path / "not.h5").exists()
    with Corpus(tmp_path / "here.h5") as here, Corpus(tmp_path / "there.h5") as there:
        assert here.fingerprint == there.fingerprint
        for name in SPLITS:
            np.testing.assert_array_equal(here.splits[name].read(0, 1000), there.splits[name].read(0, 1000))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://:x"])
def test_a_missing_scheduler_is_named(address, monkeypatch):
    monkeypatch.setattr("aedsp.train.sweep.cluster._CONNECT_S", 1)
    cluster = Cluster(address, 1)
    with (
        pytest.raises(TrainingError, match=rf"no Dask scheduler at '{address}' .*expected the address"),
        cluster,
    ):
        pass


def test_two_runs_on_one_scheduler_do_not_get_messages_of_each_other(machines, material, tmp_path):
    machines.add("one")
    mine, theirs = Sweep(cells(1), material, Store(tmp_path / "a")), Sweep(cells(3), material, Store(tmp_path / "b"))
    with Cluster(machines.address, 1) as one, Cluster(machines.address, 1) as two:
        theirs._hand_out(two)
        run(mine, one)
        run(theirs, two)
        assert set(one.news) <= {"cell_0"}
    assert set((mine.states | theirs.states).values()) == {"done"}


def test_a_lost_scheduler_is_reported_and_finished_cells_are_kept(machines, material, tmp_path):
    machines.add("one")
    sweep = Sweep([*cells(1, epochs=1), Cell(name="long", recipe=recipe(7, LONG))], material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:

        def kill_the_scheduler() -> None:
            if "epoch" in cluster.news.get("long", ""):
                machines.stop()

        with pytest.raises(TrainingError, match=r"the Dask scheduler at tcp://\S+ no longer answers .*are kept"):
            run(sweep, cluster, kill_the_scheduler, limit_s=100)
    assert sweep.states == {"cell_0": "done", "long": "waiting"}


def test_a_cell_that_kills_its_workers_is_given_up(material, tmp_path):
    """Processes on this machine, which restart: one such death may be an accident, two are not."""
    deadly = Cell(name="deadly", recipe=recipe(0, LONG))
    sweep = Sweep([deadly, *cells(2, epochs=1)], material, Store(tmp_path))
    with Cluster(None, 1) as cluster:
        killed: set[int] = set()

        def kill() -> None:
            if "epoch" in cluster.news.get("deadly", ""):
                for process in cluster._client.run(os.getpid).values():
                    if process not in killed:
                        killed.add(process)
                        os.kill(process, signal.SIGKILL)

        run(sweep, cluster, kill)
    assert sweep.states == {"deadly": "failed", "cell_0": "done", "cell_1": "done"}, sweep.troubles
    assert "every process that ran it was killed" in sweep.troubles["deadly"] and len(killed) == 2


def test_a_suspended_sweep_resumes_with_the_same_worker(material, tmp_path):
    """`AEDSP_PAUSE_S=360`: longer than Dask waits for a silent worker by default."""
    sweep, pauses = Sweep(cells(1, epochs=400), material, Store(tmp_path)), []
    pause_s = float(os.environ.get("AEDSP_PAUSE_S", "3"))
    with Cluster(None, 1) as cluster:
        assert cluster._local.scheduler.worker_ttl is None

        def pause() -> None:
            if not pauses and "epoch" in cluster.news.get("cell_0", ""):
                pauses.extend(cluster._client.run(os.getpid).values())
                os.kill(pauses[0], signal.SIGSTOP)
                time.sleep(pause_s)  # this process, which runs the scheduler, is idle too
                os.kill(pauses[0], signal.SIGCONT)

        run(sweep, cluster, pause, limit_s=240 + pause_s)
        assert list(cluster._client.run(os.getpid).values()) == pauses
    assert sweep.states == {"cell_0": "done"} and not sweep.troubles


def test_a_cell_whose_worker_was_killed_resumes_from_its_checkpoint(material, tmp_path):
    sweep, killed = Sweep(cells(1, epochs=400), material, Store(tmp_path)), []
    alone = Sweep(cells(1, epochs=400), material, Store(tmp_path / "alone"))
    first_epochs = []
    with Cluster(None, 1) as cluster:

        def kill_once() -> None:
            news = cluster.news.get("cell_0", "")
            if killed and "epoch" in news:
                first_epochs.append(int(news.split()[1]))
            elif "epoch" in news and int(news.split()[1]) >= 20:
                killed.extend(cluster._client.run(os.getpid).values())
                os.kill(killed[0], signal.SIGKILL)

        run(sweep, cluster, kill_once)
        run(alone, cluster)
    assert killed and sweep.states == {"cell_0": "done"}
    assert first_epochs and min(first_epochs) >= 20
    models = [Model.load(each.path("cell_0") / "model.h5").layers[0].encoder_weight for each in (sweep, alone)]
    np.testing.assert_array_equal(*models)


def test_a_corpus_can_be_interrupted_without_any_worker(machines, music, small, tmp_path):
    tracks, _ = audio.survey(audio.find_audio(music), music)
    draw = Draw(front_end=small, n_training=900, n_validation=100, n_test=100, split="frame")
    said: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    with Cluster(machines.address, 1) as cluster, pytest.raises(KeyboardInterrupt):
        run_jobs = partial(cluster.run_jobs, check=interrupt, say=said.append)
        build_corpus(tmp_path / "corpus.h5", tracks, draw, run_jobs=run_jobs)
    assert said == [f"no worker at {machines.address} yet; waiting"] and not (tmp_path / "corpus.h5").exists()


def test_a_worker_of_another_version_is_rejected(machines, monkeypatch):
    machines.add("one")
    with Cluster(machines.address, 1) as cluster:
        wait(lambda: cluster.n_workers == 1, 60)
        cluster.require_same_version()
        monkeypatch.setattr("aedsp.version.__version__", "9.9")
        with pytest.raises(TrainingError, match=r"worker tcp://\S+ has aedsp \S+; install aedsp 9\.9 there"):
            cluster.require_same_version()


def test_a_training_has_one_thread_whatever_the_worker_was_started_with():
    def threads() -> list[int]:
        import numba
        import scipy.linalg.blas  # noqa: F401
        import threadpoolctl

        from aedsp.train.sweep.worker import one_thread

        with one_thread():
            return [numba.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())]

    pytest.importorskip("numba", reason="numba is not installed")
    found = threads()
    assert len(found) >= 2 and set(found) == {1}
