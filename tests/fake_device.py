"""A fake audio device: a thread calls the compiled callback in place of PortAudio."""

from __future__ import annotations

import threading
import time

import numpy as np

from aedsp.live import portaudio

DEVICE = portaudio.Device(0, "fake device", "test", 2, 2, 22_050.0, 0.01, 0.1, True, True)


class FakeDevice:
    """Replaces the stream that `portaudio.open_stream` returns.

    Parameters
    ----------
    callback : Callback
    n_out : int
    play : callable
        Called repeatedly with the device while it is active; makes one call and waits.
    """

    latency = 0.01

    def __init__(self, callback, n_out, play):
        self.callback, self.n_out, self.play = callback, n_out, play
        self.heard, self.active = [], False

    def start(self):
        self.active = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.active:
            self.play(self)

    def call(self, x, n_frames):
        """Get one block from the callback and append it to `heard`."""
        out = np.zeros((n_frames, self.n_out), np.float32)
        self.callback.call(x, out)
        self.heard.append(out)

    def close(self):
        if self.active:
            self.active = False
            self.thread.join()


def install(make, put=setattr):
    """Put fake devices in the place of PortAudio's; returns the list of the opened ones.

    Parameters
    ----------
    make : callable
        Called with callback, n_out and block_frames; returns a `FakeDevice`.
    put : callable
        Sets an attribute; `monkeypatch.setattr` to have it back after the test.
    """
    opened = []

    def open_stream(callback, output, input, n_in, n_out, sample_rate, block_frames, latency):
        opened.append(make(callback, n_out, block_frames))
        return opened[-1]

    put(portaudio, "find_device", lambda device, kind: DEVICE)
    put(portaudio, "open_stream", open_stream)
    put(portaudio, "start_stream", FakeDevice.start)
    return opened


def paced(n_frames, pause_s):
    """For `install`: devices that ask for blocks of n_frames, with a pause after each."""

    def play(device):
        device.call(None, n_frames)
        time.sleep(pause_s)

    return lambda callback, n_out, block_frames: FakeDevice(callback, n_out, play)
