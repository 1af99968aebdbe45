"""A fake system without a sound card: a thread calls the compiled callback in place of PortAudio."""

from __future__ import annotations

import time

import numpy as np
import pytest

import aedsp
from aedsp.control import mapping
from aedsp.errors import StreamError
from aedsp.live import device as devices
from aedsp.live import portaudio
from aedsp.play.instrument import Instrument
from fake_device import DEVICE, FakeDevice
from models import autoencoder


class FakeSystem:
    present, input = True, 0.0

    def __init__(self):
        self.heard = []

    def open_stream(self, callback, output, input, n_in, n_out, sample_rate, block, latency):
        """A fake device that calls the callback 100 times a second while present."""

        def play(device):
            if self.present:
                n = block or 220
                device.call(np.full((n, n_in), self.input, np.float32) if n_in else None, n)
            time.sleep(0.01)

        device = FakeDevice(callback, n_out, play)
        device.heard = self.heard
        return device

    def peak(self, last=20):
        return max(np.abs(block).max() for block in self.heard[-last:])


@pytest.fixture
def device(monkeypatch):
    system = FakeSystem()

    def find(device, kind):
        if not system.present:
            raise StreamError("no output device can be used")
        return DEVICE

    monkeypatch.setattr(portaudio, "find_device", find)
    monkeypatch.setattr(portaudio, "open_stream", system.open_stream)
    monkeypatch.setattr(portaudio, "restart", lambda: None)
    monkeypatch.setattr(portaudio, "start_stream", FakeDevice.start)
    monkeypatch.setattr(portaudio, "drop_lost", lambda lost, device, callback: lost.close())
    monkeypatch.setattr(devices, "LOST_AFTER_S", 0.3)
    return system


@pytest.fixture
def instrument(device, rng, tmp_path):
    """An instrument playing the shipped clip through a small model with 20 units in three banks."""
    from aedsp import data

    model = autoencoder(rng, n_code=20, level=1.0)
    model.save(tmp_path / "m.h5")
    engine = aedsp.Engine(model)
    live = aedsp.Stream(engine, aedsp.FileSource(data.demo_audio_path(), loop=True))
    instrument = Instrument(live, mapping.load("nanokontrol2"), tmp_path / "m.h5", tmp_path / "user", midi=False)
    live.start()
    yield instrument
    instrument.close()
