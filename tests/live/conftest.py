"""A fake device in place of PortAudio."""

from __future__ import annotations

import pytest

import fake_device


@pytest.fixture
def devices(monkeypatch):
    """Replace PortAudio with fake devices that run faster than real time; returns the list of opened ones."""
    return fake_device.install(fake_device.paced(256, 0.001), monkeypatch.setattr)
