"""Stream: who owns the engine and the device, from opening to the end; arguments and errors."""

from __future__ import annotations

import copy
import gc
import threading

import numpy as np
import pytest
import soundfile

import aedsp
from aedsp.live import portaudio
from models import autoencoder
from patience import wait


@pytest.fixture
def engine(rng):
    return aedsp.Engine(autoencoder(rng))


@pytest.fixture
def song(rng, tmp_path):
    soundfile.write(tmp_path / "song.wav", 0.1 * rng.standard_normal(30_000), 22_050)
    return tmp_path / "song.wav"


def test_a_stream_dropped_without_close_releases_engine_device_and_recording(devices, engine, song, tmp_path):
    stream = aedsp.Stream(engine, song)
    stream.start()
    stream.record(tmp_path / "take.wav")
    wait(lambda: soundfile.info(tmp_path / "take.wav").frames > 10_000)
    threads = {t for t in threading.enumerate() if t.name.startswith("aedsp")}
    del stream
    gc.collect()
    assert not devices[0].active
    assert not any(t.is_alive() for t in threads)
    assert soundfile.info(tmp_path / "take.wav").frames > 10_000
    assert engine.process(np.zeros(100, np.float32)).shape == (100,)


def test_an_open_stream_is_closed_by_the_exit_hook(devices, engine):
    from aedsp.live import lifetime as module

    open_stream = aedsp.Stream(engine)
    open_stream.start()
    module._close_all()
    assert not devices[0].active
    with pytest.raises(aedsp.errors.StreamError, match="closed"):
        open_stream.start()


def test_a_closed_stream_refuses_what_would_change_it(devices, engine, song, tmp_path):
    stream = aedsp.Stream(engine, song)
    stream.close()
    changes = [
        stream.start,
        stream.pause,
        stream.stop,
        lambda: stream.seek(0.1),
        lambda: stream.record(tmp_path / "take.wav"),
        lambda: stream.swap(engine.model),
        lambda: setattr(stream, "stretch", 2.0),
        lambda: setattr(stream, "transpose", 3),
    ]
    for change in changes:
        with pytest.raises(aedsp.errors.StreamError, match="the stream is closed; create a new one"):
            change()
    assert not (tmp_path / "take.wav").exists() and stream.stop_recording() is None


def test_an_engine_in_a_stream_says_so(devices, engine):
    with aedsp.Stream(engine):
        for call in (lambda: engine.process(np.zeros(64, np.float32)), engine.reset, lambda: aedsp.Stream(engine)):
            with pytest.raises(RuntimeError, match="a stream"):
                call()
    engine.reset()


@pytest.mark.parametrize("latency", ["lo", 0, -0.1, float("nan"), None, True])
def test_a_wrong_latency_is_refused_before_the_device_is_opened(devices, engine, latency):
    with pytest.raises((ValueError, TypeError), match="latency is"):
        aedsp.Stream(engine, latency=latency)
    assert not devices
    engine.reset()


@pytest.mark.parametrize("position", ["3", None, float("nan"), float("inf"), 1j])
def test_a_wrong_position_is_refused(devices, engine, song, position):
    with aedsp.Stream(engine, song) as stream, pytest.raises((ValueError, TypeError), match="position_s is"):
        stream.seek(position)


def test_a_stream_is_not_copied(devices, engine):
    with aedsp.Stream(engine) as stream, pytest.raises(TypeError, match="Stream cannot be copied or pickled"):
        copy.copy(stream)


def test_signal_handlers_that_were_not_installed_by_python_are_left_alone(monkeypatch):
    import signal

    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *a: pytest.fail("changed a handler that it cannot restore"))
    with portaudio._undisturbed():
        pass


def test_a_recording_from_play_begins_with_the_first_frame_played(devices, engine, song, tmp_path):
    with aedsp.Stream(engine, song) as stream:
        stream.stop()
        wait(lambda: stream.transport == "stop")
        stream.record(tmp_path / "take.wav", from_play=True)
        before = len(devices[0].heard)
        wait(lambda: len(devices[0].heard) > before + 20)  # silence goes by
        stream.start()
        wait(lambda: stream.transport == "end")
    heard = np.concatenate(devices[0].heard)[:, 0]
    take = soundfile.read(tmp_path / "take.wav", dtype="float32")[0]
    first, begins = np.flatnonzero(heard)[0], np.flatnonzero(take)[0]
    assert begins <= engine.latency_frames + 256 and begins < first - 20 * 200
    n = len(take) - begins - 256
    assert np.array_equal(take[begins : begins + n], heard[first : first + n])


def test_devices_are_listed_as_objects_under_a_name_of_no_submodule(devices, monkeypatch):
    import pkgutil

    from fake_device import DEVICE

    submodules = {module.name for module in pkgutil.iter_modules(aedsp.__path__)}
    assert not submodules & {name for name in aedsp.__all__ if callable(getattr(aedsp, name))}
    assert isinstance(DEVICE, aedsp.Device) and callable(aedsp.list_devices)
