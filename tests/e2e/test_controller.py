"""A controller that is unplugged and plugged in again, over JACK."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from patience import wait
from rig import CONTROLLER, PORT

pytest.importorskip("rtmidi")


PLUGGED = """
import sys, threading, jack
client = jack.Client(sys.argv[1], no_start_server=True)
port = client.midi_outports.register(sys.argv[2])
value, n = int(sys.argv[3]), 0

@client.set_process_callback
def process(frames):
    global n
    port.clear_buffer()
    n += 1
    if n % 4 == 0:
        port.write_midi_event(0, (0xB0, 0, value))

client.activate()
print("plugged", flush=True)
sys.stdin.read()  # until it is unplugged
client.deactivate()
client.close()
"""


class Plugged:
    """A nanoKONTROL2 on JACK, in a process of its own, whose first fader keeps sending one value."""

    def __init__(self, value):
        command = [sys.executable, "-c", PLUGGED, CONTROLLER, PORT, str(value)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def ready(self):
        assert self.process.stdout.readline() == b"plugged\n"
        return self

    def unplug(self):
        self.process.stdin.close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


HEARD = """
from aedsp.control import mapping
from aedsp.control.midi_ports import Controller

def status(text):
    print("status", text, flush=True)

def message(message):
    print("value", message.value, flush=True)

controller = Controller(mapping.load("nanokontrol2"), message, status)
input()
controller.close()
"""


class Heard:
    """The controller of an instrument, in a process of its own: rtmidi brings a libjack of its own."""

    def __init__(self):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", HEARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def statuses(self):
        return [line for line in self.lines if line.startswith("status")]

    def close(self):
        self.process.communicate("end\n", timeout=20)


@pytest.fixture
def heard(jack):
    heard = Heard()
    yield heard
    heard.close()


def assert_hears(controller, value):
    end = time.monotonic() + 30
    while f"value {value}\n" not in controller.lines:
        assert time.monotonic() < end, f"deaf: {controller.statuses()}"
        time.sleep(0.02)


@pytest.mark.parametrize("gap_s", [0, 0.3, 0.6, 1.6])
def test_a_controller_replugged_under_the_same_name_is_heard(heard, gap_s):
    plugged = Plugged(1).ready()
    try:
        assert_hears(heard, 1)
        for value in (2, 3):
            plugged.unplug()
            time.sleep(gap_s)
            plugged = Plugged(value).ready()
            assert_hears(heard, value)
        assert "is connected" in heard.statuses()[-1]
    finally:
        plugged.unplug()


@pytest.mark.parametrize("gap_s", [0, 1.6])
def test_a_controller_is_heard_after_a_restart_of_the_jack_server(heard, jack, gap_s):
    plugged = Plugged(1).ready()
    assert_hears(heard, 1)
    jack.stop()
    plugged.unplug()
    time.sleep(gap_s)
    jack.start()
    plugged = Plugged(2).ready()
    try:
        assert_hears(heard, 2)
        wait(lambda: any("has ended" in text or "disconnected" in text for text in heard.statuses()))
    finally:
        plugged.unplug()
