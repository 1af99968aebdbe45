"""A JACK client that is recorder and MIDI controller on one clock, exact to the frame."""

from __future__ import annotations

import contextlib
import threading
import time

import jack
import numpy as np

CONTROLLER, PORT = "nanoKONTROL2", "nanoKONTROL2 SLIDER/KNOB"


def assert_same(recording, rendered):
    """Assert that the recording contains the rendering, from its first to its last nonzero sample."""
    first, last = np.flatnonzero(rendered)[[0, -1]]
    core = rendered[first : last + 1]
    places = np.flatnonzero(recording[: max(0, len(recording) - len(core) + 1)] == core[0])
    exact = [p for p in places if np.array_equal(recording[p : p + len(core)], core)]
    assert len(exact) == 1, f"at {exact} of {len(recording)} frames; {_difference(recording, core)}"


def _difference(recording, core, window=64):
    """Describe where the middle of `core` was found, and which frames differ."""
    middle = len(core) // 2
    part = core[middle : middle + window]
    places = [p for p in np.flatnonzero(recording == part[0]) if np.array_equal(recording[p : p + window], part)]
    if not places:
        return f"the middle of the {len(core)} rendered frames was not found either"
    offset = places[0] - middle
    a, b = max(0, -offset), min(len(core), len(recording) - offset)
    differ = np.flatnonzero(recording[a + offset : b + offset] != core[a:b]) + a
    ends = f", from {differ[0]} to {differ[-1]}" if len(differ) else ""
    return f"its middle is at offset {offset}; {len(differ)} of {len(core)} frames differ{ends}"


class Rig:
    """Records its inputs, and sends MIDI messages at given frames of the recording.

    Parameters
    ----------
    seconds : float
        Maximum length of the recording.
    name : str
        Name of the JACK client.
    """

    def __init__(self, seconds=60.0, name=CONTROLLER, channels=1):
        self.client = jack.Client(name, no_start_server=True)
        self.rate = self.client.samplerate
        self.midi = self.client.midi_outports.register(PORT)
        self.led_port = self.client.midi_inports.register("nanoKONTROL2 CTRL")
        self.inputs = [self.client.inports.register(f"rec{c}") for c in range(channels)]
        self.audio = np.zeros((int(seconds * self.rate), channels), np.float32)
        self.at, self.xruns, self.gaps, self._expected = 0, 0, 0, None
        self.planned, self.sent, self.received = [], [], []
        self.answers = {}  # message received: message sent back
        self._lock = threading.Lock()
        self.client.set_process_callback(self._process)
        self.client.set_xrun_callback(self._xrun)
        self.client.activate()

    def close(self):
        self.client.deactivate()
        self.client.close()

    def plan(self, frame, *messages):
        """Schedule messages, as bytes, at a frame of the recording; call in order of time."""
        with self._lock:
            self.planned += [(frame, bytes(message)) for message in messages]

    def send(self, *messages):
        self.plan(self.at, *messages)

    @contextlib.contextmanager
    def connecting(self):
        """Connect as soon as ports appear, before a program started in the block can play."""
        thread = threading.Thread(target=self.connect, kwargs={"patience_s": 20.0})
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def connect(self, client="PortAudio", patience_s=5.0, skip=0):
        """Record the outputs of the client with this name prefix, except the first `skip`."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            outputs = self.client.get_ports(client, is_audio=True, is_output=True)
            if len(outputs) > skip:
                for source, target in zip(outputs[skip:], self.inputs, strict=False):
                    self.client.connect(source, target)
                return
            time.sleep(0.002)
        raise AssertionError(f"no outputs of {client} among {self.client.get_ports(is_audio=True)}")

    def recorded(self):
        """The recording so far: (frames, channels)."""
        return self.audio[: self.at].copy()

    def _xrun(self, delay):
        self.xruns += 1

    def _process(self, frames):
        now = self.client.last_frame_time
        self.gaps += self._expected is not None and now != self._expected
        self._expected = (now + frames) & 0xFFFFFFFF
        end = self.at + frames
        if end <= len(self.audio):
            for c, port in enumerate(self.inputs):
                self.audio[self.at : end, c] = port.get_array()
        self.midi.clear_buffer()
        with self._lock:
            while self.planned and self.planned[0][0] < end:
                frame, message = self.planned.pop(0)
                self.midi.write_midi_event(max(0, frame - self.at), message)
                self.sent.append((max(frame, self.at), message))
        for _, data in self.led_port.incoming_midi_events():
            self.received.append(bytes(data))
            if bytes(data) in self.answers:
                self.midi.write_midi_event(frames - 1, self.answers[bytes(data)])
        if end <= len(self.audio):
            self.at = end
