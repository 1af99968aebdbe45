"""The training as a process among others: pipes that end, parents that are killed, locks, broken packages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from aedsp import atomic
from aedsp.errors import TrainingError
from aedsp.model.model import Model
from aedsp.train.data.corpus import header_of
from aedsp.train.run import checkpoint as checkpoints
from calls import GEOMETRY, RECIPE, start
from patience import wait


def shell(line, *arguments, cwd):
    """Run a pipeline in bash with the trainer as $train."""
    train = " ".join(map(str, [sys.executable, "-m", "aedsp.train", *RECIPE, *arguments]))
    return subprocess.Popen(
        ["bash", "-c", f"{line.replace('$train', train)}; echo rc ${{PIPESTATUS[0]}}"], cwd=cwd, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def test_the_end_of_standard_output_is_not_the_end_of_the_training(music, tmp_path):
    process = shell("$train | head -1", music, "-o", "out.h5", *GEOMETRY, "--epochs", 3, cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert out.splitlines()[-1] == "rc 0" and "Traceback" not in err and "BrokenPipe" not in err
    assert Model.load(tmp_path / "out.h5").n_code == 8


@pytest.mark.parametrize("attempt", range(3))
def test_ctrl_c_in_a_pipeline_writes_the_best_model_so_far(music, tmp_path, attempt):
    """Ctrl-C goes to tee too, which ends first."""
    process = shell("$train 2>&1 | tee log.txt", music, "-o", "out.h5", *GEOMETRY, "--epochs", 100_000, cwd=tmp_path)
    log = tmp_path / "log.txt"
    wait(lambda: log.exists() and "training, epoch 2 of" in log.read_text(), 60)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    wait(lambda: (tmp_path / "out.h5").exists(), 30)
    assert Model.load(tmp_path / "out.h5").n_code == 8


def processes_of(folder: Path) -> list[int]:
    """The processes that run in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")) == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_killed_parent_leaves_no_workers_and_its_leftovers_go_with_the_next_run(music, tmp_path):
    lengths = ["--fft-length", 64, "--window-length", 64, "--hop-length", 1]
    command = [sys.executable, "-m", "aedsp.train", *RECIPE, music, "-o", "out.h5", "--sample-rate", 768_000, *lengths]
    process = subprocess.Popen(
        [*map(str, command), "--training-spectra", "5000000"], cwd=tmp_path, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait(lambda: list(tmp_path.glob(".aedsp-*.h5")) and len(processes_of(tmp_path)) > 1, 60)
    time.sleep(0.3)
    process.kill()
    process.wait()
    wait(lambda: not processes_of(tmp_path), 10)
    assert list(tmp_path.glob(".aedsp-*.h5"))
    again = start(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 1)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert not list(tmp_path.glob(".aedsp-*"))


def test_leftovers_of_living_processes_and_other_machines_are_kept(tmp_path):
    here, dead = atomic._here(), subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = [f".aedsp-{here}-{os.getpid()}-00000000.h5", f".aedsp-ffffff0000-{dead.pid}-00000000.h5", ".aedsp-notes.h5"]
    gone = [f".aedsp-{here}-{dead.pid}-00000000.h5", f".aedsp-{here[:6]}ffff-{os.getpid()}-11111111.wav"]
    for name in kept + gone:
        (tmp_path / name).touch()
    folder = tmp_path / f".aedsp-{here}-{dead.pid}-22222222.report"
    folder.mkdir()
    (folder / "loss.png").touch()
    with atomic.atomic_write(tmp_path / "x.txt") as unfinished:
        unfinished.write_text("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "x.txt"])


def test_render_ends_at_sighup_as_at_sigterm(tmp_path):
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "x.wav", np.zeros(22_050 * 600, np.float32), 22_050)
    for number in (signal.SIGHUP, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-m", "aedsp.render", "x.wav", "-o", "y.wav", "--refine", "60"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait(lambda: list(tmp_path.glob(".aedsp-*.wav")), 60)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 128 + number and b"Traceback" not in err
        assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


def test_two_trainings_with_one_output_are_kept_apart(music, tmp_path):
    first = start(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 100_000, PYTHONUNBUFFERED="1")
    wait(lambda: (tmp_path / "out.checkpoint.h5").exists(), 60)
    second = start(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 1)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2 and "is being trained by another process; wait for it" in err
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert not list(tmp_path.glob(".aedsp-*.lock"))


@pytest.mark.parametrize(
    "name, read",
    [
        ("m.h5", Model.load),
        ("m.checkpoint.h5", checkpoints.load),
        ("m.corpus.h5", header_of),
    ],
)
def test_a_file_open_in_another_program_is_not_called_damaged(tmp_path, name, read):
    path = tmp_path / name
    code = f"import h5py\nfile = h5py.File({str(path)!r}, 'w')\nprint('open', flush=True)\ninput()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "open\n"
        if h5py.version.hdf5_version_tuple < (1, 12):
            pytest.skip("HDF5 without file locks")
        with pytest.raises((OSError, TrainingError), match="open in another program") as caught:
            read(path)
        assert "damaged" not in str(caught.value) and "delete" not in str(caught.value)
    finally:
        other.communicate("\n", timeout=20)


def test_numpy_takes_the_place_of_a_numba_that_cannot_be_used(music, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numba.py").write_text("raise ImportError('Numba needs NumPy 2.2 or less')")
    process = start(music, "-o", tmp_path / "out.h5", *GEOMETRY, "--epochs", 1, PYTHONPATH=str(broken))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Numba cannot be used (Numba needs NumPy 2.2 or less); training with NumPy" in out


def test_a_lock_touches_no_file_of_others_and_none_is_needed_where_there_are_no_locks(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "poetry.lock").write_text("precious")
    lock = atomic.lock_of(tmp_path / "poetry.h5")
    with atomic.only_one(lock) as first, atomic.only_one(lock) as second:
        assert first and not second
    assert (tmp_path / "poetry.lock").read_text() == "precious" and not lock.exists()

    def unsupported(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with atomic.only_one(lock) as alone:
        assert alone
