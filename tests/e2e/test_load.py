"""Under load: a Python thread holds the GIL while the instrument plays. Nothing is late, lost or allocated, and the
capture is the rendering. AEDSP_SOAK_S sets the duration (`make soak`: ten minutes)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.control import gesture_file
from aedsp.control.replay import Replay
from models import autoencoder, music
from rig import Rig, assert_same

HERE = Path(__file__).parent
SECONDS = float(os.environ.get("AEDSP_SOAK_S", "60"))
RATE, BLOCK = 44_100, 512


@pytest.fixture
def library(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    target = tmp_path / "callbacks.so"
    subprocess.run([compiler, "-O2", "-fPIC", "-shared", "-o", target, HERE / "callbacks.c", "-ldl"], check=True)
    return target


@pytest.fixture
def folder(rng, tmp_path):
    autoencoder(rng, n_code=24, steps=(aedsp.Power(0.5),), level=0.6).save(tmp_path / "m.h5")
    soundfile.write(tmp_path / "x.flac", music(rng, 7 * RATE, RATE), RATE)
    return tmp_path


def run(folder, seconds, library, kind, while_running=None):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}
    process = subprocess.Popen(
        [sys.executable, HERE / "live_run.py", folder, str(seconds), library, kind],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "ready" in process.stdout.readline(), process.stderr.read()
    if while_running:
        while_running()
        process.stdin.write("go\n")
        process.stdin.flush()
    out, err = process.communicate(timeout=seconds + 120)
    assert process.returncode == 0, err
    return json.loads(out)


def in_time(result, seconds):
    """The criterion that the compiled callback passes and a Python one fails: as punctual as an empty one."""
    due = seconds * RATE / BLOCK
    return result["callbacks"] > 0.98 * due and result["late"] <= result["empty_late"] + 2 and result["misses"] == 0


def test_a_performance_under_load(jack, folder, library):
    """Repeated once, shorter, if the server had xruns: a stalling machine proves nothing."""
    if not performs(folder, library, SECONDS):
        for name in ("g.mid", "g.mid.part"):
            (folder / name).unlink(missing_ok=True)
        assert performs(folder, library, 20.0), "the JACK server had xruns twice on this machine"


def performs(folder, library, seconds):
    """Run a performance; returns False if xruns made it inconclusive, fails if it is wrong."""
    rig = Rig(seconds + 60)
    try:

        def play():
            rig.connect(skip=1)  # the first output belongs to the empty callback
            rng = np.random.default_rng(1)
            frames = np.arange(rig.at + RATE, rig.at + int((seconds - 2) * RATE), RATE // 30)
            for i, frame in enumerate(frames.tolist()):
                number = int(rng.choice([*range(8), *range(16, 24)]))
                rig.plan(frame, bytes([0xB0, number, int(127 * (0.5 + 0.5 * np.sin(i / 20)))]))
                if i % 45 == 44:  # a button now and then; play twice, so that it keeps playing
                    button = int(rng.choice([*range(32, 40), *range(48, 56), *range(64, 72), 58, 59, 60, 43, 44, 45]))
                    rig.plan(frame, bytes([0xB0, button, 127]), bytes([0xB0, button, 0]))
                if i % 300 == 299:
                    rig.plan(frame, *[bytes([0xB0, 41, value]) for value in (127, 0, 127, 0)])

        result = run(folder, seconds, library, "compiled", play)
        recording = rig.recorded()[:, 0]
        lost, xruns = rig.gaps, rig.xruns
        sent = len(rig.sent)
    finally:
        rig.close()
    print({name: value for name, value in result.items() if name != "resident"})
    assert in_time(result, seconds), result
    assert result["guard_calls"] > 0.98 * seconds * RATE / BLOCK and result["guard_total"] == 0, result
    assert result["underrun_frames"] == result["lost_events"] == result["dropped_frames"] == 0, result
    assert abs(result["midi"] - sent) <= xruns  # JACK drops messages only in an xrun
    resident = result["resident"]
    print(f"resident after each minute: {[round(mb, 2) for mb in resident[59::60]]} MB; xruns of the server: {xruns}")
    if len(resident) > 90:
        assert max(resident[60:]) - min(resident[60:]) < 1.0, resident[60::10]
    if xruns or lost:
        return False
    replay = Replay(gesture_file.read(folder / "g.mid"))
    rendered = np.concatenate(list(replay.blocks()))[:, 0]
    replay.close()
    assert_same(recording, rendered)
    return True


def test_a_python_callback_fails_the_same_criterion(jack, folder, library):
    result = run(folder, 5.0, library, "python")
    print(result)
    assert result["empty_calls"] > 0.9 * 5 * RATE / BLOCK
    assert not in_time(result, 5.0), result
