"""Recorded gestures: any performance, in any block sizes, renders bit-identical to what was heard."""

from __future__ import annotations

import contextlib
import os
import time
import zlib

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.control import gesture_file
from aedsp.control.gesture_recorder import GestureRecorder
from aedsp.control.replay import Replay
from fake_device import FakeDevice, install
from models import autoencoder, front_end, music

#: Number of random performances, each with its own seed; set by AEDSP_FUZZ_RUNS.
RUNS = int(os.environ.get("AEDSP_FUZZ_RUNS", "10"))
ACTIONS = [
    "play",
    "play",
    "play",
    "pause",
    "stop",
    "seek",
    "seeks",
    "control",
    "schedule",
    "schedule",
    "control",
    "control",
    "amount",
    "amount",
    "target",
    "swap",
    "monitor",
    "stretch",
    "transpose",
    "freeze",
    "wait",
    "song",
    "song",
    "drive",
]


def hasty(callback, n_out, block, rng):
    """A fake device that runs faster than real time, in blocks of random length unless fixed."""

    def play(device):
        device.call(None, block or int(rng.integers(1, 1500)))
        time.sleep(rng.random() * 0.004)

    return FakeDevice(callback, n_out, play)


@pytest.fixture
def devices(request, monkeypatch):
    """Replace PortAudio with hasty fake devices; returns the list of opened ones."""
    rng = np.random.default_rng(zlib.crc32(request.node.name.encode()))
    return install(lambda callback, n_out, block: hasty(callback, n_out, block, rng), monkeypatch.setattr)


def rendered(path):
    """Render the gestures: float32 (frames, channels)."""
    replay = Replay(gesture_file.read(path))
    try:
        return np.concatenate(list(replay.blocks()))
    finally:
        replay.close()


def act(action, stream, models, rng, seconds, folder):
    controls = stream.engine.controls
    if action == "play":
        stream.start()
    elif action in ("pause", "stop"):
        getattr(stream, action)()
    elif action == "seek":
        stream.seek(float(rng.random() * seconds * 1.1))
    elif action == "seeks":
        for _ in range(4):
            stream.seek(float(rng.random() * seconds))
            time.sleep(float(rng.choice([0, 0.003])))
    elif action == "control":
        unit = int(rng.integers(controls.n_units))
        name = str(rng.choice(["gain", "scale", "override"]))
        getattr(controls, name)[unit] = float(rng.random()) if name != "override" or rng.random() < 0.5 else np.nan
    elif action == "schedule":
        unit, at = int(rng.integers(controls.n_units)), stream.engine.frame
        named = [{"gain": {unit: rng.random()}}, {"override": {unit: np.nan}}, {"detail": 0.3},
                 {"monitor": "original"}, {"muted": rng.random(controls.n_units) < 0.2}, {"mix": 0.3}]  # fmt: skip
        with contextlib.suppress(ValueError, IndexError):  # a smaller model came in between
            stream.engine.schedule(max(0, at + int(rng.integers(-500, 5000))), **named[int(rng.integers(6))])
    elif action == "amount":
        name = str(rng.choice(["detail", "mix", "target_amount", "volume_db"]))
        value = float(rng.choice([0, 1, rng.random()]))
        setattr(controls, name, 24 * value - 14 if name == "volume_db" else value)
    elif action == "target":
        controls.target[:] = rng.random(controls.n_units)
    elif action == "swap":
        with contextlib.suppress(aedsp.errors.SwapError):
            stream.swap(models[int(rng.integers(3))])
    elif action == "monitor":
        controls.monitor = str(rng.choice(["original", "resynthesized"]))
    elif action == "stretch":
        with contextlib.suppress(ValueError):  # without a file
            stream.stretch = float(rng.choice([1, 1, 0.5, 1.3, 3]))
    elif action == "transpose":
        with contextlib.suppress(ValueError):
            stream.transpose = float(rng.choice([0, 0, -12, 3.5, 7]))
    elif action == "song":
        start = float(rng.choice([0, 0, rng.random() * seconds]))
        name = str(rng.choice(["x.wav", "y.wav", "z.wav"]))
        stream.change(aedsp.FileSource(folder / name, bool(rng.integers(2)), start))
    elif action == "drive":
        stream.change(aedsp.NoInput())
    elif action == "freeze":
        controls.frozen = not controls.frozen
    elif action == "wait":
        time.sleep(0.05)
    time.sleep(float(rng.choice([0, 0, 0.001, 0.005, 0.02])))


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_random_performance_renders_bit_identical(devices, tmp_path, seed):
    rng = np.random.default_rng(seed)
    windows = {"hop_length": 32, "window": "asymmetric", "synthesis_length": 128} if seed % 2 else {}
    models = [autoencoder(rng, front_end(**windows), n_code=n) for n in (16, 5, 20)]
    for i, model in enumerate(models):
        model.save(tmp_path / f"m{i}.h5")
    file_rate, rate = (int(rng.choice([22_050, 44_100])) for _ in range(2))
    n, channels, block = (
        int(rng.choice([3000, 30_000, 400_000])),
        int(rng.integers(1, 3)),
        rng.choice([0, 64, 512, 1000]),
    )
    soundfile.write(tmp_path / "x.wav", music(rng, n, file_rate), file_rate, subtype="FLOAT")
    soundfile.write(tmp_path / "y.wav", music(rng, 60_000, 32_000), 32_000, subtype="FLOAT")
    soundfile.write(tmp_path / "z.wav", 0.1 * rng.standard_normal((5000, 2)), rate, subtype="FLOAT")
    engine = aedsp.Engine(models[0], rate, channels=channels, block_frames=int(block) or None)
    engine.controls.gain[2] = 0.3
    source = aedsp.FileSource(tmp_path / "x.wav", loop=bool(rng.integers(2))) if seed % 5 else aedsp.NoInput()
    stream = aedsp.Stream(engine, source, output_channels=channels)
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m0.h5")
    for _ in range(60):
        act(str(rng.choice(ACTIONS)), stream, models, rng, n / file_rate, tmp_path)
    stream.close()
    recorder.close()
    live, again = np.concatenate(devices[0].heard), rendered(tmp_path / "g.mid")
    assert stream.statistics.lost_events == 0 and len(again) == len(live)
    differ = np.flatnonzero((again != live).any(axis=1))
    around = [
        g for g in gesture_file.read(tmp_path / "g.mid").entries if differ.size and -5000 < g.frame - differ[0] < 500
    ]
    assert not differ.size, (differ[:3], len(live), dict(rate=rate, block=block, n=n), around)


def test_a_smaller_model_drops_changes_of_units_it_lacks(devices, tmp_path, rng):
    """Swaps and changes that take effect together keep their order."""
    models = [autoencoder(rng, n_code=n) for n in (16, 5, 20)]
    models[0].save(tmp_path / "m.h5")
    engine = aedsp.Engine(models[0])
    stream = aedsp.Stream(engine)
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    engine.controls.gain[13], engine.controls.gain[2] = 0.1, 0.2
    stream.swap(models[1])
    stream.swap(models[2])
    stream.start()
    time.sleep(0.2)
    stream.close()
    recorder.close()
    replay = Replay(gesture_file.read(tmp_path / "g.mid"))
    again = np.concatenate(list(replay.blocks()))
    assert replay.engine.controls.gain[13] == 1 and replay.engine.controls.gain[2] == np.float32(0.2)
    assert np.array_equal(again[:, 0], np.concatenate(devices[0].heard)[: len(again), 0])


def test_gestures_survive_a_full_disk_and_overwrite_nothing(devices, tmp_path, rng):
    autoencoder(rng).save(tmp_path / "m.h5")
    said = []
    stream = aedsp.Stream(aedsp.Engine(aedsp.Model.load(tmp_path / "m.h5")), on_message=said.append)
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    with pytest.raises(FileExistsError, match="is left over from an interrupted performance"):
        GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    stream.start()
    recorder.message(bytes([0xB0, 1, 2]))

    class Full:
        closed = False

        def write(self, text):
            raise OSError(28, "No space left on device")

        close = flush = lambda self: None

    whole, recorder._file = recorder._file, Full()
    stream.engine.controls.gain[0] = 0.5
    recorder.message(bytes([0xB0, 1, 3]))
    assert "gesture recording stopped (No space left on device)" in said[-1]
    stream.engine.controls.gain[0] = 0.6
    time.sleep(0.1)
    recorder._file = whole
    recorder.close()
    stream.engine.swap(autoencoder(rng, n_code=3))  # the housekeeper outlives the recorder
    time.sleep(0.15)
    assert stream._housekeeper.alive
    stream.close()
    entries = gesture_file.read(tmp_path / "g.mid").entries
    assert [e.message for e in entries if e.message] == [bytes([0xB0, 1, 2])]
    with pytest.raises(FileExistsError, match="recordings never overwrite a file"):
        GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")


def test_an_interrupted_performance_is_rendered_from_its_part(devices, tmp_path, rng):
    autoencoder(rng, level=0.03).save(tmp_path / "m.h5")
    stream = aedsp.Stream(aedsp.Engine(aedsp.Model.load(tmp_path / "m.h5")))
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    stream.start()
    for i in range(5):
        time.sleep(0.05)
        stream.engine.controls.gain[:] = i / 10
    time.sleep(0.1)
    stream.close()
    with open(recorder.part, "a") as file:
        file.write('[123, {"contr')  # killed while writing
    again = rendered(recorder.part)
    assert np.array_equal(again[:, 0], np.concatenate(devices[0].heard)[: len(again), 0]) and np.abs(again).max() > 0


@pytest.mark.parametrize("block", [64, 512])
def test_the_shortest_stretch_renders_bit_identical(devices, tmp_path, rng, block):
    """Set before the recording, with blocks far shorter than what the time-stretcher needs."""
    model, rate = autoencoder(rng), 44_100
    model.save(tmp_path / "m.h5")
    soundfile.write(tmp_path / "x.wav", music(rng, 10 * rate, rate), rate, subtype="FLOAT")
    engine = aedsp.Engine(model, rate, block_frames=block)
    stream = aedsp.Stream(engine, aedsp.FileSource(tmp_path / "x.wav"))
    stream.stretch, stream.transpose = 0.25, -24
    time.sleep(0.1)
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    stream.start()
    time.sleep(0.5)
    stream.close()
    recorder.close()
    live, again = np.concatenate(devices[0].heard), rendered(tmp_path / "g.mid")
    assert np.array_equal(again[:, 0], live[: len(again), 0]) and np.abs(again).max() > 1e-3


@pytest.mark.parametrize("block", [None, 512])
def test_scheduled_changes_are_recorded_where_they_took_effect(devices, tmp_path, rng, block):
    """Also where the control side learns of them later, between two publications by hand."""
    model = autoencoder(rng)
    model.save(tmp_path / "m.h5")
    soundfile.write(tmp_path / "x.wav", music(rng, 30_000), 22_050, subtype="FLOAT")
    engine = aedsp.Engine(model, block_frames=block)
    stream = aedsp.Stream(engine, tmp_path / "x.wav", output_channels=1)
    recorder = GestureRecorder(stream, tmp_path / "g.mid", tmp_path / "m.h5")
    for i in range(40):
        engine.schedule(500 * i, gain={0: 1 + i}, detail=i / 40)
    stream.start()
    for i in range(20):
        engine.controls.gain[1] = i
        time.sleep(0.01)
    stream.close()
    recorder.close()
    entries = gesture_file.read(tmp_path / "g.mid").entries
    found = [entry.change["scheduled"] for entry in entries if "scheduled" in (entry.change or {})]
    assert found == [one for i in range(40) for one in (["gain", 0, 1 + i], ["detail", 0, np.float32(i / 40)])]
    by_hand = [run for entry in entries for run in (entry.change or {}).get("controls", [])]
    assert by_hand and all(name == "gain" and unit == 1 for name, unit, _, _ in by_hand)
    assert np.array_equal(rendered(tmp_path / "g.mid"), np.concatenate(devices[0].heard))
