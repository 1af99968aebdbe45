"""The examples that play, on JACK's dummy device at 44.1 and at 48 kHz; several streams on one device."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import aedsp
from aedsp.live import portaudio
from examples_of import run_example
from models import autoencoder
from patience import wait


@pytest.fixture(params=[44_100, 48_000])
def rate(request, jack_server):
    jack_server.stop()
    jack_server.start(rate=request.param)
    portaudio.restart()
    yield request.param
    jack_server.stop()


def test_examples_play(rate, tmp_path):
    assert f"frames at {rate} Hz, 0 underruns" in run_example("own_sound.py", "1.5", cwd=tmp_path)
    assert "latency" in run_example("in_a_callback.py", "1.5", cwd=tmp_path)
    assert "Statistics(frames=" in run_example("in_a_callback.py", "1.5", cwd=tmp_path)


def test_the_instrument_plays(rate, tmp_path):
    said = run_example("live.py", *_song_and_model(tmp_path, rate), "1.5", cwd=tmp_path)
    assert ("cannot play" not in said and f"{rate}" in said) or "latency" in said


def _song_and_model(folder, rate):
    import soundfile

    soundfile.write(folder / "song.wav", 0.1 * np.sin(np.arange(2 * rate) / 10), rate)
    aedsp.demo_model().save(folder / "m.h5")
    return folder / "song.wav", folder / "m.h5"


def test_a_jack_client_in_c_plays(rate, tmp_path):
    if not shutil.which("cc") or not Path("/usr/include/jack/jack.h").exists():
        pytest.skip("there is no C compiler or no JACK header; on Debian: apt install libjack-jackd2-dev")
    said = run_example("c/jack_client.py", str(rate), "1.5", cwd=tmp_path)
    blocks = int(said.split(" blocks")[0].splitlines()[-1])
    assert (blocks > 0.8 * 1.5 * rate / 512 and "gain of unit 0 0.9" in said) or "gain of unit 0 1.00" in said


def test_several_streams_and_engines_share_a_device(rate, rng):
    """Three engines on one device, mixed by it, and one that plays what another does."""
    model = autoencoder(rng)
    x = 0.05 * rng.standard_normal(10 * rate)
    first = aedsp.Stream(model, aedsp.ArraySource(x, rate))
    streams = [first, aedsp.Stream(model, None), aedsp.Stream(model, aedsp.StreamSource(first))]
    for stream in streams:
        stream.start()
    wait(lambda: all(stream.frames > rate for stream in streams), 20)
    assert all(stream.engine.sample_rate == rate and stream.transport == "play" for stream in streams)
    assert streams[1].meter().peak > 0 and streams[2].meter().peak > 0
    for stream in streams:
        stream.close()
