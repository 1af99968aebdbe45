"""PortAudio's place, taken by a thread that calls the compiled callback."""

from __future__ import annotations

import threading

import numpy as np

from aedsp.live import portaudio

DEVICE = portaudio.Device(0, "desk", "test", 2, 2, 22_050.0, 0.01, 0.1, True, True)


class FakeDevice:
    """What `portaudio.open_stream` would give.

    Parameters
    ----------
    callback : Callback
    n_out : int
    play : callable
        Called again and again with the device while it is active: makes one call and waits as it likes.
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
        """One block from the callback, kept in `heard`."""
        out = np.zeros((n_frames, self.n_out), np.float32)
        self.callback.call(x, out)
        self.heard.append(out)

    def close(self):
        if self.active:
            self.active = False
            self.thread.join()
