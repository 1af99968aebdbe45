"""Recorded gestures: a live session over JACK, rendered offline, is bit-identical."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.control import gesture_file
from aedsp.control.gesture_recorder import GestureRecorder
from aedsp.control.replay import Replay
from models import autoencoder, music
from rig import Rig, assert_same


@pytest.mark.parametrize("rate, channels, block", [(44_100, 1, None), (44_100, 2, 1024), (44_100, 1, 2048)])
def test_a_live_session_renders_bit_identical(jack, rng, tmp_path, rate, channels, block):
    models = [autoencoder(rng, steps=(aedsp.Power(0.5),)), autoencoder(rng, n_code=20)]
    for i, model in enumerate(models):
        model.save(tmp_path / f"m{i}.h5")
    x = music(rng, 5 * 44_100, 44_100)
    soundfile.write(tmp_path / "x.flac", x, 44_100)
    engine = aedsp.Engine(aedsp.Model.load(tmp_path / "m0.h5"), rate, channels=channels, block_frames=block)
    engine.controls.gain[:] = 0.8
    rig = Rig()
    stream = aedsp.Stream(engine, tmp_path / "x.flac", "system")
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m0.h5")
    rig.connect()
    time.sleep(0.2)
    stream.start()
    for i in range(60):
        time.sleep(0.02)
        engine.controls.gain[i % 16] = rng.random()
        if i % 7 == 0:
            engine.controls.scale[2:9] = 2 * rng.random()
        recorder.message(bytes([0xB0, i % 8, i]))
        if i == 10:
            stream.pause()
        if i == 15:
            stream.start()
            engine.controls.monitor = "original"
        if i == 20:
            engine.controls.monitor = "resynthesized"
            stream.seek(2.5)
        if i == 25:
            engine.swap(aedsp.Model.load(tmp_path / "m1.h5"))
            engine.controls.override[18] = 0.3
        if i == 33:
            stream.stop()
        if i == 38:
            stream.start()
        if i == 45:
            stream.seek(4.9)  # and past the end
        if i == 58:
            engine.controls.override[18] = float("nan")
            stream.start()
    time.sleep(0.3)
    stream.pause()
    time.sleep(0.2)
    counts = stream.statistics
    stream.close()
    recorder.close()
    recording = rig.recorded()[:, 0]
    assert rig.gaps == 0 or rig.xruns, "the recorder itself lost frames"
    rig.close()
    replay = Replay(gesture_file.read(tmp_path / "g.mid"))
    rendered = np.concatenate(list(replay.blocks()))
    replay.close()
    assert counts.lost_events == 0 and rendered.shape[1] == channels
    print(counts)
    assert_same(recording, rendered[:, 0])
    taken = gesture_file.read(tmp_path / "g.mid")
    entries, ticks = taken.entries, taken.frames_a_second
    assert ticks == rate and sum(e.message is not None for e in entries) == 60
    assert len(list(tmp_path.glob("g.model-*.h5"))) == 1
