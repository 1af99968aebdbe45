"""aedsp.Stream on real PortAudio over JACK: the capture is bit-identical to the engine's output."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

import aedsp
from models import autoencoder, music
from rig import Rig


@pytest.fixture
def rig(jack):
    rig = Rig()
    yield rig
    rig.close()


def wait(until, patience_s=10.0):
    end = time.monotonic() + patience_s
    while not until():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


def found(recording, expected, at):
    """Position of frame 0 of `expected` in the recording, found by 64 identical samples."""
    window = expected[at : at + 64]
    places = [p for p in np.flatnonzero(recording == window[0]) if np.array_equal(recording[p : p + 64], window)]
    assert places, "the expected samples were not recorded"
    return places[-1] - at


@pytest.mark.parametrize("channels, block", [(1, None), (2, 512)])
def test_a_file_is_played_exactly(rig, rng, tmp_path, channels, block):
    x = np.stack([music(rng, 30_000, 44_100), music(rng, 30_000, 44_100)[::-1]], 1)[:, :channels]
    soundfile.write(tmp_path / "x.wav", x, 44_100, subtype="FLOAT")
    engine = aedsp.Engine(autoencoder(rng), 44_100, channels=channels, block_frames=block)
    with aedsp.Stream(engine, tmp_path / "x.wav", "system") as stream:
        rig.connect()
        stream.stop()
        wait(lambda: stream.transport == "stop" and stream.position_s == 0)
        time.sleep(0.1)
        stream.start()
        wait(lambda: stream.transport == "end")
        time.sleep(0.1)
        statistics = stream.statistics
        assert "algorithm" in str(stream.latency) and stream.latency.total > engine.latency_frames
    faded = x.copy()
    n = int(0.005 * 44_100)
    faded[:n] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)[:, None]
    twin = aedsp.Engine(engine.model, 44_100, channels=channels, block_frames=block)
    total = 512 * -(-(30_000 + engine.latency_frames) // 512)
    padded = np.concatenate([faded, np.zeros((total - 30_000, channels), np.float32)])
    blocks = padded.reshape(-1, block or total, channels)
    expected = np.concatenate([twin.process(b) for b in blocks])[:, 0][: 30_000 + engine.latency_frames]
    recording = rig.recorded()[:, 0]
    start = found(recording, expected, 20_000)
    heard = recording[start + 441 : start + 30_000 + engine.latency_frames]
    bad = np.flatnonzero(heard != expected[441:])
    assert not bad.size, (bad[:5], bad[-5:], heard[bad[:5]], expected[441:][bad[:5]])
    assert statistics.underrun_frames == 0 and statistics.misses == 0
    assert engine.process(np.zeros((block or 100, channels), np.float32)).shape == (block or 100, channels)


EXIT = """
import sys, time, aedsp
from aedsp import data
source = data.demo_audio_path() if sys.argv[1] == "file" else None
stream = aedsp.Stream(aedsp.Engine(aedsp.demo_model(), 44_100), source, "system")
stream.start()
if sys.argv[2] == "record":
    stream.record(sys.argv[3])
time.sleep(0.3)
print("end", flush=True)
if sys.argv[2] == "raise":
    raise SystemExit(3)
"""


@pytest.mark.parametrize(
    "source, ending", [("none", "return"), ("file", "return"), ("file", "record"), ("none", "raise")]
)
def test_a_process_that_ends_with_an_open_stream_ends_cleanly(jack, tmp_path, source, ending):
    """The audio thread would go on in memory that the interpreter frees."""
    for i in range(5):
        take = tmp_path / f"{i}.wav"
        run = subprocess.run(
            [sys.executable, "-c", EXIT, source, ending, take], capture_output=True, text=True, timeout=60
        )
        assert run.stdout == "end\n" and run.returncode == (3 if ending == "raise" else 0), (run.returncode, run.stderr)
        assert "Traceback" not in run.stderr
        assert ending != "record" or soundfile.info(take).frames > 5000
