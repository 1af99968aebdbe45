"""Banks in the order of the units' effects: faders, LEDs and values keep the units' numbers."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.control import actions, mapping
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls
from aedsp.engine.effects import NOTHING_DB

EFFECTS = np.array([-30, -5, -40, -12, -300, -8, -20, -25, -6, -50, -1, -35.0])


class Player(UnitPerformer):
    heard = EFFECTS

    def effects(self):
        return self.heard

    def name_of(self, unit):
        return f"u{unit}"


@pytest.fixture
def p():
    return Player(Controls(len(EFFECTS)))


def test_sorted_units_come_first_and_again_back(p):
    p.controls.gain[10] = 0.5
    before = p.controls.state()
    assert p.toggle_sorted() and p.is_sorted
    assert list(p.units) == [10, 1, 8, 5, 3, 6, 7, 0]
    p.show_bank("next")
    assert list(p.units) == [11, 2, 9, 4] and p.unit(3) == 4 and p.unit(4) is None
    after = p.controls.state()
    assert all(np.array_equal(after[name], before[name], equal_nan=True) for name in before)
    assert not p.toggle_sorted()
    assert list(p.units) == list(range(8)) and p.bank == 0


def test_faders_and_leds_act_on_the_units_in_view(p):
    surface = Surface(p, mapping.load("nanokontrol2"))
    p.toggle_sorted()
    for value in (127, 64):
        surface.receive(Message("cc", 1, 0, value))
    surface.receive(Message("cc", 1, 49, 127))
    assert p.controls.gain[10] == pytest.approx(64 / 127) and p.controls.muted[1]
    assert (p.controls.gain[:10] == 1).all()
    assert surface.leds(p_like(p))["cc", 49] and not surface.leds(p_like(p))["cc", 48]
    p.toggle_sorted()  # a bank has come into view: soft takeover
    surface.receive(Message("cc", 1, 0, 20))
    assert p.controls.gain[0] == 1


def p_like(p):
    p.transport, p.is_recording = "stop", False
    return p


def test_the_command(p):
    assert actions.run(p, "sort") == "sorted by what they change now: 10 u10, 1 u1, 8 u8, 5 u5, 3 u3, 6 u6, 7 u7, 0 u0"
    assert p.selected_unit == 10
    assert actions.run(p, "sort") == "units in the order of the model"
    p.heard = np.full(len(EFFECTS), NOTHING_DB)
    with pytest.raises(ValueError, match="nothing has been heard yet"):
        actions.run(p, "sort")
    assert "unit 0: gain 1.000, scale 1.000, not muted, sign +1, u0, changes -300.0 dB" in actions.run(p, "units")


def test_a_model_with_other_units_is_in_its_own_order(p):
    p.toggle_sorted()
    with p.controls.resized(5):
        pass
    assert list(p.units) == [0, 1, 2, 3, 4] and not p.is_sorted
