"""A real Dask scheduler and worker processes on this machine: the same results, and no worker that matters."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from runs import GEOMETRY

from aedsp.errors import TrainingError
from aedsp.train import corpus as corpora
from aedsp.train import tracks as audio
from aedsp.train.cluster import Cluster
from aedsp.train.recipe import Recipe
from aedsp.train.sweep import Cell, Material, Store, Sweep
from patience import wait

distributed = pytest.importorskip("distributed", reason="Dask is not installed; sweeps need it")
LONG = 100_000


class Machines:
    """A scheduler and workers, each a process of its own without a nanny that would bring it back."""

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
                [sys.executable, "-m", f"distributed.cli.{command}", *map(str, arguments)], stdout=log, stderr=log
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
        cluster.share(material)

        def kill_one_in_the_middle() -> None:
            running = [name for name, state in sweep.states.items() if state == "running"]
            if not killed and len(running) == 2:
                machines.workers["two"].send_signal(signal.SIGKILL)
                machines.workers["two"].wait()
                killed.extend(running)

        run(sweep, cluster, kill_one_in_the_middle)
        wait(lambda: cluster.n_workers == 1, 60)
    assert len(killed) == 2, "both were to be at work when one was killed"
    assert set(sweep.states.values()) == {"done"} and not sweep.troubles
    alone = Sweep(some, material, Store(tmp_path / "alone"))
    with Cluster(None, 1) as cluster:
        run(alone, cluster)
    for name, outcome in alone.outcomes.items():
        assert outcome.validation == sweep.outcomes[name].validation


def test_a_cell_that_fails_twice_is_reported_and_the_rest_goes_on(machines, material, tmp_path):
    machines.add("one")
    bad = Cell(name="bad", recipe=Recipe(**GEOMETRY, hidden=(8,), classes=True))
    some = [bad, *cells(2, epochs=1), Cell(name="child", recipe=recipe(9), parent="bad")]
    sweep = Sweep(some, material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:
        cluster.share(material)
        run(sweep, cluster)
    assert sweep.states == {"bad": "failed", "cell_0": "done", "cell_1": "done", "child": "impossible"}
    assert "TrainingError: classes takes two folders or more" in sweep.troubles["bad"]


def test_a_worker_that_comes_late_and_does_not_see_the_corpus_gets_a_copy(machines, material, tmp_path):
    sweep = Sweep(cells(2, epochs=1), material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:
        assert cluster.n_workers == 0
        cluster.share(material)
        material.corpus.rename(tmp_path / "elsewhere.h5")
        machines.add("late")
        run(sweep, cluster)
    assert set(sweep.states.values()) == {"done"}
    assert list((tmp_path / "machines" / "late").rglob("corpus-*.h5"))


def test_what_is_taken_back_stops_on_the_worker(machines, material, tmp_path):
    machines.add("one")
    sweep = Sweep(cells(1, epochs=LONG), material, Store(tmp_path))
    with Cluster(machines.address, 1) as cluster:
        cluster.share(material)

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
    draw = corpora.Draw(front_end=small, n_training=900, n_validation=100, n_test=100, split="frame")
    corpora.build(tmp_path / "here.h5", tracks, draw)
    seen: list[tuple[int, int]] = []
    with Cluster(machines.address, 1) as cluster:
        corpora.build(tmp_path / "there.h5", tracks, draw, lambda *now: seen.append(now), run_jobs=cluster.run_jobs)
        assert seen[-1][0] == seen[-1][1] > 0
        (music / "0.wav").rename(tmp_path / "0.wav")
        with pytest.raises(TrainingError, match=r"a worker does not see .*0\.wav; workers need the audio at the same"):
            corpora.build(tmp_path / "not.h5", tracks, draw, run_jobs=cluster.run_jobs)
    assert not (tmp_path / "not.h5").exists()
    with corpora.Corpus(tmp_path / "here.h5") as here, corpora.Corpus(tmp_path / "there.h5") as there:
        assert here.fingerprint == there.fingerprint
        for name in corpora.SPLITS:
            np.testing.assert_array_equal(here.splits[name].read(0, 1000), there.splits[name].read(0, 1000))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://:x"])
def test_a_scheduler_that_is_not_there_is_named(address, monkeypatch):
    monkeypatch.setattr("aedsp.train.cluster._CONNECT_S", 1)
    cluster = Cluster(address, 1)
    with (
        pytest.raises(TrainingError, match=rf"there is no Dask scheduler at '{address}' .*expected the address"),
        cluster,
    ):
        pass


def test_a_training_has_one_thread_whatever_the_worker_was_started_with():
    def threads() -> list[int]:
        import numba
        import scipy.linalg.blas  # noqa: F401
        import threadpoolctl

        from aedsp.train.cluster import one_thread

        with one_thread():
            return [numba.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())]

    pytest.importorskip("numba", reason="numba is not installed")
    found = threads()
    assert len(found) >= 2 and set(found) == {1}
