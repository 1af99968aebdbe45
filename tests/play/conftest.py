"""A desk without a sound card: PortAudio's place is taken by a thread that calls the compiled callback."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import aedsp
from aedsp import portaudio, stream
from aedsp.errors import StreamError
from aedsp.midi import mapping
from aedsp.play.instrument import Instrument
from models import autoencoder

DEVICE = portaudio.Device(0, "desk", "test", 2, 2, 22_050.0, 0.01, 0.1, True, True)


class FakeDevice:
    """What portaudio.open_stream would give: calls the callback a hundred times a second."""

    latency = 0.01

    def __init__(self, desk, callback, n_in, n_out, block):
        self.desk, self.callback, self.n_in = desk, callback, n_in
        self.out = np.zeros((block or 220, n_out), np.float32)
        self.active = False

    def start(self):
        self.active = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.active:
            if self.desk.present:
                x = np.full((len(self.out), self.n_in), self.desk.input, np.float32) if self.n_in else None
                self.callback.call(x, self.out)
                self.desk.heard.append(self.out.copy())
            time.sleep(0.01)

    def close(self):
        if self.active:
            self.active = False
            self.thread.join()


class Desk:
    present, input = True, 0.0

    def __init__(self):
        self.heard = []

    def peak(self, last=20):
        return max(np.abs(block).max() for block in self.heard[-last:])


@pytest.fixture
def desk(monkeypatch):
    desk = Desk()

    def find(device, kind):
        if not desk.present:
            raise StreamError("no output device can be used")
        return DEVICE

    def open_stream(callback, output, input, n_in, n_out, sample_rate, block, latency):
        return FakeDevice(desk, callback, n_in, n_out, block)

    monkeypatch.setattr(portaudio, "find_device", find)
    monkeypatch.setattr(portaudio, "open_stream", open_stream)
    monkeypatch.setattr(portaudio, "restart", lambda: None)
    monkeypatch.setattr(portaudio, "start_stream", FakeDevice.start)
    monkeypatch.setattr(portaudio, "drop_lost", lambda lost, device, callback: lost.close())
    monkeypatch.setattr(stream, "LOST_AFTER_S", 0.3)
    return desk


@pytest.fixture
def instrument(desk, rng, tmp_path):
    """An instrument that plays the shipped clip through a small model, 20 units in three banks."""
    from aedsp import data

    model = autoencoder(rng, n_code=20, level=1.0)
    model.save(tmp_path / "m.h5")
    engine = aedsp.Engine(model)
    live = aedsp.Stream(engine, aedsp.FileSource(data.demo_audio_path(), loop=True))
    instrument = Instrument(live, mapping.load("nanokontrol2"), tmp_path / "m.h5", tmp_path / "user", midi=False)
    live.start()
    yield instrument
    instrument.close()
