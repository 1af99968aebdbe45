"""A surface: every control of the nanoKONTROL2, banks, soft takeover, LEDs."""

from __future__ import annotations

import time

import numpy as np
import pytest

from aedsp.control import mapping
from aedsp.control.midi_messages import Message
from aedsp.control.surface import HELD_S, Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls
from patience import wait


class Stage(UnitPerformer):
    """An instrument without a stream that records the actions it gets."""

    transport, is_recording = "stop", False

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = []

    def toggle_play(self):
        self.asked.append("play")

    def stop(self):
        self.asked.append("stop")

    def quit(self):
        self.asked.append("quit")


class Nano:
    """A simulated nanoKONTROL2."""

    def __init__(self, n_units=20):
        self.controls = Controls(n_units)
        self.stage = Stage(self.controls, 8)
        self.surface = Surface(self.stage, mapping.load("nanokontrol2"))

    def cc(self, number, value):
        self.surface.receive(Message("cc", 1, number, value))

    def press(self, number):
        self.cc(number, 127)
        self.cc(number, 0)

    def leds(self, transport, recording):
        self.stage.transport, self.stage.is_recording = transport, recording
        return self.surface.leds(self.stage)


@pytest.fixture
def nano():
    return Nano()


def test_every_control_does_its_action(nano):
    c = nano.controls
    for slot in range(8):
        nano.cc(slot, 127)  # takes over at the current value
        nano.cc(slot, 10 * slot)
        nano.cc(16 + slot, 64)
        nano.cc(16 + slot, 127 - slot)
    np.testing.assert_allclose(c.gain[:8], np.arange(8) * 10 / 127, rtol=1e-6)
    np.testing.assert_allclose(c.scale[:8], 2 * (127 - np.arange(8)) / 127, rtol=1e-6)
    for position in (63, 64):
        nano.cc(17, 126)
        nano.cc(17, position)
        assert c.scale[1] == 1.0
    nano.press(32 + 3)
    nano.press(48 + 4)
    assert c.sign[3] == -1 and c.muted[4] and c.sign[:].sum() == 18
    nano.press(32 + 3)
    nano.press(48 + 4)
    assert c.sign[3] == 1 and not c.muted[4]
    nano.press(48 + 5)
    nano.press(64 + 5)
    assert c.is_neutral(5) and not c.is_neutral(6)
    nano.press(43)
    assert c.monitor == "original"
    nano.press(44)
    assert c.monitor == "resynthesized"
    for number, name in ((42, "stop"), (41, "play")):
        nano.press(number)
        assert nano.stage.asked[-1] == name
    assert len(nano.stage.asked) == 2
    nano.press(45)
    assert all(c.is_neutral(unit) for unit in range(20))


def test_cycle_quits_only_when_held(nano, monkeypatch):
    monkeypatch.setitem(HELD_S, "quit", 0.15)
    nano.press(46)
    time.sleep(0.3)
    assert not nano.stage.asked
    nano.cc(46, 127)
    wait(lambda: nano.stage.asked == ["quit"])
    nano.cc(46, 0)
    assert HELD_S == {"quit": 0.15}


def test_set_silences_all_units_and_brings_them_back(nano):
    nano.press(48 + 2)
    nano.press(60)
    assert nano.controls.muted[:].all() and nano.stage.silenced
    nano.press(60)
    assert np.flatnonzero(nano.controls.muted[:]).tolist() == [2] and not nano.stage.silenced


def test_set_silences_overridden_units_too(nano):
    nano.controls.override[3] = 0.5
    nano.press(60)
    factor, override, _ = nano.controls.buffer.latest()
    assert not factor.any() and np.isnan(override).all()
    nano.press(60)
    assert nano.controls.override[3] == 0.5 and not nano.controls.muted[:].any()


def test_banks_of_eight_are_cyclic_and_the_last_may_be_short(nano):
    assert list(nano.stage.units) == list(range(8)) and nano.stage.n_banks == 3
    nano.press(58)
    assert list(nano.stage.units) == [16, 17, 18, 19]
    nano.press(48 + 1)
    nano.press(48 + 6)  # no such unit
    assert np.flatnonzero(nano.controls.muted[:]).tolist() == [17]
    nano.press(59)
    assert nano.stage.bank == 0
    nano.press(59)
    assert nano.stage.bank == 1


def test_nothing_jumps_from_the_first_touch_on(nano):
    nano.cc(0, 1)  # a fader at the bottom is nudged
    nano.cc(16, 3)
    assert nano.controls.is_neutral(0)
    assert nano.surface.distance("gain", 0) == 1 - 127 and nano.surface.distance("scale", 0) == round(3 - 63.5)
    nano.cc(0, 127)
    nano.cc(0, 20)
    assert nano.controls.gain[0] == pytest.approx(20 / 127)
    nano.press(59)
    nano.cc(0, 25)  # unit 8 is at 1.0
    assert nano.controls.gain[8] == 1 and nano.surface.distance("gain", 0) == 25 - 127
    nano.cc(0, 100)
    assert nano.controls.gain[8] == 1
    nano.cc(0, 127)  # reaches the value
    nano.cc(0, 90)
    assert nano.controls.gain[8] == pytest.approx(90 / 127) and nano.surface.distance("gain", 0) is None
    nano.press(58)
    nano.cc(0, 80)
    assert nano.controls.gain[0] == pytest.approx(20 / 127) and nano.surface.distance("gain", 0) == 60
    nano.cc(0, 5)  # passes it between two messages
    assert nano.controls.gain[0] == pytest.approx(5 / 127)


def test_takeover_after_reset_restore_and_recall(nano):
    nano.cc(2, 30)
    nano.press(45)
    nano.cc(2, 35)
    assert nano.controls.gain[2] == 1
    nano.cc(2, 126)
    nano.cc(2, 60)
    assert nano.controls.gain[2] == pytest.approx(60 / 127)
    nano.press(64 + 2)
    nano.cc(2, 61)
    assert nano.controls.gain[2] == 1
    nano.controls.gain[2] = 0.5  # a recall
    nano.stage.values_jumped()
    nano.cc(2, 62)
    assert nano.controls.gain[2] == 0.5  # 62 of 127 is more than a step away
    nano.cc(2, 63)
    assert nano.controls.gain[2] == pytest.approx(63 / 127)


def test_an_untouched_fader_after_a_bank_change_waits_for_its_value(nano):
    nano.press(59)
    nano.cc(3, 64)
    assert nano.controls.gain[11] == 1
    nano.cc(3, 127)
    assert nano.controls.gain[11] == 1
    nano.cc(3, 50)
    assert nano.controls.gain[11] == pytest.approx(50 / 127)


def test_override_by_a_fader():
    controls = Controls(8)
    surface = Surface(UnitPerformer(controls, 8, np.full(8, 4.0)), mapping.load("eight_faders"))
    surface.receive(Message("cc", 1, 21, 127))
    assert np.isnan(controls.override[0])
    surface.receive(Message("cc", 1, 21, 0))  # where the unit is
    surface.receive(Message("cc", 1, 21, 127))
    assert controls.override[0] == 4.0
    surface.receive(Message("note", 1, 36, 1))
    assert controls.muted[0]
    surface.receive(Message("note", 1, 36, 0))
    assert controls.muted[0]


def test_leds_follow_the_state(nano):
    leds = nano.leds("stop", False)
    assert leds[("cc", 42)] and not leds[("cc", 41)] and leds[("cc", 44)] and not leds[("cc", 43)]
    nano.press(32)
    nano.press(49)
    leds = nano.leds("play", True)
    assert leds[("cc", 32)] and not leds[("cc", 33)] and leds[("cc", 49)] and leds[("cc", 64)]
    assert leds[("cc", 41)] and not leds[("cc", 42)] and leds[("cc", 45)]
    nano.press(58)
    assert not nano.leds("play", False)[("cc", 32 + 7)]
    assert ("cc", 0) not in leds and ("cc", 58) not in leds


def test_a_model_with_fewer_units_has_fewer_banks(nano):
    nano.press(58)
    with nano.controls.resized(4):
        pass
    assert list(nano.stage.units) == [0, 1, 2, 3] and nano.stage.n_banks == 1
    nano.press(59)
    assert nano.stage.bank == 0


def test_unknown_messages_do_nothing(nano):
    assert nano.surface.receive(Message("cc", 1, 120, 5)) is None
    assert nano.surface.receive(Message("sysex", data=b"\xf0\xf7")) is None
