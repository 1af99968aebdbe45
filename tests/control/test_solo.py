"""Silence and solo over the player's own mutes: by action, button and modifier, with undo."""

from __future__ import annotations

import numpy as np
import pytest

from aedsp.control import actions, mapping
from aedsp.control.mapping import Target
from aedsp.control.midi_messages import Message
from aedsp.control.surface import Surface
from aedsp.control.unit_performer import UnitPerformer
from aedsp.engine.controls import Controls


@pytest.fixture
def p():
    return UnitPerformer(Controls(10))


def heard(p):
    return np.flatnonzero(~p.controls.muted[:]).tolist()


def test_several_units_are_soloed_together_and_the_mutes_come_back(p):
    p.toggle_mute(2)
    assert p.toggle_solo(5) and heard(p) == [5]
    assert p.toggle_solo(2) and heard(p) == [2, 5], "a soloed unit sounds, muted or not"
    assert not p.toggle_solo(5) and heard(p) == [2]
    assert not p.toggle_solo(2) and heard(p) == [0, 1, 3, 4, 5, 6, 7, 8, 9]


def test_all_but(p):
    p.toggle_mute(9)
    p.toggle_solo(1)
    p.toggle_solo(2)
    assert p.toggle_all_but() and heard(p) == [0, 3, 4, 5, 6, 7, 8]
    assert not p.toggle_all_but() and heard(p) == [1, 2]
    p.toggle_all_but()
    p.clear_solo()
    assert heard(p) == list(range(9)) and not p.mutes.state.all_but
    with pytest.raises(ValueError, match="no unit is soloed"):
        p.toggle_all_but()


def test_mutes_can_be_changed_during_solo(p):
    p.toggle_solo(0)
    assert p.toggle_mute(3) and heard(p) == [0]
    p.toggle_mute(4)
    assert not p.toggle_mute(4)
    p.restore(3)
    p.toggle_mute(6)
    assert heard(p) == [0]
    p.clear_solo()
    assert heard(p) == [0, 1, 2, 3, 4, 5, 7, 8, 9]


def test_silence_and_solo_together(p):
    p.toggle_mute(1)
    p.toggle_solo(0)
    assert p.toggle_silence() and heard(p) == []
    assert not p.toggle_silence() and heard(p) == [0]
    p.toggle_silence()
    p.clear_solo()
    assert heard(p) == []
    p.toggle_silence()
    assert heard(p) == [0, 2, 3, 4, 5, 6, 7, 8, 9]


def test_reset_ends_it(p):
    p.toggle_solo(0)
    p.reset()
    assert heard(p) == list(range(10)) and not p.mutes.state.solo


def test_undo_brings_solos_back(p):
    p.toggle_solo(3)
    p.toggle_solo(4)
    p.undo()
    assert heard(p) == [3] and p.mutes.state.solo == {3}
    p.undo()
    assert heard(p) == list(range(10))
    p.redo()
    p.redo()
    assert heard(p) == [3, 4]
    p.clear_solo()
    assert heard(p) == list(range(10))


def test_the_commands(p):
    assert actions.run(p, "solo 3") == "solo 3"
    assert actions.run(p, "solo 5") == "solo 3, 5"
    assert actions.run(p, "all-but") == "all but 3, 5"
    assert actions.run(p, "unsolo") == "no solo"
    with pytest.raises(ValueError, match="there is no unit 10"):
        actions.run(p, "solo 10")
    assert actions.run(p, "mute-solos on") == "mute buttons solo"
    assert actions.run(p, "mute 4") == "solo 4"


def surface_with(p, **targets):
    made = mapping.load("nanokontrol2")
    for name, (number, slot) in targets.items():
        made = made.with_target("cc", number, Target(name.replace("_", "-"), slot))
    return Surface(p, made)


def test_a_button_solos_while_it_is_held(p):
    surface = surface_with(p, hold_solo=(100, 2))
    surface.receive(Message("cc", 1, 100, 127))
    assert heard(p) == [2]
    p.show_bank(1)  # released in another bank: still the same unit
    surface.receive(Message("cc", 1, 100, 0))
    assert heard(p) == list(range(10))
    p.set_unit("gain", 0, 0.5)
    p.undo()
    assert p.undo() is None and heard(p) == list(range(10)), "a moment is no step"


def test_a_unit_that_another_model_lacks_can_be_released(p):
    p.hold_solo(9, True)
    with p.controls.resized(4):
        pass
    p.mutes.fit()
    assert heard(p) == [0, 1, 2, 3]
    p.hold_solo(9, False)
    assert heard(p) == [0, 1, 2, 3]


def test_a_modifier_makes_mute_buttons_solo(p):
    surface = surface_with(p, mute_solos=(101, None), solo=(102, 4))
    surface.receive(Message("cc", 1, 101, 127))
    surface.receive(Message("cc", 1, 48, 127))
    surface.receive(Message("cc", 1, 48, 0))
    surface.receive(Message("cc", 1, 101, 0))
    assert heard(p) == [0]
    surface.receive(Message("cc", 1, 49, 127))
    assert p.mutes.own()[1] == 1 and heard(p) == [0]
    surface.receive(Message("cc", 1, 102, 127))
    assert heard(p) == [0, 4]
    p.transport, p.is_recording = "stop", False
    lit = surface.leds(p)
    assert lit["cc", 102] and not lit["cc", 101]
