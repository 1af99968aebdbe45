"""A fake device in place of PortAudio."""

from __future__ import annotations

import time

import pytest

from aedsp.live import portaudio
from fake_device import DEVICE, FakeDevice


@pytest.fixture
def devices(monkeypatch):
    """Replace PortAudio with fake devices that run faster than real time; returns the list of opened ones."""
    opened = []

    def play(device):
        device.call(None, 256)
        time.sleep(0.001)

    def open_stream(callback, output, input, n_in, n_out, sample_rate, block_frames, latency):
        opened.append(FakeDevice(callback, n_out, play))
        return opened[-1]

    monkeypatch.setattr(portaudio, "find_device", lambda device, kind: DEVICE)
    monkeypatch.setattr(portaudio, "open_stream", open_stream)
    monkeypatch.setattr(portaudio, "start_stream", FakeDevice.start)
    return opened
